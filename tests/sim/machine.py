"""A state machine for hypothesis: the real engine and journal against a world in which anything may happen at any time.

Its steps are what the network, the server, other people and the user do; between them time passes.  After each step the
promises are looked at, and in the end everything works and every run must come to its end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.sim.clock import pool_on
from tests.sim.journal import SlowJournal, open_journal
from tests.sim.process import Process
from tests.sim.surroundings import VMS, Surroundings, durations, instants, moments, requests
from tests.support.engine_options import engine_options
from zvol.journal.journal import Journal
from zvol.journal.records import Identity
from zvol.model import VM, VOLUME, Outcome, Result, Target
from zvol.recovery.engine import Engine
from zvol.recovery.task import FRESH

ME = Identity("http://simulated:8080/zstack", "account test")
BACK = (Outcome.RECOVERED, Outcome.ALREADY)


class Machine(Surroundings):
    """`meant` is the deletion that the first read of a volume saw, of the run that the user asked for it last."""

    def __init__(self) -> None:
        super().__init__()
        self.server.on_submit, self.server.on_read = self._submitted, self._first_read
        self.folder = Path(tempfile.mkdtemp(prefix="zvol-machine-"))
        self.number = 0
        self.journals: list[Journal] = []
        self._opened: list[Journal] = []
        self.process: Process | None = None
        self.engine = self._engine()
        self.requested: tuple[str, ...] = ()
        self.reported: Counter[str] = Counter()
        self.meant: dict[str, int] = {}

    # ---- what the user does --------------------------------------------------------------------------------------
    @initialize(uuids=requests, seconds=durations)
    def begin(self, uuids: list[str], seconds: float) -> None:
        self.jobs_take(seconds)
        self.recover(uuids)

    @precondition(lambda self: self.process is None)
    @rule(uuids=requests)
    def recover(self, uuids: list[str]) -> None:
        for uuid in uuids:
            self.meant.pop(uuid, None)
        self.engine = self._engine()
        targets = [Target(uuid, uuid, kind=VM if uuid in VMS else VOLUME) for uuid in uuids]
        self._start(tuple(uuids), lambda: self.engine.recover(targets))

    @precondition(lambda self: self.process is None and self.number + len(self.journals) > 0)
    @rule()
    def resume(self) -> None:
        self.engine = self._engine()
        self._start((), self._resumed)

    @precondition(lambda self: self.process is not None)
    @rule()
    def signal(self) -> None:
        self.engine.stop()

    @precondition(lambda self: self.process is not None)
    @rule()
    def kill(self) -> None:
        """Keep the journal as it is on the disk now, and end the process that wrote it."""
        assert self.process is not None
        following = self.folder / str(self.number + 1)
        if self._home.is_dir():
            shutil.copytree(self._home, following, ignore=shutil.ignore_patterns("*.locks"))
        self.process.kill()
        self.number += 1
        self._ended()

    @rule(seconds=instants)
    def wait_a_moment(self, seconds: float) -> None:
        self.wait(seconds)

    @rule(seconds=moments)
    def wait_a_while(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        if self.process is None:
            self.clock.pass_by(seconds)
            return
        self.process.step(seconds)
        if self.process.ended:
            self._ended()
            assert not self.requested or self.reported == Counter(self.requested), (
                "each volume is reported exactly once"
            )
            assert max(self.reported.values(), default=1) == 1, "a volume is reported twice"

    # ---- what must hold ------------------------------------------------------------------------------------------
    @invariant()
    def no_two_are_alive_and_none_is_executed_twice(self) -> None:
        assert self.server.worst <= 1, "two submissions of ours were alive"
        assert not self.server.twice, "a submission was executed twice in one deletion"

    def _check(self, result: Result) -> None:
        """A result was true when the server read the volume; its answer may have waited for the journal since."""
        assert result.uuid is not None
        self.reported[result.uuid] += 1
        row = self.server.rows.get(result.uuid)
        looked = result.resource.fields["readAt"] if result.resource is not None else None
        if result.outcome in BACK:
            assert looked is not None
            assert (row or self.gone[result.uuid]).was_ready(looked), result
        alive = set(self.server.alive.get(result.uuid, ()))
        if result.outcome in (Outcome.FAILED, Outcome.CONTRADICTED):
            assert not alive, f"a submission of ours was alive: {result}"
        if result.outcome is Outcome.NOT_SENT:
            assert not alive & self._sent(result.uuid), result
        if result.outcome is Outcome.FAILED and result.error is not None and result.error.kind == "refused":
            assert looked is not None
            assert row is None or not row.ready or row.back_at >= looked, result
        if result.outcome is Outcome.GONE:
            assert row is None or row.lost, result

    def _submitted(self, uuid: str) -> None:
        """What leaves is meant for the deletion that was seen first; what was seen last is at most FRESH old."""
        row = self.server.rows.get(uuid)
        if row is None:
            return
        assert not row.lost or self.clock.now - row.lost_at <= FRESH + 1e-6, "it cannot come back"
        first = self.meant[uuid]
        assert first == row.deletions or self.clock.now - row.deleted_at <= FRESH + 1e-6, "old news"

    def _first_read(self, uuid: str) -> None:
        if not self._ready(uuid):
            self.meant.setdefault(uuid, self.server.rows[uuid].deletions)

    def _sent(self, uuid: str) -> set[str]:
        """Return the jobs that this run has an intent for; what a dead one sent is open in the journal."""
        if not self.journals or self.engine.run_id is None:
            return set()
        sql = "SELECT job FROM intents WHERE run = ? AND uuid = ? AND inherited = 0"
        return {job for [job] in self.journals[-1]._db.execute(sql, (self.engine.run_id, uuid))}

    # ---- inside --------------------------------------------------------------------------------------------------
    @property
    def _home(self) -> Path:
        return self.folder / str(self.number)

    def _journal(self) -> Journal:
        self._home.mkdir(exist_ok=True)
        journal = SlowJournal(self._open_journal, self.clock, lambda: (self._slow("lock"), self._slow("sync")))
        self.journals.append(cast(Journal, journal))
        return self.journals[-1]

    def _engine(self) -> Engine:
        engine = Engine(self.server, engine_options(), self._journal, self.clock, identity=ME, pool=pool_on(self.clock))  # type: ignore[arg-type]
        engine._random.seed(self.number)  # a run that is repeated must be the same run
        return engine

    def _start(self, asked: tuple[str, ...], results: object) -> None:
        self.requested, self.reported = asked, Counter()
        self.process = Process(self.clock, results, self._check)  # type: ignore[arg-type]

    def _ended(self) -> None:
        self.process = None
        self.journals.clear()
        while self._opened:
            self._opened.pop().close()

    def _open_journal(self) -> Journal:
        """Open the journal; it is closed even if the process is killed before this returns to it."""
        journal = open_journal(self._home / "journal.db")
        self._opened.append(journal)
        return journal

    def _resumed(self) -> Iterator[Result]:
        """Do what `zvol resume` does: adopt all unfinished runs and finish them together."""
        journal = self._journal()
        left = journal.adopt([run.id for run in reversed(journal.runs()) if run.unfinished], ME).volumes
        if left:
            yield from self.engine.resume(journal, left)

    def teardown(self) -> None:
        """Everything works again: what runs comes to its end, and so does what is left to resume."""
        try:
            if self.process is not None and self.process.failed:
                return  # what follows would only hide what was found
            self.fine()
            self._to_the_end()
            self.resume()
            self._to_the_end()
            self.no_two_are_alive_and_none_is_executed_twice()
        finally:
            if self.process is not None:
                self.process.kill()
                self._ended()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _to_the_end(self) -> None:
        for _ in range(25):
            if self.process is None:
                return
            self.wait(160.0)
        raise AssertionError("it does not end by its deadline")
