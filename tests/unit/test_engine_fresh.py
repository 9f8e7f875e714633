"""No PUT leaves on a read that is older than ten seconds, whatever takes the time in between."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.sim.journal import SlowJournal
from tests.sim.world import World
from zvol.journal.journal import Journal
from zvol.recovery.task import FRESH

SECONDS = (1.0, 9.0, 11.0, 25.0)


class Slow(World):
    """`journal_takes` and `connects` give how long the next call of the journal, or connection, takes."""

    def __init__(self, tmp_path: Path, *, volumes: int = 1) -> None:
        self.journal_takes: list[tuple[float, float]] = []
        self.connects: dict[str, list[float]] = {"put": [], "read": []}
        super().__init__(tmp_path, volumes=volumes)
        self.server.connect = lambda kind: self.connects[kind].pop(0) if self.connects.get(kind) else 0.0

    def journal(self) -> Journal:
        seconds = lambda: self.journal_takes.pop(0) if self.journal_takes else (0.0, 0.0)  # noqa: E731
        made = SlowJournal(lambda: Journal(self.path), self.clock, seconds)
        self.journals.append(cast(Journal, made))
        return self.journals[-1]

    def deleted_on_purpose(self, seconds: float) -> None:
        """After this number of seconds somebody recovers everything, and deletes it again."""
        for uuid in self.uuids:
            self.clock.at(self.clock.now + seconds, lambda uuid=uuid: self.server.recover_by_hand(uuid))  # type: ignore[misc]
            self.clock.at(self.clock.now + seconds, lambda uuid=uuid: self.server.delete(uuid))  # type: ignore[misc]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Slow]:
    made = Slow(tmp_path)
    yield made
    made.close()


CALLS = 3
"""Opening it, the run with its claim, the intent."""


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("call", range(CALLS))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_the_journal_made_too_old_is_not_sent(world: Slow, call: int, after: bool, seconds: float) -> None:
    world.journal_takes = [(0.0, 0.0)] * call + [(0.0, seconds) if after else (seconds, 0.0)]
    world.deleted_on_purpose(seconds / 2)
    [result] = world.recover()
    assert not world.journal_takes, "it was called"
    if seconds > FRESH:
        assert (result.outcome, result.error and result.error.kind) == ("failed", "changed")
        assert (world.server.submitted, world.server.rows[world.uuids[0]].status) == ([], "Deleted")
    else:
        assert result.outcome == "recovered", "what happens within ten seconds no client can know"


@pytest.mark.parametrize("seconds", SECONDS)
def test_what_its_connection_made_too_old_is_not_sent(world: Slow, seconds: float) -> None:
    world.connects["put"] = [seconds]
    world.deleted_on_purpose(seconds / 2)
    [result] = world.recover()
    if seconds > FRESH:
        assert (result.outcome, result.error and result.error.kind) == ("failed", "changed")
        assert world.server.submitted == []
    else:
        assert result.outcome == "recovered"


def test_what_nobody_touched_is_read_again_and_recovered(world: Slow) -> None:
    world.connects["put"], world.journal_takes = [12.0], [(0.0, 0.0)] * (CALLS - 1) + [(0.0, 12.0)]
    [result] = world.recover()
    assert result.outcome == "recovered"
    assert len(world.server.submitted) == 1
    kinds = [kind for _, kind in world.server.requests if kind in ("read", "put")]
    assert kinds[:4] == ["read", "read", "read", "put"]
    journal = world.journal()
    assert journal._db.execute("SELECT count(*), sum(closed) FROM intents").fetchone() == (3, 3)


def test_the_age_of_a_read_counts_from_its_own_first_byte(world: Slow) -> None:
    """A read may take seven seconds to be connected, and seven to be answered: only the latter make it old."""
    for slow, fault, sent in ((7.0, None, ["read", "put"]), (0.0, "slow", ["read", "read", "put"])):
        for uuid in world.uuids:
            world.server.delete(uuid)
        world.server.requests.clear()
        world.connects = {"read": [slow], "put": [4.0]}
        reads = world.server.seen.get("read", 0)
        world.server.fault = lambda kind, n, reads=reads, fault=fault: (  # type: ignore[misc]
            fault if kind == "read" and n == reads + 1 else None
        )
        [result] = world.recover()
        assert result.outcome == "recovered"
        kinds = [kind for _, kind in world.server.requests if kind in ("read", "put")]
        assert kinds[: len(sent)] == sent


def test_what_was_deleted_while_a_slow_answer_came_is_not_sent(world: Slow) -> None:
    world.connects = {"answer": [7.0], "put": [7.0]}
    world.deleted_on_purpose(1.0)
    [result] = world.recover()
    assert (result.outcome, result.error and result.error.kind) == ("failed", "changed")
    assert world.server.submitted == []


def test_three_times_too_late_is_not_sent_and_says_what_took_so_long(world: Slow) -> None:
    world.connects["put"] = [12.3] * 9
    [result] = world.recover()
    assert (result.outcome, world.server.submitted) == ("not-sent", [])
    assert len(world.connects["put"]) == 6
    error = result.error
    assert error is not None
    assert (error.kind, error.exit) == ("stale", 5)
    assert "12.3 s" in error.message
    assert "it could leave too late" in error.hint
    assert "zvol resume" in error.hint
    journal = world.journal()
    assert [one.state for one in journal.unfinished_volumes(journal.runs()[0].id)] == ["planned"]


def test_a_journal_that_is_always_slow_ends_it_too(world: Slow) -> None:
    world.journal_takes = [(0.0, 0.0)] * (CALLS - 1) + [(11.5, 0.0)] * 9
    [result] = world.recover()
    assert (result.outcome, world.server.submitted) == ("not-sent", [])
    assert result.error is not None
    assert "it took 11.5 s to write the journal" in result.error.hint


def test_after_a_put_that_was_sent_it_is_not_known(world: Slow) -> None:
    world.connects["put"] = [0.0] + [12.0] * 9
    world.server.fault = lambda kind, number: "vanish" if kind == "put" and number == 1 else None
    [result] = world.recover()
    assert (result.outcome, len(world.connects["put"])) == ("unknown", 6)
    assert result.error is not None
    assert result.error.exit == 3
    assert "of the request: it could leave too late" in result.error.message


def test_only_tries_in_a_row_count(world: Slow) -> None:
    """Each of three PUTs is sent at its third try."""
    world.connects["put"] = [12.0, 12.0, 0.0] * 3
    world.server.fault = lambda kind, number: "vanish" if kind == "put" and number < 3 else None
    [result] = world.recover()
    assert (result.outcome, len(world.server.submitted)) == ("recovered", 3)


@pytest.mark.parametrize(("seconds", "outcome"), [(0.9, "recovered"), (1.1, "not-sent")])
def test_what_was_nearly_too_old_before_is_no_try(world: Slow, seconds: float, outcome: str) -> None:
    """Whose turn comes late is read again as often as it takes."""
    world.journal_takes = [(0.0, 0.0)] * (CALLS - 1) + [(0.0, 9.5)] * 5
    world.connects["put"] = [seconds] * 5
    [result] = world.recover()
    assert result.outcome == outcome
    assert len(world.connects["put"]) == (0 if outcome == "recovered" else 2)


def test_a_request_that_came_too_late_is_no_trouble_of_the_network(tmp_path: Path) -> None:
    """The others go on meanwhile, and nothing is waited for."""
    world = Slow(tmp_path, volumes=20)
    world.connects["put"] = [12.0]
    results = world.recover()
    assert [one.outcome for one in results] == ["recovered"] * 20
    puts = [time for time, kind in world.server.requests if kind == "put"]
    assert puts[18] - puts[0] < 3
    assert world.took < 14
    assert not world.engine.lost
    world.close()


def test_what_was_held_up_is_not_sent_after_a_signal(world: Slow) -> None:
    """Its request could leave only after a signal: that is reported at once, and `resume` can do it."""
    world.connects["put"] = [12.0]
    world.clock.at(world.clock.now + 8, lambda: world.engine.stop())
    [result] = world.recover()
    assert (result.outcome, result.error and result.error.kind) == ("not-sent", "stopped")
    assert world.took < 13
    journal = world.journal()
    assert [(one.uuid, one.state, one.intents) for one in journal.unfinished_volumes(journal.runs()[0].id)] == [
        (world.uuids[0], "planned", ())
    ]


def test_words_do_not_wait_for_the_journal(tmp_path: Path) -> None:
    """A volume that was never deleted is reported before others are claimed."""
    world = Slow(tmp_path, volumes=2)
    world.server.recover_by_hand(world.uuids[0])
    world.journal_takes = [(9.0, 0.0)]
    reported: list[float] = []
    results = world.recover(on_result=lambda _result: reported.append(world.clock.now - 1000.0))
    assert [one.outcome for one in results] == ["already", "recovered"]
    assert reported[0] < 1 < 9 < reported[1]
    world.close()


def test_the_simulated_journal_takes_its_time(world: Slow) -> None:
    """The tests above would see nothing otherwise."""
    world.journal_takes = [(2.0, 3.0)]
    began, seen = world.clock.now, queue.SimpleQueue[float]()
    world.clock.at(began + 1, lambda: seen.put(world.clock.now))
    world.journal()
    assert (world.clock.now, seen.get_nowait()) == (began + 5, began + 1)
