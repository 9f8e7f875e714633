"""The server's clock and zone, in which the signature of an access key is dated.

By default a ZStack compares the written time of day with its own and ignores the zone beside it
(`rest/checkTimeZone` is false); otherwise it compares instants.  A date in the server's own zone, with the offset
written out, is right in both cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zvol.errors import AuthError, CannotTell, TransientError, Unreachable
from zvol.zstack import server_facts
from zvol.zstack.auth import ANONYMOUS
from zvol.zstack.request import request
from zvol.zstack.zones import Zone, first_known

if TYPE_CHECKING:
    from zvol.zstack.transport import Transport


@dataclass(frozen=True, slots=True)
class ServerClock:
    """`ahead` is how many seconds the server's clock is ahead of this machine's; `zone` is known."""

    ahead: float
    zone: Zone

    def date(self, now: float) -> str:
        """Return the server's time of day as `Tue, 14 Nov 2017 22:20:57 GMT+08:00`; `now` is this machine's clock."""
        from email.utils import format_datetime  # strftime would use the names of the locale

        at = datetime.fromtimestamp(now + self.ahead, self.zone.tz)
        offset = at.utcoffset()
        minutes = int(offset.total_seconds()) // 60 if offset else 0
        zone = f"GMT{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "GMT"
        return f"{format_datetime(at.replace(tzinfo=None)).removesuffix('-0000')}{zone}"

    def explain_skew(self, now: float) -> str:
        """Return what both clocks show, for a server that refuses a date more than 15 minutes off."""
        source = {"server": "as the server itself says", "profile": "from the profile"}.get(self.zone.source, "")
        here = datetime.fromtimestamp(now, UTC)
        return (
            f"The request was dated {self.date(now)} (zone {source}); this machine's clock shows "
            f"{here:%Y-%m-%d %H:%M:%S} UTC, the server's was {self.ahead:+.0f} s from it. Set `timezone` in the "
            "profile to the zone of the management node, and the clocks of all its nodes alike."
        )


def read_server_clock(transport: Transport, profile_zone: str | None, now: float) -> ServerClock:
    """Read the server's clock and zone; the profile's zone is used when the server does not tell its own.

    Neither request needs a session.  Raises AuthError when one of the two cannot be known, Unreachable or Untrusted
    when the server cannot be reached.
    """
    try:
        instant = server_facts.parse_server_time(request(transport, *server_facts.CLOCK_REQUEST, auth=ANONYMOUS))
    except CannotTell as exc:
        raise AuthError(
            "the server does not tell its time, and an access key's signature needs it",
            hint="Check that the host is a ZStack; else use a session or `zvol login`.",
            fault=exc.fault,
        ) from None
    except TransientError as exc:
        raise _unreachable(exc, "time") from None
    profile = Zone.from_profile(profile_zone)
    try:
        answer = request(transport, *server_facts.ZONE_REQUEST, auth=ANONYMOUS)
        server = Zone.from_server(*server_facts.parse_timezone(answer), instant)
    except CannotTell:
        server = Zone()
    except TransientError as exc:
        if profile.tz is None:
            raise _unreachable(exc, "time zone") from None
        server = Zone()
    zone = first_known(server, profile)
    if zone.tz is None:
        raise AuthError(
            "the server does not tell its time zone, and an access key's signature needs it",
            hint=server_facts.TIMEZONE_HINT,
        )
    return ServerClock(instant - now, zone)


def _unreachable(error: TransientError, what: str) -> Unreachable:
    text = f"the server did not tell its {what}, which an access key's signature needs: {error.message}"
    return Unreachable(text, hint="Nothing was changed; try again.", fault=error.fault)
