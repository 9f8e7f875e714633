"""From arguments to an exit code: every way a command can end is handled here, and only here."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from zvol.cli.signals import Interrupted, Signals
from zvol.clock import Clock
from zvol.errors import Exit, OutputLost, ZvolError, most_severe

if TYPE_CHECKING:
    from zvol.cli.state import State


class Closed(io.TextIOBase):
    """Stands in for a standard stream that is closed: whoever writes to it is told."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


def run(arguments: Sequence[str], clock: Clock | None = None) -> int:
    """Run one command and return its exit code; nothing escapes."""
    from zvol.cli.app import app
    from zvol.cli.state import State

    signals = Signals()
    signals.install()
    _prepare_streams()
    state = State(signals=signals, clock=clock)
    try:
        with state.stack:
            code = _command(app, arguments, state)
    except Interrupted:
        code = Exit.OK
    except BaseException as exc:  # noqa: BLE001  (closing the sandbox or the connections)
        code = _bug(exc, state)
    if signals.first is not None:
        code = most_severe((code, Exit(128 + signals.first)))
    return int(code)


def _command(app: click.Command, arguments: Sequence[str], state: State) -> Exit:
    """Run the command; turn what it raises into words and an exit code."""
    try:
        value = app.main(list(arguments), prog_name="zvol", standalone_mode=False, obj=state)
        sys.stdout.flush()
        return Exit(value) if isinstance(value, int) else Exit.OK
    except ZvolError as exc:
        with contextlib.suppress(OSError):
            state.output_for_errors().error(exc)
        return exc.exit
    except OutputLost as exc:
        _silence()
        if isinstance(exc.reason, BrokenPipeError):
            return exc.exit
        _complain(f"the report could not be written to stdout: {exc.reason.strerror}")
        return most_severe((exc.exit, Exit.LOCAL))
    except click.ClickException as exc:
        with contextlib.suppress(OSError):
            exc.show()
        return Exit.USAGE
    except click.Abort:
        _complain("aborted")
        return Exit.FAILED
    except BrokenPipeError:
        _silence()
        return Exit.READER_GONE
    except SystemExit as exc:  # click ends a completion with 0, and turns a broken pipe into 1
        if exc.code:
            _silence()
        return Exit.READER_GONE if exc.code else Exit.OK
    except OSError as exc:
        _silence()
        _complain(f"cannot write the output: {exc.strerror or exc}")
        return Exit.LOCAL
    except Interrupted:
        return Exit.OK
    except Exception as exc:  # noqa: BLE001
        return _bug(exc, state)


def _bug(exc: BaseException, state: State) -> Exit:
    """Say that this is zvol's own fault; a traceback may quote anything, so it is shown only on demand."""
    _complain(f"this is a bug in zvol ({type(exc).__name__}); run it again with --debug and report what it prints")
    if state.debug:
        import traceback

        for line in traceback.format_tb(exc.__traceback__):
            _complain(line.rstrip())
    return Exit.BUG


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"zvol: {text}\n")
        sys.stderr.flush()


def _prepare_streams() -> None:
    """Make standard streams that cannot fail on a character, and that tell when they are closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Closed())
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence() -> None:
    """Let the interpreter's own flush at its end go nowhere: what failed once would fail again, with a traceback."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
