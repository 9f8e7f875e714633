"""`zvol runs`: shows earlier runs and what is open in them, and closes one that is not to be finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Group
from zvol.cli.options import global_options, pass_context
from zvol.errors import Busy
from zvol.render.values import Column, Report, Table, text_column
from zvol.text import stamp

if TYPE_CHECKING:
    from zvol.journal.records import ClosedVolume, Run


@click.group(
    "runs",
    cls=Group,
    invoke_without_command=True,
    examples=("zvol runs --json",),
)
@global_options
@pass_context
def command(context: AppContext) -> Report | None:
    """Show the runs that zvol remembers on this machine, newest first; no request is sent."""
    if click.get_current_context().invoked_subcommand is not None:
        return None
    runs = context.journal.view.runs() if context.journal.exists else []
    unfinished = any(run.unfinished and not run.alive for run in runs)
    hints = [f"finish what is open with: {context.options.command} resume"] if unfinished else []
    return Report(Table(runs, COLUMNS, _object, lambda run: run.id), hints=hints)


@command.command(
    "forget",
    short_help="Close a run that is not to be finished.",
    examples=("zvol runs forget 20261125-083000-1a2b3c",),
)
@click.argument("run")
@global_options
@pass_context
def forget(context: AppContext, run: str) -> Report:
    """Close what an interrupted run left open, by hand, and name it; no request is sent.

    For a run that nobody can resume: its server is gone, or its account. A request that it names may still bring a
    volume or a VM back; from now on nothing waits for that.
    """
    from zvol.recovery.own_runs import find_run

    journal = context.journal.open() if context.journal.exists else None
    find_run(journal.runs() if journal is not None else [], run)
    assert journal is not None
    closed = journal.forget(run, context.clock.wall())
    if closed is None:
        raise Busy(f"run {run} is going on", hint="Wait for it to end, or end it; `zvol runs` shows it.")
    columns: Sequence[Column[ClosedVolume]] = [
        text_column("UUID", lambda one: one.uuid),
        text_column("TARGET", lambda one: one.target),
        text_column("STATE", lambda one: one.state),
        text_column("JOB", lambda one: one.job or "-"),
    ]
    table = Table(closed, columns, lambda one: {column.key: column.csv(one) for column in columns}, _uuid)
    jobs = sum(one.job is not None for one in closed)
    many = "1 request" if jobs == 1 else f"{jobs} requests"
    may_act = f"{many} of run {run} may still act, and nothing waits for that any more; look before you recover again"
    return Report(table, warnings=[may_act] if jobs else [], hints=[] if closed else ["nothing was open in it"])


def _uuid(closed: ClosedVolume) -> str:
    return closed.uuid


def origin_of(base: str) -> str:
    """Return the server of a base URL without the prefix of its API."""
    scheme, mark, rest = base.partition("://")
    return scheme + mark + rest.partition("/")[0]


def _object(run: Run) -> dict[str, Any]:
    """Return a run for programs."""
    return {
        "run": run.id,
        "origin": origin_of(run.identity.base),
        "base": run.identity.base,
        "account": run.identity.account,
        "started": stamp(run.started),
        "ended": stamp(run.ended),
        "alive": run.alive,
        **{key: _count(run, key) for key in STATES},
    }


def _state(run: Run) -> str:
    if run.alive:
        return "going on"
    if run.unfinished:
        return "open"
    return "forgotten" if run.counts.get("forgotten") else "finished"


STATES: Final = {
    "planned": ("planned",),
    "pending": ("open",),
    "followUps": ("followups",),
    "finished": ("recorded", "forgotten"),
}
"""The numbers of volumes that are shown of a run, and their states in the journal."""


def _count(run: Run, key: str) -> int:
    return sum(run.counts.get(state, 0) for state in STATES[key])


def _number(header: str, key: str) -> Column[Run]:
    return text_column(header, lambda run: str(_count(run, key)))


COLUMNS: Final[Sequence[Column[Run]]] = [
    text_column("RUN", lambda run: run.id),
    text_column("STARTED", lambda run: stamp(run.started) or "-"),
    text_column("ACCOUNT", lambda run: run.identity.account or "-"),
    text_column("STATE", _state),
    _number("NOT SENT", "planned"),
    _number("PENDING", "pending"),
    _number("FOLLOW UPS", "followUps"),
    _number("FINISHED", "finished"),
    text_column("SERVER", lambda run: run.identity.base),
]
