"""`zvol doctor`: checks whether a recovery can work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command
from zvol.cli.options import global_options, pass_context
from zvol.errors import ConfigError, Exit, UsageProblem
from zvol.model import Check
from zvol.render.values import BAD, GOOD, NOTE, Column, Report, Span, Table, text_column, with_command
from zvol.text import escape_terminal

COLUMNS: Final[Sequence[Column[Check]]] = [
    text_column("CHECK", lambda check: check.name),
    text_column("STATUS", lambda check: "ok" if check.ok else "WRONG"),
    text_column("FOUND", lambda check: check.found),
    text_column("WHAT TO DO", lambda check: "" if check.ok else check.hint),
]

OK: Final = ("✓ ok", GOOD)
NOTED: Final = ("! note", NOTE)
WRONG: Final = ("✗ WRONG", BAD)


@click.command("doctor", cls=Command, examples=("zvol doctor",))
@global_options
@pass_context
def command(context: AppContext) -> Report:
    """Check what a recovery needs, and say how to fix each problem. Nothing is changed."""
    from zvol.session import diagnostics

    code = Exit.FAILED
    try:
        context.output  # noqa: B018  (its format is that of the configuration)
        found = diagnostics.checks(context.server, context.journal)
    except (UsageProblem, ConfigError) as exc:
        context.output = context.output_for_errors()
        found = diagnostics.local_checks(exc, context.journal, context.signals.delayed)
        code = Exit.USAGE if isinstance(exc, ConfigError) else Exit.FAILED
    command = context.options.command
    checks = [one._replace(hint=with_command(one.hint, command), notes=_here(one.notes, command)) for one in found]
    table = Table(checks, COLUMNS, _object, lambda check: check.name, lines=_line)
    notes = [line for check in checks if check.notes for line in (f"{check.found}:", *check.notes)]
    return Report(table, notes=notes, exit=Exit.OK if all(check.ok for check in checks) else code)


def _here(notes: Sequence[str], command: str) -> tuple[str, ...]:
    return tuple(with_command(note, command) for note in notes)


def _line(check: Check) -> tuple[Sequence[Span], str]:
    """Return a check as one line on a terminal, and the text below it that says how to fix a problem."""
    mark = WRONG if not check.ok else NOTED if check.notes else OK
    return [
        mark,
        (check.name, ""),
        (escape_terminal(check.found), ""),
    ], "" if check.ok else escape_terminal(check.hint)


def _object(check: Check) -> dict[str, Any]:
    return {"check": check.name, "ok": check.ok, "found": check.found, "hint": check.hint, "notes": check.notes}
