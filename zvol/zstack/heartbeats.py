"""The zone of a server before 4.1, from the heartbeats of its management nodes; only an administrator may read them.

A node that runs writes `heartBeat` every 5 seconds, as a date in the server's zone.  That of a node that has stopped
can look like the date of a zone further west, in which every deadline is later.  So a heartbeat counts only if it was
written between two reads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from zvol.zstack.dates import parse_server_date
from zvol.zstack.zones import LOGIN_SLACK, QUARTER, Zone

if TYPE_CHECKING:
    from zvol.clock import CommandDeadline
    from zvol.zstack.client import Client

INTERVAL: Final = 5.0
"""Seconds from one heartbeat to the next: the default of managementServer/node.heartbeatInterval in all versions."""
LATE: Final = 0.25
"""Seconds that a heartbeat may be late."""
MORE_PAUSES: Final = (1.0, 2.0, 2.0)
"""Seconds to wait if it is later than that."""


def zone_from_heartbeats(client: Client, deadline: CommandDeadline, now: float, expected: Zone) -> Zone:
    """Return the zone in which heartbeats are written, unknown without any heartbeat; `now` is the server's clock.

    When they already fit the `expected` zone, that one is returned without waiting for the next heartbeat.
    Raises what `Client.query_page` raises.
    """
    clock = deadline.clock
    began = clock.monotonic()
    before = _heartbeats(client)
    if not before:
        return Zone()
    seen = Zone.from_heartbeat(max(before.values()), now)
    if seen.tz is not None and seen.offset == expected.offset_at(now):
        return expected
    for pause in (_until_next(max(before.values()), now), *MORE_PAUSES):
        deadline.sleep(pause)
        written = [date for node, date in _heartbeats(client).items() if node in before and date > before[node]]
        passed = clock.monotonic() - began
        if written and passed <= LOGIN_SLACK:
            return Zone.from_heartbeat(max(written), now + passed)
    return Zone()


def _heartbeats(client: Client) -> dict[str, datetime]:
    """Return the date of the last heartbeat of each node, by the node's UUID."""
    nodes = client.query_page("/v1/management-nodes", []).inventories
    dates = {str(node.get("uuid")): parse_server_date(str(node.get("heartBeat"))) for node in nodes}
    return {uuid: date for uuid, date in dates.items() if date is not None}


def _until_next(date: datetime, now: float) -> float:
    """Return the seconds until the next heartbeat, if the node runs."""
    apart = now - date.replace(tzinfo=UTC).timestamp()
    age = apart - round(apart / QUARTER) * QUARTER
    return min(max(0.0, INTERVAL - age), INTERVAL) + LATE
