"""The time zone of a server: from its own answer, from a login, or from the profile; never a guess.

All instants are seconds since 1970 UTC.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal

from zvol.zstack import date_readings
from zvol.zstack.date_readings import NOT_ZONES
from zvol.zstack.dates import parse_server_date

QUARTER: Final = 900
"""Seconds; the offset of every zone in use is a multiple of it."""
LOGIN_SLACK: Final = 120
"""Seconds by which a login's date and the server's clock, read one after the other, may differ."""
EAST: Final = 14 * 3600
WEST: Final = -12 * 3600
END: Final = 253402300799
"""9999-12-31T23:59:59Z, the last instant that Python can represent."""

Source = Literal["server", "login", "profile", "unknown"]


@dataclass(frozen=True, slots=True)
class Zone:
    """The server's time zone, and its source.

    `tz` is the zone; with `offset` it is only its offset at one `moment`, which is None when that is not known.
    """

    source: Source = "unknown"
    tz: tzinfo | None = None
    offset: timedelta | None = None
    moment: float | None = None

    @classmethod
    def of_moment(cls, source: Source, tz: tzinfo, at: float | None) -> Zone:
        """Return a zone of which only the offset of a moment is known."""
        known = at is not None and 0 <= at < END - 86400
        return cls(source, tz, tz.utcoffset(None), at if known else None)

    def offset_at(self, moment: float) -> timedelta | None:
        """Return the offset at a moment, None when it is not known."""
        return None if self.tz is None else datetime.fromtimestamp(moment, self.tz).utcoffset()

    def instant(self, local: datetime) -> float | None:
        """Return the instant of a local date: the earliest possible one, None when there is none."""
        if self.tz is None:
            return None
        if self.offset is None:
            found = date_readings.earliest_in(local, self.tz)
        else:
            found = date_readings.earliest(local, self.offset, self.moment)
        return found if 0 <= found <= END else None

    def instants(self, local: datetime) -> tuple[float, float] | None:
        """Return the earliest and the latest instant that a local date can mean, None when there is none."""
        first = self.instant(local)
        if self.tz is None or first is None:
            return None
        if self.offset is None:
            return first, date_readings.latest_in(local, self.tz)
        return first, date_readings.latest(local, self.offset, self.moment)

    @classmethod
    def from_server(cls, name: str | None, offset: str | None, at: float | None = None) -> Zone:
        """Use the answer of platform-timezone: the named zone when it agrees with the offset, else the offset.

        The name includes daylight saving time; the offset is that of the server's own tables at the instant `at`.
        """
        named, fixed = _named(name) or _fixed((name or "").removeprefix("GMT")), _fixed(offset)
        if named is not None and (fixed is None or _agree(named, fixed, at)):
            return cls("server", named)
        return cls.of_moment("server", fixed, at) if fixed is not None else cls()

    @classmethod
    def from_login(cls, created: str | None, server_now: float | None) -> Zone:
        """Compare the text of a login's createDate with the server's clock at that moment.

        The result is the offset at that moment: it does not include when daylight saving time begins or ends.
        """
        local = parse_server_date(created or "")
        return cls() if local is None else cls._compared("login", local, server_now)

    @classmethod
    def from_stored(cls, offset: float, moment: float) -> Zone:
        """Use what an earlier login showed, the offset in seconds at a moment; unknown if they are invalid."""
        if not (WEST <= offset <= EAST and offset % QUARTER == 0 and 0 <= moment < END - 86400):
            return cls()
        return cls.of_moment("login", timezone(timedelta(seconds=offset)), moment)

    @classmethod
    def from_heartbeat(cls, written: datetime, server_now: float) -> Zone:
        """Compare the date of a heartbeat that a node has just written with the server's clock at that moment."""
        return cls._compared("server", written, server_now)

    @classmethod
    def _compared(cls, source: Source, local: datetime, server_now: float | None) -> Zone:
        if server_now is None or not math.isfinite(server_now):
            return cls()
        apart = local.replace(tzinfo=UTC).timestamp() - server_now
        rounded = round(apart / QUARTER) * QUARTER
        if abs(apart - rounded) > LOGIN_SLACK or not WEST <= rounded <= EAST:
            return cls()
        return cls.of_moment(source, timezone(timedelta(seconds=rounded)), server_now)

    @classmethod
    def from_profile(cls, text: str | None) -> Zone:
        """Use the configured zone: a name, or an offset such as `+08:00`, which then holds all year."""
        tz = _named(text) or _fixed(text)
        return cls("profile", tz) if tz is not None else cls()


def first_known(*zones: Zone) -> Zone:
    """Return the first zone that is known; pass them in the order server, login, profile."""
    return next((zone for zone in zones if zone.tz is not None), Zone())


def _fixed(offset: str | None) -> tzinfo | None:
    """Return the zone of an offset as Java writes it: `Z`, `+05:45`, `+8:00`."""
    if offset == "Z":
        return UTC
    found = re.fullmatch(r"([+-])([0-9]{1,2}):([0-5][0-9])", offset or "")
    if found is None:
        return None
    east = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-east if found[1] == "-" else east) if east <= timedelta(hours=18) else None


def _named(name: str | None) -> tzinfo | None:
    """Return a zone of this machine's tables; names that mean this machine's own zone are refused."""
    from zoneinfo import ZoneInfo

    if not name or name in NOT_ZONES or not re.fullmatch(r"[A-Za-z][\w+-]*(/[A-Za-z0-9][\w+-]*)*", name, re.ASCII):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return None


def _agree(named: tzinfo, fixed: tzinfo, at: float | None) -> bool:
    """Tell whether the named zone has the offset at an instant; without one, whether it ever has in recent years."""
    moments = [datetime.fromtimestamp(at, UTC)] if at is not None and 0 <= at < END - 86400 else date_readings.RECENT
    return any(moment.astimezone(named).utcoffset() == fixed.utcoffset(None) for moment in moments)
