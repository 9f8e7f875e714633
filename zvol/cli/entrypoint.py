"""Runs a command and maps each way it can end to an exit code; no other module does that."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from zvol.cli import streams
from zvol.cli.signals import Interrupted, Signals
from zvol.clock import Clock
from zvol.errors import Exit, LocalState, OutputLost, TransientError, ZvolError, most_severe
from zvol.text import escape_terminal

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext
    from zvol.render.values import Report


NO_THREAD: Final = "can't start new thread"
"""Python's message when the system allows no more threads."""
READ_HINT: Final = "Nothing was changed. `zvol doctor` looks at host and network."
"""Hint for a read-only command without an answer."""


def run(arguments: Sequence[str], signals: Signals, clock: Clock | None = None) -> int:
    """Run one command and return its exit code; never raises."""
    from zvol.cli.app import app
    from zvol.cli.app_context import AppContext, GlobalOptions

    streams.prepare()
    _forbid_core_dump()
    context = AppContext(signals, GlobalOptions(arguments=arguments), clock)
    if "_ZVOL_COMPLETE" in os.environ:
        _prepare_completion()
    try:
        with context.stack:
            code = _command(app, arguments, context)
    except Interrupted:
        code = Exit.OK
    except BaseException as exc:  # noqa: BLE001  (closing the sandbox or the connections)
        code = _report_bug(exc, context)
    if signals.first is not None:
        code = most_severe((code, Exit(signals.exit_code)))
    return int(code)


def _command(app: click.Command, arguments: Sequence[str], context: AppContext) -> Exit:
    """Run the command, print the error it raises, and return the exit code."""
    try:
        value = app.main(list(arguments), prog_name="zvol", standalone_mode=False, obj=context)
        code = value if value is None or isinstance(value, int) else _print_report(value, context)
        sys.stdout.flush()
        return Exit(code or Exit.OK)
    except OutputLost as exc:
        streams.silence()
        if isinstance(exc.reason, BrokenPipeError):
            return exc.exit
        _write_error(f"the report could not be written to stdout: {exc.reason.strerror} ({exc.summary})", context)
        return most_severe((exc.exit, Exit.LOCAL))
    except ZvolError as exc:
        error = exc.copy(hint=exc.hint or READ_HINT) if isinstance(exc, TransientError) else exc
        with contextlib.suppress(OSError):
            context.output_for_errors().error(error)
        return error.exit
    except click.ClickException as exc:
        with contextlib.suppress(OSError):
            _print_usage_error(exc, context)
        return Exit.USAGE
    except click.Abort:
        streams.write_message("cancelled; nothing was sent", context.options.prefix)
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
        _write_error(f"cannot {_failed_at(exc)}: {exc.strerror or exc}", context)
        return Exit.LOCAL
    except Interrupted:
        return Exit.OK
    except Exception as exc:  # noqa: BLE001
        return _report_bug(exc, context)


def _prepare_completion() -> None:
    """Register the completion of each shell; nothing is printed on the terminal while the user types."""
    import zvol.cli.shells  # noqa: F401  (registers itself)

    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (for as long as the process lives)


def _print_report(report: Report, context: AppContext) -> Exit:
    """Print a report; one without data needs no output format, so it is printed even if the settings are wrong."""
    printer = context.output if report.table is not None else context.output_for_errors()
    return printer.report(report)


def _write_error(text: str, context: AppContext) -> None:
    """Write an error to stderr without a printer."""
    streams.write_error(text, context.options.prefix)


def _failed_at(exc: OSError) -> str:
    """Return what failed: the file that the error names, or else stdout."""
    return "write the output" if exc.filename is None else f"use {escape_terminal(str(exc.filename))}"


def _forbid_core_dump() -> None:
    """Disable core dumps, which would contain secrets."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _print_usage_error(exc: click.ClickException, context: AppContext) -> None:
    """Print a usage error like any other, escaped because click quotes some arguments unchanged, then the usage."""
    if isinstance(exc, click.exceptions.NoArgsIsHelpError):
        exc.show()
        return
    from zvol.render.values import with_command

    text = escape_terminal(exc.format_message().replace("\n\t", " "))  # click puts each choice on a line of its own
    first = text[:1].lower() if text[1:2].islower() else text[:1]  # VOLUME stays upper case
    lines = [(first + text[1:]).removesuffix(".")]
    if isinstance(exc, click.UsageError) and exc.ctx is not None:
        usage = " ".join((exc.ctx.command_path, *exc.ctx.command.collect_usage_pieces(exc.ctx)))
        lines += [f"Usage: {usage}", f"See: {exc.ctx.command_path} --help"]
    lines = [with_command(line, context.options.command) for line in (*lines, *getattr(exc, "__notes__", ()))]
    _write_error("\n".join(lines), context)


def _report_no_thread(context: AppContext) -> Exit:
    """Report that the system allows no threads at all; nothing is sent without one."""
    text = "no thread can be started: the limit of processes or of memory is reached; nothing was sent"
    hint = "See `ulimit -u` and `ulimit -v`, or the limits of the container; then run it again."
    with contextlib.suppress(OSError):
        context.output_for_errors().error(LocalState(text, hint=hint))
    return Exit.LOCAL


def _report_bug(exc: BaseException, context: AppContext) -> Exit:
    """Report a bug in zvol; the traceback may quote anything, so it is printed only with --debug."""
    if isinstance(exc, RuntimeError) and str(exc).startswith(NO_THREAD):
        return _report_no_thread(context)
    text = f"this is a bug in zvol ({type(exc).__name__}); run it again with --debug and report what it prints"
    _write_error(text, context)
    if context.options.debug:
        import traceback

        for line in traceback.format_tb(exc.__traceback__):
            streams.write_message(line.rstrip(), context.options.prefix)
    return Exit.BUG
