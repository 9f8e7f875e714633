"""Pipes, full disks, closed streams, odd locales, and the environment of cron."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.process import HOSTILE, PG_DATA, READY, ZVOL, ZVOL_SCRIPT, Ran, Sandbox, run


def shell(line: str, env: dict[str, str]) -> Ran:
    ended = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in ended.stderr
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def test_a_reader_that_goes_away(env: dict[str, str]) -> None:
    line = f"{' '.join(ZVOL)} --sandbox show {' '.join([PG_DATA] * 40)} -o table | head -1; echo ${{PIPESTATUS[0]}}"
    ran = shell(line.replace(" ".join([PG_DATA] * 40), PG_DATA), env)
    assert ran.out.splitlines()[-1] in ("0", "141")
    assert ran.err == ""


def test_a_full_disk_is_7_and_the_volume_is_back(at: dict[str, str], cloud: Sandbox) -> None:
    ran = shell(f"{' '.join(ZVOL)} recover {PG_DATA} > /dev/full", at)
    assert ran.code == 7
    assert "No space left" in ran.err
    assert cloud.status(PG_DATA) == "Ready"
    for arguments in ("list", "--version"):
        ran = shell(f"{' '.join(ZVOL)} {arguments} > /dev/full", at)
        assert (ran.code, ran.err) == (7, "zvol: error: cannot write the output: No space left on device\n")


def test_a_closed_stdout_is_7_and_the_volume_is_back(at: dict[str, str], cloud: Sandbox) -> None:
    ran = shell(f"{' '.join(ZVOL)} recover {PG_DATA} --json >&-", at)
    assert ran.code == 7
    assert cloud.status(PG_DATA) == "Ready"
    message = "zvol: error: cannot write the output: it is closed\n"
    assert shell(f"{' '.join(ZVOL)} --version >&-", at) == Ran(7, "", message)


def test_a_closed_stdin_is_a_mistake_only_when_it_is_read(at: dict[str, str]) -> None:
    assert shell(f"{' '.join(ZVOL)} recover {PG_DATA} -o name <&-", at).code == 0
    assert shell(f"{' '.join(ZVOL)} recover - <&-", at).code == 2


@pytest.mark.parametrize(
    ("where", "unbuffered"),
    [("2>&-", ""), ("2>/dev/full", ""), ("2>/dev/full", "1"), ("2> >(head -c 1 >/dev/null)", "")],
)
def test_a_stderr_that_nobody_reads_decides_nothing(where: str, unbuffered: str, at: dict[str, str]) -> None:
    env = at | {"PYTHONUNBUFFERED": unbuffered}
    for arguments, code in ((f"recover {PG_DATA} -v", 0), ("recover nobody -v", 1), ("nosuch", 2), ("list -v", 0)):
        ran = shell(f"{' '.join(ZVOL)} {arguments} -o name {where}", env)
        assert ran.code == code, (arguments, ran)
        assert (PG_DATA in ran.out) == (arguments.startswith(f"recover {PG_DATA}"))


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_hostile_names_in_any_locale(locale: str, at: dict[str, str]) -> None:
    more = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for arguments in (["list"], ["recover", HOSTILE], ["show", HOSTILE], ["list", "--json"], ["list", "-o", "csv"]):
        ran = run(arguments, at | more)
        assert ran.code == 0, ran
        if "csv" not in arguments:
            assert "\x1b" not in ran.out
            assert "\u202e" not in ran.out


def test_home_unset_or_read_only(at: dict[str, str], tmp_path: Path) -> None:
    nowhere = {name: value for name, value in at.items() if name != "HOME"}
    assert run(["recover", READY], nowhere).code == 0
    assert run(["recover", PG_DATA], nowhere).code == 2
    assert run(["recover", READY], at | {"HOME": "/proc"}).code == 0
    assert run(["recover", PG_DATA], at | {"HOME": "/proc"}).code == 7


def test_nothing_is_read_from_the_current_directory(at: dict[str, str], tmp_path: Path) -> None:
    for name in ("zvol.yaml", "config.yaml", ".zvol.yaml", "sitecustomize.yaml"):
        (tmp_path / name).write_text("profiles: {x: {host: 'http://evil'}}")
    ended = subprocess.run(
        [ZVOL_SCRIPT, "config", "show"], env=at, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "evil" not in ended.stdout
