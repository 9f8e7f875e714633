"""The sources of the server's time zone, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from zvol.errors import CannotTell, TransientError, ZvolError
from zvol.text import escape_terminal
from zvol.zstack.server_facts import TIMEZONE_HINT
from zvol.zstack.zones import Zone, first_known


@dataclass(frozen=True, slots=True)
class ZoneSources:
    """The sources of a server's zone; each is asked only if those before it do not tell it.

    `server` returns name and offset as the server tells them, `login` and `heartbeats` the zone that they show, given
    the server's clock; `profile` is the configured zone.
    """

    server: Callable[[], tuple[str | None, str | None]]
    login: Callable[[float | None], Zone] = field(default=lambda _now: Zone())
    heartbeats: Callable[[float], Zone] = field(default=lambda _now: Zone())
    profile: Zone = field(default_factory=Zone)

    def find(self, now: float | None) -> tuple[Zone, ZvolError | None]:
        """Return the zone, and why the server itself does not tell it; `now` is the server's clock.

        Heartbeats and profile count only if the server answers that it cannot tell the zone. The date of a login also
        comes from the server, so it is used even if the server does not answer.
        """
        reason: ZvolError
        try:
            answer = self.server()
            zone = Zone.from_server(*answer, now)
            if zone.tz is not None:
                return zone, None
            named = " ".join(filter(None, answer))
            text = f"the server's time zone is not known here: {escape_terminal(named)}"
            reason = CannotTell(text, hint=TIMEZONE_HINT)
        except ZvolError as exc:
            reason = exc
        zone = self.login(now)
        if zone.tz is not None or not isinstance(reason, CannotTell):
            return zone, reason
        try:
            zone = Zone() if now is None else self.heartbeats(now)
        except TransientError as exc:
            reason = exc
        except ZvolError:
            pass  # this account may not read them
        return first_known(zone, self.profile), reason
