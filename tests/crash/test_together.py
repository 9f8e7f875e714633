"""Runs beside each other: claims, take-over from the dead, two machines, and deletions that are meant."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import together
from tests.crash.world import CLAIMED, World, reported, world
from tests.support.fault_proxy import Rule, proxy
from tests.support.process import Ran, wait_for
from tests.support.warm import Process

DAY = 86400


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("together"), "--job-time", "0.3") as made:
        yield made


def journal_of(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".local/state/zvol/journal.db"


def killed(cloud: World, env: dict[str, str], *volumes: str, point: str = CLAIMED) -> None:
    """Leave a run behind: by default its volumes are claimed, and nothing was sent."""
    assert cloud.run(env, "recover", *volumes, "-o", "ndjson", command=cloud.shim(point)).code == -9


def outcomes(ran: Ran) -> list[str]:
    return [one["outcome"] for one in reported(ran)]


def delete_again(cloud: World, volume: str) -> None:
    """Somebody recovers a volume and deletes it, on purpose."""
    cloud.cloud.recover(volume)
    time.sleep(1.1)  # the server's dates have no smaller unit
    cloud.cloud.delete(volume)


# ---- one machine -------------------------------------------------------------------------------------------------
def test_eight_processes_on_the_same_fifty_volumes(cloud: World) -> None:
    together.crowd(cloud, random.Random(3))


def test_eight_processes_of_which_three_are_killed(cloud: World) -> None:
    together.crowd(cloud, random.Random(4), kills=3)


def test_two_resumes_race(cloud: World) -> None:
    env, volumes = cloud.home(), cloud.targets(10)
    killed(cloud, env, *volumes)
    both = [cloud.start(env, "resume", "-o", "ndjson") for _ in range(2)]
    ended = [cloud.end(process) for process in both]
    assert sorted(ran.code for ran in ended) in ([0, 0], [0, 6]), ended
    for ran in ended:
        assert set(outcomes(ran)) <= ({"busy"} if ran.code else {"recovered"}), ran
    cloud.finish(env, volumes)


def test_a_resume_of_a_living_run_is_busy_and_tells_each_volume(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env, volumes = cloud.home(host), cloud.targets(2)
        process = cloud.start(env, "recover", *volumes, "-o", "ndjson")
        wait_for(between.held.is_set)
        ran = cloud.run(env, "resume", "--json")
        [row] = cloud.run_list(env)
        release_file.touch()
        assert cloud.end(process).code == 0
    assert ran.code == 6, ran
    assert {one["outcome"] for one in ran.json()} == {"busy"}
    assert row["alive"] is True
    cloud.finish(env, volumes)


def test_a_stale_lock_file_with_a_living_process_id_in_it_does_not_matter(cloud: World) -> None:
    """As after a reboot, or when the id of the dead process was given to another one."""
    env, volumes = cloud.home(), cloud.targets(2)
    killed(cloud, env, *volumes)
    [lock] = journal_of(env).with_name("journal.db.locks").iterdir()
    lock.write_text(str(os.getpid()))
    ran = cloud.run(env, "recover", *volumes, "-o", "ndjson")
    assert (ran.code, set(outcomes(ran))) == (0, {"recovered"}), ran
    cloud.never_two(volumes)


def test_a_stopped_process_still_holds_its_volumes(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start(env, "recover", volume, "-o", "ndjson")
        wait_for(between.held.is_set)
        process.send_signal(signal.SIGSTOP)
        assert cloud.run(env, "recover", volume).code == 6
        process.send_signal(signal.SIGCONT)
        release_file.touch()
        assert cloud.end(process).code == 0
    cloud.never_two([volume])


# ---- two machines ------------------------------------------------------------------------------------------------
def test_two_machines_on_the_same_volumes_both_end_right(cloud: World) -> None:
    """Each has a journal of its own, so both may submit, once each; what they say is true."""
    volumes = cloud.targets(20)
    processes: list[Process] = [cloud.start(cloud.home(), "recover", *volumes, "-o", "ndjson") for _ in range(2)]
    ended = [cloud.end(process) for process in processes]
    for ran in ended:
        assert ran.code == 0, ran
        assert set(outcomes(ran)) <= {"recovered", "already"}
    puts = Counter(one["volume"] for one in cloud.cloud.events() if one["event"] == "accepted")
    assert all(1 <= puts[volume] <= 2 for volume in volumes)
    assert all(cloud.cloud.status(volume) == "Ready" for volume in volumes)


# ---- deletions that are meant ------------------------------------------------------------------------------------
def test_a_volume_that_was_never_sent_and_is_deleted_again_stays_deleted(cloud: World) -> None:
    env, volumes = cloud.home(), cloud.targets(3)
    killed(cloud, env, *volumes)
    delete_again(cloud, volumes[0])
    ran = cloud.run(env, "resume", "-o", "ndjson")
    assert ran.code == 1, ran
    assert {one["uuid"]: one["outcome"] for one in reported(ran)} == {
        volumes[0]: "failed",
        volumes[1]: "recovered",
        volumes[2]: "recovered",
    }
    assert cloud.cloud.status(volumes[0]) == "Deleted"
    assert cloud.run(env, "resume").code == 0
    cloud.never_two(volumes)


def test_a_deletion_after_the_word_is_not_undone_by_anything_that_was_left_open(cloud: World) -> None:
    """A batch does not ask its jobs, so their intents stay open; neither resume nor another machine acts on them."""
    env, volumes = cloud.home(), cloud.targets(6)
    assert cloud.run(env, "recover", *volumes, "-o", "ndjson").code == 0
    time.sleep(1.1)
    cloud.cloud.delete(volumes[0])
    assert cloud.run(env, "resume").code == 0
    assert cloud.run(cloud.home(), "resume").code == 0
    assert cloud.cloud.status(volumes[0]) == "Deleted"
    ran = cloud.run(env, "recover", volumes[0], "-o", "ndjson")
    assert (ran.code, outcomes(ran)) == (0, ["recovered"]), "who asks for it again gets it"
    cloud.never_two(volumes, executions=2)


def test_another_machine_that_was_killed_does_not_undo_a_deletion(cloud: World) -> None:
    """The other machine had claimed the volume; this one recovered it, and somebody deleted it again."""
    here, there, [volume] = cloud.home(), cloud.home(), cloud.targets(1)
    killed(cloud, there, volume)
    assert cloud.run(here, "recover", volume).code == 0
    time.sleep(1.1)
    cloud.cloud.delete(volume)
    ran = cloud.run(there, "resume", "-o", "ndjson")
    assert (ran.code, outcomes(ran)) == (1, ["failed"]), ran
    assert cloud.cloud.status(volume) == "Deleted"


# ---- what `resume` and `runs` say ---------------------------------------------------------------------------------
def test_what_a_run_older_than_a_day_never_sent_needs_yes(cloud: World) -> None:
    env, volumes = cloud.home(), cloud.targets(2)
    for days in (-1.1, 1.1):  # from the future: the clock jumped, and how old it is cannot be known
        with sqlite3.connect(journal_of(env)) if journal_of(env).exists() else start_journal(cloud, env, volumes) as db:
            db.execute("UPDATE runs SET started = ? WHERE ended IS NULL", (time.time() - days * DAY,))
        db.close()
        ran = cloud.run(env, "resume", "-o", "ndjson")
        assert (ran.code, outcomes(ran)) == (0, []), ran
        assert "--yes" in ran.err
        assert all(volume in ran.err for volume in volumes)
        assert not cloud.submitted(volumes)
    ran = cloud.run(env, "resume", "--yes", "-o", "ndjson")
    assert (ran.code, outcomes(ran)) == (0, ["recovered", "recovered"]), ran
    cloud.finish(env, volumes)


def start_journal(cloud: World, env: dict[str, str], volumes: list[str]) -> sqlite3.Connection:
    killed(cloud, env, *volumes)
    return sqlite3.connect(journal_of(env))


def test_resume_prints_results_and_runs_shows_what_is_open(cloud: World) -> None:
    env, volumes = cloud.home(), cloud.targets(2)
    killed(cloud, env, *volumes)
    [row] = cloud.run_list(env)
    assert (row["planned"], row["pending"], row["finished"], row["alive"], row["ended"]) == (2, 0, 0, False, None)
    table = cloud.run(env, "runs")
    header, line = table.out.splitlines()
    assert header.split("  ")[0] == "RUN"
    assert line.split()[0] == row["run"]
    assert "  pending  2 not sent  " in line
    assert "finish what is pending with" in table.err
    assert cloud.run(env, "resume", "nonsense").code == 2
    ran = cloud.run(env, "resume", row["run"], "--json", "-q")
    assert ran.code == 0
    assert [one["outcome"] for one in ran.json()] == ["recovered", "recovered"]
    assert ran.err == ""
    assert cloud.run(env, "resume", row["run"], "--json").json() == []
    [row] = cloud.run_list(env)
    assert (row["planned"], row["pending"], row["finished"]) == (0, 0, 2)
    assert row["ended"] is not None
    assert "finished" in cloud.run(env, "runs").out


def test_a_run_on_another_server_is_named_and_left(cloud: World) -> None:
    with proxy(cloud.cloud.host) as (host, _):
        env, [volume] = cloud.home(host), cloud.targets(1)
        killed(cloud, env, volume)
        [row] = cloud.run_list(env)
        elsewhere = env | {"ZVOL_HOST": cloud.cloud.host, "ZVOL_SESSION": cloud.cloud.session}
        ran = cloud.run(elsewhere, "resume")
        assert (ran.code, ran.out) == (0, "")
        assert f"run {row['run']} is left alone: it is on another server ({host})" in ran.err
        assert "nothing else to resume" in ran.err
        assert cloud.run(elsewhere, "resume", row["run"]).code == 2
        assert not cloud.submitted([volume])
        cloud.finish(env, [volume])
