"""Whether a volume can be recovered, and how: all reasons that can be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from zvol.catalog.listing import STORAGES
from zvol.catalog.retention import ROOT
from zvol.errors import ZvolError
from zvol.row import AnyRow
from zvol.rows import VolumeRow
from zvol.vm_instance import DESTROYED_STATES
from zvol.zstack.last_vm import CERTAIN
from zvol.zstack.resource_kinds import DATA_VOLUME, VM_INSTANCE

if TYPE_CHECKING:
    from zvol.zstack.client import Client

R = TypeVar("R", bound=AnyRow)

ADMIN = "36c27e8ff05c4780bf6d2fa65700f22e"
"""The built-in admin account of every ZStack; quotas do not apply to it."""


def with_recoverability(row: VolumeRow, client: Client) -> VolumeRow:
    """Return a row with notes, and with `recoverable` corrected by the quota; a failed look-up adds a note."""
    if not DATA_VOLUME.is_deleted(row.volume):
        attach = row.volume.text("lastVmInstanceUuid") and not row.volume.text("vmInstanceUuid")
        named = " VM" if row.last_vm_doubt else ""
        return replace(row, next=f"attach {row.volume.uuid}{named}" if attach else "")
    notes = [
        *policy_note(row),
        *storage_notes(find_storage(row.volume.text("primaryStorageUuid"), client), "volume"),
    ]
    snapshots = query(client, "/v1/volume-snapshots", f"volumeUuid={row.volume.uuid}")
    tags = query(client, "/v1/user-tags", f"resourceUuid={row.volume.uuid}")
    for what, found, key in (("snapshots", snapshots, "name"), ("tags", tags, "tag")):
        if isinstance(found, str):
            notes.append(f"whether it comes back with {what} is not known: {found}")
        elif found:
            what = f"{len(found)} snapshots" if key == "name" else "its tags"
            notes.append(f"comes back with {what}: {names_of(found, key)}")
    many = None if isinstance(snapshots, str) else len(snapshots)
    row = check_quota(row, client, (("volume.data.num", 1), ("snapshot.volume.num", many)))
    return replace(row, notes=(*row.notes, *notes), next=_next(row, client))


def _next(row: VolumeRow, client: Client) -> str:
    """Return the command that recovers a deleted volume; for a root volume, that of its VM if that is destroyed."""
    if row.retention.recoverable is not False:
        last = row.volume.text("lastVmInstanceUuid")
        again = last is not None and row.last_vm_doubt == CERTAIN and _is_there(last, client)
        return f"recover {row.volume.uuid}{' --reattach' if again else ''}"
    if row.retention.reason != ROOT or row.last_vm is None:
        return ""
    vm = row.volume.text("vmInstanceUuid")
    found = query(client, VM_INSTANCE.path, f"uuid={vm}")
    destroyed = isinstance(found, str) or any(one.get("state") in DESTROYED_STATES for one in found)
    return f"recover --vm {vm}" if destroyed else ""


def _is_there(vm: str, client: Client) -> bool:
    """Tell whether a VM exists and is not destroyed, so that a volume can be attached to it."""
    found = query(client, VM_INSTANCE.path, f"uuid={vm}")
    return not isinstance(found, str) and any(one.get("state") not in DESTROYED_STATES for one in found)


def policy_note(row: AnyRow) -> list[str]:
    """Return what the cloud's deletion policy means for resources in the recycle bin."""
    if row.retention.policy == "Never":
        return ["the cloud's policy is Never: it stays in the recycle bin until somebody expunges it"]
    if row.retention.policy == "Direct":
        return [
            "the cloud's policy is Direct by now: what is deleted from now on is gone at once; this one keeps its time"
        ]
    return []


def query(client: Client, path: str, condition: str) -> list[Mapping[str, Any]] | str:
    """Return the results of a query, or the message of its error."""
    try:
        return client.query_all(path, [condition], rows=100)
    except ZvolError as exc:
        return exc.full_text


def names_of(items: list[Mapping[str, Any]], key: str) -> str:
    return ", ".join(str(item.get(key)) for item in items[:10]) + (", ..." if len(items) > 10 else "")


def find_storage(uuid: str | None, client: Client) -> list[Mapping[str, Any]] | str | None:
    """Return a primary storage, [] if it does not exist, the message of the error, or None without a UUID."""
    return None if uuid is None else query(client, STORAGES, f"uuid={uuid}")


def storage_notes(found: list[Mapping[str, Any]] | str | None, noun: str) -> list[str]:
    """Return the problems of the storage: the server recovers the volume anyway, but its data may be unavailable."""
    if found is None:
        return []
    if isinstance(found, str):
        return [f"how its primary storage is, is not known: {found}"]
    if not found:
        return ["its primary storage does not exist any more, or is not visible to this account"]
    state, status = found[0].get("state"), found[0].get("status")
    return [
        f"its primary storage {found[0].get('name')} is {problem}: the {noun} comes back, its data may be out of reach"
        for problem in (state, status)
        if problem not in ("Enabled", "Connected")
    ]


def check_quota(row: R, client: Client, wanted: Sequence[tuple[str, int | None]]) -> R:
    """Check the quotas of the owner. Whether they apply depends on whose session this is, which cannot be queried.

    `wanted` are names, and how much more of each is needed. If a quota or a number is unknown (None), it is unknown
    whether the resource is recoverable.
    """
    if row.retention.recoverable is not True:
        return row
    try:
        owner = client.owner(row.resource.uuid)
        usages = client.quota(owner) if owner and owner != ADMIN else {}
    except ZvolError as exc:
        return _quota_unknown(row, f"whether a quota of its owner is full is not known: {exc.full_text}")
    if owner != ADMIN and not usages:
        return _quota_unknown(row, "whether a quota of its owner is full is not known: the server does not tell it")
    for name, more in wanted:
        if name not in usages or more == 0:
            continue
        total, used = usages[name]
        if used + (more or 0) > total:
            return _quota_unknown(
                row, f"quota {name} of its owner is full ({used} of {total}); only the admin can bring it back"
            )
        if more is None:
            return _quota_unknown(row, f"whether its snapshots fit into the quota {name} of its owner is not known")
    return row


def _quota_unknown(row: R, text: str) -> R:
    return replace(row, retention=row.retention._replace(recoverable=None, reason="quota"), notes=(*row.notes, text))
