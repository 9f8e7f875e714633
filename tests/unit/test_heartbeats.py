"""How long the zone of a server is waited for, on simulated time: until the next heartbeat, and no longer."""

from __future__ import annotations

import math
import queue
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from zvol.clock import CommandDeadline
from zvol.zstack.answers import QueryResult
from zvol.zstack.heartbeats import zone_from_heartbeats
from zvol.zstack.zones import Zone

T = TypeVar("T")
NOW = 1_795_000_000.0
EAST = 8 * 3600


class Clock:
    """A clock that goes on only while somebody waits."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def wall(self) -> float:
        raise AssertionError("this machine's time of day plays no part")

    def wait_for_item(self, _source: queue.SimpleQueue[T], timeout: float) -> T | None:
        self.passed += timeout
        return None

    def real(self, seconds: float) -> float:
        return seconds


class Node:
    """A node in +08:00 that writes its heartbeat every `interval` seconds, `phase` seconds after full ones.

    `ahead`: how far the clock of its database is ahead of its own.  `slow`: how long a read takes.
    """

    def __init__(self, phase: float = 0.0, interval: float = 5.0, ahead: float = 0.0, slow: float = 0.01) -> None:
        self.clock, self.reads = Clock(), 0
        self.phase, self.interval, self.ahead, self.slow = phase, interval, ahead, slow

    def query_page(self, path: str, query: list[Any]) -> QueryResult:
        assert (path, query) == ("/v1/management-nodes", [])
        self.reads += 1
        self.clock.passed += self.slow / 2
        written = math.floor((self.clock.passed - self.phase) / self.interval) * self.interval + self.phase
        self.clock.passed += self.slow / 2
        at = datetime.fromtimestamp(math.floor(NOW + self.ahead + written) + EAST, UTC)
        return QueryResult(({"uuid": "a", "heartBeat": f"{at:%b %d, %Y %I:%M:%S %p}"},), 1)

    def zone(self) -> Zone:
        client: Any = self
        return zone_from_heartbeats(client, CommandDeadline(self.clock), NOW, Zone())


def offset(zone: Zone) -> float | None:
    return None if zone.offset is None else zone.offset.total_seconds()


@pytest.mark.parametrize("phase", [number / 4 for number in range(20)])
def test_the_second_read_comes_right_after_the_next_heartbeat(phase: float) -> None:
    node = Node(phase)
    zone = node.zone()
    assert (offset(zone), zone.source, zone.moment) == (EAST, "server", NOW + node.clock.passed)
    assert node.reads <= 3
    assert node.clock.passed <= 5.3 + 1
    assert node.clock.passed <= 5.3 or node.reads == 3, (
        "its date has no fractions, so that the next may be a second off"
    )


@pytest.mark.parametrize("ahead", [-60, -3, -1, 1, 3, 60])
@pytest.mark.parametrize("phase", [0.0, 1.5, 3.0, 4.5])
def test_the_clock_of_the_database_may_be_another(ahead: float, phase: float) -> None:
    node = Node(phase, ahead=ahead)
    assert offset(node.zone()) == EAST
    assert node.clock.passed <= 11


def test_a_node_that_has_stopped_is_not_waited_for_long() -> None:
    node = Node(interval=1e9)
    assert node.zone() == Zone()
    assert (node.reads, node.clock.passed < 11) == (5, True)


@pytest.mark.parametrize(("slow", "known"), [(50, True), (70, False), (900, False)])
def test_a_heartbeat_that_may_be_old_by_now_does_not_count(slow: float, known: bool) -> None:
    assert offset(Node(slow=slow).zone()) == (EAST if known else None)
