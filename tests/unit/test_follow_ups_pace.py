"""How many changes of follow-ups are under way: as many as suit the server, beside recoveries half as many as these."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.sim.follow_ups import ATTACH, BOTH, TAG, FollowUpWorld, all_done, many
from tests.sim.paces import Shared, curve
from zvol.journal.journal import Journal
from zvol.journal.request import Request

BEST = 147
"""Changes a second that this server makes at best."""


def paced(tmp_path: Path, volumes: int) -> FollowUpWorld:
    world = many(tmp_path, volumes)
    world.server.shared = Shared(world.clock, curve)
    return world


def states(world: FollowUpWorld) -> dict[str, int]:
    """Return how many follow-ups the journal has in each state."""
    with closing(sqlite3.connect(world.path)) as db:
        return dict(db.execute("SELECT state, count(*) FROM followups GROUP BY state"))


@pytest.mark.parametrize("request_", [TAG, BOTH])
def test_they_are_made_at_the_pace_of_the_server(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[Journal] = []
    flush = Journal.flush

    def counted(journal: Journal) -> None:
        commits.append(journal)
        flush(journal)

    monkeypatch.setattr(Journal, "flush", counted)
    world = paced(tmp_path, 200)
    world.follow(request_)
    changes = 200 * (2 + request_.reattach)
    assert changes / world.took > 0.65 * BEST
    assert len(world.server.requests) <= 1.3 * changes
    assert len(commits) <= (changes - 200) / 4
    if request_ is BOTH:
        all_done(world)


def test_recoveries_keep_half_of_the_server(tmp_path: Path) -> None:
    last: list[float] = []
    for name, request in (("alone", Request()), ("both", BOTH)):
        world = paced(tmp_path / name, 120)
        puts: list[float] = []
        world.server.on_submit = lambda _uuid, puts=puts, world=world: puts.append(world.clock.now)  # type: ignore[misc]
        world.follow(request)
        last.append(max(puts) - min(puts))
    assert last[1] < 2.5 * last[0]


@pytest.mark.parametrize("request_", [TAG, ATTACH])
def test_what_was_not_sent_is_planned_after_a_signal(request_: Request, tmp_path: Path) -> None:
    world = paced(tmp_path, 100)
    world.clock.at(world.clock.now + 1.0, lambda: world.engine.stop())
    world.follow(request_)
    made = sum(world.server.made.values())
    assert 0 < made < 100
    assert states(world) == {"done": made, "planned": 100 - made}


@pytest.mark.parametrize(
    ("fault", "caps"),
    [
        ("unsent", {"concurrency": 1, "most_under_way": 1}),
        ("unsent", {"concurrency": 4, "most_under_way": 2}),
        ("unsent", {}),
        ("never", {"concurrency": 1, "most_under_way": 1}),
        ("never", {"concurrency": 4, "most_under_way": 2}),
        ("never", {}),
        ("lost", {"concurrency": 4, "most_under_way": 2}),
        ("lost", {}),
    ],
)
def test_changes_that_fail_stop_neither_others_nor_recoveries(fault: str, caps: dict[str, int], tmp_path: Path) -> None:
    world = paced(tmp_path, 20)
    for uuid in world.uuids[1:3]:
        world.server.stuck[uuid, "incident"] = fault
    began, puts = world.clock.now, list[float]()
    world.server.on_submit = lambda _uuid: puts.append(world.clock.now)
    results = world.follow(TAG, **caps)
    assert {result.outcome for result in results} == {"recovered"}
    assert sum(world.server.made.values()) == 18
    assert max(puts) - began < 2.0
    assert world.took < 130


def test_a_cap_holds_for_them_too(tmp_path: Path) -> None:
    """Beside recoveries, half as many changes may be under way."""
    world, most = paced(tmp_path, 60), [0]
    shared = world.server.shared
    assert isinstance(shared, Shared)
    start = shared.start

    def counted(finish: Callable[[], object]) -> None:
        start(finish)
        most.append(len(shared._work))

    shared.start = counted  # type: ignore[method-assign]
    world.follow(BOTH, most_under_way=4)
    assert max(most) == 6
    assert most[-20] <= 4, "afterwards as many as recoveries"
