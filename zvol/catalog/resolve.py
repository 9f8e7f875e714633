"""From what was asked to volumes: UUIDs as they are, names to the one deleted data volume that bears them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zvol.errors import Exit, ZvolError
from zvol.model import Outcome, Result, Retention, Target, Volume, VolumeRow
from zvol.recovery import outcomes
from zvol.zstack.answers import volume_of
from zvol.zstack.query import condition

if TYPE_CHECKING:
    from zvol.zstack.client import Client

Explain = Callable[[Sequence[Volume]], Sequence[VolumeRow]]

AT_MOST: Final = 20
"""So many names are looked up among the volumes that are not deleted: they share one request, in its first line."""
ROOM: Final = 1500
"""The most characters they have there together, as a URL writes them."""

_ALMOST: Final = re.compile(r"[0-9a-f]{20,44}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The volumes to work on, and the arguments that are none."""

    wanted: tuple[Target, ...]
    refused: tuple[Result, ...]


def resolve_targets(client: Client, asked: Sequence[tuple[str, str | None, str | None]], explain: Explain) -> Chosen:
    """Resolve (text, uuid or None, lastOpDate that was shown or None); a name that is refused never stops the others.

    What a name means is the deletion that the list shows, and no later one.  A name is compared here, not by the
    server: its query language cannot carry every name.
    `explain` makes of deleted volumes what can be shown of them.
    """
    names = list(dict.fromkeys(text for text, uuid, _ in asked if uuid is None))
    error: ZvolError | None = None
    volumes: list[Volume] = []
    if names:
        try:
            volumes = client.list_volumes()
        except ZvolError as exc:
            error = outcomes.not_sent_for(exc)
    bearers: dict[str, list[Volume]] = {name: [] for name in names}
    for volume in volumes:
        if volume.name in bearers:
            bearers[volume.name].append(volume)
    wanted: dict[str, Target] = {}
    for order, (text, uuid, shown) in enumerate(asked):
        if uuid is not None:
            wanted.setdefault(uuid, Target(text, uuid, order, shown))
        elif len(bearers[text]) == 1:
            one = bearers[text][0]
            wanted.setdefault(one.uuid, Target(text, one.uuid, order, one.last_op_date))
    refused = [name for name in names if len(bearers[name]) != 1]
    if error is not None:
        return Chosen(tuple(wanted.values()), tuple(_failed(name, error, Outcome.NOT_SENT) for name in refused))
    several = {volume.uuid: volume for name in refused for volume in bearers[name]}
    rows = explain(tuple(several.values())) if several else ()
    rows = [*rows, *_not_deleted(client, [name for name in refused if not bearers[name]])]
    results = (_refusal(name, tuple(row for row in rows if row.volume.name == name)) for name in refused)
    return Chosen(tuple(wanted.values()), tuple(results))


def _failed(name: str, error: ZvolError, outcome: Outcome, candidates: tuple[VolumeRow, ...] = ()) -> Result:
    return Result(name, None, outcome, error=error, candidates=candidates)


def _refusal(name: str, rows: tuple[VolumeRow, ...]) -> Result:
    """Say why a name is none: several deleted volumes bear it, or none; `rows` are all that do, deleted or not."""
    kind, text = "not-found", "no deleted data volume has this name"
    hint = "`zvol list` shows what can be recovered."
    digits = name.strip(" ").lower().replace("-", "")
    if rows and rows[0].volume.deleted:
        kind, text = "ambiguous", f"{len(rows)} deleted data volumes have this name"
        hint = "Give the UUID of the one you mean."
    elif rows:
        many = f"{len(rows)} that are not deleted do" if len(rows) > 1 else "one that is not deleted does"
        text, uuid = f"{text}, but {many}", rows[0].volume.uuid if len(rows) == 1 else "UUID"
        hint = f"`zvol show {uuid}` shows it; `zvol recover {uuid}` counts it as done."
    elif _ALMOST.fullmatch(digits):
        text = f"{text}, and it is no UUID: {len(digits)} hex digits instead of 32"
    return _failed(name, ZvolError(text, kind=kind, hint=hint, exit=Exit.FAILED), Outcome.FAILED, rows)


def _not_deleted(client: Client, names: Sequence[str]) -> list[VolumeRow]:
    """Return the volumes that are not deleted and bear one of the names; one request, and nothing if it fails."""
    escape_terminal = _that_fit([name for name in names if condition("name", "?=", name)])
    if not escape_terminal:
        return []
    query = [
        ("q", f"name?={','.join(escape_terminal)}"),
        ("q", "status!=Deleted"),
        ("q", "type=Data"),
        ("limit", "100"),
    ]
    try:
        found = client.query_page("/v1/volumes", query).inventories
    except ZvolError:
        return []
    volumes = (volume for one in found if (volume := volume_of(one)) is not None)
    kept = [volume for volume in volumes if volume.name in escape_terminal and not volume.deleted]
    return [VolumeRow(volume, Retention(False, "not-deleted")) for volume in kept]


def _that_fit(names: Sequence[str]) -> list[str]:
    from urllib.parse import quote

    room, found = ROOM, list[str]()
    for name in names:
        size = len(quote(name)) + len("%2C")
        if size <= room and len(found) < AT_MOST:
            found.append(name)
            room -= size
    return found
