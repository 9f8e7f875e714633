"""What `list` and `show` have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zvol.cli.app_context import AppContext
from zvol.model import Volume, VolumeRow

if TYPE_CHECKING:
    from zvol.catalog.listing import Calendar


def looked(context: AppContext, volumes: Iterable[Volume]) -> tuple[list[VolumeRow], Calendar]:
    """Return volumes with their time left, most urgent first, and what that rests on."""
    from zvol.catalog.listing import with_time

    volumes, known = list(volumes), calendar(context)
    return with_time(context.server.client, volumes, known), known


def listed(context: AppContext, volumes: Iterable[Volume]) -> list[VolumeRow]:
    """Return volumes with their time left, most urgent first."""
    return looked(context, volumes)[0]


def calendar(context: AppContext) -> Calendar:
    """Return what decides how long deleted volumes are safe."""
    from zvol.catalog.listing import calendar

    return calendar(context.server.client, context.settings.timezone, context.server.zone)
