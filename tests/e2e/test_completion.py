"""Completion in real shells, the generated files, and names that mean harm."""

from __future__ import annotations

import os
import pty
import select
import shutil
import socket
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.process import ZVOL_SCRIPT, environment, run

FOLDER = Path(__file__).parents[2] / "completions"
FILES = {"bash": "zvol.bash", "zsh": "_zvol", "fish": "zvol.fish"}
HOSTILE = ("$(touch pwned)", "`touch pwned`", "; touch pwned", "a b", "*", "-x", "'q", '"', "x|y", "prod\\")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home with two good profiles and some whose names a shell would run."""
    env = environment(tmp_path / "home")
    folder = Path(env["HOME"]) / ".config" / "zvol"
    folder.mkdir(parents=True)
    names = [*("prod", "test-2"), *HOSTILE]
    quoted = ("'" + name.replace("'", "''") + "'" for name in names)
    (folder / "config.yaml").write_text("profiles:\n" + "".join(f"  {name}: {{host: https://x}}\n" for name in quoted))
    assert run(["config", "validate"], env).code == 0
    env["PATH"] = f"{Path(ZVOL_SCRIPT).parent}:{env['PATH']}"
    return env


@pytest.mark.parametrize("shell", FILES)
def test_the_files_are_what_the_command_prints(shell: str, tmp_path: Path) -> None:
    printed = run(["completion", shell], environment(tmp_path / "home")).out
    assert "_ZVOL_COMPLETE" in printed
    if version("click") == "8.5.1":  # the version they were generated with
        assert (FOLDER / FILES[shell]).read_text() == printed


@pytest.mark.parametrize("line", ["zvol re", "zvol recover --", "zvol -o ", "zvol -p ", "zvol help ", "zvol nosuch "])
def test_asking_for_completions_never_fails_nor_goes_out(line: str, env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        more = {"_ZVOL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        more |= {"ZVOL_HOST": f"http://127.0.0.1:{server.getsockname()[1]}", "ZVOL_SESSION": "a" * 32}
        ran = run([], env | more)
        assert (ran.code, ran.err) == (0, "")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_broken_configuration_completes_nothing(env: dict[str, str]) -> None:
    (Path(env["HOME"]) / ".config" / "zvol" / "config.yaml").write_text("profiles: [")
    more = {"_ZVOL_COMPLETE": "bash_complete", "COMP_WORDS": "zvol -p ", "COMP_CWORD": "2"}
    ran = run([], env | more)
    assert (ran.code, ran.out.strip(), ran.err) == (0, "", "")


def test_profiles_are_those_of_the_given_file(env: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("profiles: {elsewhere: {host: https://x}}")
    for line, found in ((f"zvol --config {other} -p ", ["elsewhere"]), ("zvol -p ", ["prod", "test-2"])):
        more = {"_ZVOL_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        ran = run([], env | more)
        assert [line.removeprefix("plain,") for line in ran.out.split()] == found, ran.err


def ask(shell: str, script: str, env: dict[str, str]) -> list[str]:
    """Run a script in a real shell, in an empty folder, and return its lines; nothing may have been run besides."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    folder = Path(env["HOME"])
    ended = subprocess.run(
        [shell, "-c", script], env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert not (folder / "pwned").exists()
    return ended.stdout.splitlines()


def test_bash(env: dict[str, str]) -> None:
    asked = """complete_it() { COMPREPLY=(); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _zvol_completion zvol
      echo "${COMPREPLY[@]}"; }
    """
    calls = "complete_it zvol re\ncomplete_it zvol -o nd\ncomplete_it zvol -p ''\ncomplete_it zvol recover --stri"
    hostile = "\n".join(f"complete_it zvol -p {quoted(name)}" for name in HOSTILE)
    lines = ask("bash", f"source {FOLDER / 'zvol.bash'}\n{asked}{calls}\n{hostile}", env)
    assert lines[:4] == ["recover resume", "ndjson", "prod test-2", "--strict"]
    assert set(lines[4:]) <= {"", "prod", "prod test-2"}  # a quote alone is the beginning of any name


def test_fish(env: dict[str, str]) -> None:
    words = [
        "zvol re",
        "zvol -o nd",
        "zvol -p ",
        "zvol recover --stri",
        *(f"zvol -p {quoted(name)}" for name in HOSTILE),
    ]
    asked = "; ".join(f'complete -C {fished(word)}; echo "."' for word in words)
    lines = ask("fish", f"source {FOLDER / 'zvol.fish'}; {asked}", env)
    found = [line.split("\t")[0] for line in lines]
    expected = ["recover", "resume", ".", "ndjson", ".", "prod", "test-2", ".", "--strict", "."]
    assert found == expected + ["." for _ in HOSTILE]


@pytest.mark.parametrize("way", ["source {folder}/_zvol", "fpath=({folder} $fpath)", 'eval "$(zvol completion zsh)"'])
def test_zsh_on_a_terminal(way: str, env: dict[str, str]) -> None:
    """A real zsh with its line editor: what TAB makes of the line is printed, not run."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    folder = Path(env["HOME"])
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover
        os.chdir(folder)
        os.execve(zsh, ["zsh", "-f", "-i"], env | {"TERM": "dumb", "PS1": "> ", "ZDOTDIR": str(folder)})
    load, given = "autoload -U compinit; compinit -u -D", way.format(folder=FOLDER)
    say(fd, f"{given}; {load}; echo re''ady\n" if "fpath" in way else f"{load}; {given}; echo re''ady\n", "ready")
    assert "ndjson" in say(fd, "zvol -o nd\t", "ndjson")
    say(fd, "\x15zvol recover --stri\t", "--strict")
    say(fd, "\x15zvol whoa\t", "whoami")
    say(fd, "\x15zvol -p pr\t", "prod")
    for name in HOSTILE:
        say(fd, f"\x15zvol -p {quoted(name)}\t", "")
    os.close(fd)
    os.waitpid(pid, 0)
    assert not (folder / "pwned").exists()


@pytest.mark.parametrize("compinit", ["autoload -U compinit; compinit -u -D", ""])
def test_zsh_before_compinit(compinit: str, env: dict[str, str]) -> None:
    """The script in ~/.zshrc comes before compinit, as in many of them, or there is none at all."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    folder = Path(env["HOME"])
    (folder / ".zshrc").write_text(f'PS1="> "\neval "$(zvol completion zsh)"\n{compinit}\n')
    pid, fd = pty.fork()
    if pid == 0:  # pragma: no cover
        os.chdir(folder)
        os.execve(zsh, ["zsh", "-d", "-i"], env | {"TERM": "dumb", "ZDOTDIR": str(folder)})
    hint = "zvol: completion needs compinit; add to ~/.zshrc: autoload -Uz compinit && compinit"
    shown = say(fd, "echo re''ady\n", "ready")
    assert "command not found" not in shown
    assert (hint in shown) == (not compinit)
    if compinit:
        say(fd, "zvol recover --stri\t", "--strict")
    else:
        assert hint not in say(fd, "echo ag''ain\n", "again"), "it is said once"
    os.close(fd)
    os.waitpid(pid, 0)


def say(fd: int, text: str, expected: str) -> str:
    """Type something and wait until the terminal shows what is expected; returns all that it showed."""
    os.write(fd, text.encode())
    shown, until = "", time.monotonic() + (30 if expected else 0.3)
    while time.monotonic() < until and not (expected and expected in shown.replace("\r", "").replace("\n", "")):
        ready, _, _ = select.select([fd], [], [], 0.1)
        if ready:
            shown += os.read(fd, 65536).decode(errors="replace")
    assert expected in shown.replace("\r", "").replace("\n", ""), shown
    return shown


def quoted(name: str) -> str:
    """Return a word as bash and zsh read it back."""
    return "'" + name.replace("'", "'\\''") + "'"


def fished(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
