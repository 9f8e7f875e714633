"""A server, a clock, a journal, and runs of the real engine, all on simulated time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.sim.clock import SimClock, pool_on
from tests.sim.journal import open_journal
from tests.sim.server import SimServer
from tests.support.engine_options import engine_options
from zvol.journal.journal import Journal
from zvol.journal.records import Identity
from zvol.journal.request import Request
from zvol.model import VOLUME, Result, Target
from zvol.recovery.engine import Engine
from zvol.recovery.run_status import Observer

A = "a" * 32
Fault = Callable[[str, int], str | None]


class World:
    """A server, a clock, a journal, and runs of the engine.

    `kinds` are those of the resources, one after the other.
    """

    def __init__(
        self, tmp_path: Path, fault: Fault | None = None, volumes: int = 1, kinds: Sequence[str] = (VOLUME,)
    ) -> None:
        self.clock = SimClock()
        self.server = SimServer(self.clock)
        if fault is not None:
            self.server.fault = fault
        self.uuids = [A] if volumes == 1 else [f"{number:032x}" for number in range(1, volumes + 1)]
        for number, uuid in enumerate(self.uuids):
            self.server.add([uuid], kinds[number % len(kinds)])
        self.path = tmp_path / "journal.db"
        self.journals: list[Journal] = []
        self.identity = Identity(self.server.origin, "account test")
        self.observer: Observer | None = None
        self.engine = self.new_engine()

    def new_engine(self, **options: object) -> Engine:
        engine = Engine(
            self.server,  # type: ignore[arg-type]
            engine_options(**options),
            self.journal,
            self.clock,
            identity=self.identity,
            observer=self.observer,
            pool=pool_on(self.clock),
        )
        engine._random.seed(0)  # the same waits each time
        return engine

    def journal(self) -> Journal:
        journal = open_journal(self.path)
        self.journals.append(journal)
        return journal

    def targets(self, *uuids: str) -> list[Target]:
        """Return targets as the user's arguments give them, by default all."""
        rows = self.server.rows
        return [
            Target(uuid, uuid, number, kind=rows[uuid].kind if uuid in rows else VOLUME)
            for number, uuid in enumerate(uuids or self.uuids)
        ]

    def close(self) -> None:
        """End what the process of a run would end."""
        while self.journals:
            self.journals.pop().close()

    def recover(
        self,
        *uuids: str,
        on_result: Callable[[Result], None] = lambda _result: None,
        request: Request = Request(),  # noqa: B008  (frozen)
        **options: object,
    ) -> list[Result]:
        """Run to the end; `on_result` is called as each result comes, `took` is how long it took."""
        self.engine = self.new_engine(**options)
        began = self.clock.now
        results = []
        for result in self.engine.recover(self.targets(*uuids), request):
            results.append(result)
            on_result(result)
        self.took = self.clock.now - began
        self.used_journal = bool(self.journals)
        self.close()
        return results

    def true(self, results: list[Result]) -> None:
        """The results are true, and no volume ever had two submissions alive."""
        for result in results:
            row = self.server.rows.get(result.uuid or "")
            if result.outcome in ("recovered", "already"):
                assert row is not None
                assert row.ready, result
            if result.outcome == "failed":
                assert row is not None
                assert not row.ready, result
        assert self.server.worst <= 1
        assert not self.server.twice
