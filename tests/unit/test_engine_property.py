"""Any faults, other people, crashes and kills, of both kinds: what is reported is true, and nothing is sent twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sim.clock import SimClock, pool_on
from tests.sim.journal import open_journal
from tests.sim.server import SimServer
from tests.support.engine_options import engine_options
from zvol.errors import Exit, most_severe
from zvol.journal.journal import Journal
from zvol.journal.records import Identity
from zvol.model import VM, VOLUME, Outcome, Result, Target
from zvol.recovery.engine import Engine

pytestmark = [pytest.mark.no_cover, pytest.mark.once]

PUT_FAULTS = ["lost", "late", "page", "answer-lost", "done-behind-502", "vanish", "refused", "dns"]
ME = Identity("http://simulated:8080/zstack", "account test")
OTHER_FAULTS = ["lost", "page", "refused", "no-record"]

request_faults = st.fixed_dictionaries(
    {
        "put": st.dictionaries(st.integers(1, 8), st.sampled_from(PUT_FAULTS), max_size=4),
        "job": st.dictionaries(st.integers(1, 12), st.sampled_from(OTHER_FAULTS), max_size=4),
        "read": st.dictionaries(st.integers(1, 12), st.sampled_from(OTHER_FAULTS[:3]), max_size=4),
    }
)
kinds_of_a_run = st.sampled_from(((VOLUME,), (VM,), (VOLUME, VM)))
times = st.floats(0.0, 200.0)
ON_ITS_WAY = 0.01
soon = st.floats(0.0, 1.0)


class Killed(BaseException):
    """zvol is gone; what it had made durable remains."""


class Scenario:
    """One server, one journal, and as many runs of zvol as it takes; `kinds` are those of its targets, in turn."""

    def __init__(self, folder: Path, number: int, kinds: Sequence[str], faults: dict[str, dict[int, str]]) -> None:
        self.clock = SimClock()
        self.server = SimServer(self.clock, fault=lambda kind, number: faults.get(kind, {}).get(number))
        self.targets = [Target(f"{n:032x}", f"{n:032x}", kind=kinds[n % len(kinds)]) for n in range(1, number + 1)]
        for target in self.targets:
            self.server.add([target.uuid], target.kind)
        self.folder, self.path = folder, folder / "0" / "journal.db"
        self.path.parent.mkdir()
        self.journals: list[Journal] = []

    def engine(self) -> Engine:
        options = engine_options(timeout=100_000.0)
        return Engine(self.server, options, self.journal, self.clock, identity=ME, pool=pool_on(self.clock))  # type: ignore[arg-type]

    def journal(self) -> Journal:
        self.journals.append(open_journal(self.path))
        return self.journals[-1]

    def kill(self) -> None:
        """Keep the journal as it is on the disk now, and end the process that wrote it."""
        following = self.folder / str(int(self.path.parent.name) + 1)
        following.mkdir()
        for file in self.path.parent.glob("journal.db*"):
            if file.is_file():
                shutil.copy(file, following / file.name)
        self.path = following / "journal.db"
        raise Killed

    def recover(self) -> list[Result]:
        return self.run(self.engine().recover(self.targets))

    def resume(self) -> list[Result]:
        """Do what `zvol resume` does: adopt each unfinished run and finish it."""
        results = []
        journal = self.journal()
        for run in journal.runs():
            left = journal.adopt([run.id], ME).volumes if run.unfinished else ()
            open_ones = [volume for volume in left if volume.state in ("planned", "open")]
            if open_ones:
                results += self.run(self.engine().resume(journal, open_ones))
        return results

    def run(self, running: Iterator[Result]) -> list[Result]:
        results = []
        for result in running:
            self.check(result)
            results.append(result)
        return results

    def check(self, result: Result) -> None:
        """The result must be true when it is reported, but for what happened while the answer was on its way."""
        assert result.uuid is not None
        row = self.server.rows[result.uuid]
        if result.outcome in (Outcome.RECOVERED, Outcome.ALREADY):
            assert row.ready or self.clock.now - row.deleted_at < ON_ITS_WAY, result
        if result.outcome in (Outcome.FAILED, Outcome.NOT_SENT):
            assert not self.server.alive.get(result.uuid), result

    def end(self, results: Sequence[Result]) -> None:
        assert self.server.worst <= 1
        assert not self.server.twice
        assert len({result.uuid for result in results}) == len(results)


def run_scenario(
    number: int, kinds: Sequence[str], faults: dict[str, dict[int, str]], happen: object
) -> tuple[Scenario, list[Result], list[Result]]:
    """Recover; when zvol is killed on the way, resume.  Returns the results of both."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(Path(folder), number, kinds, faults)
        happen(scenario)  # type: ignore[operator]
        try:
            results, resumed = scenario.recover(), list[Result]()
        except Killed:
            results, resumed = [], scenario.resume()
        finally:
            for journal in scenario.journals:
                journal.close()
        scenario.end(results or resumed)
        return scenario, results, resumed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(number=st.integers(1, 6), kinds=kinds_of_a_run, faults=request_faults)
