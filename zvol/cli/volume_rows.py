"""What `list` and `show` have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zvol.cli.app_context import AppContext
from zvol.model import Volume, VolumeRow

if TYPE_CHECKING:
    from zvol.catalog.listing import RetentionContext


def looked(context: AppContext, volumes: Iterable[Volume]) -> tuple[list[VolumeRow], RetentionContext]:
    """Return volumes with their time left, most urgent first, and what that rests on."""
    from zvol.catalog.listing import volume_rows

    volumes, known = list(volumes), retention_facts(context)
    return volume_rows(context.server.client, volumes, known), known


def listed(context: AppContext, volumes: Iterable[Volume]) -> list[VolumeRow]:
    """Return volumes with their time left, most urgent first."""
    return looked(context, volumes)[0]


def retention_facts(context: AppContext) -> RetentionContext:
    """Look up what the time left of deleted volumes depends on."""
    from zvol.catalog.listing import retention_context

    return retention_context(context.server.client, context.settings.timezone, context.server.zone)
