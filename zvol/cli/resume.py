"""`zvol resume`: finishes interrupted runs."""

from __future__ import annotations

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import Command, option
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import RUN
from zvol.errors import Exit
from zvol.render.values import Report


@click.command("resume", cls=Command, examples=("zvol resume", "zvol resume --json"))
@click.argument("run", required=False, type=RUN)
@option("-y", "--yes", is_flag=True, help="Also send requests that a run older than 24 hours did not send.")
@option("--same-account", is_flag=True, help="Confirm that RUN is of this account, if zvol cannot tell.")
@global_options
@pass_context
def command(context: AppContext, run: str | None, yes: bool, same_account: bool) -> Exit | Report:
    """Finish interrupted runs: find out the outcome of each request, and send those that were not sent.

    Without RUN, finish all runs of the same server and account; others are listed and left as they are. If there is
    nothing to finish, it is a success.
    """
    from zvol.cli.recover_runner import resume
    from zvol.model import Result
    from zvol.recovery.own_runs import open_runs
    from zvol.render.values import Table

    if same_account and run is None:
        raise click.UsageError("--same-account needs RUN.")
    journal = context.journal.view if context.journal.exists else None
    found = open_runs(journal, context.server, run, same_account=same_account, wall=context.clock.wall())
    for notice in found.notices:
        (context.output.warn if notice.warning else context.output.hint)(notice.text)
    if journal is None or not found.runs:
        nothing = Table(list[Result](), (), Result.json, lambda one: one.uuid)
        return Report(nothing, hints=["nothing else to resume" if found.notices else "nothing to resume"])
    return resume(context, journal, found.runs, run_id=run, send_stale=yes)
