"""`zvol runs`: earlier runs, what is open in them, and an end by hand of one that is not to be finished."""

from __future__ import annotations

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import Group, global_options, pass_context
from zvol.errors import Busy, Exit


@click.group(
    "runs",
    cls=Group,
    invoke_without_command=True,
    short_help="Show earlier runs and what is open in them.",
    epilog="Example: zvol runs --json",
)
@global_options
@pass_context
def command(context: AppContext) -> Exit:
    """Show the runs that zvol remembers on this machine, newest first; no request is sent."""
    if click.get_current_context().invoked_subcommand is not None:
        return Exit.OK
    from zvol.model import stamp

    runs = context.journal.view.runs() if context.journal.exists else []
    output = context.output
    if output.format in ("json", "ndjson"):
        rows = [
            {
                "run": run.id,
                "origin": origin_of(run.identity.base),
                "base": run.identity.base,
                "account": run.identity.account,
                "started": stamp(run.started),
                "ended": stamp(run.ended),
                "alive": run.alive,
                "planned": run.counts.get("planned", 0),
                "open": run.counts.get("open", 0),
                "followups": run.counts.get("followups", 0),
                "said": run.counts.get("recorded", 0) + run.counts.get("forgotten", 0),
            }
            for run in runs
        ]
        output.documents(rows)
        return Exit.OK
    cells = []
    for run in runs:
        over = "forgotten" if run.counts.get("forgotten") else "finished"
        state_word = "going on" if run.alive else "open" if run.unfinished else over
        kinds = (("planned",), ("open", "followups"), ("recorded",))
        counts = [str(sum(run.counts.get(name, 0) for name in kind)) for kind in kinds]
        who = run.identity.account or "-"
        cells.append([run.id, stamp(run.started) or "-", who, state_word, *counts, run.identity.base])
    headers = ["RUN", "STARTED", "ACCOUNT", "STATE", "NOT SENT", "OPEN", "SAID", "SERVER"]
    output.rows(headers, cells)
    if any(run.unfinished and not run.alive for run in runs):
        output.hint(f"finish what is open with: {context.options.command} resume")
    return Exit.OK


@command.command(
    "forget",
    short_help="Close a run that is not to be finished.",
    epilog="Example: zvol runs forget 20261125-083000-1a2b3c",
)
@click.argument("run")
@global_options
@pass_context
def forget(context: AppContext, run: str) -> Exit:
    """Close what an interrupted run left open, by hand, and name it; no request is sent.

    For a run that nobody can resume: its server is gone, or its account. A request that it names may still bring a
    volume back; from now on nothing waits for that.
    """
    from zvol.cli.own_runs import find

    journal = context.journal.open() if context.journal.exists else None
    find(journal.runs() if journal is not None else [], run)
    assert journal is not None
    closed = journal.forget(run, context.clock.wall())
    if closed is None:
        raise Busy(f"run {run} is going on", hint="Wait for it to end, or end it; `zvol runs` shows it.")
    context.output.rows(["UUID", "STATE", "JOB"], [[one.uuid, one.state, one.job or "-"] for one in closed])
    jobs = [one for one in closed if one.job is not None]
    if not closed:
        context.output.hint("nothing was open in it")
    if jobs:
        many = "1 request" if len(jobs) == 1 else f"{len(jobs)} requests"
        text = f"{many} of run {run} may still act, and nothing waits for that any more; look before you recover again"
        context.output.warn(text)
    return Exit.OK


def origin_of(base: str) -> str:
    """Return the server of a base URL without the prefix of its API."""
    scheme, mark, rest = base.partition("://")
    return scheme + mark + rest.partition("/")[0]
