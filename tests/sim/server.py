"""A ZStack in memory, on simulated time: what the protocol has to live with, without sockets and without waiting.

It stands in for `zvol.zstack.client.Client`; the tests with real sockets and real processes are in `tests/faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.sim.clock import Connecting, Late, SimClock
from tests.sim.paces import Serial, Shared
from tests.sim.rows import Row
from zvol.errors import AuthError, ErrorCode, NeverSent, TransientError
from zvol.model import VM, VOLUME
from zvol.resource import Resource
from zvol.zstack import answers
from zvol.zstack.resource_kinds import DATA_VOLUME, AnyKind
from zvol.zstack.resources import Resources
from zvol.zstack.versions import Release

RUN_SECONDS = 0.13


@dataclass
class SimServer:
    """`fault(kind, number)` names what happens to the n-th request of a kind (put, job, read); None is none.

    `put_seconds` is how long a PUT takes to be answered, `connect` how long the next connection of a kind takes to be
    opened, or the answer to a read to come; a PUT leaves after that, by its `fresh_until`, or not at all.  A read that
    names one of `unreadable`, or more than `longest` volumes, fails; the inventories of `odd` are not fit to be read;
    while `silent`, nothing is answered.  A request that `admits` does not let pass is `turned_away`, and asked to wait
    for `asks` seconds.  `grants` returns the timeout that a 202 names for the one that was asked for.
    A VM comes back in two steps, its root volume first: each of them takes `vm_seconds`, or else `run_seconds`, and
    nobody else changes a VM that is `busy` with that.  With `shared`, how long a volume takes depends on the others.

    Ledger: `submitted` are the volumes of the accepted PUTs in their order, `most_running` the most that were ever at
    work at a time; `alive` are submissions that may still execute, `worst` the most there ever were of one volume,
    `twice` the volumes that were executed more than once in one deletion.
    """

    clock: SimClock
    fault: Callable[[str, int], str | None] = lambda _kind, _number: None
    run_seconds: float = RUN_SECONDS
    grants: Callable[[float], float | None] = lambda asked: asked
    version_text: str | None = "5.2.1"
    origin: str = "http://simulated:8080"
    session_valid: bool = True
    up: bool = True
    rows: dict[str, Row] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    refuse: dict[str, str] = field(default_factory=dict)
    alive: dict[str, set[str]] = field(default_factory=dict)
    worst: int = 0
    twice: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[float, str]] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    put_seconds: float = 0.0
    connect: Callable[[str], float] = lambda _kind: 0.0
    on_submit: Callable[[str], None] = lambda _uuid: None
    on_read: Callable[[str], None] = lambda _uuid: None
    lies: set[str] = field(default_factory=set)
    running: int = 0
    crashes: int = 0
    opened: bool = False
    most_running: int = 0
    unreadable: set[str] = field(default_factory=set)
    unreadable_by: Exception = field(default_factory=lambda: TransientError("HTTP 500 by the simulation"))
    odd: set[str] = field(default_factory=set)
    longest: int = 1000
    silent: bool = False
    vm_seconds: float | None = None
    busy: set[str] = field(default_factory=set)
    shared: Shared | Serial | None = None
    admits: Callable[[float], bool] = lambda _now: True
    asks: float = 1.0
    turned_away: list[str] = field(default_factory=list)

    def add(self, uuids: Iterable[str], kind: str = VOLUME) -> None:
        for uuid in uuids:
            self.rows[uuid] = Row(kind=kind)

    def inventory(self, uuid: str) -> Resource:
        return self.rows[uuid].inventory(uuid, self.clock.now)

    # ---- what other people do ------------------------------------------------------------------------------------
    def delete(self, uuid: str) -> None:
        self.rows[uuid].delete(self.clock.now)

    def recover_by_hand(self, uuid: str) -> None:
        self.rows[uuid].recover(self.clock.now)

    def crash(self) -> None:
        """Everything inside the process is gone; rows and volumes stay."""
        self.up = False
        self.alive.clear()
        self.busy.clear()
        self.running = 0
        self.crashes += 1

    def restart(self) -> None:
        self.up = True

    # ---- the Client's door ---------------------------------------------------------------------------------------
    def submit(
        self,
        uuid: str,
        job: str,
        api_timeout: float,
        *_tags: Sequence[str],
        fresh_until: float | None = None,
        seconds: float = 30.0,
        kind: AnyKind = DATA_VOLUME,
    ) -> object:
        assert self._are([uuid], kind)
        self._open("put")
        if fresh_until is not None and self.clock.now > fresh_until:
            return NeverSent("stale", "it could leave too late")
        answer = self._submit(uuid, job, api_timeout, seconds)
        if self.put_seconds:
            raise Late(self.put_seconds, answer)
        return answer

    def _submit(self, uuid: str, job: str, api_timeout: float, seconds: float) -> object:
        fault = self._arrive("put")
        if not self.up or fault in ("refused", "dns", "certificate"):
            reason = fault or "refused"
            return NeverSent(reason, f"{reason} by the simulation")
        self.on_submit(uuid)
        if fault == "lost":
            raise Late(seconds, answers.Unrecognized("no answer"))
        if fault == "late":  # a proxy holds it
            self.alive.setdefault(uuid, set()).add(job)
            self.clock.at(self.clock.now + 40.0, lambda: self._accept(uuid, job))
            raise Late(seconds, answers.Unrecognized("no answer"))
        if fault == "vanish-unheard":  # it arrives, its answer is lost, and the server forgets it
            self.jobs[job] = "processing"
            raise Late(1.0, answers.Unrecognized("no answer"))
        if fault == "shed":
            return answers.Unrecognized("HTTP 429", retry_after=self.asks)
        if fault == "page":
            return answers.Unrecognized("HTTP 502 from a proxy")
        if fault == "redirect":
            return answers.Redirected("http://elsewhere/")
        if job in self.jobs:
            return answers.Duplicate()
        if fault == "lie":  # the server will say done, and do nothing
            self.lies.add(job)
        self._accept(uuid, job)
        if fault == "answer-lost":
            raise Late(seconds, answers.Unrecognized("no answer"))
        if fault == "done-behind-502":
            return answers.Unrecognized("HTTP 502 from a proxy")
        if fault == "vanish":
            self.alive[uuid].discard(job)
            self.running -= 1
        if fault == "doubled":
            return answers.Duplicate()
        return answers.Accepted(self.grants(api_timeout))

    def job(self, job: str, seconds: float = 8.0, *, kind: AnyKind = DATA_VOLUME) -> object:
        fault = self._arrive("job")
        if self.silent:
            raise Late(seconds, answers.Unrecognized("no answer"))
        if fault == "shed":
            return answers.Unrecognized("HTTP 429", retry_after=self.asks)
        if not self.up or fault in ("refused", "page", "lost"):
            return answers.Unrecognized("no answer")
        if fault == "running":
            return answers.Running()
        if fault == "slow":
            raise Late(min(8.0, seconds), answers.Running())
        state = self.jobs.get(job)
        if fault == "no-record" or state is None:
            return answers.NoRecord()
        if state == "processing":
            return answers.Running()
        if state == "done":
            return answers.Done(None)
        fault_code = ErrorCode(state, {"code": state, "description": "by the simulation"})
        return answers.Failed(fault_code, certain=state.startswith(("ID.", "SYS.1006")), session=state == "ID.1001")

    def resource(self, uuid: str, seconds: float = 8.0, *, kind: AnyKind = DATA_VOLUME) -> Resource | None:
        seen = self.read_resources([uuid], seconds, kind=kind)
        if seen.unclear:
            raise TransientError(f"an inventory that does not describe a {kind.noun}")
        return seen.found.get(uuid)

    def read_resources(
        self, uuids: Sequence[str], seconds: float = 8.0, *, kind: AnyKind = DATA_VOLUME
    ) -> Resources[Resource]:
        assert self._are(uuids, kind)
        self._open("read")
        fault = self._arrive("read")
        if self.silent:
            raise Late(seconds, error=TransientError("no answer"))
        if not self.up or fault in ("refused", "dns", "certificate"):
            raise TransientError("refused", NeverSent(fault or "refused", "by the simulation"))
        if fault == "lost":
            raise Late(min(8.0, seconds), error=TransientError("no answer"))
        if fault == "slow":
            raise Late(7.5, self._found(uuids))
        if fault == "shed":
            raise TransientError("HTTP 429", retry_after=self.asks)
        if fault == "page":
            raise TransientError("HTTP 502 from a proxy")
        if not self.session_valid or fault == "session":
            raise AuthError("the session is not accepted")
        if len(uuids) > self.longest or self.unreadable & set(uuids):
            raise self.unreadable_by
        found, late = self._found(uuids), self.connect("answer")
        if late:
            raise Late(late, found)
        return found

    def version(self) -> Release:
        fault = self._arrive("version")
        if not self.up or fault or self.version_text is None:
            raise TransientError("the version was not told")
        return Release.parse(self.version_text)

    # ---- inside --------------------------------------------------------------------------------------------------
    def _are(self, uuids: Iterable[str], kind: AnyKind) -> bool:
        return {self.rows[uuid].kind for uuid in uuids if uuid in self.rows} <= {kind.name}

    def _open(self, kind: str) -> None:
        """Take the time that a new connection takes."""
        seconds = 0.0 if self.opened else self.connect(kind)
        self.opened = False
        if seconds:
            raise Connecting(seconds, lambda: setattr(self, "opened", True))

    def _arrive(self, kind: str) -> str | None:
        number = self.seen[kind] = self.seen.get(kind, 0) + 1
        self.requests.append((self.clock.now, kind))
        if not self.admits(self.clock.now):
            self.turned_away.append(kind)
            return "shed"
        return self.fault(kind, number)

    def _found(self, uuids: Sequence[str]) -> Resources[Resource]:
        odd = self.odd & set(uuids)
        found = {uuid: self.inventory(uuid) for uuid in uuids if uuid in self.rows and uuid not in odd}
        for uuid in found:
            self.on_read(uuid)
        return Resources(found, frozenset(uuids) - found.keys() if odd else frozenset())

    def _accept(self, uuid: str, job: str) -> None:
        self.jobs[job] = "processing"
        self.submitted.append(uuid)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        living = self.alive.setdefault(uuid, set())
        living.add(job)
        self.worst = max(self.worst, len(living))
        is_vm = uuid in self.rows and self.rows[uuid].kind == VM
        seconds = self.vm_seconds if is_vm and self.vm_seconds is not None else self.run_seconds
        if self.shared is not None:
            self.shared.start(lambda: self._run(uuid, job, seconds))
            return
        self.clock.at(self.clock.now + seconds, lambda: self._run(uuid, job, seconds))

    def _run(self, uuid: str, job: str, seconds: float) -> None:
        if job not in self.alive.get(uuid, set()):
            return
        row, error = self.rows.get(uuid), None if uuid in self.busy else self._error(uuid)
        if row is not None and row.kind == VM and error is None and uuid not in self.busy and job not in self.lies:
            row.root = "Ready"
            self.busy.add(uuid)
            self.clock.at(self.clock.now + seconds, lambda: self._run(uuid, job, seconds))
            return
        self.busy.discard(uuid)
        self.alive[uuid].discard(job)
        self.running -= 1
        self.jobs[job] = error or "done"
        if row is not None and error is None and job not in self.lies:
            row.recover(self.clock.now)
            row.executed.append(job)
            if len(row.executed) > 1:
                self.twice.add(uuid)

    def _error(self, uuid: str) -> str | None:
        """Return the code of the error that a job ends with."""
        row = self.rows.get(uuid)
        if not self.session_valid:
            return "ID.1001"
        if uuid in self.refuse:
            return self.refuse[uuid]
        if row is None or row.lost:
            return "SYS.1003"
        return "SYS.1006" if row.status != "Deleted" else None
