"""How long a deleted volume is safe: pure arithmetic on the server's data, without guesses.

All instants are seconds since 1970 UTC. If a date can be read in two ways, the earlier deadline counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from zvol.model import Volume
from zvol.resource import Resource
from zvol.row import AnyRow, Retention
from zvol.rows import VmRow, VolumeRow
from zvol.vm_instance import DESTROYED, DESTROYED_STATES, VmInstance
from zvol.zstack.dates import parse_server_date
from zvol.zstack.last_vm import DETACH_SLACK
from zvol.zstack.resource_kinds import DATA_VOLUME, VM_INSTANCE, AnyKind
from zvol.zstack.zones import END, Zone

NOT_DELETED: Final = "not-deleted"
GONE: Final = "gone"
"""The reason for a VM whose root volume is destroyed."""
ROOT: Final = "root"
FINAL: Final = (NOT_DELETED, GONE, "half-expunged")
"""The reasons for resources that have no time left to show."""

POLICIES: Final = ("Delay", "Never", "Direct")
BEGUN: Final = "it is overdue: its destruction may have begun, and its {} may be gone"
DATES: Final = ("createDate", "lastOpDate", "lastDetachDate")
MAX_AHEAD: Final = 600
"""Seconds; a change further ahead of the server's clock shows that the assumed zone is wrong."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The global configurations of one category; seconds, None if the server sent no usable value."""

    deletion_policy: str | None = None
    period_seconds: int | None = None
    interval_seconds: int | None = None

    @property
    def complete(self) -> bool:
        """Tell whether it suffices to compute how long a volume is safe."""
        return self.deletion_policy == "Never" or None not in (self.deletion_policy, self.period_seconds)


def parse_policy(configs: Iterable[Mapping[str, Any]], kind: AnyKind = DATA_VOLUME) -> Policy:
    """Parse the global configurations of a kind; their values are texts, and unexpected ones become None."""
    values: dict[object, object] = {}
    for item in configs:
        if item.get("category") == kind.config_category and isinstance(item.get("name"), str):
            name = item["name"]
            values[name] = item.get("value") if name not in values else None  # contradictory answers are ignored
    policy = values.get("deletionPolicy")
    return Policy(
        policy if isinstance(policy, str) and policy in POLICIES else None,
        _seconds(values.get("expungePeriod")),
        _seconds(values.get("expungeInterval")),
    )


def instant(text: str | None, zone: Zone) -> float | None:
    """Return the instant of a server's local date: the earliest if several are possible, None if unknown."""
    local = parse_server_date(text or "")
    return None if local is None else zone.instant(local)


def last_change(resource: Resource, zone: Zone, now: float | None) -> float | None:
    """Return when the record last changed; None if unknown, or if the server's clock `now` contradicts it.

    A date of the server is by its own clock, so without that clock it has no meaning here.
    """
    changed = instant(resource.last_op_date, zone)
    return None if changed is None or now is None or changed > now + MAX_AHEAD else changed


def retention_of(
    resource: Resource, policy: Policy | None, zone: Zone, now: float | None, vm: VmInstance | None = None
) -> Retention:
    """Return a resource's time in the recycle bin by the server's clock `now`; None if that is unknown.

    `policy` is the one that applies to the resource. A root volume has the policy of its VM, and its time counts from
    the deletion of the `vm`, which is None if unknown.
    """
    policy, clock = policy or Policy(), zone.source if now is not None else "unknown"

    def answer(recoverable: bool | None, reason: str | None = None, **known: Any) -> Retention:
        return Retention(recoverable, reason, policy=policy.deletion_policy, clock=clock, **known)

    if isinstance(resource, VmInstance):
        recoverable, reason = _vm_recoverable(resource)
    else:
        recoverable, reason = _volume_recoverable(resource)
    if reason in FINAL or (recoverable is None and reason is None):
        return answer(recoverable, reason)
    counted = (vm if vm is not None and vm.state == DESTROYED else None) if reason == ROOT else resource
    after = None if counted is None else _deadline(last_change(counted, zone, now), policy)
    left = None if after is None or now is None else max(0, math.floor(after - now))
    if left == 0 and reason is None:
        reason = "overdue"  # still listed: it exists until the next run of the server's task
    clock_from = None if counted is None else _clock_from(counted)
    return answer(recoverable, reason, clock_from=clock_from, expunges_after=after, seconds_left=left)


def _volume_recoverable(volume: Resource) -> tuple[bool | None, str | None]:
    """Return whether a volume can be recovered by itself, as far as its row shows, and why not."""
    if volume.text("status") is None or (DATA_VOLUME.is_deleted(volume) and volume.text("type") is None):
        return None, None
    if not DATA_VOLUME.is_deleted(volume):
        return False, NOT_DELETED
    reason = DATA_VOLUME.refusal(volume)
    return reason is None, reason


