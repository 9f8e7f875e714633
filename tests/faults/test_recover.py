"""What can happen to a request, with zvol started as anybody starts it; `tests/faults/matrix` has all of it.

In each case what zvol reports is true, and zvol never had two submissions alive.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Proxy, Rule, answer, proxy
from tests.support.process import PG_DATA, PG_WAL, Ran, Sandbox, sandbox
from tests.support.profiles import FAST, check_report, profile
from tests.support.warm import run

PAGE_502 = answer("502 Bad Gateway", b"<html><h1>502 Bad Gateway</h1></html>")
JSON_503 = answer("503 Service Unavailable", b'{"message":"no upstream"}', kind="application/json")
PAGE_404 = answer("404 Not Found", b"<html>HTTP Status 404 - Not Found</html>")
EXPIRED = answer("404 Not Found", b"the job has been expired", kind="text/plain")


def redirect(status: str) -> bytes:
    return answer(status, b"", "Location: http://127.0.0.1:9/elsewhere")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


def recover(tmp_path: Path, cloud: Sandbox, *rules: Rule, volumes: tuple[str, ...] = (PG_DATA,)) -> tuple[Ran, Proxy]:
    with proxy(cloud.host, *rules) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)
        ran = run(["recover", *volumes, "-o", "ndjson", "--timeout", "10m"], env, command=FAST, timeout=60)
    return ran, between


RECOVERED = {
    "put never arrived": [Rule("put", "drop")],
    "put answer lost": [Rule("put", "lose")],
    "put 502 and done": [Rule("put", "lose-page", page=PAGE_502)],
    "put half a body": [Rule("put", "cut", size=230)],
    "first read 502": [Rule("read", "page", page=PAGE_502)],
    "read back 503 json": [Rule("read", "page", 2, 4, page=JSON_503)],
    "poll 404 of a restarting server": [Rule("job", "page", 1, 2, page=PAGE_404)],
    "poll expired at once": [Rule("job", "page", 1, 9, page=EXPIRED)],
    "everything stutters": [Rule("any", "drop", 3, 3), Rule("any", "page", 5, 5, page=PAGE_502)],
}


@pytest.mark.parametrize("name", RECOVERED)
def test_the_volume_comes_back_whatever_happens_once(name: str, tmp_path: Path, cloud: Sandbox) -> None:
    ran, _ = recover(tmp_path, cloud, *RECOVERED[name])
    assert ran.code == 0, ran
    assert '"outcome":"recovered"' in ran.out
    check_report(ran, cloud)


def test_a_doubled_put_only_the_word_must_be_true(tmp_path: Path, cloud: Sandbox) -> None:
    ran, _ = recover(tmp_path, cloud, Rule("put", "twice"))
    assert ran.code == 0, ran
    check_report(ran, cloud, alive=False)
    assert {one["job"] for one in cloud.events()} == {cloud.events()[0]["job"]}


@pytest.mark.parametrize("status", ["302 Found", "308 Permanent"])
def test_a_redirect_is_not_followed_and_nothing_was_executed(status: str, tmp_path: Path, cloud: Sandbox) -> None:
    ran, between = recover(tmp_path, cloud, Rule("put", "page", 1, 99, page=redirect(status)))
    assert ran.code == 9, ran
    assert len(between.puts()) == 1
    assert cloud.events() == []
    check_report(ran, cloud)


def test_a_redirected_first_read_sends_nothing(tmp_path: Path, cloud: Sandbox) -> None:
    ran, between = recover(tmp_path, cloud, Rule("read", "page", 1, 99, page=redirect("301 Moved")))
    assert ran.code == 9, ran
    assert between.puts() == []


def test_a_stale_connection_harms_nobody(tmp_path: Path, cloud: Sandbox) -> None:
    """The server closes the connection of the first read, before the PUT."""
    ran, between = recover(tmp_path, cloud, Rule("read", "stale", 1, 99), volumes=(PG_DATA, PG_WAL))
    assert ran.code == 0, ran
    assert len(between.puts()) == 2
    check_report(ran, cloud)


def test_one_bad_volume_does_not_stop_the_others(tmp_path: Path, cloud: Sandbox) -> None:
    many = tuple(f"d0a7a5e0c0de4b1e8a5efeedbead000{digit}" for digit in "12345678")
    ran, _ = recover(tmp_path, cloud, Rule("put", "drop", 3, 3), volumes=many)
    assert ran.code == 0, ran
    assert len(ran.out.splitlines()) == len(many)
    check_report(ran, cloud)


def test_the_volume_is_deleted_again_meanwhile(tmp_path: Path, cloud: Sandbox) -> None:
    """The request is done behind a lost answer, and somebody deletes the volume again: zvol must not undo that."""
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("put", "hold-answer", file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)

        def meanwhile() -> None:
            between.held.wait(60)
            while cloud.status(PG_DATA) != "Ready":
                pass
            cloud.rename(PG_DATA, "renamed")
            cloud.delete(PG_DATA)
            release_file.touch()

        other = threading.Thread(target=meanwhile)
        other.start()
        ran = run(["recover", PG_DATA, "-o", "ndjson"], env, command=FAST)
        other.join()
    assert ran.code in (1, 8), ran
    assert cloud.status(PG_DATA) == "Deleted"
    assert cloud.count("accepted", PG_DATA) == 1
    check_report(ran, cloud)


def test_an_expired_session_at_the_first_read(tmp_path: Path, cloud: Sandbox) -> None:
    cloud.call("DELETE", f"/v1/accounts/sessions/{cloud.session}")
    ran, between = recover(tmp_path, cloud)
    assert ran.code == 4, ran
    assert between.puts() == []


def test_a_session_that_expires_between_the_read_and_the_job(tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
        env = profile(tmp_path / "home", host, cloud.session)

        def meanwhile() -> None:
            between.held.wait(60)
            cloud.call("DELETE", f"/v1/accounts/sessions/{cloud.session}")
            release_file.touch()

        other = threading.Thread(target=meanwhile)
        other.start()
        ran = run(["recover", PG_DATA, "--json"], env, command=FAST)
        other.join()
    assert ran.code == 4, ran
    assert ran.out == ""
    assert ran.error()["error"]["code"] == "ID.1001"
    assert cloud.count("begun", PG_DATA) == 0
