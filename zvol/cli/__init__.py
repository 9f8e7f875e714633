"""The command line: parses arguments, calls the rooms below, and exits; only `main` exits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from zvol.clock import Clock


def main(argv: Sequence[str] | None = None, *, clock: Clock | None = None) -> NoReturn:
    """Run zvol and exit.  `clock` is for tests."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:  # before click is even imported
        from zvol import __version__

        _print(f"zvol {__version__}\n")
    from zvol.cli.signals import Interrupted, Signals

    signals = Signals()
    signals.install()  # before the imports, which take the longest
    try:
        from zvol.cli.entrypoint import run

        code = run(arguments, signals, clock)
    except Interrupted:
        code = signals.exit_code
    signals.uninstall()
    sys.exit(code)


def _print(text: str) -> NoReturn:
    """Write a text to stdout and exit; the exit code is 7 when that fails."""
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
