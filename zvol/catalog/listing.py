"""Listing volumes with their time left and the names of their VM and primary storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from zvol.catalog.lookups import Fact, look_up
from zvol.catalog.retention import Policy, most_urgent_first, parse_policy, volume_row
from zvol.errors import TransientError, Unreachable, UsageProblem, ZvolError
from zvol.model import Volume, VolumeRow
from zvol.text import escape_terminal
from zvol.zstack.last_vm import doubt, is_in_doubt, release_of, shows_last_vm
from zvol.zstack.resource_kinds import DATA_VOLUME

if TYPE_CHECKING:
    from zvol.catalog.server_zone import ZoneSources
    from zvol.zstack.client import Client
    from zvol.zstack.zones import Zone

STATUSES = ("Creating", "Deleted", "Migrating", "NotInstantiated", "Ready")
TYPES = ("Data", "Root", "Memory", "Cache")

POLICY_ROWS: Final = 100
"""The page size for the global configurations of category `volume`; a server has some twenty."""
NAME_BATCH: Final = 50
"""The most UUIDs that fit into a URL of 2,000 characters."""
SMALL_NAME_BATCH: Final = 10
"""The number of UUIDs to try when a proxy does not accept long URLs."""


def find_volumes(client: Client, status: str = DATA_VOLUME.deleted_state, type: str = "Data") -> list[Volume]:
    """Return the volumes of a status and a type (`any` for all); raises UsageProblem, and what the client raises."""
    conditions = []
    for name, given, names in (("status", status, STATUSES), ("type", type, TYPES)):
        known = {one.lower(): one for one in names}
        if given.lower() not in (*known, "any"):
            raise UsageProblem(
                f"there is no {name} {escape_terminal(given)}", hint=f"There is: any, {', '.join(names)}."
            )
        if given.lower() != "any":
            conditions.append(f"{name}={known[given.lower()]}")
    return client.list_volumes(conditions)


@dataclass(frozen=True, slots=True)
class RetentionContext:
    """What the time left of deleted volumes depends on: the policy, the server's time zone and its clock `now`.

    What could not be looked up is unknown, with the error in `missing`; this machine's clock is never a substitute.
    """

    policy: Policy | None
    zone: Zone
    now: float | None
    missing: Mapping[Fact, ZvolError] = field(default_factory=dict)


def retention_context(client: Client, zones: ZoneSources) -> RetentionContext:
    """Look up what the time left depends on."""
    missing: dict[Fact, ZvolError] = {}
    policy = look_up(Fact.POLICY, lambda: _policy(client), missing)
    if policy is not None and not policy.complete:
        missing[Fact.POLICY] = Unreachable("the server's answer lacks deletionPolicy or expungePeriod")
    now = look_up(Fact.CLOCK, client.server_time, missing)
    zone, reason = zones.find(now)
    if zone.tz is None and reason is not None:
        missing[Fact.ZONE] = reason
    if now is not None and zone.moment is not None:
        now = max(now, zone.moment)  # it may have taken a while to find the zone
    return RetentionContext(policy, zone, now, missing)


def _policy(client: Client) -> Policy:
    configs = client.query_all("/v1/global-configurations", [DATA_VOLUME.configs], key="name", rows=POLICY_ROWS)
    return parse_policy(configs)


def volume_rows(client: Client, volumes: Iterable[Volume], context: RetentionContext) -> list[VolumeRow]:
    """Return volumes with their time left and names, most urgent first; a failed look-up only leaves out names."""
    volumes = list(volumes)
    vms = _resource_names(client, "/v1/vm-instances", {volume.text("lastVmInstanceUuid") for volume in volumes})
    storages = _resource_names(client, "/v1/primary-storage", {volume.text("primaryStorageUuid") for volume in volumes})
    rows = [volume_row(volume, context.policy, context.zone, context.now, vms, storages) for volume in volumes]
    return sorted(rows, key=most_urgent_first)


def with_last_vm_doubts(client: Client, rows: Sequence[VolumeRow]) -> list[VolumeRow]:
    """Return rows with what is not known of the VMs they were last on; the release is asked for only when it decides.

    A server that remembers the VM of one of these volumes remembers those of all.
    """
    remembers = any(shows_last_vm(row.volume) for row in rows)
    in_doubt = [row.volume for row in rows if is_in_doubt(row.volume)]
    if remembers:
        in_doubt = [volume for volume in in_doubt if volume.text("lastVmInstanceUuid") is not None]
    if not in_doubt:
        return list(rows)
    release, uuids = release_of(client.version), {volume.uuid for volume in in_doubt}
    return [replace(row, last_vm_doubt=doubt(row.volume, release)) if row.volume.uuid in uuids else row for row in rows]


def _resource_names(client: Client, path: str, uuids: set[str | None]) -> dict[str, str]:
    """Return the names of resources by UUID, without those whose look-up failed."""
    ordered = sorted(uuid for uuid in uuids if uuid)
    names: dict[str, str] = {}
    size, start = NAME_BATCH, 0
    while start < len(ordered):
        part = ordered[start : start + size]
        try:
            found = client.query_all(path, [f"uuid?={','.join(part)}"], fields="uuid,name", rows=NAME_BATCH)
        except ZvolError as exc:
            if len(part) <= SMALL_NAME_BATCH or not _is_answered(exc):
                return names
            size = SMALL_NAME_BATCH
            continue
        names |= {
            one["uuid"]: one["name"] for one in found if all(isinstance(one.get(f), str) for f in ("uuid", "name"))
        }
        start += len(part)
    return names


def _is_answered(error: ZvolError) -> bool:
    """Tell whether a transient error is an answer, from ZStack or from anything else."""
    return isinstance(error, TransientError) and error.never_sent is None and error.maybe_sent is None
