"""How long a deleted volume is safe: pure arithmetic over what the server said, and never a guess.

All instants are seconds since 1970 UTC.  Where two readings of a date are possible the earlier deadline is taken.
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
from zvol.zstack.zones import END, Zone

POLICIES: Final = ("Delay", "Never", "Direct")
DETACH_SLACK: Final = 60
"""Deleting an attached volume detaches it: the two dates are no further apart than this; seconds."""
DATES: Final = ("createDate", "lastOpDate", "lastDetachDate")
AHEAD: Final = 600
"""A change that lies further ahead of the server's clock shows that its zone is another one; seconds."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The global configs of category `volume`; seconds, None where the server said nothing usable."""

    deletion_policy: str | None = None
    period_seconds: int | None = None
    interval_seconds: int | None = None

    @property
    def whole(self) -> bool:
        """Tell whether it decides how long a volume is safe."""
        return self.deletion_policy == "Never" or None not in (self.deletion_policy, self.period_seconds)


def parse_policy(configs: Iterable[Mapping[str, Any]]) -> Policy:
    """Read the inventories of global configs; their values are texts, and anything odd is None."""
    values: dict[object, object] = {}
    for item in configs:
        if item.get("category") == "volume" and isinstance(item.get("name"), str):
            name = item["name"]
            values[name] = item.get("value") if name not in values else None  # two answers are none
    policy = values.get("deletionPolicy")
    return Policy(
        policy if isinstance(policy, str) and policy in POLICIES else None,
        _seconds(values.get("expungePeriod")),
        _seconds(values.get("expungeInterval")),
    )


def instant(text: str | None, zone: Zone) -> float | None:
    """Return when a server's local text was: the earliest of several possible instants, None when it is not known."""
    local = parse_server_date(text or "")
    return None if local is None else zone.instant(local)


def last_change(volume: Volume, zone: Zone, now: float | None) -> float | None:
    """Return when the volume's row last changed; None when unknown, or when the server's clock `now` disproves it.

    A server's date is of its own clock: while that is not known, nobody can tell what the date means here.
    """
    changed = instant(volume.last_op_date, zone)
    return None if changed is None or now is None or changed > now + AHEAD else changed


def recycle(volume: Volume, policy: Policy | None, zone: Zone, now: float | None) -> Retention:
    """Return a volume's time in the recycle bin, on the server's clock `now`; None when that is not known."""
    policy, clock = policy or Policy(), zone.source if now is not None else "unknown"

    def answer(recoverable: bool | None, reason: str | None = None, **known: Any) -> Retention:
        return Retention(recoverable, reason, policy=policy.deletion_policy, clock=clock, **known)

    if volume.status is None or (volume.deleted and volume.type is None):
        return answer(None)
    if not volume.deleted:
        return answer(False, "not-deleted")
    if volume.half_expunged:
        return answer(False, "half-expunged")
    if volume.type != "Data":
        return answer(False, "root")
    after = _deadline(last_change(volume, zone, now), policy)
    left = None if after is None or now is None else max(0, math.floor(after - now))
    reason = "overdue" if left == 0 else None  # listed, so it is there until the next run of the server's task
    return answer(True, reason, clock_from=_clock_from(volume), expunges_after=after, seconds_left=left)


def _deadline(changed: float | None, policy: Policy) -> float | None:
    """Return the end of the period.  `Direct` is for later deletions: what is in the bin already keeps its own."""
    if changed is None or policy.period_seconds is None or policy.deletion_policy not in ("Delay", "Direct"):
        return None
    return min(changed + policy.period_seconds, float(END))


def _clock_from(volume: Volume) -> str | None:
    """Say what the last change was, as far as it shows.

    ZStack keeps no date of the deletion, only of the last change.  `deleted`: nothing says that they are two.
    `changed`: the volume left its VM at another time, so the deletion may be older than the change the clock runs from.
    """
    changed = parse_server_date(volume.last_op_date or "")
    if changed is None:
        return None
    detached = parse_server_date(volume.text("lastDetachDate") or "")
    apart = 0.0 if detached is None else abs((changed - detached).total_seconds())
    return "changed" if apart > DETACH_SLACK else "deleted"


def listed(
    volume: Volume,
    policy: Policy | None,
    zone: Zone,
    now: float | None,
    vm_names: Mapping[str, str],
    storage_names: Mapping[str, str],
) -> VolumeRow:
    """Return a volume as `list` and `show` present it; `now` is the server's clock, the names are by UUID."""
    changed = last_change(volume, zone, now)
    return VolumeRow(
        volume=volume,
        recycle=recycle(volume, policy, zone, now),
        deleted_at=changed if volume.deleted else None,
        last_vm=vm_names.get(volume.text("lastVmInstanceUuid") or ""),
        storage=storage_names.get(volume.text("primaryStorageUuid") or ""),
        dates={} if changed is None else _dates(volume, zone),
        server_now=now,
    )


def _dates(volume: Volume, zone: Zone) -> dict[str, float]:
    found = {name: instant(volume.text(name), zone) for name in DATES}
    return {name: when for name, when in found.items() if when is not None}


def expires_within(time: Retention, seconds: float) -> bool | None:
    """Tell whether a volume is destroyed within `seconds`; None when that is not known, no when nothing can be lost."""
    if time.recoverable is False or time.policy == "Never":
        return False
    return None if time.seconds_left is None else time.seconds_left <= seconds


def most_urgent_first(row: VolumeRow) -> tuple[int, float, datetime, str]:
    """Sort key, a total order: unknown time left, then by deadline, then what stays; equals by last change and UUID."""
    changed = parse_server_date(row.volume.last_op_date or "") or datetime.min  # noqa: DTZ901 (as the server's: no zone)
    if expires_within(row.recycle, math.inf) is False:
        return (2, 0.0, changed, row.volume.uuid)
    after = row.recycle.expunges_after
    return (0, 0.0, changed, row.volume.uuid) if after is None else (1, after, changed, row.volume.uuid)


def _seconds(value: object) -> int | None:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,11}", value) else None
