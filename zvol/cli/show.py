"""`zvol show`: volumes in full."""

from __future__ import annotations

from functools import partial

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.params import read_volumes
from zvol.cli.state import State
from zvol.errors import Exit, most_severe


@click.command(
    "show", short_help="Show volumes in full.", epilog="Example: zvol show d0a7a5e0c0de4b1e8a5efeedbead0001 --json"
)
@click.argument("volumes", nargs=-1, required=True, metavar="VOLUME...")
@global_options
@pass_state
def command(state: State, volumes: tuple[str, ...]) -> Exit:
    """Show all that is known of volumes: recoverable or why not, how long is left, where they were attached."""
    from zvol.cli.looking import column_help, listed
    from zvol.model import Outcome, Result
    from zvol.recovery import words
    from zvol.recovery.inspection import inspected
    from zvol.recovery.selection import choose
    from zvol.recovery.states import Say
    from zvol.recovery.track import Track

    if state.given.columns == "help":
        return column_help(state)
    asked = read_volumes(volumes, state.stdin)
    chosen = choose(state.client, [(one.text, one.uuid, None) for one in asked], partial(listed, state))
    found = state.client.volumes([want.uuid for want in chosen.wanted])
    rows = {row.volume.uuid: inspected(row, state.client) for row in listed(state, found.values())}
    gone: list[Result] = [
        words.result(Track(want), Say(Outcome.GONE)) for want in chosen.wanted if want.uuid not in rows
    ]
    single = len(volumes) == 1 and volumes[0] != "-"
    refused = [*chosen.refused, *gone]
    if rows or not refused:
        state.output.shown([rows[want.uuid] for want in chosen.wanted if want.uuid in rows], single=single)
    state.output.troubles(refused)
    return most_severe(result.exit for result in refused)
