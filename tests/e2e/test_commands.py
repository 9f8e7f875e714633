"""The installed program as a stranger uses it: exit codes, pipes, terminals, and the environment of cron."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from tests.support.process import (
    HOSTILE,
    PG_DATA,
    PG_WAL,
    READY,
    ROOT,
    ZVOL,
    ZVOL_SCRIPT,
    Ran,
    Sandbox,
    environment,
    run,
    sandbox,
)
from zvol.model import INVENTORY_FIELDS

RESULT_KEYS = ["asked", "uuid", "outcome", "changed", "by", "inventory", "error", "jobUuid", "warnings"]
ERROR_KEYS = ["error", "kind", "exitCode", "hint", "uuid", "jobUuid"]
SESSION = "a" * 32


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def at(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


# ---- the main job ------------------------------------------------------------------------------------------------
def test_the_line_of_the_readme_brings_a_volume_back(env: dict[str, str]) -> None:
    first = run(["--sandbox", "recover", PG_DATA, "--json"], env)
    assert first.code == 0
    assert first.json()["status"] == "Ready"
    again = run(["--sandbox", "recover", PG_DATA, "--json"], env)
    assert (again.code, again.json()["status"]) == (0, "Ready")
    strict = run(["--sandbox", "recover", PG_DATA, "--strict"], env)
    assert strict.code == 1


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_piped_to_jq(env: dict[str, str]) -> None:
    line = f"{' '.join(ZVOL)} --sandbox recover {PG_DATA} --json | jq -r .installPath"
    ended = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)
    assert ended.stdout.strip().endswith(f"{PG_DATA}.qcow2")


def test_one_volume_is_the_inventory_itself_with_all_documented_fields(at: dict[str, str]) -> None:
    found = run(["recover", PG_DATA, "--json"], at).json()
    assert list(found)[: len(INVENTORY_FIELDS)] == list(INVENTORY_FIELDS)
    assert found["vmInstanceUuid"] is None
    assert isinstance(found["size"], int)
    assert found["lastVmInstanceUuid"]


def test_several_volumes_are_an_array_in_the_order_asked(at: dict[str, str]) -> None:
    ran = run(["recover", PG_WAL, "f" * 32, READY, PG_DATA, PG_WAL.upper(), "--json"], at)
    results = ran.json()
    assert [result["outcome"] for result in results] == ["recovered", "gone", "already", "recovered"]
    assert all(list(result) == RESULT_KEYS for result in results)
    assert ran.code == 1
    assert list(ran.error()) == ERROR_KEYS
    assert ran.error()["kind"] == "gone"


def test_standard_input_and_ndjson(at: dict[str, str]) -> None:
    ran = run(["recover", "-", "-o", "ndjson"], at, stdin=f"{PG_DATA}\n{PG_WAL}\r\n{PG_DATA}\n")
    assert ran.code == 0
    assert {json.loads(line)["uuid"] for line in ran.out.splitlines()} == {PG_DATA, PG_WAL}


def test_an_empty_standard_input_is_nothing_never_everything(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", "-", "--json"], at, stdin="")
    assert (ran.code, ran.json()) == (0, [])
    assert cloud.events() == []


def test_an_empty_line_is_a_mistake_and_all_are_named(at: dict[str, str], cloud: Sandbox) -> None:
    """An unset variable in a script is such a line; the volumes beside it are not touched."""
    ran = run(["recover", "-", "--json"], at, stdin=f"{PG_DATA}\n\n#1\n \t\n")
    assert (ran.code, ran.out) == (2, "")
    assert "line 2" in ran.err
    assert "line 4" in ran.err
    assert "line 3" not in ran.err
    assert cloud.events() == []


def test_a_name_is_taken_when_it_is_the_only_one(at: dict[str, str]) -> None:
    assert run(["recover", "pg-data", "-o", "name"], at).out == f"{PG_DATA}\n"
    ran = run(["recover", "backup", "pg-wal", "nobody"], at)
    assert ran.code == 1
    assert "2 deleted data volumes have this name" in ran.err
    assert ran.err.count("500 GiB") == 2
    assert "pg-wal" in ran.out
    assert "recovered" in ran.out


def test_a_dry_run_only_reads(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", PG_DATA, ROOT, "--dry-run", "--json"], at)
    assert [result["outcome"] for result in ran.json()] == ["would-recover", "failed"]
    assert ran.code == 1
    assert cloud.events() == []
    assert cloud.status(PG_DATA) == "Deleted"


def test_a_root_volume_is_refused_unless_allowed(at: dict[str, str], cloud: Sandbox) -> None:
    assert run(["recover", ROOT], at).code == 1
    assert cloud.events() == []
    assert run(["recover", ROOT, "--allow-root"], at).code == 0


def test_tags_are_sent_and_dangerous_ones_refused(at: dict[str, str]) -> None:
    assert run(["recover", PG_DATA, "--user-tag", "a", "--system-tag", "b::c"], at).code == 0
    for tag in ("validationOnly", "ephemeral::validationOnly", "Replay::x", "EPHEMERAL::shareable", " "):
        assert run(["recover", PG_WAL, "--system-tag", tag], at).code == 2


# ---- exit codes --------------------------------------------------------------------------------------------------
def test_an_unknown_uuid_is_1_with_one_clear_line(at: dict[str, str]) -> None:
    ran = run(["recover", "f" * 32], at)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[0] == f"zvol: {'f' * 32}: there is no such volume"


@pytest.mark.parametrize("bad", ["a\nb", "", "\x1b[31m", "a\tb", "\x7f", "\x9b31m", " "])
def test_a_volume_with_a_control_character_is_2_and_nothing_is_sent(
    bad: str, at: dict[str, str], cloud: Sandbox
) -> None:
    ran = run(["recover", PG_DATA, bad], at)
    assert (ran.code, ran.out) == (2, "")
    assert "argument 2" in ran.err
    assert "\x1b" not in ran.err
    assert cloud.events() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["recover"],
        ["recovr", PG_DATA],
        ["recover", PG_DATA, "-o", "xml"],
        ["recover", PG_DATA, "--timeout", "soon"],
        ["recover", PG_DATA, "--concurrency", "0"],
        ["list", "--columns", "nmae"],
        ["-p", "nobody", "list"],
        ["--host", "ftp://x", "list"],
        ["help", "everything"],
        ["resume", "nothing-like-this"],
    ],
)
def test_a_mistake_is_2_and_stdout_is_empty(arguments: list[str], at: dict[str, str]) -> None:
    ran = run(arguments, at)
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err


def test_no_host_is_2_and_says_what_to_do(env: dict[str, str]) -> None:
    ran = run(["list"], env)
    assert ran.code == 2
    assert "ZVOL_HOST" in ran.err


def test_a_garbage_session_is_4(at: dict[str, str], cloud: Sandbox) -> None:
    ran = run(["recover", PG_DATA, "--json"], at | {"ZVOL_SESSION": "b" * 32})
    assert (ran.code, ran.out) == (4, "")
    assert ran.error()["error"]["code"] == "ID.1001"
    assert cloud.events() == []


def test_no_session_is_4(env: dict[str, str]) -> None:
    assert run(["list"], env | {"ZVOL_HOST": "http://127.0.0.1:9"}).code == 4


def test_a_dead_host_is_5(env: dict[str, str]) -> None:
    ran = run(["recover", PG_DATA], env | {"ZVOL_HOST": "http://127.0.0.1:1", "ZVOL_SESSION": SESSION})
    assert (ran.code, ran.out) == (5, "")
    assert "refuses the connection" in ran.err
    assert "Nothing was submitted" in ran.err


def test_a_journal_that_cannot_be_written_is_7_and_nothing_is_sent(at: dict[str, str], cloud: Sandbox) -> None:
    state = Path(at["HOME"]) / ".local" / "state"
    state.mkdir(parents=True)
    (state / "zvol").write_text("in the way")
    ran = run(["recover", PG_DATA], at)
    assert ran.code == 7
    assert cloud.events() == []


def test_plain_http_beyond_this_machine_is_9(env: dict[str, str]) -> None:
    ran = run(["list"], env | {"ZVOL_HOST": "http://zstack.example.com:8080", "ZVOL_SESSION": SESSION})
    assert ran.code == 9
    assert "plain http" in ran.err


# ---- streams and surroundings ------------------------------------------------------------------------------------
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
    assert shell(f"{' '.join(ZVOL)} list > /dev/full", at).code == 7


def test_a_closed_stdout_is_7_and_the_volume_is_back(at: dict[str, str], cloud: Sandbox) -> None:
    ran = shell(f"{' '.join(ZVOL)} recover {PG_DATA} --json >&-", at)
    assert ran.code == 7
    assert cloud.status(PG_DATA) == "Ready"


def test_a_closed_stdin_is_a_mistake_only_when_it_is_read(at: dict[str, str]) -> None:
    assert shell(f"{' '.join(ZVOL)} recover {PG_DATA} -o name <&-", at).code == 0
    assert shell(f"{' '.join(ZVOL)} recover - <&-", at).code == 2


def test_a_closed_stderr_harms_nobody(at: dict[str, str]) -> None:
    assert shell(f"{' '.join(ZVOL)} recover {PG_DATA} -o name 2>&-", at).code == 0


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


def screen(arguments: list[str], env: dict[str, str], columns: int) -> list[str]:
    """Run zvol on a real terminal of so many columns and return what is on the screen."""
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover
        os.execvpe(sys.executable, [*ZVOL, *arguments], env)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 200, columns, 0, 0))
    display = pyte.Screen(columns, 200)
    stream = pyte.ByteStream(display)
    while True:
        ready, _, _ = select.select([fd], [], [], 30)
        try:
            data = os.read(fd, 65536) if ready else b""
        except OSError:
            data = b""
        if not data:
            break
        stream.feed(data)
    os.waitpid(pid, 0)
    os.close(fd)
    return [line.rstrip() for line in display.display if line.strip()]


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_on_a_terminal_of_any_width_every_uuid_is_whole(columns: int, at: dict[str, str]) -> None:
    lines = screen(["list"], at | {"TERM": "xterm-256color", "COLUMNS": str(columns)}, columns)
    text = "\n".join(lines)
    for digit in "12345678":
        assert f"d0a7a5e0c0de4b1e8a5efeedbead000{digit}" in text.replace("\n", "" if columns == 40 else "\n"), text
    assert lines[0].startswith("NAME  ") == (columns == 200)


def test_in_a_pipe_there_is_no_colour_and_the_same_columns(at: dict[str, str]) -> None:
    ran = run(["list"], at | {"FORCE_COLOR": "1", "COLUMNS": "60"})
    assert "\x1b" not in ran.out
    assert ran.out.splitlines()[0].split("  ")[0] == "NAME"
    assert PG_DATA in ran.out


def test_quiet_says_nothing_when_all_is_well(at: dict[str, str]) -> None:
    ran = run(["recover", PG_DATA, PG_WAL, "-q"], at)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_verbose_shows_requests_without_secrets(at: dict[str, str]) -> None:
    ran = run(["recover", PG_DATA, "-v"], at)
    assert f"PUT /v1/volumes/{PG_DATA}/actions 202" in ran.err
    assert at["ZVOL_SESSION"] not in ran.err + ran.out


def test_global_options_stand_before_or_after(env: dict[str, str]) -> None:
    before = run(["--sandbox", "-o", "name", "list"], env)
    after = run(["list", "--sandbox", "-o", "name"], env)
    assert before.out == after.out != ""


def test_every_message_of_a_sandbox_says_so(env: dict[str, str]) -> None:
    ran = run(["--sandbox", "recover", "f" * 32], env)
    assert ran.err.startswith("zvol (sandbox): ")


def test_the_sandbox_ignores_environment_and_profiles(env: dict[str, str]) -> None:
    more = {"ZVOL_HOST": "http://127.0.0.1:1", "ZVOL_SESSION": SESSION, "ZVOL_PROFILE": "nobody"}
    assert run(["--sandbox", "list"], env | more).code == 0
