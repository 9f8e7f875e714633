"""zvol is killed, the server is killed, both are: `zvol resume` finds out, and nothing is executed twice."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.process import PG_DATA, PG_WAL, Ran, Sandbox, environment, sandbox, wait_for
from tests.support.profiles import FAST, check_report, profile
from tests.support.warm import run, start


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


def killed(env: dict[str, str], when: Callable[[], object], number: int = signal.SIGKILL, *volumes: str) -> Ran:
    """Start a recovery and send it a signal at a moment."""
    process = start(["recover", *(volumes or (PG_DATA,)), "-o", "ndjson"], env, command=FAST)
    when()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return Ran(process.returncode, out, err)


def resume(env: dict[str, str]) -> Ran:
    return run(["resume", "-o", "ndjson"], env, command=FAST)


@pytest.mark.parametrize("action", ["hold", "hold-answer"])
def test_killed_before_or_after_the_server_has_the_put_then_resumed(
    action: str, tmp_path: Path, cloud: Sandbox
) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("put", action, file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        assert killed(env, lambda: between.held.wait(60)).code == -signal.SIGKILL
        release_file.touch()
        ran = resume(env)
    assert ran.code == 0, ran
    assert cloud.status(PG_DATA) == "Ready"
    check_report(ran, cloud)
    again = resume(env)
    assert (again.code, again.out) == (0, "")


def test_killed_before_the_put_leaves_nothing(tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("read", "hold", file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        assert killed(env, lambda: between.held.wait(60)).code == -signal.SIGKILL
        release_file.touch()
        ran = resume(env)
    assert (ran.code, ran.out) == (0, "")
    assert cloud.status(PG_DATA) == "Deleted"
    assert cloud.events() == []


def test_killed_with_the_put_lost_then_resumed_sends_once_more(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("put", "hang")) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        killed(env, lambda: wait_for(lambda: len(between.puts()) == 1))
        ran = resume(env)
    assert ran.code == 0, ran
    assert cloud.count("accepted", PG_DATA) == 1
    assert len(between.puts()) == 2
    check_report(ran, cloud)


@pytest.mark.parametrize("command", ["resume", "recover"])
def test_nothing_is_sent_again_while_a_proxy_may_still_hold_the_put(
    command: str, tmp_path: Path, cloud: Sandbox
) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        assert killed(env, lambda: between.held.wait(60)).code == -signal.SIGKILL
        before = len(between.seen)
        process = start([command, *([PG_DATA] if command == "recover" else []), "-o", "ndjson"], env, command=FAST)
        wait_for(lambda: sum(one.kind == "read" for one in between.seen[before:]) >= 3)
        release_file.touch()
        out, err = process.communicate(timeout=60)
    ran = Ran(process.returncode, out, err)
    assert ran.code == 0, ran
    assert len(between.puts()) == cloud.count("accepted", PG_DATA) == 1
    check_report(ran, cloud)


def test_a_later_recover_settles_what_a_killed_run_left_open(tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        killed(env, lambda: between.held.wait(60))
        before = len(between.seen)

        def release() -> None:
            wait_for(lambda: any(one.kind == "read" for one in between.seen[before:]))
            release_file.touch()

        other = threading.Thread(target=release)
        other.start()
        ran = run(["recover", PG_DATA, "-o", "ndjson"], env, command=FAST)
        other.join()
    assert ran.code == 0, ran
    assert cloud.count("begun", PG_DATA) == 1
    check_report(ran, cloud)


def test_a_living_run_makes_a_volume_busy(tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        first = start(["recover", PG_DATA, "--json"], env, command=FAST)
        between.held.wait(60)
        ran = run(["recover", PG_DATA, PG_WAL, "-o", "ndjson"], env, command=FAST)
        release_file.touch()
        assert first.communicate(timeout=60)[0]
        assert first.returncode == 0
    assert ran.code == 6, ran
    assert '"outcome":"busy"' in ran.out
    assert cloud.status(PG_WAL) == "Ready"
    check_report(ran, cloud)


def test_deliberate_second_deletion_is_not_undone_by_resume(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("put", "hang")) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        killed(env, lambda: wait_for(lambda: len(between.puts()) == 1))
        cloud.recover(PG_DATA)
        time.sleep(1.1)  # the server's dates have no smaller unit
        cloud.delete(PG_DATA)
        ran = resume(env)
    assert ran.code == 1, ran
    assert '"kind":"changed"' in ran.out
    assert cloud.status(PG_DATA) == "Deleted"
    check_report(ran, cloud)


@pytest.mark.parametrize("back", [True, False])
def test_the_server_is_killed_after_its_202_and_comes_back(back: bool, tmp_path: Path) -> None:
    """With the volume back (its job answers 202 for ever), and with it still deleted (it needs a new id)."""
    job_time = "0.4" if back else "30"
    with sandbox(tmp_path / "cloud", "--job-time", job_time) as cloud, proxy(cloud.host) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)

        def crash() -> None:
            wait_for(lambda: cloud.count("ended" if back else "accepted", PG_DATA) == 1)
            cloud.end()
            cloud.note_crash()
            cloud.options = ("--job-time", "0.1")
            cloud.start()

        other = threading.Thread(target=crash)
        other.start()
        ran = run(["recover", PG_DATA, "-o", "ndjson", "--timeout", "20m"], env, command=FAST)
        other.join()
        assert ran.code == 0, ran
        assert cloud.status(PG_DATA) == "Ready"
        assert len(between.puts()) == (1 if back else 2)
        check_report(ran, cloud)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_watches_what_is_open_and_names_the_command_that_resumes(
    number: int, code: int, tmp_path: Path, cloud: Sandbox
) -> None:
    with proxy(cloud.host, Rule("put", "hang"), Rule("job", "drop", 1, 999)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = killed(env, lambda: wait_for(lambda: len(between.puts()) == 1), number)
    assert ran.code == code, ran
    assert '"outcome":"unknown"' in ran.out
    assert "zvol resume 2" in ran.err
    check_report(ran, cloud)


def test_a_signal_while_reading_ends_at_once(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("read", "hang")) as (host, between):
        env = environment(tmp_path / "home", {"ZVOL_HOST": host, "ZVOL_SESSION": cloud.session})
        process = start(["list"], env, command=FAST)
        wait_for(lambda: len(between.seen) == 1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "")
    assert "Traceback" not in err
