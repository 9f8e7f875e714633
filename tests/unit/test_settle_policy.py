"""How long a request may act, by what a server of each release shows; and when it is asked for its version."""

from __future__ import annotations

import itertools
import queue
from pathlib import Path

import pytest

from tests.sim.clock import SimClock, pool_on
from tests.sim.kills import kill, puts, resume
from tests.sim.server import SimServer
from tests.sim.world import World
from tests.support.engine_options import engine_options
from zvol.errors import TransientError
from zvol.journal.request import DEFAULT_API_TIMEOUT
from zvol.recovery.quiet_period import MARGIN
from zvol.recovery.settle_policy import VERSION_INTERVAL, SettlePolicy
from zvol.zstack.answers import Accepted
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.versions import Release

pytestmark = pytest.mark.no_cover

SETTLE, API = 75.0, 60.0
ENFORCED = [
    "3.7.0",
    "3.7.2",
    "3.10.40",
    "4.0.0",
    "4.4.65",
    "4.7.0.4",
    "4.8.0.7",
    "4.10.0",
    "5.2.1",
    "5.3.0",
    "5.4.0",
    "6.0",
    "4.11.0",
]
NOT_ENFORCED = ["2.3.2", "3.0", "3.6.9", "5.2.1-rc", "", None]
POLLS = 45.0
"""More than it takes to see that a period is over: reads of a volume become rare."""


def versions(world: World) -> list[float]:
    """Return when the version was requested."""
    return [at for at, kind in world.server.requests if kind == "version"]


def once_lost(kind: str, number: int) -> str | None:
    return "lost" if (kind, number) == ("put", 1) else None


def once_dropped(kind: str, number: int) -> str | None:
    """A 202, and nothing more: it waited too long in a queue, or its node died."""
    return "vanish" if (kind, number) == ("put", 1) else None


# ---- what counts ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ENFORCED)
@pytest.mark.parametrize("grants", [API, None])
def test_a_lost_put_takes_one_short_quiet_period_from_3_7_on(text: str, grants: float | None, tmp_path: Path) -> None:
    world = World(tmp_path, once_lost)
    world.server.version_text, world.server.grants = text, lambda _asked: grants
    [result] = world.recover()
    assert result.outcome == "recovered"
    first, second = puts(world)
    assert SETTLE + API + MARGIN <= second - first < 30 + SETTLE + API + MARGIN + POLLS
    assert len(versions(world)) == 1
    assert first < versions(world)[0] < second
    world.true([result])


@pytest.mark.parametrize("text", NOT_ENFORCED)
def test_a_lost_put_takes_the_default_of_the_server_on_any_other(text: str | None, tmp_path: Path) -> None:
    world = World(tmp_path, once_lost)
    world.server.version_text = text
    [result] = world.recover(timeout=7200.0)
    assert result.outcome == "recovered"
    first, second = puts(world)
    assert SETTLE + DEFAULT_API_TIMEOUT + MARGIN <= second - first < 30 + SETTLE + DEFAULT_API_TIMEOUT + 2 * POLLS
    assert (len(versions(world)) == 1) is (text is not None)
    world.true([result])


@pytest.mark.parametrize(("text", "wait"), [("3.7.0", API), ("3.10.40", API), ("3.6.9", 1800.0), (None, 1800.0)])
def test_a_202_without_a_timeout_is_waited_for_in_the_same_way(text: str | None, wait: float, tmp_path: Path) -> None:
    """Servers before 4.1 name none."""
    world = World(tmp_path, once_dropped)
    world.server.version_text, world.server.grants = text, lambda _asked: None
    [result] = world.recover(timeout=7200.0)
    assert result.outcome == "recovered"
    first, second = puts(world)
    assert wait + MARGIN <= second - first < wait + MARGIN + POLLS
    world.true([result])


