"""`zvol runs`: earlier runs, and what is open in them."""

from __future__ import annotations

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit


@click.command("runs", short_help="Show earlier runs and what is open in them.", epilog="Example: zvol runs --json")
@global_options
@pass_state
def command(state: State) -> Exit:
    """Show the runs that zvol remembers on this machine, newest first; no request is sent."""
    from zvol.model import stamp

    runs = state.open_journal(looking=True).runs() if state.journal_path.exists() else []
    output = state.output
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
                "said": run.counts.get("said", 0),
            }
            for run in runs
        ]
        output.documents(rows)
        return Exit.OK
    cells = []
    for run in runs:
        state_word = "going on" if run.alive else "open" if run.unfinished else "finished"
        kinds = (("planned",), ("open", "followups"), ("said",))
        counts = [str(sum(run.counts.get(name, 0) for name in kind)) for kind in kinds]
        cells.append(
            [run.id, stamp(run.started) or "-", state_word, *counts, run.identity.account or "-", run.identity.base]
        )
    headers = ["RUN", "STARTED", "STATE", "NOT SENT", "OPEN", "SAID", "ACCOUNT", "SERVER"]
    output.rows(headers, cells)
    if any(run.unfinished and not run.alive for run in runs):
        output.hint("finish what is open with: zvol resume")
    return Exit.OK


def origin_of(base: str) -> str:
    """Return the server of a base URL without the prefix of its API."""
    scheme, mark, rest = base.partition("://")
    return scheme + mark + rest.partition("/")[0]
