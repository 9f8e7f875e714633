"""The clock on a server's wall: an access key's signature is dated by it.

By default a ZStack compares the time of day that is written with its own and ignores the zone beside it
(`rest/checkTimeZone` is false); otherwise it compares instants.  A date in the server's own zone, with the offset
written out, is right both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from zvol.errors import AuthError
from zvol.text import Secret
from zvol.zstack import answers
from zvol.zstack.ask import ask
from zvol.zstack.auth import Session
from zvol.zstack.zones import Zone, first_known

if TYPE_CHECKING:
    from zvol.zstack.transport import Transport

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

ANYBODY: Final = Session(Secret("nobody"))
"""For the paths that want to see an Authorization header, and do not look at what it holds."""


@dataclass(frozen=True, slots=True)
class ServerClock:
    """`ahead` is how many seconds the server's clock is before this machine's; `zone` is known."""

    ahead: float
    zone: Zone

    def date(self, now: float) -> str:
        """Return the server's time of day as `Tue, 14 Nov 2017 22:20:57 GMT+08:00`; `now` is this machine's clock."""
        at = datetime.fromtimestamp(now + self.ahead, self.zone.tz)
        offset = at.utcoffset()
        minutes = int(offset.total_seconds()) // 60 if offset else 0
        zone = f"GMT{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "GMT"
        return f"{DAYS[at.weekday()]}, {at.day:02} {MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S} {zone}"

    def explained(self, now: float) -> str:
        """Say what both clocks show, for a server that finds the time of a request wrong by over 15 minutes."""
        told = {"server": "as the server itself says", "profile": "from the profile"}.get(self.zone.source, "")
        here = datetime.fromtimestamp(now, UTC)
        return (
            f"The request was dated {self.date(now)} (zone {told}); this machine's clock shows "
            f"{here:%Y-%m-%d %H:%M:%S} UTC, the server's was {self.ahead:+.0f} s from it. Set `timezone` in the "
            "profile to the zone of the management node, and the clocks of all its nodes alike."
        )


def learn(transport: Transport, profile_zone: str | None, now: float) -> ServerClock:
    """Ask the server for its clock and its zone; the profile's zone counts where the server does not tell.

    Neither answer needs a session.  Raises AuthError when one cannot be known, Unreachable or Untrusted when the
    server cannot be asked.
    """
    said = _document(transport, "PUT", "/v1/management-nodes/actions", {"getCurrentTime": {}})
    instant = milliseconds(said)
    if instant is None:
        raise AuthError(
            "the server does not tell its time, and an access key's signature needs it",
            hint="Check that the host is a ZStack; else use a session or `zvol login`.",
        )
    told = _document(transport, "GET", "/v1/management-nodes/platform-timezone")
    name, offset = told.get("timezone"), told.get("offset")
    server = Zone.from_server(
        name if isinstance(name, str) else None, offset if isinstance(offset, str) else None, instant
    )
    zone = first_known(server, Zone.from_profile(profile_zone))
    if zone.tz is None:
        raise AuthError(
            "the server does not tell its time zone, and an access key's signature needs it",
            hint="Set `timezone` in the profile to the zone of the management node, such as Asia/Shanghai.",
        )
    return ServerClock(instant - now, zone)


def milliseconds(document: Mapping[str, Any]) -> float | None:
    """Return the instant that getCurrentTime told, in seconds since 1970 UTC; None when it told none."""
    current = document.get("currentTime")
    value = current.get("MillionSeconds") if isinstance(current, Mapping) else None
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 253_370_764_800_000
    return value / 1000 if usable and value is not None else None


def _document(transport: Transport, method: str, path: str, body: object = None) -> Mapping[str, Any]:
    return answers.document_of(ask(transport, method, path, body, auth=ANYBODY)) or {}
