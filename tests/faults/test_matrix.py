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
from tests.faults.matrix.checks import check, truth
from tests.faults.matrix.pairs import BACKS, JOBS, PUTS, WORLDS, all_pairs
from tests.faults.matrix.runner import CaseRun, Runner
from tests.support.fault_proxy import Rule
from tests.support.kinds import KINDS, VMS, Kind
from tests.support.process import Ran


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    made = Runner(tmp_path_factory.mktemp("runner"), targets=1000)
    yield made
    made.close()


@pytest.mark.parametrize("case", selection(), ids=lambda case: f"{case.kind.name}: {case.name}")
def test_case(case: Case, runner: Runner) -> None:
    runner.prepare(case).execute(check)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_case_has_a_name_of_its_own(kind: Kind) -> None:
    names = [case.name for found in blocks(kind).values() for case in found]
    assert len(names) == len(set(names)) > 2000


def test_any_two_faults_are_together_in_some_case() -> None:
    factors = (PUTS, JOBS, BACKS, WORLDS)
    rows = [tuple(fault[0] for fault in row) for row in all_pairs(factors)]
    for a, b in combinations(range(4), 2):
        pairs = {(row[a], row[b]) for row in rows}
        assert pairs == {(one[0], other[0]) for one, other in product(factors[a], factors[b])}
    assert len(rows) <= 1.1 * len(PUTS) * len(JOBS)


# ---- the check himself -------------------------------------------------------------------------------------------
UNSENT = Case("unsent", faults=("unsent",) * 3)
HALF = Case("half", faults=("half",) * 3, kind=VMS)
FINE = Case("fine")


@pytest.mark.parametrize(
    ("case", "falsely"),
    [(HALF, "recovered"), (UNSENT, "gone"), *((FINE, word) for word in ("failed", "not-sent", "gone"))],
)
def test_a_false_outcome_is_found(case: Case, falsely: str, runner: Runner) -> None:
    def lie(case_run: CaseRun, run: Callable[[Sequence[str]], Ran]) -> None:
        ran = run(["recover", *case_run.kind.arguments(case_run.targets), "-o", "ndjson"])
        results = [json.loads(line) for line in ran.out.splitlines()]
        truth(case_run, results)
        with pytest.raises(AssertionError):
            truth(case_run, [one | {"outcome": falsely} for one in results])

    runner.prepare(case).execute(lie)


@pytest.mark.parametrize(
    "lie",
    [
        lambda ran: replace(ran, code=1),
        lambda ran: replace(ran, out=""),
        lambda ran: replace(ran, out=ran.out * 2),
    ],
    ids=["exit code", "nothing reported", "reported twice"],
)
def test_a_wrong_report_is_found(lie: Callable[[Ran], Ran], runner: Runner) -> None:
    with pytest.raises(AssertionError):
        runner.prepare(FINE).execute(lying(lie))


def test_two_submissions_are_found(runner: Runner) -> None:
    doubled = Case("twice", (Rule("put", "twice"),), ("late-save", "late-save"))
    with pytest.raises(AssertionError, match="two submissions alive"):
        runner.prepare(doubled).execute(check)


def test_somebody_at_the_place_of_a_redirect_is_found(runner: Runner) -> None:
    host, port = runner.trap_place.split(":")
    with socket.create_connection((host, int(port))), pytest.raises(AssertionError, match="pointed"):
        runner.prepare(FINE).execute(check)
    runner.trap.accept()[0].close()


def lying(lie: Callable[[Ran], Ran]) -> Callable[[CaseRun, Callable[[Sequence[str]], Ran]], None]:
    """Check a report of zvol that was changed on the way."""
    return lambda case_run, run: check(case_run, lambda arguments: lie(run(arguments)))
