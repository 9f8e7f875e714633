"""What is in the recycle bin, with the names of what the UUIDs of a volume point to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zvol.errors import UsageProblem, Weather, ZvolError
from zvol.model import Listed, Volume
from zvol.recovery.deadline import Policy, listed, most_urgent_first, parse_policy
from zvol.text import safe
from zvol.zstack.zones import Zone, first_known

if TYPE_CHECKING:
    from zvol.zstack.client import Client

STATUSES = ("Creating", "Deleted", "Migrating", "NotInstantiated", "Ready")


TYPES = ("Data", "Root", "Memory", "Cache")


def find(client: Client, status: str = "Deleted", type: str = "Data") -> list[Volume]:
    """Return the volumes of a status and a type (`any` for all); raises what the client raises."""
    conditions = []
    for field, given, names in (("status", status, STATUSES), ("type", type, TYPES)):
        known = {name.lower(): name for name in names}
        if given.lower() not in (*known, "any"):
            raise UsageProblem(f"there is no {field} {safe(given)}", hint=f"There is: any, {', '.join(names)}.")
        if given.lower() != "any":
            conditions.append(f"{field}={known[given.lower()]}")
    return client.deleted(conditions)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What decides how long deleted volumes are safe: the policy, the server's zone and its clock."""

    policy: Policy | None
    zone: Zone
    now: float


def calendar(
    client: Client,
    profile_zone: str | None,
    now: float,
    login_zone: Callable[[float | None], Zone] = lambda _now: Zone(),
) -> Calendar:
    """Ask for it; what cannot be looked up stays unknown.  `login_zone` tells the zone that a login showed."""
    policy, server_now = _policy(client), client.server_time()
    told = client.timezone()
    server = Zone.from_server(*told, server_now or now) if told is not None else Zone()
    zone = first_known(server, login_zone(server_now), Zone.from_profile(profile_zone))
    return Calendar(policy, zone, server_now or now)


def with_time(client: Client, volumes: Iterable[Volume], known: Calendar) -> list[Listed]:
    """Return volumes with their time left and names, most urgent first; a look-up that fails costs only the names."""
    volumes = list(volumes)
    vms = _names(client, "/v1/vm-instances", {volume.text("lastVmInstanceUuid") for volume in volumes})
    stores = _names(client, "/v1/primary-storage", {volume.text("primaryStorageUuid") for volume in volumes})
    found = [listed(volume, known.policy, known.zone, known.now, vms, stores) for volume in volumes]
    return sorted(found, key=most_urgent_first)


def _policy(client: Client) -> Policy | None:
    try:
        return parse_policy(client.all("/v1/global-configurations", ["category=volume"], key="name"))
    except (Weather, ZvolError):
        return None


def _names(client: Client, path: str, uuids: set[str | None]) -> dict[str, str]:
    """Return the names of resources by UUID; a look-up that fails costs only the names."""
    wanted = sorted(uuid for uuid in uuids if uuid)
    names: dict[str, str] = {}
    try:
        for start in range(0, len(wanted), 100):
            part = ",".join(wanted[start : start + 100])
            for item in client.all(path, [f"uuid?={part}"]):
                if isinstance(item.get("uuid"), str) and isinstance(item.get("name"), str):
                    names[item["uuid"]] = item["name"]
    except (Weather, ZvolError):
        return names
    return names