def test_a_202_with_the_requested_timeout_says_more_than_the_version(tmp_path: Path) -> None:
    world = World(tmp_path, lambda kind, number: "lost" if (kind, number) == ("put", 2) else None, volumes=2)
    world.server.version_text = "3.0"
    results = world.recover()
    assert {result.outcome for result in results} == {"recovered"}
    assert puts(world)[2] - puts(world)[0] < 30 + SETTLE + API + MARGIN + POLLS
    assert versions(world) == []
    world.true(results)


@pytest.mark.parametrize("granted", [1800.0, 3600.0, API + 0.5])
def test_a_202_with_a_longer_timeout_counts_whatever_the_version(granted: float, tmp_path: Path) -> None:
    """What was requested does not arrive there: a PUT without an answer has the server's own timeout, too."""
    world = World(tmp_path, lambda kind, number: {1: "vanish", 2: "lost"}.get(number) if kind == "put" else None, 2)
    world.server.grants = lambda _asked: granted
    results = world.recover(timeout=20_000.0)
    assert {result.outcome for result in results} == {"recovered"}
    (_, accepted, again), (_, lost, later) = sorted(times(world), key=lambda one: one[2])
    assert granted + MARGIN <= again - accepted < granted + MARGIN + POLLS
    assert later - lost >= SETTLE + max(granted, DEFAULT_API_TIMEOUT) + MARGIN
    assert versions(world) == []
    world.true(results)


def times(world: World) -> list[tuple[str, float, float]]:
    """Return when the PUTs of each of two volumes were sent, the first of which were sent together."""
    first, second, *again = puts(world)
    assert len(again) == 2
    return [("one", first, again[0]), ("other", second, again[1])]


def test_a_requested_timeout_that_is_longer_than_the_default_is_never_shortened(tmp_path: Path) -> None:
    world = World(tmp_path, once_lost)
    world.server.version_text = "3.6.9"
    [result] = world.recover(timeout=20_000.0, api_timeout=3600.0)
    first, second = puts(world)
    assert second - first >= SETTLE + 3600 + MARGIN
    assert versions(world) == [], "it cannot become shorter"
    world.true([result])


# ---- when the version is requested ---------------------------------------------------------------------------------
@pytest.mark.parametrize("volumes", [1, 5, 300])
@pytest.mark.parametrize("grants", [API, None])
def test_a_healthy_recovery_asks_for_no_version(volumes: int, grants: float | None, tmp_path: Path) -> None:
    world = World(tmp_path, volumes=volumes)
    world.server.grants = lambda _asked: grants
    results = world.recover()
    assert {result.outcome for result in results} == {"recovered"}
    assert versions(world) == []


@pytest.mark.parametrize("failures", [1, 4])
def test_a_look_up_that_fails_is_repeated_at_its_interval(failures: int, tmp_path: Path) -> None:
    world = World(
        tmp_path,
        lambda kind, number: once_lost(kind, number) or ("page" if kind == "version" and number <= failures else None),
    )
    [result] = world.recover()
    assert result.outcome == "recovered"
    asked = versions(world)
    assert len(asked) == failures + 1
    assert all(
        VERSION_INTERVAL <= later - earlier < VERSION_INTERVAL + POLLS for earlier, later in itertools.pairwise(asked)
    )
    first, second = puts(world)
    assert second - first < 30 + SETTLE + API + MARGIN + POLLS
    world.true([result])


def test_a_release_that_is_told_late_ends_the_wait_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, once_lost)
    world.server.version_text = None
    began = world.clock.now
    world.clock.at(began + 900.0, lambda: setattr(world.server, "version_text", "3.7.0"))
    [result] = world.recover(timeout=7200.0)
    assert 900 <= puts(world)[1] - began < 900 + VERSION_INTERVAL + POLLS
    world.true([result])


