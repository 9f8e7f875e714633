"""What is in the recycle bin, with the names of what the UUIDs of a volume point to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from zvol.catalog.lookups import Fact, tried
from zvol.catalog.retention import Policy, listed, most_urgent_first, parse_policy
from zvol.errors import CannotTell, TransientError, Unreachable, UsageProblem, ZvolError
from zvol.model import Volume, VolumeRow
from zvol.text import escape_terminal
from zvol.zstack.server_facts import TIMEZONE_HINT
from zvol.zstack.zones import Zone, first_known

if TYPE_CHECKING:
    from zvol.zstack.client import Client

CONFIGS: Final = 100
"""A server has some twenty configurations of volumes."""

STATUSES = ("Creating", "Deleted", "Migrating", "NotInstantiated", "Ready")


TYPES = ("Data", "Root", "Memory", "Cache")


def find(client: Client, status: str = "Deleted", type: str = "Data") -> list[Volume]:
    """Return the volumes of a status and a type (`any` for all); raises what the client raises."""
    conditions = []
    for name, given, names in (("status", status, STATUSES), ("type", type, TYPES)):
        known = {one.lower(): one for one in names}
        if given.lower() not in (*known, "any"):
            raise UsageProblem(
                f"there is no {name} {escape_terminal(given)}", hint=f"There is: any, {', '.join(names)}."
            )
        if given.lower() != "any":
            conditions.append(f"{name}={known[given.lower()]}")
    return client.list_volumes(conditions)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What decides how long deleted volumes are safe: the policy, the server's zone and its clock.

    What could not be looked up is unknown, with the reason in `missing`; this machine's clock stands in for nothing.
    """

    policy: Policy | None
    zone: Zone
    now: float | None
    missing: Mapping[Fact, ZvolError] = field(default_factory=dict)


LoginZone = Callable[[float | None], Zone]


def calendar(client: Client, profile_zone: str | None, login_zone: LoginZone = lambda _now: Zone()) -> Calendar:
    """Ask for it; `login_zone` tells the zone that a login showed, given the server's clock."""
    missing: dict[Fact, ZvolError] = {}
    policy = tried(lambda: _policy(client), Fact.POLICY, missing)
    if policy is not None and not policy.whole:
        missing[Fact.POLICY] = Unreachable("the server's answer does not hold deletionPolicy and expungePeriod")
    now = tried(client.server_time, Fact.CLOCK, missing)
    zone = _zone(client, now, login_zone(now), Zone.from_profile(profile_zone), missing)
    return Calendar(policy, zone, now, missing)


def _zone(client: Client, now: float | None, login: Zone, profile: Zone, missing: dict[Fact, ZvolError]) -> Zone:
    """Return the server's zone.  The profile's counts only where the server's own answer is that it cannot tell.

    A login's date is the server's own word, too, and counts also when the server could not be asked.
    """
    reason: ZvolError
    try:
        told = client.timezone()
        server = Zone.from_server(*told, now)
        if server.tz is not None:
            return server
        named = " ".join(filter(None, told))
        reason = CannotTell(f"the server's time zone is not known here: {escape_terminal(named)}", hint=TIMEZONE_HINT)
    except ZvolError as exc:
        reason = exc
    zone = first_known(login, profile) if isinstance(reason, CannotTell) else login
    if zone.tz is None:
        missing[Fact.ZONE] = reason
    return zone


def with_time(client: Client, volumes: Iterable[Volume], known: Calendar) -> list[VolumeRow]:
    """Return volumes with their time left and names, most urgent first; a look-up that fails costs only the names."""
    volumes = list(volumes)
    vms = _names(client, "/v1/vm-instances", {volume.text("lastVmInstanceUuid") for volume in volumes})
    stores = _names(client, "/v1/primary-storage", {volume.text("primaryStorageUuid") for volume in volumes})
    found = [listed(volume, known.policy, known.zone, known.now, vms, stores) for volume in volumes]
    return sorted(found, key=most_urgent_first)


def _policy(client: Client) -> Policy:
    return parse_policy(client.query_all("/v1/global-configurations", ["category=volume"], key="name", rows=CONFIGS))


AT_ONCE: Final = 50
"""The most UUIDs that fit into a URL of 2,000 characters."""
FEW: Final = 10


def _names(client: Client, path: str, uuids: set[str | None]) -> dict[str, str]:
    """Return the names of resources by UUID; a look-up that fails costs only the names."""
    wanted = sorted(uuid for uuid in uuids if uuid)
    names: dict[str, str] = {}
    size, start = AT_ONCE, 0
    while start < len(wanted):
        part = wanted[start : start + size]
        try:
            found = client.query_all(path, [f"uuid?={','.join(part)}"], fields="uuid,name", rows=AT_ONCE)
        except ZvolError as exc:
            if len(part) <= FEW or not _answered(exc):
                return names
            size = FEW  # something on the way takes no long URLs
            continue
        names |= {
            one["uuid"]: one["name"] for one in found if all(isinstance(one.get(f), str) for f in ("uuid", "name"))
        }
        start += len(part)
    return names


def _answered(reason: ZvolError) -> bool:
    """Tell whether something answered, even if it was no ZStack."""
    return isinstance(reason, TransientError) and reason.never_sent is None and reason.maybe_sent is None
