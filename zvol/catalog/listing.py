"""Lists volumes with their time left and the names of their VM and primary storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from zvol.catalog.lookups import Fact, look_up
from zvol.catalog.retention import Policy, most_urgent_first, parse_policy, volume_row
from zvol.errors import TransientError, Unreachable, UsageProblem, ZvolError
from zvol.model import Volume
from zvol.rows import VolumeRow
from zvol.text import escape_terminal, is_plain_name
from zvol.vm_instance import VmInstance
from zvol.zstack.query import UUID_BATCH
from zvol.zstack.resource_kinds import DATA_VOLUME, VM_INSTANCE, AnyKind

if TYPE_CHECKING:
    from zvol.catalog.server_zone import ZoneSources
    from zvol.zstack.client import Client
    from zvol.zstack.zones import Zone

STATUSES = ("Creating", "Deleted", "Migrating", "NotInstantiated", "Ready")
TYPES = ("Data", "Root", "Memory", "Cache")

STORAGES: Final = "/v1/primary-storage"

POLICY_FACTS: Final = {DATA_VOLUME.name: Fact.POLICY, VM_INSTANCE.name: Fact.VM_POLICY}
POLICY_ROWS: Final = 100
"""Page size for the global configurations of one category; a server has about twenty for volumes."""
SOON_SECONDS: Final = 2.0
"""Timeout of a request that only messages depend on."""
MAX_UNIQUE: Final = 10
"""Maximum number of names looked up for a command to type."""
SMALL_BATCH: Final = 10
"""The number of UUIDs to try when a proxy does not accept long URLs."""


def find_volumes(client: Client, status: str = DATA_VOLUME.deleted_state, type: str = "Data") -> list[Volume]:
    """Return the volumes of a status and a type (`any` for all); raises UsageProblem, and what the client raises."""
    conditions = []
    for name, given, names in (("status", status, STATUSES), ("type", type, TYPES)):
        known = {one.lower(): one for one in names}
        if given.lower() not in (*known, "any"):
            raise UsageProblem(
                f"there is no {name} {escape_terminal(given)}", hint=f"Available: any, {', '.join(names)}."
            )
        if given.lower() != "any":
            conditions.append(f"{name}={known[given.lower()]}")
    return client.list_volumes(conditions)


@dataclass(frozen=True, slots=True)
class RetentionContext:
    """What the time left depends on: the policies by kind, the server's time zone and its clock `now`.

    A failed look-up means an unknown value, with the error in `missing`; this machine's clock is never a substitute.
    """

    policies: Mapping[str, Policy]
    zone: Zone
    now: float | None
    missing: Mapping[Fact, ZvolError] = field(default_factory=dict)

    def policy(self, kind: AnyKind) -> Policy | None:
        return self.policies.get(kind.name)


def retention_context(client: Client, zones: ZoneSources, kinds: Iterable[AnyKind]) -> RetentionContext:
    """Look up what the time left of these kinds depends on."""
    missing: dict[Fact, ZvolError] = {}
    policies = {kind.name: policy for kind in kinds if (policy := _policy(client, kind, missing)) is not None}
    now = look_up(Fact.CLOCK, client.server_time, missing)
    zone, reason = zones.find(now)
    if zone.tz is None and reason is not None:
        missing[Fact.ZONE] = reason
    if now is not None and zone.moment is not None:
        now = max(now, zone.moment)  # finding the zone may have taken a while
    return RetentionContext(policies, zone, now, missing)


def _policy(client: Client, kind: AnyKind, missing: dict[Fact, ZvolError]) -> Policy | None:
    def query() -> Policy:
        configs = client.query_all("/v1/global-configurations", [kind.configs], key="name", rows=POLICY_ROWS)
        return parse_policy(configs, kind)

    fact = POLICY_FACTS[kind.name]
    policy = look_up(fact, query, missing)
    if policy is not None and not policy.complete:
        missing[fact] = Unreachable("the server's answer lacks deletionPolicy or expungePeriod")
    return policy


def clocks(volumes: Iterable[Volume]) -> tuple[AnyKind, ...]:
    """Return the kinds whose policies determine how long these volumes are kept."""
    return (DATA_VOLUME, VM_INSTANCE) if any(map(follows_vm, volumes)) else (DATA_VOLUME,)


def follows_vm(volume: Volume) -> bool:
    """Tell whether a deleted volume is kept as long as its VM: root volumes, and copies of memory."""
    return volume.deleted and volume.type not in (None, "Data")


def volume_rows(client: Client, volumes: Iterable[Volume], context: RetentionContext) -> list[VolumeRow]:
    """Return volumes with their time left and names, most urgent first; a failed look-up only leaves values out."""
    volumes = list(volumes)
    on_vms = {volume.text("vmInstanceUuid") for volume in volumes if follows_vm(volume)}
    vms = {vm.uuid: vm for vm in _destroyed_vms(client, on_vms)}
    last_or_now = {volume.text(name) for volume in volumes for name in ("lastVmInstanceUuid", "vmInstanceUuid")}
    names = resource_names(client, VM_INSTANCE.path, last_or_now - vms.keys()) | {
        vm.uuid: vm.name for vm in vms.values()
    }
    storages = resource_names(client, STORAGES, {volume.text("primaryStorageUuid") for volume in volumes})

    def row(volume: Volume) -> VolumeRow:
        vm = vms.get(volume.text("vmInstanceUuid") or "") if follows_vm(volume) else None
        policy = context.policy(VM_INSTANCE if follows_vm(volume) else DATA_VOLUME)
        return volume_row(volume, policy, context.zone, context.now, names, storages, vm)

    return sorted(map(row, volumes), key=most_urgent_first)


def _destroyed_vms(client: Client, uuids: set[str | None]) -> list[VmInstance]:
    """Return the VMs of root volumes, with state and date only; VMs whose look-up failed are left out."""
    found = _by_uuid(client, VM_INSTANCE.path, uuids, "uuid,name,state,lastOpDate")
    return [VmInstance(str(one["uuid"]), one) for one in found if isinstance(one.get("uuid"), str)]


def with_doubts(rows: Iterable[VolumeRow], doubts: Mapping[str, str]) -> list[VolumeRow]:
    """Return rows with the doubts about their last VMs, by UUID; rows without one are unchanged."""
    return [replace(row, last_vm_doubt=doubts.get(row.volume.uuid, row.last_vm_doubt)) for row in rows]


def resource_names(client: Client, path: str, uuids: set[str | None]) -> dict[str, str]:
    """Return the names of resources by UUID, without those whose look-up failed."""
    found = _by_uuid(client, path, uuids, "uuid,name")
    return {one["uuid"]: one["name"] for one in found if all(isinstance(one.get(f), str) for f in ("uuid", "name"))}


def names_soon(client: Client, path: str, uuids: Iterable[str | None]) -> dict[str, str]:
    """Return the names of some resources by UUID, in one short request; only messages depend on them.

    Raises what the client raises.
    """
    return {uuid: name for uuid, name, _ in _soon(client, path, uuids, "uuid,name")}


def vms_soon(client: Client, uuids: Iterable[str | None]) -> tuple[dict[str, str], frozenset[str]]:
    """Return the names of VMs by UUID, and those that are Stopped; as `names_soon` does."""
    found = list(_soon(client, VM_INSTANCE.path, uuids, "uuid,name,state"))
    return {uuid: name for uuid, name, _ in found}, frozenset(uuid for uuid, _, state in found if state == "Stopped")


def _soon(client: Client, path: str, uuids: Iterable[str | None], fields: str) -> Iterator[tuple[str, str, object]]:
    some = sorted({uuid for uuid in uuids if uuid})[:UUID_BATCH]
    for one in _page_soon(client, path, f"uuid?={','.join(some)}", fields) if some else ():
        uuid, name = one.get("uuid"), one.get("name")
        if isinstance(uuid, str) and isinstance(name, str):
            yield uuid, name, one.get("state")


def unique_names(client: Client, volumes: Iterable[Volume]) -> frozenset[str]:
    """Return the UUIDs of volumes whose name is easy to type and unique; raises as `names_soon` does."""
    plain = [volume for volume in volumes if is_plain_name(volume.name)][:MAX_UNIQUE]
    if not plain:
        return frozenset()
    found = _page_soon(client, DATA_VOLUME.path, f"name?={','.join(sorted({volume.name for volume in plain}))}")
    if len(found) == UUID_BATCH:  # there may be more
        return frozenset()
    count = Counter(one.get("name") for one in found)
    return frozenset(volume.uuid for volume in plain if count[volume.name] == 1)


def _page_soon(client: Client, path: str, condition: str, fields: str = "uuid,name") -> Sequence[Mapping[str, Any]]:
    query = [("q", condition), ("fields", fields), ("limit", str(UUID_BATCH))]
    return client.query_page(path, query, SOON_SECONDS).inventories


def _by_uuid(client: Client, path: str, uuids: set[str | None], fields: str) -> list[Mapping[str, Any]]:
    """Return some fields of resources, in requests of limited length, without those whose look-up failed."""
    ordered = sorted(uuid for uuid in uuids if uuid)
    rows: list[Mapping[str, Any]] = []
    size, start = UUID_BATCH, 0
    while start < len(ordered):
        part = ordered[start : start + size]
        try:
            rows += client.query_all(path, [f"uuid?={','.join(part)}"], fields=fields, rows=UUID_BATCH)
        except ZvolError as exc:
            if len(part) <= SMALL_BATCH or not _is_answered(exc):
                return rows
            size = SMALL_BATCH
            continue
        start += len(part)
    return rows


def _is_answered(error: ZvolError) -> bool:
    """Tell whether a transient error is an answer, from ZStack or something else."""
    return isinstance(error, TransientError) and error.never_sent is None and error.maybe_sent is None
