"""Runs that are killed, and what the journal then has."""

from __future__ import annotations

import pytest

from tests.sim.world import World
from zvol.journal.records import Identity
from zvol.model import VM, VOLUME, Result

QUIET = 75 + 60 + 15
QUIET_OF = {VOLUME: QUIET, VM: 75 + 2 * 300 + 15}
"""The quiet period of a PUT without an answer: a VM's timeout is a fixed one and counts twice."""


class Killed(Exception):
    """The process ends here."""


def lost(kind: str, number: int) -> str | None:
    return "lost" if (kind, number) == ("put", 1) else None


def kill(world: World, after: float, *uuids: str) -> None:
    """Begin a run and end it after some seconds; what is open in the journal stays open."""

    def end() -> None:
        raise Killed

    world.clock.at(world.clock.now + after, end)
    with pytest.raises(Killed):
        list(world.new_engine().recover(world.targets(*uuids)))
    world.close()


def resume(world: World, *, runs: int | None = None, **options: object) -> list[Result]:
    journal = world.journal()
    mine = [run.id for run in reversed(journal.runs()) if run.unfinished and run.identity == world.identity][:runs]
    engine = world.new_engine(**options)
    results = list(engine.resume(journal, journal.adopt(mine, world.identity, engine.options.waits).volumes))
    world.close()
    return results


def puts(world: World) -> list[float]:
    return [when for when, kind in world.server.requests if kind == "put"]


def intents(world: World, identity: Identity) -> list[tuple[str, bool]]:
    """Return the open intents of all runs of somebody."""
    journal = world.journal()
    sql = "SELECT uuid, inherited FROM intents JOIN runs ON id = run WHERE closed = 0 AND account IS ? AND base = ?"
    found = [(uuid, bool(old)) for uuid, old in journal._db.execute(sql, (identity.account, identity.base))]
    world.close()
    return found
