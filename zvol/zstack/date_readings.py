"""The earliest instant that a server's local date can mean, when its zone is known only by the offset at one moment.

It is not known whether the clocks were changed between that moment and the date.  But the zones of the world that had
this offset at that moment are known, and so is the offset of each of them at the date.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Final

DST_SHIFT: Final = timedelta(hours=1)
"""The shift to assume when this machine has no zone with the offset."""
RECENT: Final = tuple(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=15 * count) for count in range(24 * 20))
"""The moments to try when the moment is not known."""
NOT_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Files in the folder of the zones that are not zones."""


def earliest(local: datetime, offset: timedelta, moment: float | None) -> float:
    """Return the earliest instant of a local date, in a zone that had this offset at the moment."""
    quarter = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
    return local.replace(tzinfo=UTC).timestamp() - _largest_offset(quarter, offset, moment).total_seconds()


def earliest_in(local: datetime, zone: tzinfo) -> float:
    """Return the earlier of two instants for a local time that occurs twice or never, else its only instant."""
    return min(local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))


def latest(local: datetime, offset: timedelta, moment: float | None) -> float:
    """Return the latest instant of a local date, in a zone that had this offset at the moment."""
    quarter = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
    return local.replace(tzinfo=UTC).timestamp() - _smallest_offset(quarter, offset, moment).total_seconds()


def latest_in(local: datetime, zone: tzinfo) -> float:
    """Return the later of two instants for a local time that occurs twice or never, else its only instant."""
    return max(local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))


@lru_cache(maxsize=65536)
def _largest_offset(quarter: datetime, offset: timedelta, moment: float | None) -> timedelta:
    """Return the largest possible offset in a quarter of an hour: no zone changes its clock within one."""
    zones = _zones_with_offset(offset, moment)
    if not zones:
        return offset + DST_SHIFT
    utc = quarter.replace(tzinfo=UTC).timestamp()
    return max(offset, timedelta(seconds=utc - min(earliest_in(quarter, zone) for zone in zones)))


@lru_cache(maxsize=65536)
def _smallest_offset(quarter: datetime, offset: timedelta, moment: float | None) -> timedelta:
    """Return the smallest possible offset in a quarter of an hour."""
    zones = _zones_with_offset(offset, moment)
    if not zones:
        return offset - DST_SHIFT
    utc = quarter.replace(tzinfo=UTC).timestamp()
    return min(offset, timedelta(seconds=utc - max(latest_in(quarter, zone) for zone in zones)))


@cache
def _zones_with_offset(offset: timedelta, moment: float | None) -> tuple[tzinfo, ...]:
    """Return the zones of this machine's tables that had an offset at a moment."""
    moments = RECENT if moment is None else (datetime.fromtimestamp(moment, UTC),)
    return tuple(zone for zone in _all_zones() if any(at.astimezone(zone).utcoffset() == offset for at in moments))


@cache
def _all_zones() -> tuple[tzinfo, ...]:
    from zoneinfo import ZoneInfo, available_timezones

    found = []
    for name in sorted(available_timezones() - NOT_ZONES):
        try:
            found.append(ZoneInfo(name))
        except (OSError, ValueError, KeyError):
            continue
    return tuple(found)
