"""How long a deleted volume is safe: pure arithmetic over what the server said, and never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from zvol.model import Listed, Recycle, Volume
from zvol.recovery.dates import parse_server_date

POLICIES = ("Delay", "Never", "Direct")


@dataclass(frozen=True, slots=True)
class Policy:
    """The global configs of category `volume`; seconds, None where the server did not say something usable."""

    deletion: str | None
    period: int | None
    interval: int | None


@dataclass(frozen=True, slots=True)
class Zone:
    """The server's time zone, and who told: server, login, profile or unknown."""

    source: str = "unknown"
    tz: tzinfo | None = None

    @classmethod
    def from_server(cls, name: str | None, offset: str | None) -> Zone:
        """Take the answer of platform-timezone: the named zone, for it knows daylight saving, else the offset."""
        fixed = _fixed(offset)
        named = _named(name)
        return cls("server", named or fixed) if (named or fixed) else cls()

    @classmethod
    def from_login(cls, created: str, server_time: float) -> Zone:
        """Compare the text of a login's createDate with the server's clock at that moment (seconds since 1970 UTC)."""
        local = parse_server_date(created)
        if local is None:
            return cls()
        seconds = local.replace(tzinfo=UTC).timestamp() - server_time
        rounded = round(seconds / 900) * 900
        if abs(seconds - rounded) > 120 or abs(rounded) > 16 * 3600:
            return cls()
        return cls("login", timezone(timedelta(seconds=rounded)))

    @classmethod
    def from_profile(cls, text: str | None) -> Zone:
        tz = _named(text) or _fixed(text)
        return cls("profile", tz) if tz else cls()


def parse_policy(configs: Sequence[Mapping[str, Any]]) -> Policy:
    """Read the inventories of the global configs; their values are texts."""
    values = {item.get("name"): item.get("value") for item in configs if item.get("category", "volume") == "volume"}
    deletion = values.get("deletionPolicy")
    return Policy(
        deletion if deletion in POLICIES else None,
        _seconds(values.get("expungePeriod")),
        _seconds(values.get("expungeInterval")),
    )


def instant(text: str | None, zone: Zone) -> float | None:
    """Return when a server's local text was, as seconds since 1970 UTC; of two possible instants the earlier one."""
    local = parse_server_date(text or "")
    if local is None or zone.tz is None:
        return None
    both = [local.replace(tzinfo=zone.tz, fold=fold).timestamp() for fold in (0, 1)]
    return min(both)


def recycle(volume: Volume, policy: Policy | None, zone: Zone, now: float) -> Recycle:
    """Return a volume's time in the recycle bin, on the server's clock `now` (seconds since 1970 UTC)."""
    said = policy.deletion if policy else None
    if not volume.deleted:
        return Recycle(False, "not-deleted", policy=said, clock=zone.source)
    if volume.type != "Data":
        return Recycle(False, "root", policy=said, clock=zone.source)
    changed = instant(volume.last_op_date, zone)
    after: float | None = None
    if changed is not None and policy is not None and policy.period is not None and said in ("Delay", "Direct"):
        after = changed + policy.period
    left = None if after is None else max(0, int(after - now))
    reason = "half-expunged" if volume.half_expunged else "overdue" if left == 0 else None
    return Recycle(
        recoverable=not volume.half_expunged,
        reason=reason,
        clock_from=_clock_from(volume, zone),
        expunges_after=after,
        seconds_left=left,
        policy=said,
        clock=zone.source,
    )


def _clock_from(volume: Volume, zone: Zone) -> str | None:
    """Return `changed` when the volume was detached well before its last change, for deleting detaches it at once."""
    last, detached = instant(volume.last_op_date, zone), instant(volume.text("lastDetachDate"), zone)
    if last is None:
        return None
    return "changed" if detached is not None and last - detached > 60 else "deleted"


def listed(
    volume: Volume,
    policy: Policy | None,
    zone: Zone,
    now: float,
    vms: Mapping[str, str],
    stores: Mapping[str, str],
) -> Listed:
    """Return a volume as `list` and `show` present it."""
    return Listed(
        volume=volume,
        recycle=recycle(volume, policy, zone, now),
        deleted_at=instant(volume.last_op_date, zone) if volume.deleted else None,
        last_vm=vms.get(volume.text("lastVmInstanceUuid") or ""),
        storage=stores.get(volume.text("primaryStorageUuid") or ""),
    )


def urgency(row: Listed) -> tuple[int, float, str]:
    """Sort key: what is destroyed first comes first; unknown counts as about to, never-expunged as last."""
    left = row.recycle.seconds_left
    if left is None:
        forever = row.recycle.policy == "Never" or not row.volume.deleted
        return (2 if forever else 0, 0.0, row.volume.uuid)
    return (1, float(left), row.volume.uuid)


def _seconds(value: object) -> int | None:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,11}", value) else None


def _fixed(offset: str | None) -> tzinfo | None:
    if offset == "Z":
        return UTC
    found = re.fullmatch(r"([+\-])(\d{2}):?(\d{2})(?::00)?", offset or "", re.ASCII)
    if not found:
        return None
    delta = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(delta if found[1] == "+" else -delta) if delta < timedelta(hours=24) else None


def _named(name: str | None) -> tzinfo | None:
    from zoneinfo import ZoneInfo

    if not name or not re.fullmatch(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*", name):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return None


def local_now(zone: Zone, now: float) -> datetime | None:
    """Return the server's wall clock, None when its zone is unknown."""
    return datetime.fromtimestamp(now, zone.tz) if zone.tz else None
