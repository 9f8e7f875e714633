"""Every exit code there is, each reached by the installed program, and the same in the documentation."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, answer, proxy
from tests.support.process import PG_DATA, PG_WAL, ZVOL, Ran, Sandbox, environment, run, sandbox
from tests.support.profiles import fast
from zvol.cli.help_command import EXIT_CODES, MEANINGS
from zvol.errors import SEVERITY, Exit

FAST = fast(10)
SLOWER = fast(4)
"""For runs that end by their --timeout: what comes before its end must have happened on a busy machine, too."""
DONE = answer("200 OK", b"{}", kind="application/json")
ACCEPTED = answer("202 Accepted", b'{"location":"http://x/v1/api-jobs/y","apiTimeout":60000}', kind="application/json")
MOVED = answer("302 Found", b"", "Location: http://127.0.0.1:9/")
BUG = "from zvol.zstack.client import Client; Client._get = None; from zvol.cli import main; main()"


class Case:
    """A cloud, the environment that leads to it, and a folder."""

    def __init__(self, cloud: Sandbox, at: dict[str, str], folder: Path) -> None:
        self.cloud, self.at, self.folder = cloud, at, folder

    def through(self, arguments: list[str], *rules: Rule, command: tuple[str, ...] = FAST) -> Ran:
        with proxy(self.cloud.host, *rules) as (host, _):
            return run(arguments, self.at | {"ZVOL_HOST": host}, command=command)

    def interrupted(self, number: int) -> int:
        """Return the exit code of a run that gets a signal while the server holds its PUT."""
        with proxy(self.cloud.host, Rule("put", "hold", file=self.folder / "never")) as (host, between):
            process = subprocess.Popen([*ZVOL, "recover", PG_DATA, "-q"], env=self.at | {"ZVOL_HOST": host})
            assert between.held.wait(60)
            process.send_signal(number)
            time.sleep(0.5)  # two at once would be one
            process.send_signal(number)
            return process.wait(60)

    def busy(self) -> int:
        release_file = self.folder / "go"
        with proxy(self.cloud.host, Rule("put", "hold", file=release_file)) as (host, between):
            at = self.at | {"ZVOL_HOST": host}
            first = threading.Thread(target=run, args=(["recover", PG_DATA], at))
            first.start()
            assert between.held.wait(60)
            code = run(["recover", PG_DATA], at).code
            release_file.touch()
            first.join()
        return code

    def reader_gone(self) -> int:
        with sandbox(self.folder / "large", "--extra", "2000") as cloud:
            at = environment(self.folder / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
            line = f"{' '.join(ZVOL)} list | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}"
            ended = subprocess.run(["bash", "-c", line], env=at, capture_output=True, text=True, check=False)
        assert ended.stderr == ""
        return ended.returncode


def full(case: Case) -> int:
    line = f"{' '.join(ZVOL)} list > /dev/full"
    return subprocess.run(["bash", "-c", line], env=case.at, capture_output=True, check=False).returncode


REACHED: dict[Exit, Callable[[Case], int]] = {
    Exit.OK: lambda case: run(["recover", PG_DATA], case.at).code,
    Exit.FAILED: lambda case: run(["recover", "f" * 32], case.at).code,
    Exit.USAGE: lambda case: run(["recover"], case.at).code,
    Exit.UNKNOWN: lambda case: case.through(["recover", PG_DATA, "--timeout", "40s"], Rule("put", "drop", 1, 9)).code,
    Exit.AUTH: lambda case: run(["list"], case.at | {"ZVOL_SESSION": "b" * 32}).code,
    Exit.UNREACHABLE: lambda case: run(["list"], case.at | {"ZVOL_HOST": "http://127.0.0.1:1"}).code,
    Exit.BUSY: Case.busy,
    Exit.LOCAL: full,
    Exit.CONTRADICTED: lambda case: (
        case.through(
            ["recover", PG_DATA], Rule("put", "page", page=ACCEPTED), Rule("job", "page", 1, 99, page=DONE)
        ).code
    ),
    Exit.UNTRUSTED: lambda case: case.through(["list"], Rule("any", "page", 1, 99, page=MOVED), command=ZVOL).code,
    Exit.EXPIRING: lambda case: run(["list", "--expiring-within", "12h", "--exit-code"], case.at).code,
    Exit.BUG: lambda case: run(["recover", PG_DATA], case.at, command=(sys.executable, "-c", BUG)).code,
    Exit.SIGHUP: lambda case: case.interrupted(signal.SIGHUP),
    Exit.SIGINT: lambda case: case.interrupted(signal.SIGINT),
    Exit.SIGTERM: lambda case: case.interrupted(signal.SIGTERM),
    Exit.READER_GONE: Case.reader_gone,
}


@pytest.mark.parametrize("code", list(Exit), ids=str)
def test_each_is_reached(code: Exit, cloud: Sandbox, at: dict[str, str], tmp_path: Path) -> None:
    assert REACHED[code](Case(cloud, at, tmp_path)) == code


def test_the_most_severe_one_counts_from_end_to_end(at: dict[str, str], cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("put", "drop", 1, 9)) as (host, _):
        more = {"ZVOL_HOST": host}
        ran = run(["recover", PG_DATA, "nobody", PG_WAL, "--timeout", "24s"], at | more, command=SLOWER)
    assert ran.code == Exit.UNKNOWN
    assert "1 failed" in ran.err


def test_they_are_the_same_everywhere(env: dict[str, str]) -> None:
    """In the code, in the order of severity, in `zvol help exit-codes`, and in the README."""
    assert set(SEVERITY) == set(MEANINGS) == set(Exit)
    shown = [int(found) for found in re.findall(r"^ *(\d+)  ", EXIT_CODES, re.MULTILINE)]
    assert shown == [int(code) for code in MEANINGS]
    assert run(["help", "exit-codes"], env).out == EXIT_CODES
    table = (Path(__file__).parents[2] / "README.md").read_text()
    rows = [row.split("|")[1:3] for row in table.splitlines() if re.match(r"\| \d", row)]
    assert {int(number) for numbers, _ in rows for number in numbers.split(",")} == {int(code) for code in Exit}
    for numbers, meaning in rows:
        for number in numbers.split(","):
            assert MEANINGS[Exit(int(number))].startswith(meaning.replace("*", "").strip().removesuffix("a signal"))
