"""`zvol runs`: shows earlier runs and their outcomes, and closes a run that will not be finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command, Group
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import RUN
from zvol.errors import Busy
from zvol.render.values import Report

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from zvol.journal.records import Run


class Runs(Group):
    """A group that takes the id of a run in the place of a command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from zvol.cli.other_words import suggestion

        known = self.list_commands(ctx)
        if args[0] in known or args[0][:1] == "-" or suggestion(args[0], known):
            return super().resolve_command(ctx, args)
        return args[0], one, args[1:]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        return found if incomplete[:1] == "-" else found + RUN.shell_complete(ctx, self.params[0], incomplete)


@click.group(
    "runs",
    cls=Runs,
    invoke_without_command=True,
    subcommand_metavar="[RUN | forget RUN]",
    examples=("zvol runs", "zvol runs 20261125-083000-1a2b3c", "zvol runs --json"),
)
@global_options
@pass_context
def command(context: AppContext) -> Report | None:
    """Show the runs recorded on this machine, pending runs first; no request is sent.

    With RUN, show its volumes and VMs, and the outcome of each.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return None
    from zvol.cli.run_tables import runs_table

    runs = known_runs(context)
    unfinished = any(run.unfinished and not run.alive for run in runs)
    hints = [f"finish what is pending with: {context.options.command} resume"] if unfinished else []
    if not runs:
        hints = ["there are no runs yet"]
    return Report(runs_table(runs, context.clock.wall()), hints=hints)


@click.command("RUN", cls=Command, examples=("zvol runs 20261125-083000-1a2b3c",))
@global_options
@pass_context
def one(context: AppContext) -> Report:
    """Show the volumes and VMs of a run, and the outcome of each; no request is sent."""
    from zvol.cli.run_tables import about, targets_table
    from zvol.recovery.own_runs import find_run

    run = find_run(known_runs(context), click.get_current_context().info_name or "")
    targets = context.journal.view.targets(run.id)
    hints = []
    if run.unfinished and not run.alive:
        hints = [f"finish what is pending with: {context.options.command} resume {run.id}"]
    return Report(targets_table(targets), notes=[*about(run, context.clock.wall())], hints=hints)


def known_runs(context: AppContext) -> Sequence[Run]:
    """Return the runs in the journal, pending runs first, then newest first; raises LocalState."""
    runs = context.journal.view.runs() if context.journal.exists else []
    return sorted(runs, key=pending_first)


def pending_first(run: Run) -> bool:
    """Return a sort key that puts pending runs first."""
    return not (run.unfinished or run.alive)


@command.command(
    "forget",
    short_help="Close an interrupted run without finishing it.",
    examples=("zvol runs forget 20261125-083000-1a2b3c",),
)
@click.argument("run", type=RUN)
@global_options
@pass_context
def forget(context: AppContext, run: str) -> Report:
    """Close an interrupted run without finishing it, and list its pending requests; no request is sent.

    Use it for a run that cannot be resumed, because its server or account no longer exists. A listed request may still
    recover a volume or a VM; zvol no longer waits for it.
    """
    from zvol.cli.run_tables import closed_table
    from zvol.recovery.own_runs import find_run

    journal = context.journal.open() if context.journal.exists else None
    find_run(journal.runs() if journal is not None else [], run)
    assert journal is not None
    closed = journal.forget(run, context.clock.wall())
    if closed is None:
        raise Busy(f"run {run} is still running", hint="Wait for it to end, or end it; `zvol runs` shows it.")
    jobs = sum(one.job is not None for one in closed)
    many = "1 request" if jobs == 1 else f"{jobs} requests"
    may_act = f"{many} of run {run} may still act, and nothing waits for that any more; look before you recover again"
    return Report(
        closed_table(closed), warnings=[may_act] if jobs else [], hints=[] if closed else ["nothing was pending in it"]
    )
