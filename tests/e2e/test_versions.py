"""What zvol makes of what a release does differently, each with a sandbox that behaves as one before and one after."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support import warm
from tests.support.process import PG_DATA, PG_WAL, Ran, Sandbox, environment, sandbox, wait_for
from tests.support.profiles import FAST, profile
from tests.support.warm import run
from zvol.sandbox import advance
from zvol.sandbox.store import Store

LOGIN = ["login", "--account", "dev-team", "--password-stdin"]
NDJSON = ["-o", "ndjson"]
FOR_EVER = "9999"


def server(tmp_path: Path, version: str, *options: str) -> AbstractContextManager[Sandbox]:
    return sandbox(tmp_path / "cloud", "--version", version, *options)


def state(cloud: Sandbox) -> Path:
    return cloud.directory


def fast(tmp_path: Path, cloud: Sandbox, *arguments: str) -> Ran:
    """Run zvol with short settings on a faster clock; it asks the server for a timeout of 10 s."""
    env = profile(tmp_path / "home", cloud.host, cloud.session)
    return run([*arguments, *NDJSON], env, command=FAST, timeout=60)


# ---- the option --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("5.2.1", ""),
        ("zsphere-4.2", ""),
        ("2.3", ""),
        ("zsphere-9", "zvol: zsphere-9 behaves as zsphere-4.10.0, the nearest that is known\n"),
        ("3.7.2", "zvol: ZStack 3.7.2 behaves as 3.7, the nearest that is known\n"),
        ("4.10.3", "zvol: ZStack 4.10.3 behaves as zsphere-4.10.0, the nearest that is known\n"),
    ],
)
def test_serve_says_what_another_number_behaves_as(env: dict[str, str], version: str, says: str) -> None:
    served = warm.start(["sandbox", "serve", "--version", version], env, stdout=subprocess.PIPE)
    assert served.stdout is not None
    lines = [served.stdout.readline() for _ in range(2)]
    assert [line.partition("=")[0] for line in lines] == ["export ZVOL_HOST", "export ZVOL_SESSION"]
    served.send_signal(signal.SIGINT)
    err = served.communicate()[1]
    assert served.stdout.read() == ""
    served.stdout.close()
    assert err == says


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("5.2.l", "did you mean 5.2.1?"),
        ("zsphere-4.x", "is not the name of a release; did you mean zsphere-4."),
        ("2.2", "is older than 2.3, the oldest release that is known"),
        ("latest", "known are 3.0, 3.10.40, 4.4.65, 4.8.22, 5.2.1, zsphere-4.0, zsphere-4.1, zsphere-4.2,"),
    ],
)
def test_serve_refuses_what_is_no_release(env: dict[str, str], version: str, says: str) -> None:
    ran = run(["sandbox", "serve", "--version", version], env)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


@pytest.mark.parametrize("version", ["3.1.9", "2.3"])
def test_access_keys_are_refused_where_the_release_has_none(env: dict[str, str], version: str) -> None:
    ran = run(["sandbox", "serve", "--version", version, "--access-keys"], env)
    assert (ran.code, ran.out) == (2, "")
    assert f"ZStack {version} has no access keys" in ran.err


def test_access_keys_on_the_first_release_that_has_them(tmp_path: Path) -> None:
    with server(tmp_path, "3.2", "--access-keys") as cloud:
        assert cloud.session


# ---- jobs --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["3.1.9", "3.2"])
def test_a_job_that_runs(tmp_path: Path, version: str) -> None:
    """Before 3.2 its answers are empty."""
    with server(tmp_path, version, "--queue-delay", FOR_EVER) as cloud:
        ran = fast(tmp_path, cloud, "recover", PG_DATA, "--timeout", "20s")
        assert (ran.code, ran.json()["outcome"]) == (3, "unknown")
        assert "of its job: not done yet" in ran.json()["error"]["details"]


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    other = threading.Thread(target=act)
    other.start()
    try:
        yield
    finally:
        other.join()


@pytest.mark.parametrize("version", ["3.7", "3.10.40", "4.4.65", "5.2.1", "zsphere-4.10.0"])
def test_a_recovery_that_was_dropped_is_sent_again(tmp_path: Path, version: str) -> None:
    """It waited for 20 s, and had 10; the second one does not wait."""
    with server(tmp_path, version, "--queue-delay", "8") as cloud:

        def act() -> None:
            wait_for(lambda: cloud.count("queued", PG_DATA) == 1)
            advance(state(cloud), 20)

        with meanwhile(act):
            ran = fast(tmp_path, cloud, "recover", PG_DATA, "--timeout", "20m")
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        assert [cloud.count(event, PG_DATA) for event in ("accepted", "dropped", "begun")] == [2, 1, 1]
        cloud.never_two_alive()


@pytest.mark.parametrize("lost", [(), ("--lose-insert",)], ids=["known", "not known"])
@pytest.mark.parametrize("version", ["3.0", "3.6.9"])
def test_where_nothing_is_dropped_nothing_is_sent_again(tmp_path: Path, version: str, lost: tuple[str, ...]) -> None:
    """It begins late, whatever its job says; a second request could act, too."""
    with server(tmp_path, version, "--queue-delay", "1000", *lost) as cloud:
        ran = fast(tmp_path, cloud, "recover", PG_DATA, "--timeout", "100s")
        assert (ran.code, ran.json()["outcome"]) == (3, "unknown")
        assert cloud.count("accepted", PG_DATA) == 1
        advance(state(cloud), 1100)
        wait_for(lambda: cloud.status(PG_DATA) == "Ready")
        ran = fast(tmp_path, cloud, "resume")
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        assert cloud.count("accepted", PG_DATA) == 1


@pytest.mark.parametrize("version", ["3.0", "4.4.65", "5.2.1"])
def test_a_job_that_the_server_lost(tmp_path: Path, version: str) -> None:
    with server(tmp_path, version, "--lose-insert") as cloud:
        ran = fast(tmp_path, cloud, "recover", PG_DATA)
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        assert (cloud.count("accepted", PG_DATA), cloud.count("begun", PG_DATA)) == (1, 1)


def test_two_nodes_of_which_one_missed_the_end_of_the_jobs(tmp_path: Path) -> None:
    with server(tmp_path, "5.2.1", "--two-nodes") as cloud:
        ran = fast(tmp_path, cloud, "recover", PG_DATA)
        assert (ran.code, ran.json()["outcome"]) == (0, "recovered")
        share(cloud, PG_WAL)
        tenant = environment(tmp_path / "tenant", {"ZVOL_HOST": cloud.host})
        assert run(LOGIN, tenant, stdin="password").code == 0
        ran = run(["recover", PG_WAL, *NDJSON], tenant)
        assert (ran.code, ran.json()["outcome"], ran.json()["error"]["code"]) == (1, "failed", "SYS.1006")
        assert (cloud.count("accepted", PG_DATA), cloud.count("accepted", PG_WAL)) == (1, 1)


def share(cloud: Sandbox, volume: str) -> None:
    """Let all accounts see a volume, and no more than that."""
    store = Store(state(cloud))
    with store.write() as tx:
        tx.insert("shares", {"resourceUuid": volume, "accountUuid": None, "permission": 1})
    store.close()


# ---- the time zone -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("version", "days"), [("3.10.40", 1), ("4.0.9", 3), ("4.1", 3), ("5.2.1", 3)])
@pytest.mark.parametrize("nodes", [(), ("--two-nodes",)], ids=["one node", "two nodes"])
def test_the_admin_is_told_the_time_left(tmp_path: Path, version: str, days: int, nodes: tuple[str, ...]) -> None:
    """Before 4.1 from the heartbeat of a node; one that is away tells nothing."""
    with server(tmp_path, version, "--zone", "Asia/Shanghai", *nodes) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        row = run(["show", PG_DATA, "--json"], env).json()
        assert row["recycle"]["clock"] == "server"
        deleted = datetime.strptime(row["lastOpDate"], "%b %d, %Y %I:%M:%S %p").replace(
            tzinfo=ZoneInfo("Asia/Shanghai")
        )
        assert datetime.fromisoformat(row["recycle"]["expungesAfter"]) == deleted + timedelta(days=days)


@pytest.mark.parametrize(("version", "clock"), [("4.0.9", "unknown"), ("4.1", "server")])
def test_another_account_is_told_the_time_left_since_4_1(tmp_path: Path, version: str, clock: str) -> None:
    with server(tmp_path, version, "--zone", "Asia/Shanghai") as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host})
        assert run(LOGIN, env, stdin="password").code == 0
        [path] = (tmp_path / "home/.local/state/zvol/sessions").glob("*")
        env["ZVOL_SESSION"] = json.loads(path.read_text())["session"]  # without what the login told
        [row] = run(["list", "--json"], env).json()
        assert row["recycle"]["clock"] == clock
