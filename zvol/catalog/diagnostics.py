"""The checks of `zvol doctor` on the server: connection, TLS, version, clock, time zone and deletion policy.

No request can change anything: on some paths of ZStack a GET deletes or logs out, so only the requests that
tests/e2e/test_doctor.py lists are sent. Only the one for the policy needs a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from zvol.clock import Clock
from zvol.errors import CannotTell, ConfigError, Untrusted, ZvolError
from zvol.model import Check, Endpoint
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.versions import Evidence

if TYPE_CHECKING:
    from zvol.catalog.server_zone import ZoneSources
    from zvol.zstack.answers import Answer
    from zvol.zstack.client import Client
    from zvol.zstack.transport import Transport

CLOCK_SECONDS: Final = 60.0
"""Maximum difference between the clocks of the server and of this machine."""

KNOWN_FROM: Final = {
    Evidence.TRIED: "tested with zvol",
    Evidence.READ: "supported from its source code, not tested",
    Evidence.UNKNOWN: "not known to zvol",
}
"""How zvol knows the behaviour of a release."""
NO_TIME: Final = "Without it no time left and no {what} can be told; filters by time and the alarm do not work."


def connection(
    connect: Callable[[], Transport], endpoint: Endpoint, ca_file: str | None, ca_file_from: str
) -> Iterator[Check]:
    """Check host, TLS and version; if a check is not ok, further checks are useless.

    `connect` may raise ConfigError for the CA file, whose source is `ca_file_from`.
    """
    untrusted: Untrusted | None = None
    answer: Answer | None = None
    try:
        answer = _version_answer(connect())
    except Untrusted as exc:
        untrusted = exc
    except ConfigError as exc:
        yield Check("tls", False, exc.message, f"{exc.hint} It is from {ca_file_from}.")
        return
    except ZvolError as exc:
        hint = exc.hint or "Check host, port, proxy and network; `zvol config show` says where each value is from."
        yield Check("host", False, exc.message, hint)
        return
    yield Check("host", True, f"{endpoint.host}:{endpoint.port} answers")
    if untrusted is not None:
        yield Check("tls", False, untrusted.message, untrusted.hint)
    elif endpoint.scheme == "https":
        yield Check("tls", True, f"verified with {ca_file or 'the usual authorities'}")
    else:
        yield Check("tls", True, "not encrypted: the URL of the host is http://")
    if answer is not None:
        yield _version(answer)


def _version_answer(transport: Transport) -> Answer:
    from zvol.zstack.request import request
    from zvol.zstack.server_facts import VERSION_REQUEST

    return request(transport, *VERSION_REQUEST)


def _version(answer: Answer) -> Check:
    from zvol.zstack.server_facts import parse_version

    try:
        release = parse_version(answer)
    except ZvolError as exc:
        hint = exc.hint or "Check the port and the path of `host`: a management node listens on 8080, below /zstack."
        return Check("version", False, f"it does not answer as a ZStack: {exc.message}", hint)
    return Check("version", True, f"{release.name}, {KNOWN_FROM[release.evidence]}", notes=tuple(release.notes()))


def clock_and_zone(
    client: Client, clock: Clock, sources: ZoneSources, profile_zone: str | None, *, logs_in: bool
) -> Iterator[Check]:
    """Check the server's clock against this machine's, and whether its time zone is known.

    `logs_in`: each run logs in, which also shows the zone.
    """
    before = clock.wall()
    server: float | None = None
    try:
        server = client.server_time()
        apart = server - (before + clock.wall()) / 2
        hint = "Set the clock of this machine or of the management node: one of them is wrong."
        yield Check("clock", abs(apart) < CLOCK_SECONDS, _compared(round(apart)), hint)
    except ZvolError as exc:
        yield Check("clock", False, f"not known: {exc.message}", NO_TIME.format(what="age"))
    yield _zone(sources, profile_zone, server, logs_in=logs_in)


def _compared(apart: int) -> str:
    """Return how many seconds the server's clock is apart from this machine's."""
    if not apart:
        return "the same as on this machine"
    return f"{abs(apart)} s {'ahead of' if apart > 0 else 'behind'} this machine"


def _zone(sources: ZoneSources, profile_zone: str | None, now: float | None, *, logs_in: bool) -> Check:
    from zvol.zstack.server_facts import TIMEZONE_HINT

    zone, reason = sources.find(now)
    why = reason.message if reason is not None else ""
    ignored = f"; `timezone: {profile_zone}` of the profile does not count" if profile_zone else ""
    if logs_in and isinstance(reason, CannotTell):
        return Check("zone", True, f"{why}; each run reads it from its login{ignored}")
    if zone.source == "server":
        by = "the server" if reason is None else "the heartbeats of its management nodes"
        only = " at this moment (it does not tell its summer time: the earlier deadline counts)" if zone.offset else ""
        return Check("zone", True, f"{zone.tz}, from {by}{only}{ignored}")
    if zone.source == "login":
        return Check("zone", True, f"{why}; {zone.tz}, from `zvol login`{ignored}")
    if zone.tz is None and not isinstance(reason, CannotTell):
        return Check("zone", False, f"not known: {why}", NO_TIME.format(what="date"))
    return Check("zone", zone.tz is not None, f"{why}; the profile says {profile_zone or 'nothing'}", TIMEZONE_HINT)


def policy(client: Client) -> Check:
    """Check how long the server keeps deleted volumes."""
    from zvol.catalog.retention import parse_policy
    from zvol.text import human_duration

    try:
        found = parse_policy(client.query_all("/v1/global-configurations", [DATA_VOLUME.configs], key="name"))
    except ZvolError as exc:
        hint = "Without it no time left can be told; `--expiring-within` and the alarm do not work."
        return Check("policy", False, f"not known: {exc.full_text}", hint)
    if not found.complete:
        hint = "Without deletionPolicy and expungePeriod no time left can be told."
        return Check("policy", False, "the server does not say how long it keeps deleted volumes", hint)
    period = human_duration(found.period_seconds) if found.period_seconds else "an unknown time"
    if found.deletion_policy == "Never":
        return Check("policy", True, "Never: a deleted volume stays until somebody expunges it")
    if found.deletion_policy == "Direct":
        hint = "Ask the administrator for the policy Delay."
        return Check("policy", False, "Direct: a volume that is deleted from now on is destroyed at once", hint)
    return Check("policy", True, f"{found.deletion_policy}: a deleted volume is safe for {period}")
