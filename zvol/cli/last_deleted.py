"""The volumes that were deleted last, for `zvol recover` without arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.errors import ZvolError
from zvol.render.prose import INDENT
from zvol.render.terminal import terminal_width

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext
    from zvol.rows import VolumeRow

SHOWN: Final = 3
SECONDS: Final = 2.0
"""Timeout of the request for the suggestions."""
NAME_WIDTH: Final = 20
NEWEST_FIRST: Final = (("q", "status=Deleted"), ("q", "type=Data"), ("sort", "-lastOpDate"), ("limit", str(SHOWN)))


def suggestions(context: AppContext) -> list[str]:
    """Return, on a terminal, the volumes that were deleted last, each with the command that recovers it.

    Empty if the server does not answer soon.
    """
    if not sys.stderr.isatty() or context.options.quiet:
        return []
    try:
        rows = _newest(context)
    except ZvolError:
        return []
    width = terminal_width(sys.stderr.fileno(), os.environ.get("COLUMNS")) - len(INDENT)
    return list(_lines(rows, context.options.command, width)) if rows else []


def _newest(context: AppContext) -> list[VolumeRow]:
    from zvol.zstack.answers import volume_of
    from zvol.zstack.resource_kinds import DATA_VOLUME

    server = context.server
    found = server.client.query_page(DATA_VOLUME.path, NEWEST_FIRST, SECONDS).inventories
    volumes = [volume for one in found if (volume := volume_of(one)) is not None]
    rows = {row.volume.uuid: row for row in server.volume_rows(volumes)}
    return [rows[volume.uuid] for volume in volumes]


def _lines(rows: Sequence[VolumeRow], command: str, width: int) -> Iterator[str]:
    """Yield a line for each volume; its command is on the next line if it does not fit."""
    from zvol.render.formats.table import plain_table
    from zvol.render.row_columns import DELETED
    from zvol.render.summaries import short_name
    from zvol.text import cut, display_width, human_size, pad

    cells = [
        [
            cut(short_name(row.volume.name), NAME_WIDTH),
            human_size(row.volume.size),
            DELETED.terminal(row),
        ]
        for row in rows
    ]
    commands = [f"{command} recover {row.volume.uuid}" for row in rows]
    facts = [INDENT + line for line in plain_table([""] * len(cells[0]), cells) if line]
    wide = max(map(display_width, facts))
    yield "Deleted last:"
    for line, typed in zip(facts, commands, strict=True):
        if wide + len(INDENT + typed) <= width:
            yield pad(line, wide) + INDENT + typed
        else:
            yield from (line, INDENT * 2 + typed)
