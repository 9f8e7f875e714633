"""What `list` and `show` have in common."""

from __future__ import annotations

from collections.abc import Iterable

from zvol.cli.state import State
from zvol.errors import Exit
from zvol.model import Listed, Volume


def listed(state: State, volumes: Iterable[Volume]) -> list[Listed]:
    """Return volumes with their time left, most urgent first."""
    from zvol.recovery.listing import calendar, with_time

    volumes = list(volumes)
    known = calendar(state.client, state.settings.timezone, state.clock.wall(), state.logins.zone)
    return with_time(state.client, volumes, known)


def column_help(state: State) -> Exit:
    """Print the columns that there are."""
    from zvol.render.columns import COLUMNS

    state.output.rows(["COLUMN", "SHOWS"], [[column.key, column.help] for column in COLUMNS.values()])
    return Exit.OK
