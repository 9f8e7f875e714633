"""Hostile HTTP: each answer is classified, in time and in little memory, and no other server receives a request."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile.http_answers import REDIRECTS, TAKEN, UNCLEAR, Says, answer, targets
from tests.support.process import environment
from tests.support.warm import run
from tests.support.wire import SECRET, UUID, Raw, raw, says

ROOT = Path(__file__).parents[2]
SECONDS = 1.0
GRACE = 10.0
GROWTH = 24 << 20
"""Bytes that the whole corpus may add to the memory that the first answer took."""


def answer_by_number(cases: Sequence[Says]) -> Any:
    """Return a server that answers a PUT with the case whose number is the UUID of the volume."""

    def behave(client: socket.socket, request: bytes) -> bool:
        case = cases[int(request.split(b"/volumes/")[1][:32], 16)]
        client.sendall(case.first)
        while case.forever:
            client.sendall(case.forever)
        return False

    return behave


def submitted(server: Raw, count: int) -> list[tuple[str, float, int]]:
    """Send a PUT for each case from another process; return the class, the seconds and the memory of each answer."""
    command = [sys.executable, "-m", "tests.support.hostile.submit", server.endpoint().base, str(count)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return [tuple(json.loads(line)) for line in ended.stdout.splitlines()]


def test_the_size_of_the_corpus() -> None:
    assert (len(UNCLEAR), len(TAKEN), len(REDIRECTS) * len(targets(1, 2))) == (101, 16, 70)


def test_each_answer_is_rejected_within_time_and_memory() -> None:
    with raw(answer_by_number([Says(TAKEN["as it should be"]), *UNCLEAR.values()])) as server:
        first, *found = submitted(server, len(UNCLEAR) + 1)
        assert len(server.requests) == len(UNCLEAR) + 1
    assert first[0] == "Accepted"
    for name, (kind, seconds, size) in zip(UNCLEAR, found, strict=True):
        assert kind == "Unrecognized", name
        assert seconds < SECONDS + GRACE, name
        assert size < first[2] + GROWTH, name


def test_unusual_answers_are_accepted() -> None:
    with raw(answer_by_number([Says(data) for data in TAKEN.values()])) as server:
        found = submitted(server, len(TAKEN))
    assert dict(zip(TAKEN, (kind for kind, _, _ in found), strict=True)) == dict.fromkeys(TAKEN, "Accepted")


def test_no_redirect_is_followed() -> None:
    with raw(says(b"")) as sentinel:
        cases: list[Says] = []
        with raw(answer_by_number(cases)) as server:
            locations = targets(server.port, sentinel.port).values()
            cases += [
                Says(answer(b"Location: " + location, b"Content-Length: 0", body=b"", status=b"HTTP/1.1 %d X" % status))
                for status in REDIRECTS
                for location in locations
            ]
            found = submitted(server, len(cases))
            assert len(server.requests) == len(cases)
        assert (sentinel.connections, sentinel.received) == (0, b"")
    names = [*targets(1, 2)] * len(REDIRECTS)
    for number, (kind, seconds, _) in enumerate(found):
        assert kind == ("Unrecognized" if names[number] == "ten megabytes" else "Redirected"), names[number]
        assert seconds < SECONDS + GRACE


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_exits_9_and_names_its_target(status: int, tmp_path: Path) -> None:
    with raw(says(b"")) as sentinel:
        location = b"http://127.0.0.1:%d/\x1b[2J" % sentinel.port
        data = answer(b"Location: " + location, b"Content-Length: 0", body=b"", status=b"HTTP/1.1 %d X" % status)
        with raw(says(data, alive=True)) as server:
            env = environment(tmp_path / "home", {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET})
            for arguments in (["recover", UUID], ["list"]):
                ended = run(arguments, env)
                assert ended.code == 9, ended.err
                assert f"127.0.0.1:{sentinel.port}" in ended.out + ended.err
                assert "\x1b" not in ended.out + ended.err
        assert sentinel.connections == 0


def test_the_location_of_a_job_is_never_requested(tmp_path: Path) -> None:
    """Whatever location a 202 names, zvol polls the job at the server to which it sent the PUT."""
    volume = {"uuid": UUID, "status": "Deleted", "type": "Data", "lastOpDate": "Nov 23, 2026 9:05:50 PM"}
    state = dict(volume)

    with raw(says(b"")) as sentinel:

        def behave(client: socket.socket, request: bytes) -> bool:
            body: dict[str, Any]
            status, body = 200, {"inventories": [dict(state)], "total": 1}
            if request.startswith(b"PUT ") and b"recoverDataVolume" in request:
                state["status"] = "Ready"
                location = f"http://127.0.0.1:{sentinel.port}/zstack/v1/api-jobs/{'d' * 32}"
                status, body = 202, {"location": location, "apiTimeout": 60000}
            elif b"/api-jobs/" in request:
                body = {"inventory": dict(state)}
            data = json.dumps(body).encode()
            client.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data)
            return True

        with raw(behave) as server:
            env = environment(tmp_path / "home", {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET})
            ended = run(["recover", UUID, "--json"], env)
            assert ended.code == 0, ended.err
            assert any(b"/v1/api-jobs/" in request for request in server.requests)
        assert (sentinel.connections, sentinel.received) == (0, b"")