def _vm_recoverable(vm: VmInstance) -> tuple[bool | None, str | None]:
    """Return whether a VM can be recovered, as far as its row shows, and why not."""
    if vm.state not in DESTROYED_STATES:
        return (None, None) if vm.state is None else (False, NOT_DELETED)
    if not vm.complete:
        return None, "volumes"
    if vm.root is None:
        return False, GONE
    reason = VM_INSTANCE.refusal(vm)
    if reason is not None:
        return False, reason
    return (True, None) if vm.state == DESTROYED else (None, "state")


def _deadline(changed: float | None, policy: Policy) -> float | None:
    """Return the end of the retention period; `Direct` applies only to later deletions."""
    if changed is None or policy.period_seconds is None or policy.deletion_policy not in ("Delay", "Direct"):
        return None
    return min(changed + policy.period_seconds, float(END))


def _clock_from(resource: Resource) -> str | None:
    """Return which event the last change was, as far as known.

    ZStack stores no date of the deletion, only of the last change. `deleted`: nothing indicates that they differ.
    `changed`: the volume was detached at another time, so the deletion may be older than the change that counts.
    """
    changed = parse_server_date(resource.last_op_date or "")
    if changed is None:
        return None
    detached = parse_server_date(resource.text("lastDetachDate") or "")
    apart = 0.0 if detached is None else abs((changed - detached).total_seconds())
    return "changed" if apart > DETACH_SLACK else "deleted"


def volume_row(
    volume: Volume,
    policy: Policy | None,
    zone: Zone,
    now: float | None,
    vm_names: Mapping[str, str],
    storage_names: Mapping[str, str],
    vm: VmInstance | None = None,
) -> VolumeRow:
    """Return a volume as `list` and `show` present it; `now` is the server's clock, the names are by UUID.

    `policy` and `vm` are as in `retention_of`.
    """
    last = volume.text("lastVmInstanceUuid") or (vm.uuid if vm is not None else "")
    retention = retention_of(volume, policy, zone, now, vm)
    storage = storage_names.get(volume.text("primaryStorageUuid") or "")
    known = _known(volume, retention, policy, zone, now)
    on_vm = vm_names.get(volume.text("vmInstanceUuid") or "")
    return VolumeRow(volume, retention, last_vm=vm_names.get(last), storage=storage, on_vm=on_vm, **known)


def vm_row(
    vm: VmInstance, policy: Policy | None, zone: Zone, now: float | None, storage_names: Mapping[str, str]
) -> VmRow:
    """Return a VM as `list --vms` and `show --vm` present it."""
    retention = retention_of(vm, policy, zone, now)
    storage = None if vm.root is None else storage_names.get(vm.root.text("primaryStorageUuid") or "")
    return VmRow(vm, retention, storage=storage, **_known(vm, retention, policy, zone, now))


def _known(resource: Resource, time: Retention, policy: Policy | None, zone: Zone, now: float | None) -> dict[str, Any]:
    """Return the values of a row that follow from the server's clock and zone."""
    changed = last_change(resource, zone, now)
    lost = "root volume" if isinstance(resource, VmInstance) else "snapshots"
    return {
        "deleted_at": changed if resource.deleted and time.reason != NOT_DELETED else None,
        "notes": (BEGUN.format(lost),) if _missed(time, policy, now) else (),
        "dates": {} if changed is None else _dates(resource, zone),
        "server_now": now,
    }


def _missed(time: Retention, policy: Policy | None, now: float | None) -> bool:
    """Tell whether the server should have destroyed it by now; it tries once per interval."""
    if time.expunges_after is None or policy is None or now is None:
        return False
    return now - time.expunges_after > (policy.interval_seconds or 0)


def _dates(resource: Resource, zone: Zone) -> dict[str, float]:
    found = {name: instant(resource.text(name), zone) for name in DATES}
    return {name: when for name, when in found.items() if when is not None}


def expires_within(time: Retention, seconds: float) -> bool | None:
    """Tell whether it is destroyed within `seconds`; None if unknown, False if nothing can be lost."""
    if (time.recoverable is False and time.reason != ROOT) or time.policy == "Never":
        return False
    return None if time.seconds_left is None else time.seconds_left <= seconds


def most_urgent_first(row: AnyRow) -> tuple[int, float, datetime, str]:
    """Return a sort key: unknown time left first, then by deadline, then those that stay; ties by change and UUID."""
    changed = parse_server_date(row.resource.last_op_date or "") or datetime.min  # noqa: DTZ901 (no zone, as the server's)
    if expires_within(row.retention, math.inf) is False:
        return (2, 0.0, changed, row.resource.uuid)
    after = row.retention.expunges_after
    return (0, 0.0, changed, row.resource.uuid) if after is None else (1, after, changed, row.resource.uuid)


def _seconds(value: object) -> int | None:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,11}", value) else None
