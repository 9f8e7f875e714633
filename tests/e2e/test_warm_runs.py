"""The runs that share a process in these tests know nothing of one another; see `tests.support.warm_parent`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.process import PG_DATA, Ran, environment
from tests.support.warm import start
from tests.support.wire import SECRET, Raw, raw, says

OTHER = "07e4b1d007e4b1d007e4b1d007e4b1d0"
LIST = ["list", "--status", "any", "--columns", "name"]


def after_one_another(*runs: tuple[Sequence[str], Mapping[str, str]]) -> list[Ran]:
    """Run zvol several times in the same process; one that cannot be used again is left for another."""
    for _ in range(20):
        pids, ended = set(), []
        for arguments, env in runs:
            process = start(arguments, env, reuse=True)
            out, err = process.communicate()
            pids.add(process.pid)
            ended.append(Ran(process.returncode, out, err))
        if len(pids) == 1:
            return ended
    raise AssertionError("no process is used again")


def user(home: Path, server: Raw, session: str) -> dict[str, str]:
    return environment(home, {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": session})


def test_a_secret_is_one_in_its_own_run_only(tmp_path: Path) -> None:
    """The server shows the session of the first user in a name: the second one may see it."""
    found = {"uuid": PG_DATA, "name": f"of {SECRET}", "status": "Ready", "type": "Data"}
    body = json.dumps({"inventories": [found], "total": 1}).encode()
    with raw(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)) as server:
        mine, others = (user(tmp_path / "home", server, session) for session in (SECRET, OTHER))
        first, second, third = after_one_another((LIST, mine), (LIST, others), (LIST, mine))
    assert [one.code for one in (first, second, third)] == [0, 0, 0]
    assert SECRET not in first.out + first.err + third.out + third.err
    assert f"of {SECRET}" in second.out


def test_the_session_of_one_run_is_not_sent_by_the_next(tmp_path: Path) -> None:
    with raw(says(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")) as server:
        mine = user(tmp_path / "home", server, SECRET)
        mine_no_more = {name: value for name, value in mine.items() if name != "ZVOL_SESSION"}
        first, second = after_one_another(
            (["whoami", "--timeout", "1s"], mine), (["whoami", "--no-input"], mine_no_more)
        )
        assert any(SECRET.encode() in request for request in server.requests)
    assert (first.code, second.code) == (5, 4)
    assert SECRET not in first.out + first.err + second.out + second.err
