"""Whose a run is: another name of the server or another account only delays, and is reported; real processes."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.world import CLAIMED, World, reported, world
from tests.support.fault_proxy import Rule, proxy
from tests.support.oldruns import fill
from tests.support.process import ZVOL, environment, wait_for
from zvol.sandbox.names import extra_uuid

DAY = 86400.0
"""Its volumes are claimed, and nothing was sent."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("whose")) as made:
        yield made


def as_account(env: dict[str, str], host: str, session: str, account: str = "") -> dict[str, str]:
    more = {"ZSTACK_ACCOUNT_NAME": account} if account else {}
    return env | {"ZVOL_HOST": host, "ZVOL_SESSION": session} | more


def home(cloud: World) -> dict[str, str]:
    """Return the environment of somebody who has no configuration."""
    cloud.homes += 1
    return environment(cloud.folder / f"bare-{cloud.homes}")


def another_session(cloud: World) -> str:
    """Log in by hand, as the same account."""
    password = hashlib.sha512(b"password").hexdigest()
    body = {"logInByAccount": {"accountName": "admin", "password": password}}
    found: str = cloud.cloud.call("PUT", "/v1/accounts/login", body)[1]["inventory"]["uuid"]
    return found


def journal_of(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".local" / "state" / "zvol" / "journal.db"


def open_intents(env: dict[str, str]) -> int:
    with sqlite3.connect(journal_of(env)) as db:
        found: int = db.execute("SELECT count(*) FROM intents WHERE closed = 0").fetchone()[0]
    db.close()
    return found


def test_another_account_leaves_a_run_alone_and_never_answers_for_it(cloud: World, tmp_path: Path) -> None:
    """The PUT of the run that was killed is still on its way."""
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        bare, [volume] = home(cloud), cloud.targets(1)
        admin = as_account(bare, host, cloud.cloud.session, "admin")
        other = as_account(bare, host, another_session(cloud), "operations")
        process = cloud.start(admin, "recover", volume, "-o", "ndjson")
        wait_for(between.held.is_set)
        process.kill()
        cloud.end(process)
        [row] = cloud.run_list(bare)
        ran = cloud.run(other, "resume")
        assert (ran.code, ran.out) == (0, "")
        assert f"run {row['run']} is left alone: it is for another account (account admin)" in ran.err
        assert cloud.run_list(bare) == [row]
        assert (row["account"], row["base"]) == ("account admin", host)
        refused = cloud.run(other, "resume", row["run"], "--same-account")
        assert refused.code == 2
        assert "account admin" in refused.err
        assert open_intents(bare) == 1
        ran = cloud.run(admin, "recover", volume, "-o", "ndjson")
        assert (ran.code, len(between.puts())) == (0, 2), ran
        first, second = between.puts()
        assert second.time - first.time >= 150 / 25, "one quiet time on a clock that is 25 times faster"
        release_file.touch()
    assert cloud.run(admin, "resume").code == 0


def test_a_living_run_at_another_name_of_the_server_is_busy(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        bare, [volume] = home(cloud), cloud.targets(1)
        here = as_account(bare, host, cloud.cloud.session)
        there = as_account(bare, host.replace("127.0.0.1", "localhost"), cloud.cloud.session)
        process = cloud.start(here, "recover", volume, "-o", "ndjson")
        wait_for(between.held.is_set)
        ran = cloud.run(there, "recover", volume, "-o", "ndjson")
        assert ran.code == 6, ran
        [result] = reported(ran)
        assert result["outcome"] == "busy"
        assert host in result["error"]["description"]
        assert len(between.puts()) == 1
        release_file.touch()
        assert cloud.end(process).code == 0
    cloud.never_two([volume])


def test_the_same_session_is_the_same_account_and_another_one_must_be_vouched_for(cloud: World) -> None:
    bare, volumes = home(cloud), cloud.targets(3)
    host, session = cloud.cloud.host, cloud.cloud.session
    first = as_account(bare, host, session)
    ids: list[str] = []
    for volume in volumes:
        assert cloud.run(first, "recover", volume, command=cloud.shim(CLAIMED)).code == -9
        ids += {row["run"] for row in cloud.run_list(bare)} - set(ids)
    oldest, middle, newest = ids
    second = as_account(bare, host, another_session(cloud))
    ran = cloud.run(second, "resume")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.count("is left alone: its account is not known") == 3
    assert f"zvol resume {oldest} --same-account" in ran.err
    ran = cloud.run(second, "resume", oldest)
    assert ran.code == 2
    assert f"zvol resume {oldest} --same-account" in ran.err
    assert cloud.run(second, "resume", "--same-account").code == 2
    assert not cloud.submitted(volumes)
    ran = cloud.run(second, "resume", oldest, "--same-account", "-o", "ndjson")
    assert (ran.code, [one["uuid"] for one in reported(ran)]) == (0, volumes[:1]), ran
    ran = cloud.run(first, "resume", middle, "-o", "ndjson")
    assert (ran.code, [one["uuid"] for one in reported(ran)]) == (0, volumes[1:2]), ran
    named = as_account(bare, host, session, "admin")
    assert cloud.run(named, "resume", newest).code == 2, "now the account has a name, and the run has none"
    assert cloud.run(named, "resume", newest, "--same-account").code == 0
    cloud.finish(named, volumes)


# ---- closed by hand ---------------------------------------------------------------------------------------------
def test_a_run_is_closed_by_hand_and_what_may_act_is_named(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        bare, volumes = home(cloud), cloud.targets(2)
        env = as_account(bare, host, cloud.cloud.session)
        process = cloud.start(env, "recover", *volumes, "-o", "ndjson", "--concurrency", "1")
        wait_for(between.held.is_set)
        [row] = cloud.run_list(bare)
        ran = cloud.run(bare, "runs", "forget", row["run"])
        assert ran.code == 6, ran
        assert "is still running" in ran.err
        process.kill()
        cloud.end(process)
        assert cloud.run(bare, "runs", "forget", "nonsense").code == 2
        ran = cloud.run(bare, "runs", "forget", row["run"], "--json")
        release_file.touch()
    assert ran.code == 0, ran
    jobs = {put.job for put in between.puts()}
    assert {one["uuid"] for one in ran.json()} == set(volumes)
    assert jobs <= {one["jobUuid"] for one in ran.json()}
    assert "may still act" in ran.err
    [row] = cloud.run_list(bare)
    assert (row["planned"], row["pending"], row["finished"], row["ended"] is None) == (0, 0, 2, False)
    again = cloud.run(bare, "runs", "forget", row["run"])
    assert (again.code, "nothing was pending in it" in again.err) == (0, True)
    assert cloud.run(env, "resume").err == "zvol: nothing to resume\n"


# ---- a run of long ago ------------------------------------------------------------------------------------------
def test_an_old_run_never_stands_in_the_way(cloud: World) -> None:
    """What the page calls a job that repairs itself: `zvol resume -q && zvol recover -q -`."""
    env, volumes = cloud.home(), cloud.targets(4)
    assert cloud.run(env, "recover", *volumes[:3], "-o", "ndjson", command=cloud.shim(CLAIMED)).code == -9
    with sqlite3.connect(journal_of(env)) as db:
        db.execute("UPDATE runs SET started = ?", (time.time() - 1.1 * DAY,))
    db.close()
    cloud.cloud.recover(volumes[0])
    assert cloud.run(env, "recover", volumes[3], command=cloud.shim(CLAIMED)).code == -9
    ran = cloud.run(env, "resume", "-q", "-o", "ndjson")
    assert ran.code == 0, ran
    assert {one["uuid"]: one["outcome"] for one in reported(ran)} == {volumes[0]: "already", volumes[3]: "recovered"}
    assert "warning: " in ran.err
    assert "--yes" in ran.err
    assert [one in ran.err for one in volumes] == [False, True, True, False]
    assert sorted(row["planned"] for row in cloud.run_list(env)) == [0, 2]
    ran = cloud.run(env, "recover", volumes[1], "-o", "ndjson")
    assert (ran.code, reported(ran)[0]["outcome"]) == (0, "recovered"), "who asks for it again gets it"
    ran = cloud.run(env, "resume", "--yes", "-o", "ndjson")
    assert (ran.code, [one["uuid"] for one in reported(ran)]) == (0, [volumes[2]]), ran
    assert cloud.run(env, "resume").err == "zvol: nothing to resume\n"
    cloud.never_two(volumes)


def test_old_runs_are_forgotten_after_the_work_and_never_all_at_once(cloud: World) -> None:
    env, volumes = cloud.home(), cloud.targets(2)
    journal_of(env).parent.mkdir(parents=True, mode=0o700)
    fill(journal_of(env), 400, began=time.time() - 40 * DAY)
    old = [row for row in cloud.run_list(env) if row["run"].startswith("old-")]
    assert len(old) == 400
    ran = cloud.run(env, "recover", volumes[0], "-o", "ndjson", command=cloud.shim("send:2:after:SIGKILL"))
    assert ran.code == -9
    wait_for(lambda: cloud.submitted(volumes) == {volumes[0]})  # its PUT had left, and arrives after its death
    assert len(cloud.run_list(env)) == 401, "and nothing was forgotten until then"
    assert cloud.run(env, "recover", volumes[1], "-o", "ndjson").code == 0
    left = len(cloud.run_list(env)) - 2
    assert 0 <= left < 400
    assert (400 - left) % 20 == 0
    assert cloud.run(env, "resume").code == 0
    cloud.never_two(volumes)


# ---- a journal that is damaged ----------------------------------------------------------------------------------
def test_the_hint_after_a_damage_does_not_lead_to_a_second_put_at_once(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start(env, "recover", volume, "-o", "ndjson")
        wait_for(between.held.is_set)
        process.kill()
        cloud.end(process)
        for suffix in ("-wal", "-shm"):
            journal_of(env).with_name(f"journal.db{suffix}").unlink()
        journal_of(env).write_bytes(b"garbage" * 3000)
        ran = cloud.run(env, "recover", volume)
        damaged = time.monotonic()
        assert ran.code == 7, ran
        assert "run the command again" in ran.err
        assert "one quiet period" in ran.err
        again = cloud.run(env, "recover", volume, "-o", "ndjson")
        release_file.touch()
    assert again.code == 0, again
    assert len(between.puts()) == 2
    assert between.puts()[1].time - damaged >= (6 + 12 + 15) / 25 - 0.5


# ---- a sandbox that is made new ---------------------------------------------------------------------------------
def test_a_sandbox_that_was_reset_is_another_cloud(tmp_path: Path) -> None:
    """The same port, the same volumes, no clock that runs faster: nothing of the old cloud is waited for."""
    with world(tmp_path / "world", extra=6) as made:
        cloud = made.cloud
        volumes = [extra_uuid(number) for number in range(1, 7)]
        env = environment(cloud.folder) | {"ZVOL_HOST": cloud.host, "ZSTACK_ACCOUNT_NAME": "admin"}
        env["ZVOL_SESSION"] = cloud.session
        process = made.start(env, "recover", volumes[0], command=made.shim("send:2:after:SIGKILL"))
        assert made.end(process).code == -9
        assert made.run(env, "recover", *volumes[1:], "-o", "ndjson").code == 0
        assert open_intents(env) >= 1
        cloud.end()
        made.run(env, "sandbox", "reset")
        assert open_intents(env) == 0
        assert [row["pending"] + row["planned"] for row in made.run_list(env)] == [0, 0]
        cloud.options = ("--extra", "6")
        cloud.start()
        env["ZVOL_SESSION"] = cloud.session
        began = time.monotonic()
        ran = made.run(env, "recover", *volumes, "-o", "ndjson", command=ZVOL)
        assert (ran.code, {one["outcome"] for one in reported(ran)}) == (0, {"recovered"}), ran
        assert time.monotonic() - began < 60


def test_a_sandbox_is_made_new_also_where_its_journal_cannot_be_had(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    folder = tmp_path / "home" / ".local" / "state" / "zvol"
    with world(tmp_path / "world", extra=1) as made:
        assert made.run(env, "sandbox", "reset").code == 0, "there is no journal yet"
        (folder / "journal.db").mkdir()
        (folder / "journal.db" / "something").touch()
        ran = made.run(env, "sandbox", "reset")
        assert ran.code == 0, ran
        assert "warning" in ran.err
        assert "the sandbox is new" in ran.err
