"""A selection of the fault matrix; `python -m tests.faults.matrix` runs all of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

import pytest

from tests.faults.matrix.case import Case
from tests.faults.matrix.cases import blocks, selection
from tests.faults.matrix.lane import Lane, Scene
from tests.faults.matrix.pairs import BACKS, JOBS, PUTS, WORLDS, all_pairs
from tests.faults.matrix.verdict import judge, truth
from tests.support.fault_proxy import Rule
from tests.support.process import Ran


@pytest.fixture(scope="session")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    made = Lane(tmp_path_factory.mktemp("lane"))
    yield made
    made.close()


@pytest.mark.parametrize("case", selection(), ids=lambda case: case.name)
def test_case(case: Case, lane: Lane) -> None:
    lane.scene(case).play(judge)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for found in blocks().values() for case in found]
    assert len(names) == len(set(names)) > 2000


def test_any_two_faults_are_together_in_some_case() -> None:
    factors = (PUTS, JOBS, BACKS, WORLDS)
    rows = [tuple(fault[0] for fault in row) for row in all_pairs(factors)]
    for a, b in combinations(range(4), 2):
        pairs = {(row[a], row[b]) for row in rows}
        assert pairs == {(one[0], other[0]) for one, other in product(factors[a], factors[b])}
    assert len(rows) <= 1.1 * len(PUTS) * len(JOBS)


# ---- the judge himself -------------------------------------------------------------------------------------------
UNSENT = Case("unsent", faults=("unsent",) * 3)
FINE = Case("fine")


@pytest.mark.parametrize(
    ("case", "falsely"),
    [*((UNSENT, word) for word in ("recovered", "gone")), *((FINE, word) for word in ("failed", "not-sent", "gone"))],
)
def test_a_false_word_is_found(case: Case, falsely: str, lane: Lane) -> None:
    def lie(scene: Scene, run: Callable[[Sequence[str]], Ran]) -> None:
        results = [json.loads(line) for line in run(["recover", *scene.volumes, "-o", "ndjson"]).out.splitlines()]
        truth(scene, results)
        with pytest.raises(AssertionError):
            truth(scene, [one | {"outcome": falsely} for one in results])

    lane.scene(case).play(lie)


@pytest.mark.parametrize(
    "lie",
    [
        lambda ran: replace(ran, code=1),
        lambda ran: replace(ran, out=""),
        lambda ran: replace(ran, out=ran.out * 2),
    ],
    ids=["exit code", "nothing said", "said twice"],
)
def test_a_wrong_report_is_found(lie: Callable[[Ran], Ran], lane: Lane) -> None:
    with pytest.raises(AssertionError):
        lane.scene(FINE).play(lying(lie))


def test_two_submissions_are_found(lane: Lane) -> None:
    doubled = Case("twice", (Rule("put", "twice"),), ("late-save", "late-save"))
    with pytest.raises(AssertionError, match="two submissions alive"):
        lane.scene(doubled).play(judge)


def test_somebody_at_the_place_of_a_redirect_is_found(lane: Lane) -> None:
    host, port = lane.trap_place.split(":")
    with socket.create_connection((host, int(port))), pytest.raises(AssertionError, match="pointed"):
        lane.scene(FINE).play(judge)
    lane.trap.accept()[0].close()


def lying(lie: Callable[[Ran], Ran]) -> Callable[[Scene, Callable[[Sequence[str]], Ran]], None]:
    """Judge what zvol said after somebody has changed it."""
    return lambda scene, run: judge(scene, lambda arguments: lie(run(arguments)))