def test_any_weather(number: int, kinds: Sequence[str], faults: dict[str, dict[int, str]]) -> None:
    scenario, results, _ = run_scenario(number, kinds, faults, lambda _scenario: None)
    assert len(results) == number
    assert {result.outcome for result in results} <= {Outcome.RECOVERED, Outcome.NOT_SENT, Outcome.UNKNOWN}
    assert most_severe(r.exit for r in results) in (Exit.OK, Exit.UNREACHABLE, Exit.UNKNOWN)
    recovered = {result.uuid for result in results if result.outcome is Outcome.RECOVERED}
    assert recovered == {uuid for uuid, row in scenario.server.rows.items() if row.ready}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(number=st.integers(1, 6), kinds=kinds_of_a_run, faults=request_faults, when=st.one_of(soon, times))
def test_killed_at_any_time_and_resumed(
    number: int, kinds: Sequence[str], faults: dict[str, dict[int, str]], when: float
) -> None:
    def happen(scenario: Scenario) -> None:
        scenario.clock.at(scenario.clock.now + when, scenario.kill)

    scenario, results, resumed = run_scenario(number, kinds, faults, happen)
    assert {result.outcome for result in results + resumed} <= {
        Outcome.RECOVERED,
        Outcome.ALREADY,
        Outcome.NOT_SENT,
        Outcome.UNKNOWN,
    }
    del scenario


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    number=st.integers(1, 4),
    kinds=kinds_of_a_run,
    faults=request_faults,
    crash=st.one_of(soon, times),
    away=times,
    kill=st.none() | times,
)
def test_the_server_crashes_and_comes_back(
    number: int,
    kinds: Sequence[str],
    faults: dict[str, dict[int, str]],
    crash: float,
    away: float,
    kill: float | None,
) -> None:
    def happen(scenario: Scenario) -> None:
        scenario.clock.at(scenario.clock.now + crash, scenario.server.crash)
        scenario.clock.at(scenario.clock.now + crash + away, lambda: setattr(scenario.server, "up", True))
        if kill is not None:
            scenario.clock.at(scenario.clock.now + kill, scenario.kill)

    run_scenario(number, kinds, faults, happen)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from((VOLUME, VM)), faults=request_faults, theirs=st.one_of(soon, times), again=times)
def test_other_people_recover_and_delete_on_purpose(
    kind: str, faults: dict[str, dict[int, str]], theirs: float, again: float
) -> None:
    """Somebody brings it back and deletes it again: zvol never sends after that, and never says that it is back."""

    def happen(scenario: Scenario) -> None:
        uuid, server = scenario.targets[0].uuid, scenario.server

        def by_hand() -> None:
            if not server.rows[uuid].ready and uuid not in server.busy:
                server.recover_by_hand(uuid)

        def delete() -> None:
            if server.rows[uuid].ready:
                server.delete(uuid)

        scenario.clock.at(scenario.clock.now + theirs, by_hand)
        scenario.clock.at(scenario.clock.now + theirs + again, delete)

    run_scenario(1, (kind,), faults, happen)
