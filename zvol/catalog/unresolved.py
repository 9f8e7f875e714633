"""Explains names that are the name of no volume, or of several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from zvol.catalog.lookalikes import as_glob, check_list, explained
from zvol.catalog.similar import difference, similar, some_names
from zvol.errors import ZvolError
from zvol.model import Outcome, Result, Volume, VolumeArgument
from zvol.resource import Resource
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.zstack.answers import volume_of
from zvol.zstack.query import MAX_NAMES, condition
from zvol.zstack.resource_kinds import DATA_VOLUME

if TYPE_CHECKING:
    from zvol.zstack.client import Client

R = TypeVar("R", bound=Resource)
Row = TypeVar("Row")
MakeRows = Callable[[Sequence[Volume]], Sequence[VolumeRow]]

MAX_NAME_CHARS: Final = 1500
"""Maximum total characters of the names that one request looks up, URL-encoded."""

GIVE_UUID: Final = "Give the UUID of the one you mean."
_ALMOST_UUID: Final = re.compile(r"[0-9a-f]{20,44}")


def candidates(
    names: Sequence[str], by_name: Mapping[str, Sequence[R]], make_rows: Callable[[Sequence[R]], Sequence[Row]]
) -> list[Row]:
    """Return the rows of the resources with one of the names, each once."""
    found = {one.uuid: one for name in names for one in by_name[name]}
    return list(make_rows(tuple(found.values()))) if found else []


def _matched(by_name: Mapping[str, Sequence[Resource]]) -> set[str]:
    return {name for name, found in by_name.items() if found}


def refuse_deleted(
    client: Client,
    arguments: Sequence[VolumeArgument],
    names: Sequence[str],
    by_name: Mapping[str, Sequence[Volume]],
    deleted: Sequence[Volume],
    make_rows: MakeRows,
) -> list[Result]:
    """Return a result for each name without exactly one deleted volume; raises what `check_list` raises."""
    check_list(arguments, _matched(by_name))
    rows = candidates(names, by_name, make_rows)
    unknown = [name for name in names if not by_name[name]]
    others, roots = _others(client, unknown)
    rows += others
    close = similar(unknown, deleted)
    results = []
    for name in names:
        same = tuple(row for row in rows if row.resource.name == name)
        results.append(_refusal(name, same, [one for one in roots if one.name == name], close.get(name, ())))
    return results


def refuse_any(
    client: Client,
    arguments: Sequence[VolumeArgument],
    names: Sequence[str],
    by_name: Mapping[str, Sequence[Volume]],
    make_rows: MakeRows,
) -> list[Result]:
    """Return a result for each name without exactly one volume; raises what `check_list` raises."""
    check_list(arguments, _matched(by_name))
    rows = candidates(names, by_name, make_rows)
    missing = [name for name in names if not by_name[name]]
    close: dict[str, list[Volume]] = {}
    with suppress(ZvolError):
        close = similar(missing, client.list_volumes() if missing else [])
    return [_none_or_several(name, tuple(r for r in rows if r.volume.name == name), close) for name in names]


def _none_or_several(name: str, rows: tuple[VolumeRow, ...], close: Mapping[str, Sequence[Volume]]) -> Result:
    """Return why a name for any volume is refused."""
    if not rows:
        return _refusal(name, (), [], close.get(name, ()), "volume", "show")
    error = ZvolError(f"{len(rows)} volumes have this name", kind="ambiguous", hint=GIVE_UUID)
    return Result(name, None, Outcome.FAILED, error=error, candidates=rows)


def _refusal(
    name: str,
    rows: tuple[VolumeRow, ...],
    roots: Sequence[Volume],
    close: Sequence[Volume],
    what: str = "deleted data volume",
    verb: str = "recover",
) -> Result:
    """Return why a name without exactly one matching `what` is refused; `verb` is the command.

    `rows` are all data volumes with the name, or only the deleted ones; `close` are volumes with similar names.
    """
    kind, text = "not-found", f"no {what} has this name"
    hint = "`zvol list` shows what can be recovered; a destroyed VM: `zvol recover --vm VM`."
    digits = name.strip(" ").lower().replace("-", "")
    if rows and DATA_VOLUME.is_deleted(rows[0].resource):
        kind, text, hint = "ambiguous", f"{len(rows)} deleted data volumes have this name", GIVE_UUID
    elif rows:
        kind, text, uuid = "not-deleted", _not_deleted(name, rows), rows[0].resource.uuid if len(rows) == 1 else "UUID"
        hint = f"See it: `zvol show {uuid}`"
    elif len(roots) == 1:
        error = ZvolError("it is a Root volume", kind="root", hint="Recover its VM with `zvol recover --vm`.")
        return Result(name, roots[0].uuid, Outcome.FAILED, resource=roots[0], error=error)
    elif roots:
        text = f"{text}, but {len(roots)} deleted root volumes do: they come back with their VMs"
        hint = "`zvol list --vms` shows the VMs; then `zvol recover --vm`."
    elif len(close) == 1:
        text += difference(name, close[0].name)
        hint = f"If you mean that one: `zvol {verb} {close[0].uuid}`"
    elif close:
        text += f"; similar names: {some_names(close)}"
    elif _ALMOST_UUID.fullmatch(digits):
        text = f"{text}, and it is not a UUID: {len(digits)} hex digits instead of 32"
        hint = "`zvol list` shows what can be recovered."
    elif looks_like := explained(name):
        text += looks_like
    elif (glob := as_glob(name)) is not None:
        text = f"{text}; a VOLUME is a UUID or an exact name"
        hint = f"For a pattern use --name {glob}, as in `zvol list --name {glob}`."
    return Result(name, None, Outcome.FAILED, error=ZvolError(text, kind=kind, hint=hint), candidates=rows)


def _not_deleted(name: str, rows: Sequence[VolumeRow]) -> str:
    if len(rows) > 1:
        return f"{name} is the name of {len(rows)} volumes that are not deleted: nothing to recover"
    return f"{name} is not deleted ({rows[0].volume.status or 'of unknown status'}): nothing to recover"


def _others(client: Client, names: Sequence[str]) -> tuple[list[VolumeRow], list[Volume]]:
    """Return the data volumes with one of the names that are not deleted, and the root volumes that are.

    Sends one request; both are empty if it fails.
    """
    names = that_fit([name for name in names if condition("name", "?=", name)])
    if not names:
        return [], []
    try:
        found = client.query_page(DATA_VOLUME.path, [("q", f"name?={','.join(names)}"), ("limit", "100")]).inventories
    except ZvolError:
        return [], []
    volumes = [volume for one in found if (volume := volume_of(one)) is not None and volume.name in names]
    there = [one for one in volumes if one.type == "Data" and not DATA_VOLUME.is_deleted(one)]
    roots = [one for one in volumes if one.type == "Root" and DATA_VOLUME.is_deleted(one)]
    return [VolumeRow(volume, Retention(False, "not-deleted")) for volume in there], roots


def that_fit(names: Sequence[str]) -> list[str]:
    """Return the names that fit into the URL of one request."""
    from urllib.parse import quote

    room, found = MAX_NAME_CHARS, list[str]()
    for name in names:
        size = len(quote(name)) + len("%2C")
        if size <= room and len(found) < MAX_NAMES:
            found.append(name)
            room -= size
    return found
