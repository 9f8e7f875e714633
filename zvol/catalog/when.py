"""WHEN: the durations and dates of options, and the instants that they mean.

`zvol help times` has the grammar; other forms are refused. All instants are seconds since 1970 UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from zvol.catalog.lookups import first_named
from zvol.errors import UsageProblem, ZvolError
from zvol.text import did_you_mean, escape_terminal, parse_duration, stamp, without_unit
from zvol.zstack import date_readings
from zvol.zstack.dates import parse_server_date
from zvol.zstack.zones import END, Zone

MAX_AGO: Final = 3650 * 86400.0
"""Maximum duration in seconds, as for the other filters."""

_ISO: Final = re.compile(
    r"(?:19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?P<zone>Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?)?"
)
_COMPACT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T?([0-9]{2})([0-9]{2})([0-9]{2})?(Z?))?")
_POSIX: Final = re.compile(r"(?:<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})[+-]?[0-9]{1,2}(?::[0-9]{2}){0,2}(?:[A-Za-z<].*)?")
"""A POSIX zone, such as `CET-1CEST`; its name is meaningless without the offset."""


@dataclass(frozen=True, slots=True)
class TimeBound:
    """A number of seconds ago by the server's clock, or a date.

    `instant` is the earliest instant of a date, `latest` the latest one if clocks change; `local` is a date in the
    server's zone instead. `text` is the input; `zone` the zone in which zvol read it, empty if the text has one.
    """

    instant: float | None = None
    ago: float = 0.0
    latest: float | None = None
    local: datetime | None = None
    text: str = field(default="", compare=False)
    zone: str = field(default="", compare=False)

    def between(self, now: float | None, zone: Zone) -> tuple[float, float] | None:
        """Return the earliest and latest possible instant; None if the server's clock or zone is needed but unknown."""
        if self.local is not None:
            return zone.instants(self.local)
        if self.instant is not None:
            return self.instant, self.instant if self.latest is None else self.latest
        return None if now is None else (now - self.ago, now - self.ago)

    def is_ambiguous(self, zone: Zone) -> bool:
        """Tell whether it is a date that can mean two instants."""
        found = self.between(None, zone)
        return found is not None and found[0] != found[1]

    def explain(self, server: Zone) -> str:
        """Return in which zone a date was read and what it means there; empty if no explanation is needed."""
        zone = self.zone if self.local is None else _server_zone(server)
        if not zone:
            return ""
        found, typed = self.between(None, server), escape_terminal(self.text)
        if found is None:
            return f"{typed} is in {zone}"
        meant = " or ".join(dict.fromkeys(str(stamp(one)) for one in found))
        return f"{typed} was read in {zone}: {meant}"


def _server_zone(server: Zone) -> str:
    return f"the server's time zone ({server.tz})" if server.tz is not None else "the server's time zone"


def parse_when(text: str, environ: Mapping[str, str] | None = None) -> TimeBound:
    """Return the bound of a WHEN: a duration or a date. Raises UsageProblem for anything else.

    A date without a zone is in the zone of this machine, which `TZ` in the environment names.
    """
    typed = text.strip(" ")
    ago = parse_duration(typed.removesuffix(" ago"))
    if ago is not None and ago <= MAX_AGO:
        return TimeBound(ago=ago, text=typed)
    found = _date(typed, environ or {})
    if found is not None:
        return found
    raise UsageProblem(_why(text, ago), hint=_hint(typed))


def _date(typed: str, environ: Mapping[str, str]) -> TimeBound | None:
    form = _ISO.fullmatch(typed)
    try:
        if form is None:
            local = None if re.match("[0-9]{4}-", typed) else parse_server_date(typed)
            return None if local is None else TimeBound(local=local, text=typed)
        date = datetime.fromisoformat(typed)
        zone = ""
        if form["zone"]:
            readings = [date.timestamp()]
        else:
            tz = machine_zone(environ).tz
            readings = [_in(date.replace(fold=fold), tz).timestamp() for fold in (0, 1)]
            zone = f"this machine's time zone ({_label(date, tz)})"
        earliest, latest = min(readings), max(readings)
    except (ValueError, OverflowError, OSError):
        return None
    if latest > END:
        return None
    return TimeBound(earliest, latest=latest if latest > earliest else None, text=typed, zone=zone)


def _in(date: datetime, tz: tzinfo | None) -> datetime:
    return date if tz is None else date.replace(tzinfo=tz)


def _label(date: datetime, tz: tzinfo | None) -> str:
    """Return the name and the offset of the zone at a local time."""
    there = _in(date, tz) if tz is not None else date.astimezone()
    name = getattr(tz, "key", None) or there.tzname() or ""
    offset = there.isoformat()[-6:]
    return f"{name}, {offset}" if name != "UTC" else name


def _why(text: str, ago: float | None) -> str:
    if ago is not None:
        return f"{escape_terminal(text)!r} is more than {MAX_AGO / 86400:.0f} days"
    if re.fullmatch("[0-9]{1,5}", text.strip()):
        return without_unit(text.strip())
    return f"{escape_terminal(text)!r} is neither a duration nor a date"


def _hint(typed: str) -> str:
    """Return what to type instead: the date that a number or a compact date seems to mean, or the valid forms."""
    if re.fullmatch("[0-9]{10}|[0-9]{13}", typed):
        return f"If it is a Unix time, type {stamp(int(typed[:10]))}"
    if compact := _COMPACT.fullmatch(typed):
        year, month, day, hour, minute, second, zone = compact.groups()
        clock = f"T{hour}:{minute}:{second or '00'}{zone}" if hour else ""
        return f"Type {year}-{month}-{day}{clock}"
    return "Use a duration such as 2h, or a date such as 2026-11-23 or 2026-11-23T10:00:00Z; see `zvol help times`."


def ambiguous(option: str, bound: TimeBound, uuids: Sequence[str], server: Zone) -> ZvolError:
    """Return the error for volumes that were deleted between the two possible instants of a date."""
    text = f"{option} cannot be decided for {first_named(uuids)}: {bound.explain(server)}"
    return UsageProblem(text, hint="Nothing was sent. Give the date with its offset, such as 2026-10-25T02:30+01:00.")


# ---- the zone of this machine ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MachineZone:
    """The zone of this machine: `tz`, or that of the C library if None; `problem` says that TZ is not a zone."""

    tz: tzinfo | None = None
    problem: str = ""


def machine_zone(environ: Mapping[str, str]) -> MachineZone:
    """Return the zone that TZ names; the C library silently reads an unknown TZ as UTC."""
    given = environ.get("TZ")
    if given is None:
        return MachineZone()
    name = given.removeprefix(":")
    if not name:
        return MachineZone(UTC)
    from zoneinfo import ZoneInfo, available_timezones

    if name.startswith("/"):
        try:
            with open(name, "rb") as file:
                return MachineZone(ZoneInfo.from_file(file, key=name))
        except (OSError, ValueError):
            return MachineZone(UTC, _unknown(given, ()))
    try:
        return MachineZone(ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        if _POSIX.fullmatch(name):
            return MachineZone()
        return MachineZone(UTC, _unknown(given, sorted(available_timezones() - date_readings.NOT_ZONES)))


def _unknown(given: str, known: list[str] | tuple[()]) -> str:
    guess = did_you_mean(given.removeprefix(":"), known)
    return f"TZ={escape_terminal(given)} is no time zone that this machine knows; UTC is used{guess}"
