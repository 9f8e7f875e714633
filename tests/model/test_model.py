"""The protocol holds whatever happens, each of its conditions is needed, and the model leaves nothing of it out."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.model.ablations import WEAKER
from tests.model.explore import Found, explore
from tests.model.moves import UNREACHED, possible_moves
from tests.model.promises import PROMISES
from tests.model.settings import BEYOND, HOLDS
from tests.model.world import Setting
from zvol.recovery.protocol import TRANSITIONS
from zvol.recovery.states import Phase

PAGE = Path(__file__).parents[2] / "docs" / "internals" / "protocol.md"

LEAST = 2_000
"""States of a setting that is worth its name."""

COVERING = [name for name, setting in HOLDS.items() if setting.lost_saves == 0 and setting.nodes == 1]
"""The smaller settings; the others are about what the table is not: the network and the server."""


Explored = Callable[[Setting], Found]


@pytest.fixture(scope="session")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Explored:
    """Return what explores a setting once for all processes of this test run."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    @cache
    def found(setting: Setting) -> Found:
        name = f"model-{hashlib.sha256(repr(setting).encode()).hexdigest()}"
        with (folder / name).open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if file.seek(0, os.SEEK_END) == 0:
                pickle.dump(explore(setting), file)
            file.seek(0)
            kept: Found = pickle.load(file)
        return kept

    return found


@pytest.mark.parametrize("name", HOLDS)
def test_the_protocol_holds(name: str, explored: Explored) -> None:
    found = explored(HOLDS[name])
    print(f"\n{name}: {found.states:,} states")
    assert found.broken == {}
    assert found.states > LEAST
    assert f"| {name} | {found.states:,} |" in PAGE.read_text(), "docs/internals/protocol.md has another figure"


@pytest.mark.parametrize("name", WEAKER)
def test_each_condition_is_needed(name: str) -> None:
    weaker = WEAKER[name]
    found = explore(weaker.setting, weaker.rules, until=weaker.breaks)
    assert weaker.breaks in found.broken
    steps = found.broken[weaker.breaks]
    print(f"\n{name}: {found.states:,} states, {weaker.breaks} after {len(steps)} steps: {'; '.join(steps)}")
    assert f"| {name} | {weaker.breaks} |" in PAGE.read_text()


@pytest.mark.parametrize("name", WEAKER)
def test_the_rules_as_they_are_hold_where_a_weaker_one_breaks(name: str, explored: Explored) -> None:
    setting = WEAKER[name].setting
    if setting.alone:  # else it is this world that is weaker
        assert explored(setting).broken == {}


def test_each_promise_is_broken_by_a_weaker_rule() -> None:
    assert {weaker.breaks for weaker in WEAKER.values()} == set(PROMISES)


@pytest.mark.parametrize("name", BEYOND)
def test_beyond_its_assumptions_it_does_not_hold(name: str) -> None:
    """The limits that docs/internals/protocol.md names; when one of them is gone, so should its sentence be."""
    setting, promise = BEYOND[name]
    assert promise in explore(setting, until=promise).broken
    assert f"* {name}" in PAGE.read_text()


def test_the_model_makes_every_move_of_the_table(explored: Explored) -> None:
    """Every row of the table, and every outcome and next phase that a row can lead to."""
    made = set().union(*(explored(HOLDS[name]).moves for name in COVERING))
    assert possible_moves() - made == UNREACHED
    assert {(phase, kind) for phase, kind, _, _ in made} == set(TRANSITIONS)
    assert {phase for phase, _ in TRANSITIONS} == set(Phase) - {Phase.DONE, Phase.UNSETTLED, Phase.UNRESOLVED}


def test_the_page_has_every_move_and_no_other() -> None:
    row = r"^\| ([a-z-]+) \| (\w+) \| [^|]+ \| `([a-z-]+)` \| ([a-z-]+) \|$"
    rows = re.findall(row, PAGE.read_text(), re.MULTILINE)
    expected = {(phase.value, kind.__name__, what, after.value) for phase, kind, after, what in possible_moves()}
    assert {*rows} == expected
    assert len(rows) == len(expected)
