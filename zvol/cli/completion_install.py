"""`zvol completion --install`: puts the completion script where a shell looks for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from zvol.errors import LocalState, UsageProblem

SECONDS: Final = 10.0
"""Maximum seconds for the start of an interactive shell."""
MARK: Final = "zvol-completion:"
"""Prefix of the answers of a shell, because its start-up files may print anything."""
VERSION: Final = "version="
COMPDEF: Final = "compdef=1"
ASK: Final = {
    "bash": f"declare -F _comp_load _completion_loader __load_completion | sed s/^/{MARK}/; "
    f'echo "{MARK}{VERSION}${{BASH_VERSINFO[0]}}.${{BASH_VERSINFO[1]}}"',
    "zsh": f'print -rl -- "{MARK}"$^fpath; print -r -- "{MARK}compdef="$+functions[compdef]',
}
"""Commands that show whether bash-completion is loaded and the version of bash, or where zsh looks for functions and
whether compinit has run."""
ASK_CACHE: Final = f'(( $+_comps[zvol] )) || print -r -- "{MARK}$_comp_dumpfile"'
"""A command that shows the file in which zsh caches what it found, unless it has found the completion of zvol."""
OLDEST_BASH: Final = (4, 4)
NAMES: Final = {"bash": "zvol", "zsh": "_zvol", "fish": "zvol.fish"}
COMPINIT: Final = "autoload -Uz compinit && compinit"


def install(shell: str, text: str, environ: Mapping[str, str]) -> list[str]:
    """Install a completion script, and return one sentence for each thing done.

    The start-up file of the shell is changed only if the shell searches no folder that this user can write. Raises
    UsageProblem without HOME or the shell, and LocalState for a file that cannot be written.
    """
    if not environ.get("HOME"):
        raise UsageProblem("there is no place for the completion: HOME is not set")
    folder, rc, lines = _place(shell, environ)
    path = folder / NAMES[shell]
    _write(path, text)
    done = [f"wrote {path}"]
    if rc is not None:
        lines = [*lines, f"source {_quoted(path)}"]
        done.append(_add(rc, lines))
    elif shell == "zsh" and (cache := _ask(shell, ASK_CACHE, environ)):
        return [*done, f"zsh does not see it before its cache is removed: rm {_quoted(Path(cache[0]))}"]
    return [*done, f"it works in each {shell} that is started from now on"]


def _place(shell: str, environ: Mapping[str, str]) -> tuple[Path, Path | None, Sequence[str]]:
    """Return the folder of the script, the start-up file that must name it (if any), and what else that file needs."""
    home, data = Path(environ["HOME"]), _base(environ, "XDG_DATA_HOME", ".local/share")
    if shell == "fish":
        return _base(environ, "XDG_CONFIG_HOME", ".config") / "fish" / "completions", None, ()
    answers = _ask(shell, ASK[shell], environ)
    if shell == "bash":
        answers = _without_version(answers)
        folder = _base(environ, "BASH_COMPLETION_USER_DIR", data / "bash-completion") / "completions"
        return folder, None if answers else home / ".bashrc", ()
    compinit = COMPDEF in answers
    own = [Path(one) for one in answers if one.startswith(f"{home}/") and os.access(one, os.W_OK)]
    if own and compinit:
        return own[0], None, ()
    rc = _base(environ, "ZDOTDIR", home) / ".zshrc"
    return data / "zsh" / "site-functions", rc, () if compinit else (COMPINIT,)


def _without_version(answers: Sequence[str]) -> list[str]:
    """Return the other answers of bash; raises UsageProblem if it is too old."""
    for text in (one.removeprefix(VERSION) for one in answers if one.startswith(VERSION)):
        if tuple(map(int, text.split("."))) < OLDEST_BASH:
            hint = "Use a newer bash, or zsh or fish: `zvol completion --install zsh`"
            raise UsageProblem(f"completion needs bash 4.4 or newer, and this is bash {text}", hint=hint)
    return [one for one in answers if not one.startswith(VERSION)]


def _base(environ: Mapping[str, str], variable: str, otherwise: str | Path) -> Path:
    given = environ.get(variable, "")
    return Path(given) if given.startswith("/") else Path(environ["HOME"]) / otherwise


def _ask(shell: str, command: str, environ: Mapping[str, str]) -> list[str]:
    """Return what a command prints in an interactive shell of this user, or nothing; raises UsageProblem."""
    try:
        ended = subprocess.run(  # noqa: S603  (the user's own shell)
            [shell, "-ic", command],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            start_new_session=True,  # an interactive shell would take over the terminal
            check=False,
        )
        output = ended.stdout
    except FileNotFoundError:
        raise UsageProblem(f"{shell} is not installed, or not on the PATH") from None
    except subprocess.TimeoutExpired as exc:  # also when a program that the shell started keeps the pipe open
        output = exc.stdout or b""
    lines = output.decode(errors="replace").splitlines()
    return [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as exc:
        raise LocalState(f"cannot write {path}: {exc.strerror}") from None


def _add(rc: Path, lines: Sequence[str]) -> str:
    """Add those lines to a start-up file that it does not have yet, and return what was done."""
    try:
        old = rc.read_text(errors="surrogateescape") if rc.exists() else ""
        missing = [line for line in lines if line not in old.splitlines()]
        if not missing:
            return f"{rc} sources it already"
        with rc.open("a") as file:
            end = "\n" if old and not old.endswith("\n") else ""
            file.write(end + "\n".join(("# zvol completion", *missing, "")))
    except OSError as exc:
        hint = f"Add these lines by hand: {'; '.join(lines)}"
        raise LocalState(f"cannot write {rc}: {exc.strerror}", hint=hint) from None
    return f"added to {rc}: {'; '.join(missing)}"


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
