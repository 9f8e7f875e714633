"""Whether a volume can be brought back, and what it would come back with: every reason that can be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zvol.errors import ZvolError
from zvol.model import VolumeRow, stamp

if TYPE_CHECKING:
    from zvol.zstack.client import Client

ADMIN = "36c27e8ff05c4780bf6d2fa65700f22e"
"""The built-in admin account of every ZStack; quotas do not count for it."""


def inspected(row: VolumeRow, client: Client) -> VolumeRow:
    """Return a listed volume with notes, and with `recoverable` as far as quota allows; a failed look-up costs one."""
    if not row.volume.deleted:
        attach = row.volume.text("lastVmInstanceUuid") and not row.volume.text("vmInstanceUuid")
        return replace(row, notes=tuple(_attached(row)), next=f"attach {row.volume.uuid}" if attach else "")
    notes = [*_policy(row), *_storage(row, client), *_attached(row)]
    snapshots = _look(client, "/v1/volume-snapshots", f"volumeUuid={row.volume.uuid}")
    tags = _look(client, "/v1/user-tags", f"resourceUuid={row.volume.uuid}")
    for what, found, key in (("snapshots", snapshots, "name"), ("tags", tags, "tag")):
        if isinstance(found, str):
            notes.append(f"whether it comes back with {what} is not known: {found}")
        elif found:
            many = f"{len(found)} snapshots" if key == "name" else "its tags"
            notes.append(f"comes back with {many}: {_names(found, key)}")
    row = _quota(row, client, None if isinstance(snapshots, str) else len(snapshots))
    again = f"recover {row.volume.uuid}" if row.recycle.recoverable is not False else ""
    return replace(row, notes=(*row.notes, *notes), next=again)


def _policy(row: VolumeRow) -> list[str]:
    """Say what the cloud's deletion policy means for a volume that is in the recycle bin."""
    if row.recycle.policy == "Never":
        return ["the cloud's policy is Never: it stays in the recycle bin until somebody expunges it"]
    if row.recycle.policy == "Direct":
        return [
            "the cloud's policy is Direct by now: what is deleted from now on is gone at once; this one keeps its time"
        ]
    return []


def _look(client: Client, path: str, condition: str) -> list[Mapping[str, Any]] | str:
    """Return what a query finds, or why that is not known."""
    try:
        return client.query_all(path, [condition], rows=100)
    except ZvolError as exc:
        return exc.message


def _names(items: list[Mapping[str, Any]], key: str) -> str:
    return ", ".join(str(item.get(key)) for item in items[:10]) + (", ..." if len(items) > 10 else "")


def _attached(row: VolumeRow) -> list[str]:
    vm, when = row.volume.text("lastVmInstanceUuid"), stamp(row.dates.get("lastDetachDate"))
    if row.volume.text("vmInstanceUuid") or vm is None:
        return []
    called = f"{row.last_vm} ({vm})" if row.last_vm else vm
    until = f", until {when}" if when else ""
    return [f"was last on VM {called}{until}; it is not attached again by itself"]


def _storage(row: VolumeRow, client: Client) -> list[str]:
    """Say what is wrong with the storage: the server brings the volume back all the same, but its data may be away."""
    uuid = row.volume.text("primaryStorageUuid")
    if uuid is None:
        return []
    found = _look(client, "/v1/primary-storage", f"uuid={uuid}")
    if isinstance(found, str):
        return [f"how its primary storage is, is not known: {found}"]
    if not found:
        return ["its primary storage does not exist any more, or is not visible to this account"]
    state, status = found[0].get("state"), found[0].get("status")
    return [
        f"its primary storage {found[0].get('name')} is {word}: the volume comes back, its data may be out of reach"
        for word in (state, status)
        if word not in ("Enabled", "Connected")
    ]


def _quota(row: VolumeRow, client: Client, snapshots: int | None) -> VolumeRow:
    """Look at both quotas of the owner.  Whether they count depends on whose session this is, which cannot be asked.

    A quota that is not known, or `snapshots` that cannot be counted, may forbid it: then it is not known either.
    """
    if row.recycle.recoverable is not True:
        return row
    try:
        owner = client.owner(row.volume.uuid)
        usages = client.quota(owner) if owner and owner != ADMIN else {}
    except ZvolError as exc:
        return _unsure(row, f"whether a quota of its owner is full is not known: {exc.message}")
    if owner != ADMIN and not usages:
        return _unsure(row, "whether a quota of its owner is full is not known: the server does not tell it")
    for name, asked in (("volume.data.num", 1), ("snapshot.volume.num", snapshots)):
        if name not in usages or asked == 0:
            continue
        total, used = usages[name]
        if used + (asked or 0) > total:
            return _unsure(
                row, f"quota {name} of its owner is full ({used} of {total}); only the admin can bring it back"
            )
        if asked is None:
            return _unsure(row, f"whether its snapshots fit into the quota {name} of its owner is not known")
    return row


def _unsure(row: VolumeRow, text: str) -> VolumeRow:
    return replace(row, recycle=replace(row.recycle, recoverable=None, reason="quota"), notes=(*row.notes, text))
