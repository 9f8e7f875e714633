"""What a server's local date may mean where only the offset of one moment is known: the earliest reading counts.

Whether the clocks were changed between that moment and the date nobody has told.  But the zones of the world that had
this offset at that moment are known, and so is what each of them shows at the date.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Final

SUMMER: Final = timedelta(hours=1)
"""So much later than its usual time a zone may have been, where no table can be asked."""
RECENT: Final = tuple(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=15 * count) for count in range(24 * 20))
"""The moments that are tried where the one is not known."""
_NOT_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})


def earliest(local: datetime, offset: timedelta, moment: float | None) -> float:
    """Return the earliest instant of a local date, in a zone that had this offset at the moment."""
    quarter = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
    return local.replace(tzinfo=UTC).timestamp() - _largest(quarter, offset, moment).total_seconds()


def earliest_in(local: datetime, zone: tzinfo) -> float:
    """Return the earlier of the two instants of an hour that comes twice, or never; else the only one."""
    return min(local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))


@lru_cache(maxsize=65536)
def _largest(quarter: datetime, offset: timedelta, moment: float | None) -> timedelta:
    """Return the largest offset that may hold in a quarter of an hour: no zone changes its clock within one."""
    zones = _alike(offset, moment)
    if not zones:
        return offset + SUMMER
    utc = quarter.replace(tzinfo=UTC).timestamp()
    return max(offset, timedelta(seconds=utc - min(earliest_in(quarter, zone) for zone in zones)))


@cache
def _alike(offset: timedelta, moment: float | None) -> tuple[tzinfo, ...]:
    """Return the zones of this machine's tables that have an offset at a moment."""
    moments = RECENT if moment is None else (datetime.fromtimestamp(moment, UTC),)
    return tuple(zone for zone in _all() if any(at.astimezone(zone).utcoffset() == offset for at in moments))


@cache
def _all() -> tuple[tzinfo, ...]:
    from zoneinfo import ZoneInfo, available_timezones

    found = []
    for name in sorted(available_timezones() - _NOT_ZONES):
        try:
            found.append(ZoneInfo(name))
        except (OSError, ValueError, KeyError):
            continue
    return tuple(found)
