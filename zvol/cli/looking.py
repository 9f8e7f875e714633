"""What `list` and `show` have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zvol.cli.state import State
from zvol.errors import Exit
from zvol.model import Listed, Volume

if TYPE_CHECKING:
    from zvol.recovery.listing import Calendar


def looked(state: State, volumes: Iterable[Volume]) -> tuple[list[Listed], Calendar]:
    """Return volumes with their time left, most urgent first, and what that rests on."""
    from zvol.recovery.listing import with_time

    volumes, known = list(volumes), calendar(state)
    return with_time(state.client, volumes, known), known


def listed(state: State, volumes: Iterable[Volume]) -> list[Listed]:
    """Return volumes with their time left, most urgent first."""
    return looked(state, volumes)[0]


def calendar(state: State) -> Calendar:
    """Return what decides how long deleted volumes are safe."""
    from zvol.recovery.listing import calendar

    return calendar(state.client, state.settings.timezone, state.logins.zone)


def column_help(state: State) -> Exit:
    """Print the columns that there are."""
    from zvol.render.columns import COLUMNS

    state.output.rows(["COLUMN", "SHOWS"], [[column.key, column.help] for column in COLUMNS.values()])
    return Exit.OK
