"""The progress of a real run: on a terminal's stderr, as plain lines in a pipe with -v, and never in stdout."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyte
import pytest

from tests.support.process import ZVOL, Sandbox, environment, sandbox, wait_for
from tests.support.profiles import fast
from tests.support.warm import run
from zvol.sandbox.names import extra_uuid

VOLUMES = [extra_uuid(number) for number in range(1, 21)]
COLUMNS = 120


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("slow") / "cloud", "--extra", "100", "--job-time", "5") as cloud:
        yield cloud


def run_on_terminal(arguments: Sequence[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Run zvol with stderr, and only stderr, on a terminal; returns code, stdout, and all that the terminal got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = subprocess.Popen([*ZVOL, *arguments], env=env, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    raw: list[bytes] = []

    def drain() -> None:
        try:
            while part := os.read(ours, 65536):
                raw.append(part)
        except OSError:  # a terminal whose other side is closed
            pass

    reader = threading.Thread(target=drain)
    reader.start()
    out, _ = process.communicate(timeout=60)
    reader.join(60)
    os.close(ours)
    return process.returncode, out, b"".join(raw).decode()


def client(tmp_path: Path, cloud: Sandbox) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session, "TERM": "xterm"})


def test_a_line_on_the_terminal_that_is_gone_at_the_end(tmp_path: Path, slow: Sandbox) -> None:
    code, out, shown = run_on_terminal(["recover", *VOLUMES, "-o", "ndjson"], client(tmp_path, slow))
    assert code == 0, shown
    assert [json.loads(line)["outcome"] for line in out.splitlines()] == ["recovered"] * 20
    assert "\r[0:00] 0/20 recovered · " in shown
    assert " in progress" in shown
    screen = pyte.Screen(COLUMNS, 24)
    pyte.Stream(screen).feed(shown)
    [summary] = [line.rstrip() for line in screen.display if line.strip()]
    assert summary.startswith("zvol: 20 recovered in ")


def test_quiet_shows_nothing(tmp_path: Path, slow: Sandbox) -> None:
    volumes = [extra_uuid(number) for number in range(21, 31)]
    code, out, shown = run_on_terminal(["recover", *volumes, "-q", "-o", "ndjson"], client(tmp_path, slow))
    assert (code, shown) == (0, "")
    assert len(out.splitlines()) == 10


def test_plain_lines_elsewhere_with_v(tmp_path: Path, slow: Sandbox) -> None:
    volumes = [extra_uuid(number) for number in range(31, 41)]
    faster = fast(50)
    ran = run(["recover", *volumes, "-v", "-o", "ndjson"], client(tmp_path, slow), command=faster)
    assert ran.code == 0, ran
    assert "zvol: [0:30] 0/10 recovered" in ran.err
    assert "\r" not in ran.err
    assert "zvol: 10 recovered in " in ran.err
    silent = run(["recover", *volumes, "-o", "ndjson"], client(tmp_path, slow), command=faster)
    assert (silent.code, silent.err) == (0, "")


def test_why_it_waits_when_the_server_is_away(tmp_path: Path, slow: Sandbox) -> None:
    with sandbox(tmp_path / "cloud", "--extra", "10", "--job-time", "2") as cloud:
        env = client(tmp_path, cloud)

        def crash() -> None:
            wait_for(lambda: bool(cloud.events()))
            cloud.end()

        other = threading.Thread(target=crash)
        other.start()
        _, _, shown = run_on_terminal(["recover", *VOLUMES[:6], "-o", "ndjson", "--timeout", "6s"], env)
        other.join()
    assert " · waiting: " in shown
    assert " · next try in " in shown
