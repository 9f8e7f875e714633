"""The command line: parses arguments, calls the layers below, and exits; only `main` exits."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from zvol.clock import Clock


GARBAGE: Final = 20_000
"""New objects before a garbage collection; the default of 700 means many useless ones."""
AT_START: Final = 100_000
"""New objects before the first one: imports make that many, and no garbage."""


def main(argv: Sequence[str] | None = None, *, clock: Clock | None = None) -> NoReturn:
    """Run zvol and exit.  `clock` is for tests."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:  # without the import of click
        from zvol import __version__

        _print(f"zvol {__version__}\n")
    from zvol.cli.signals import Interrupted, Signals

    _collect_seldom()
    signals = Signals()
    signals.install()  # before the imports, which take the longest
    try:
        from zvol.cli.entrypoint import run

        code = run(arguments, signals, clock)
    except Interrupted:
        code = signals.exit_code
    signals.uninstall()
    if argv is None:
        _end(code)
    sys.exit(code)


def _collect_seldom() -> None:
    """Collect garbage for the first time when all is imported, and less often than usual after that."""

    def collected(phase: str, _info: object) -> None:
        if phase == "stop":
            gc.set_threshold(GARBAGE)
            gc.callbacks.remove(collected)

    gc.set_threshold(AT_START)
    gc.callbacks.append(collected)


def _end(code: int) -> NoReturn:
    """End the process at once, because unloading the interpreter takes longer than many a command."""
    import atexit

    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def _print(text: str) -> NoReturn:
    """Write a text to stdout and exit; the exit code is 7 if that fails."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, AttributeError) as exc:  # a closed stdout is None
        from zvol.cli import streams

        streams.silence()
        if isinstance(exc, BrokenPipeError):
            sys.exit(141)
        streams.prepare()
        streams.write_error(f"cannot write the output: {getattr(exc, 'strerror', None) or 'it is closed'}")
        sys.exit(7)
    sys.exit(0)
