"""ZStack's error codes: one table for reads, PUTs and jobs, for certain refusals and for what may pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.pages import failure
from tests.support.process import PG_DATA, Sandbox, environment, sandbox
from tests.support.profiles import FAST
from tests.support.sandbox_faults import plant
from tests.support.warm import run

PASSING = ("SYS.1000", "SYS.1001", "SYS.1009", "NEW.7")
MANY = 20


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud", "--extra", str(MANY), "--faults") as made:
        yield made


@pytest.fixture
def at(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


@pytest.mark.parametrize("code", PASSING)
def test_a_first_read_that_fails_in_passing_is_read_again(code: str, at: dict[str, str]) -> None:
    volumes = run(["list", "--name", "bulk-*", "-o", "name"], at).out.split()
    with proxy(at["ZVOL_HOST"], Rule("look", "page", last=2, page=failure(code))) as (host, _):
        ran = run(["recover", *volumes, "--json"], at | {"ZVOL_HOST": host}, command=FAST)
    assert ran.code == 0
    assert [one["outcome"] for one in ran.json()] == ["recovered"] * MANY


def test_a_first_read_that_fails_for_ever_was_never_sent(at: dict[str, str], cloud: Sandbox) -> None:
    with proxy(at["ZVOL_HOST"], Rule("look", "page", last=10**6, page=failure("SYS.1000"))) as (host, _):
        ran = run(["recover", PG_DATA, "-o", "ndjson"], at | {"ZVOL_HOST": host}, command=FAST)
    assert (ran.code, ran.json()["outcome"]) == (5, "not-sent")
    assert "SYS.1000" in ran.json()["error"]["details"]
    assert cloud.events() == []


@pytest.mark.parametrize("code", ["SYS.1006", "SYS.1018", "SYS.1019", "ID.1003"])
def test_a_first_read_that_is_refused_for_certain_has_failed(code: str, at: dict[str, str]) -> None:
    with proxy(at["ZVOL_HOST"], Rule("look", "page", page=failure(code))) as (host, between):
        ran = run(["recover", PG_DATA, "-o", "ndjson"], at | {"ZVOL_HOST": host})
    assert (ran.code, ran.json()["outcome"], ran.json()["error"]["code"]) == (1, "failed", code)
    assert len(between.seen) == 1


@pytest.mark.parametrize(("code", "exit_code", "kind"), [("SYS.1000", 5, "unreachable"), ("SYS.1019", 1, "failed")])
def test_a_list_says_whether_it_may_pass(code: str, exit_code: int, kind: str, at: dict[str, str]) -> None:
    with proxy(at["ZVOL_HOST"], Rule("list", "page", page=failure(code))) as (host, _):
        ran = run(["list", "--json"], at | {"ZVOL_HOST": host})
    assert (ran.code, ran.out, ran.error()["kind"], ran.error()["error"]["code"]) == (exit_code, "", kind, code)


@pytest.mark.parametrize("code", ["SYS.1018", "SYS.1019"])
def test_what_zsphere_refuses_is_refused_at_once_in_its_own_words(
    code: str, at: dict[str, str], cloud: Sandbox
) -> None:
    plant(cloud.directory, PG_DATA, f"fail:{code}", f"fail:{code}", f"fail:{code}")
    ran = run(["recover", PG_DATA, "-o", "ndjson"], at, timeout=60)
    assert (ran.code, ran.json()["outcome"], ran.json()["error"]["code"]) == (1, "failed", code)
    assert code in ran.err
    assert cloud.count("accepted", PG_DATA) == 1
    assert run(["resume", "--json"], at).json() == []


@pytest.mark.parametrize("code", ["SYS.1018", "SYS.1019"])
def test_a_put_that_is_refused_at_once(code: str, at: dict[str, str]) -> None:
    with proxy(at["ZVOL_HOST"], Rule("put", "page", page=failure(code), last=9)) as (host, between):
        ran = run(["recover", PG_DATA, "-o", "ndjson"], at | {"ZVOL_HOST": host}, timeout=60)
    assert (ran.code, ran.json()["outcome"], ran.json()["error"]["code"]) == (1, "failed", code)
    assert len(between.puts()) == 1


@pytest.mark.parametrize(("code", "exit_code"), [("SYS.1000", 5), ("NEW.7", 4), ("ID.1000", 4), ("SYS.1019", 4)])
def test_a_login_that_fails(code: str, exit_code: int, at: dict[str, str]) -> None:
    del at["ZVOL_SESSION"]
    with proxy(at["ZVOL_HOST"], Rule("login", "page", page=failure(code))) as (host, _):
        ran = run(["login", "--account", "admin", "--password-stdin"], at | {"ZVOL_HOST": host}, stdin="password")
    assert ran.code == exit_code
    assert code in ran.err


@pytest.mark.parametrize(
    ("page", "exit_code"), [(failure("SYS.1000"), 5), (failure("SYS.1019"), 4), (failure("ID.1001"), 4)]
)
def test_a_look_at_the_session_that_fails_does_not_blame_it(page: bytes, exit_code: int, at: dict[str, str]) -> None:
    with proxy(at["ZVOL_HOST"], Rule("other", "page", page=page, path="/valid")) as (host, _):
        ran = run(["whoami"], at | {"ZVOL_HOST": host})
    assert ran.code == exit_code
    assert ("a new one" in ran.err) == (exit_code == 4)
