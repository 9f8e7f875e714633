"""A ZStack in memory, on simulated time: what the protocol has to live with, without sockets and without waiting.

It stands in for `zvol.zstack.client.Client`; the tests with real sockets and real processes are in `tests/faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.sim.clock import Connecting, Late, SimClock
from zvol.errors import AuthError, ErrorCode, NeverSent, TransientError
from zvol.model import Volume
from zvol.zstack import answers
from zvol.zstack.resource_kinds import DATA_VOLUME, AnyKind
from zvol.zstack.resources import Resources
from zvol.zstack.versions import Release

RUN_SECONDS = 0.13


@dataclass
class Row:
    """A volume in the server's database; `deletions` counts its deletions."""

    status: str = "Deleted"
    last_op: int = 0
    deletions: int = 0
    executed: list[str] = field(default_factory=list)
    deleted_at: float = -1.0
    back_at: float = -1.0

    def was_ready(self, when: float) -> bool:
        """Tell whether it was there at a time after it came back last, or before it was deleted last."""
        return self.back_at <= when if self.status == "Ready" else self.back_at <= when <= self.deleted_at


@dataclass
class SimServer:
    """`fault(kind, number)` names what happens to the n-th request of a kind (put, job, read); None is none.

    `put_seconds` is how long a PUT takes to be answered, `connect` how long the next connection of a kind takes to be
    opened, or the answer to a read to come; a PUT leaves after that, by its `fresh_until`, or not at all.  A read that
    names one of `unreadable`, or more than `longest` volumes, fails; the inventories of `odd` are not fit to be read;
    while `silent`, nothing is answered.  `grants` returns the timeout that a 202 names for the one that was asked for.

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

    def add(self, uuids: Iterable[str]) -> None:
        for uuid in uuids:
            self.rows[uuid] = Row()

    def inventory(self, uuid: str) -> Volume:
        row = self.rows[uuid]
        minute, second = divmod(row.last_op, 60)
        fields: dict[str, Any] = {
            "uuid": uuid,
            "name": f"volume {uuid[:4]}",
            "type": "Data",
            "status": row.status,
            "installPath": f"/ps/{uuid}",
            "primaryStorageUuid": "f" * 32,
            "readAt": self.clock.now,
            "lastOpDate": f"Nov 23, 2026 9:{minute % 60:02}:{second:02} PM",
        }
        return Volume(uuid, fields, self.clock.now)

    # ---- what other people do ------------------------------------------------------------------------------------
    def delete(self, uuid: str) -> None:
        row = self.rows[uuid]
        row.status, row.last_op, row.deletions = "Deleted", row.last_op + 1, row.deletions + 1
        row.deleted_at = self.clock.now
        row.executed.clear()

    def recover_by_hand(self, uuid: str) -> None:
        row = self.rows[uuid]
        row.status, row.last_op, row.back_at = "Ready", row.last_op + 1, self.clock.now

    def crash(self) -> None:
        """Everything inside the process is gone; rows and volumes stay."""
        self.up = False
        self.alive.clear()
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
        assert kind is DATA_VOLUME
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
        assert kind is DATA_VOLUME
        fault = self._arrive("job")
        if self.silent:
            raise Late(seconds, answers.Unrecognized("no answer"))
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

    def resource(self, uuid: str, seconds: float = 8.0, *, kind: AnyKind = DATA_VOLUME) -> Volume | None:
        seen = self.read_resources([uuid], seconds, kind=kind)
        if seen.unclear:
            raise TransientError("an inventory that is not a volume's")
        return seen.found.get(uuid)

    def read_resources(
        self, uuids: Sequence[str], seconds: float = 8.0, *, kind: AnyKind = DATA_VOLUME
    ) -> Resources[Volume]:
        assert kind is DATA_VOLUME
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
    def _open(self, kind: str) -> None:
        """Take the time that a new connection takes."""
        seconds = 0.0 if self.opened else self.connect(kind)
        self.opened = False
        if seconds:
            raise Connecting(seconds, lambda: setattr(self, "opened", True))

    def _arrive(self, kind: str) -> str | None:
        number = self.seen[kind] = self.seen.get(kind, 0) + 1
        self.requests.append((self.clock.now, kind))
        return self.fault(kind, number)

    def _found(self, uuids: Sequence[str]) -> Resources[Volume]:
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
        self.clock.at(self.clock.now + self.run_seconds, lambda: self._run(uuid, job))

    def _run(self, uuid: str, job: str) -> None:
        if job not in self.alive.get(uuid, set()):
            return
        self.alive[uuid].discard(job)
        self.running -= 1
        row = self.rows.get(uuid)
        if not self.session_valid:
            self.jobs[job] = "ID.1001"
        elif uuid in self.refuse:
            self.jobs[job] = self.refuse[uuid]
        elif row is None:
            self.jobs[job] = "SYS.1003"
        elif row.status != "Deleted":
            self.jobs[job] = "SYS.1006"
        elif job in self.lies:
            self.jobs[job] = "done"
        else:
            row.status, row.last_op, row.back_at = "Ready", row.last_op + 1, self.clock.now
            row.executed.append(job)
            if len(row.executed) > 1:
                self.twice.add(uuid)
            self.jobs[job] = "done"