# ---- what dead runs have sent --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "wait"), [("3.10.40", API), ("3.0", DEFAULT_API_TIMEOUT)])
@pytest.mark.parametrize("fault", [once_lost, once_dropped])
def test_what_a_dead_run_has_sent_is_waited_for_in_the_same_way(
    text: str, wait: float, fault: object, tmp_path: Path
) -> None:
    world = World(tmp_path, fault)  # type: ignore[arg-type]
    world.server.version_text, world.server.grants = text, lambda _asked: None
    kill(world, 5.0)
    before, began = len(versions(world)), world.clock.now
    [result] = resume(world, timeout=7200.0)
    assert result.outcome == "recovered"
    assert SETTLE + wait + MARGIN <= puts(world)[1] - began < SETTLE + wait + MARGIN + 2 * POLLS
    assert len(versions(world)) == before + 1
    world.true([result])


# ---- the policy alone ----------------------------------------------------------------------------------------------
class Policy:
    """A policy on simulated time, and a server that is asked for its version."""

    def __init__(self, text: str) -> None:
        self.clock = SimClock()
        self.server = SimServer(self.clock, version_text=text)
        inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.pool = pool_on(self.clock)(4, inbox, self.clock.monotonic)  # type: ignore[arg-type]
        self.policy = SettlePolicy(engine_options(), self.server, self.pool)  # type: ignore[arg-type]

    def told(self) -> None:
        """Let a request for the version be sent and answered, if one is due."""
        self.policy.tick(self.clock.now)
        self.pool.wait(self.clock, 1.0)


def test_a_longer_timeout_is_believed_after_the_version_was() -> None:
    one = Policy("5.2.1")
    lost = one.policy.silence(0.0)
    for second in range(0, 100, 5):
        lost.note(second, second)
    one.told()
    assert lost.remaining(95.0) < 100
    assert one.policy.accepted(95.0, Accepted(1800.0)).remaining(95.0) == 1800 + MARGIN
    assert lost.remaining(95.0) > 1700
    assert one.policy.accepted(95.0, Accepted(API)).remaining(95.0) == API + MARGIN, "its own is known"
    assert one.policy.silence(95.0).remaining(95.0) == SETTLE + 1800 + MARGIN == one.policy.longest(DATA_VOLUME)


def test_an_answer_about_the_version_does_not_shorten_what_a_202_has_named() -> None:
    one = Policy("5.2.1")
    lost = one.policy.silence(0.0)
    for second in range(0, 100, 5):
        lost.note(second, second)
    one.policy.tick(one.clock.now)
    one.policy.accepted(95.0, Accepted(1800.0))
    one.told()
    assert one.server.seen["version"] == 1
    assert lost.remaining(95.0) > 1700


@pytest.mark.parametrize(("lasted", "asked"), [(9.0, 0), (10.0, 1)])
def test_it_asks_once_a_wait_is_long(lasted: float, asked: int) -> None:
    one = Policy("5.2.1")
    quiet = one.policy.silence(0.0)
    quiet.note(0.0, 0.0)
    quiet.note(lasted, lasted)
    one.told()
    one.told()
    assert one.server.seen.get("version", 0) == asked


def test_it_asks_at_once_where_the_wait_would_be_over() -> None:
    one = Policy("5.2.1")
    quiet = one.policy.silence(0.0, spent=SETTLE + API + MARGIN - 1.0)
    quiet.note(0.0, 0.0)
    quiet.note(0.5, 0.5)
    quiet.note(1.0, 1.0)
    one.told()
    assert "version" not in one.server.seen
    quiet.note(1.5, 1.5)
    one.told()
    assert one.server.seen["version"] == 1
    quiet.note(2.0, 2.0)
    assert quiet.over


def test_the_simulated_server_tells_releases() -> None:
    """The simulation does what the client does: a release, or an error."""
    one = Policy("5.2.1")
    assert one.server.version() == Release.parse("5.2.1")
    one.server.version_text = None
    with pytest.raises(TransientError):
        one.server.version()
