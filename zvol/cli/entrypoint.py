"""From arguments to an exit code: every way a command can end is handled here, and only here."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from zvol.cli import streams
from zvol.cli.signals import Interrupted, Signals
from zvol.clock import Clock
from zvol.errors import Exit, OutputLost, TransientError, ZvolError, most_severe
from zvol.text import escape_terminal

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext


LOOK: Final = "Nothing was changed. `zvol doctor` looks at host and network."
"""The hint of a command that only reads and got no answer."""


def run(arguments: Sequence[str], signals: Signals, clock: Clock | None = None) -> int:
    """Run one command and return its exit code; nothing escapes."""
    from zvol.cli.app import app
    from zvol.cli.app_context import AppContext, GlobalOptions

    streams.prepare()
    _leave_no_core()
    context = AppContext(signals, GlobalOptions(arguments=arguments), clock)
    try:
        with context.stack:
            code = _command(app, arguments, context)
    except Interrupted:
        code = Exit.OK
    except BaseException as exc:  # noqa: BLE001  (closing the sandbox or the connections)
        code = _bug(exc, context)
    if signals.first is not None:
        code = most_severe((code, Exit(signals.exit_code)))
    return int(code)


def _command(app: click.Command, arguments: Sequence[str], context: AppContext) -> Exit:
    """Run the command; turn what it raises into words and an exit code."""
    try:
        value = app.main(list(arguments), prog_name="zvol", standalone_mode=False, obj=context)
        code = value if value is None or isinstance(value, int) else context.output.report(value)
        sys.stdout.flush()
        return Exit(code or Exit.OK)
    except OutputLost as exc:
        streams.silence()
        if isinstance(exc.reason, BrokenPipeError):
            return exc.exit
        _say(f"the report could not be written to stdout: {exc.reason.strerror} ({exc.summary})", context)
        return most_severe((exc.exit, Exit.LOCAL))
    except ZvolError as exc:
        error = exc.copy(hint=exc.hint or LOOK) if isinstance(exc, TransientError) else exc
        with contextlib.suppress(OSError):
            context.output_for_errors().error(error)
        return error.exit
    except click.ClickException as exc:
        with contextlib.suppress(OSError):
            _mistake(exc)
        return Exit.USAGE
    except click.Abort:
        _say("aborted", context)
        return Exit.FAILED
    except BrokenPipeError:
        streams.silence()
        return Exit.READER_GONE
    except SystemExit as exc:  # click ends a completion with 0, and turns a broken pipe into 1
        if exc.code:
            streams.silence()
        return Exit.READER_GONE if exc.code else Exit.OK
    except OSError as exc:
        streams.silence()
        _say(f"cannot write the output: {exc.strerror or exc}", context)
        return Exit.LOCAL
    except Interrupted:
        return Exit.OK
    except Exception as exc:  # noqa: BLE001
        return _bug(exc, context)


def _say(text: str, context: AppContext) -> None:
    """Write a message to stderr, where there may be no printer."""
    streams.write_error(text, context.options.prefix)


def _leave_no_core() -> None:
    """A dump of this process would hold its secrets."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _mistake(exc: click.ClickException) -> None:
    """Print a usage error as click does, but harmless: click quotes some arguments as they are."""
    if not isinstance(exc, click.UsageError) or exc.ctx is None or isinstance(exc, click.exceptions.NoArgsIsHelpError):
        exc.show()
        return
    usage, path = exc.ctx.get_usage(), exc.ctx.command_path
    text = escape_terminal(exc.format_message().replace("\n\t", " "))  # click writes each choice on a line of its own
    sys.stderr.write(f"{usage}\nTry '{path} --help' for help.\n\nError: {text}\n")


def _bug(exc: BaseException, context: AppContext) -> Exit:
    """Say that this is zvol's own fault; a traceback may quote anything, so it is shown only on demand."""
    text = f"this is a bug in zvol ({type(exc).__name__}); run it again with --debug and report what it prints"
    _say(text, context)
    if context.options.debug:
        import traceback

        for line in traceback.format_tb(exc.__traceback__):
            _say(line.rstrip(), context)
    return Exit.BUG
