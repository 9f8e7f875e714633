"""How long a deleted volume is safe: pure arithmetic on the server's data, never a guess.

All instants are seconds since 1970 UTC.  When a date can be read in two ways, the earlier deadline counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from zvol.model import Retention, Volume, VolumeRow
from zvol.zstack.dates import parse_server_date
from zvol.zstack.last_vm import DETACH_SLACK
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.zones import END, Zone

POLICIES: Final = ("Delay", "Never", "Direct")
BEGUN: Final = "it is overdue: its destruction may have begun, and its snapshots may be gone"
DATES: Final = ("createDate", "lastOpDate", "lastDetachDate")
MAX_AHEAD: Final = 600
"""Seconds; a change further ahead of the server's clock than this shows that its zone is not the assumed one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The global configurations of category `volume`; seconds, None when the server sent nothing usable."""

    deletion_policy: str | None = None
    period_seconds: int | None = None
    interval_seconds: int | None = None

    @property
    def complete(self) -> bool:
        """Tell whether it is enough to know how long a volume is safe."""
        return self.deletion_policy == "Never" or None not in (self.deletion_policy, self.period_seconds)


def parse_policy(configs: Iterable[Mapping[str, Any]]) -> Policy:
    """Parse the inventories of global configurations; their values are texts, and anything unexpected is None."""
    values: dict[object, object] = {}
    for item in configs:
        if item.get("category") == DATA_VOLUME.config_category and isinstance(item.get("name"), str):
            name = item["name"]
            values[name] = item.get("value") if name not in values else None  # contradictory answers count as none
    policy = values.get("deletionPolicy")
    return Policy(
        policy if isinstance(policy, str) and policy in POLICIES else None,
        _seconds(values.get("expungePeriod")),
        _seconds(values.get("expungeInterval")),
    )


def instant(text: str | None, zone: Zone) -> float | None:
    """Return the instant of a server's local date: the earliest of several possible ones, None when it is not known."""
    local = parse_server_date(text or "")
    return None if local is None else zone.instant(local)


def last_change(volume: Volume, zone: Zone, now: float | None) -> float | None:
    """Return when the volume's record last changed; None when unknown, or when the server's clock `now` contradicts it.

    A server's date is on its own clock: without that clock the date has no meaning here.
    """
    changed = instant(volume.last_op_date, zone)
    return None if changed is None or now is None or changed > now + MAX_AHEAD else changed


def retention_of(volume: Volume, policy: Policy | None, zone: Zone, now: float | None) -> Retention:
    """Return a volume's time in the recycle bin, on the server's clock `now`; None when that is not known."""
    policy, clock = policy or Policy(), zone.source if now is not None else "unknown"

    def answer(recoverable: bool | None, reason: str | None = None, **known: Any) -> Retention:
        return Retention(recoverable, reason, policy=policy.deletion_policy, clock=clock, **known)

    if volume.status is None or (DATA_VOLUME.is_deleted(volume) and volume.type is None):
        return answer(None)
    if not DATA_VOLUME.is_deleted(volume):
        return answer(False, "not-deleted")
    reason = DATA_VOLUME.refusal(volume)
    if reason is not None:
        return answer(False, reason)
    after = _deadline(last_change(volume, zone, now), policy)
    left = None if after is None or now is None else max(0, math.floor(after - now))
    reason = "overdue" if left == 0 else None  # it is listed, so it exists until the next run of the server's task
    return answer(True, reason, clock_from=_clock_from(volume), expunges_after=after, seconds_left=left)


def _deadline(changed: float | None, policy: Policy) -> float | None:
    """Return the end of the retention period; `Direct` applies to later deletions only."""
    if changed is None or policy.period_seconds is None or policy.deletion_policy not in ("Delay", "Direct"):
        return None
    return min(changed + policy.period_seconds, float(END))


def _clock_from(volume: Volume) -> str | None:
    """Return what the last change was, as far as it is known.

    ZStack keeps no date of the deletion, only of the last change.  `deleted`: nothing indicates that they differ.
    `changed`: the volume was detached at another time, so the deletion may be older than the change that is counted
    from.
    """
    changed = parse_server_date(volume.last_op_date or "")
    if changed is None:
        return None
    detached = parse_server_date(volume.text("lastDetachDate") or "")
    apart = 0.0 if detached is None else abs((changed - detached).total_seconds())
    return "changed" if apart > DETACH_SLACK else "deleted"


def volume_row(
    volume: Volume,
    policy: Policy | None,
    zone: Zone,
    now: float | None,
    vm_names: Mapping[str, str],
    storage_names: Mapping[str, str],
) -> VolumeRow:
    """Return a volume as `list` and `show` present it; `now` is the server's clock, the names are by UUID."""
    changed, retention = last_change(volume, zone, now), retention_of(volume, policy, zone, now)
    return VolumeRow(
        volume=volume,
        retention=retention,
        deleted_at=changed if DATA_VOLUME.is_deleted(volume) else None,
        last_vm=vm_names.get(volume.text("lastVmInstanceUuid") or ""),
        storage=storage_names.get(volume.text("primaryStorageUuid") or ""),
        notes=(BEGUN,) if _missed(retention, policy, now) else (),
        dates={} if changed is None else _dates(volume, zone),
        server_now=now,
    )


def _missed(time: Retention, policy: Policy | None, now: float | None) -> bool:
    """Tell whether the server should have destroyed a volume by now: it tries that once in each interval."""
    if time.expunges_after is None or policy is None or now is None:
        return False
    return now - time.expunges_after > (policy.interval_seconds or 0)


def _dates(volume: Volume, zone: Zone) -> dict[str, float]:
    found = {name: instant(volume.text(name), zone) for name in DATES}
    return {name: when for name, when in found.items() if when is not None}


def expires_within(time: Retention, seconds: float) -> bool | None:
    """Tell whether a volume is destroyed within `seconds`; None when not known, False when nothing can be lost."""
    if time.recoverable is False or time.policy == "Never":
        return False
    return None if time.seconds_left is None else time.seconds_left <= seconds


def most_urgent_first(row: VolumeRow) -> tuple[int, float, datetime, str]:
    """Return a sort key: unknown time left first, then by deadline, then those that stay; last by change and UUID."""
    changed = parse_server_date(row.volume.last_op_date or "") or datetime.min  # noqa: DTZ901 (no zone, as the server's)
    if expires_within(row.retention, math.inf) is False:
        return (2, 0.0, changed, row.volume.uuid)
    after = row.retention.expunges_after
    return (0, 0.0, changed, row.volume.uuid) if after is None else (1, after, changed, row.volume.uuid)


def _seconds(value: object) -> int | None:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,11}", value) else None
