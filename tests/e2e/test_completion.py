"""Completion in real shells, and the generated files."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.process import ZVOL_SCRIPT, environment, run

FOLDER = Path(__file__).parents[2] / "completions"
FILES = {"bash": "zvol.bash", "zsh": "_zvol", "fish": "zvol.fish"}


@pytest.mark.parametrize("shell", FILES)
def test_the_files_are_what_the_command_prints(shell: str, tmp_path: Path) -> None:
    printed = run(["completion", shell], environment(tmp_path / "home")).out
    assert "_ZVOL_COMPLETE" in printed
    if version("click") == "8.5.1":  # the version they were generated with
        assert (FOLDER / FILES[shell]).read_text() == printed


@pytest.mark.parametrize("words", ["zvol re", "zvol recover --", "zvol -o ", "zvol help ", "zvol nosuch "])
def test_asking_for_completions_never_fails(words: str, tmp_path: Path) -> None:
    more = {"_ZVOL_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    ran = run([], environment(tmp_path / "home", more))
    assert (ran.code, ran.err) == (0, "")


def ask(shell: str, script: str, tmp_path: Path) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    env = environment(tmp_path / "home")
    env["PATH"] = f"{Path(ZVOL_SCRIPT).parent}:{env['PATH']}"
    ended = subprocess.run([shell, "-c", script], env=env, capture_output=True, text=True, check=False, timeout=30)
    return ended.stdout


def test_bash(tmp_path: Path) -> None:
    script = f"""source {FOLDER / "zvol.bash"}
    COMP_WORDS=(zvol re); COMP_CWORD=1; _zvol_completion zvol; echo "${{COMPREPLY[@]}}"
    COMPREPLY=(); COMP_WORDS=(zvol -o nd); COMP_CWORD=2; _zvol_completion zvol; echo "${{COMPREPLY[@]}}" """
    assert ask("bash", script, tmp_path).split() == ["recover", "resume", "ndjson"]


def test_fish(tmp_path: Path) -> None:
    script = f"source {FOLDER / 'zvol.fish'}; complete -C 'zvol re'"
    names = [line.split("\t")[0] for line in ask("fish", script, tmp_path).splitlines()]
    assert names == ["recover", "resume"]


def test_zsh(tmp_path: Path) -> None:
    script = f"""autoload -U compinit; compinit -u -d {tmp_path}/dump 2>/dev/null
    source {FOLDER / "_zvol"} 2>/dev/null
    whence -w _zvol_completion"""
    assert "function" in ask("zsh", script, tmp_path)
