"""What is around zvol in the state machine: the network, the server and other people do what they like."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.sim.process import SteppedClock
from tests.sim.rows import Row
from tests.sim.server import SimServer
from zvol.model import VM

UUIDS = [f"{number:032x}" for number in range(1, 7)]
VMS = UUIDS[2:4]
JOBS = {0.13: 0.13, 3.0: 200.0, 40.0: 280.0}
"""How long a volume's job takes, and each of the two steps of a VM's."""

PUT_FAULTS = ("lost", "late", "page", "answer-lost", "done-behind-502", "vanish", "refused", "dns", "redirect", "lie")
SLOW = ("put", "read", "answer", "lock", "sync")
OTHER_FAULTS = ("lost", "page", "refused", "no-record")

everything = st.sampled_from(UUIDS)
vms = st.sampled_from(VMS)
requests = st.lists(everything, min_size=1, max_size=6, unique=True)
durations = st.sampled_from((0.13, 0.13, 0.13, 0.13, 3.0, 40.0))
instants = st.sampled_from((0.001, 0.003, 0.006, 0.02, 0.14))
moments = st.sampled_from((0.5, 3.0, 12.0, 35.0, 80.0, 160.0))


class Surroundings(RuleBasedStateMachine):
    """`gone` are the volumes that were destroyed, as they were then."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.server = SimServer(self.clock, fault=self._fault)
        self.server.add(UUIDS)
        self.server.add(VMS, VM)
        self.slow: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in SLOW}
        self.faults: dict[str, list[str]] = {"put": [], "job": [], "read": [], "version": []}
        self.bad_until = 0.0
        self.gone: dict[str, Row] = {}
        self.server.connect = self._slow

    # ---- what the network and the server do ----------------------------------------------------------------------
    @rule(fault=st.sampled_from(PUT_FAULTS))
    def next_put(self, fault: str) -> None:
        self.faults["put"].append(fault)

    @rule(kind=st.sampled_from(("job", "read")), fault=st.sampled_from(OTHER_FAULTS))
    def next_look(self, kind: str, fault: str) -> None:
        self.faults[kind].append("page" if (kind, fault) == ("read", "no-record") else fault)

    @rule(
        kind=st.sampled_from(SLOW),
        seconds=st.sampled_from((0.5, 4.0, 7.0, 12.0, 25.0)),
        meanwhile=st.booleans(),
    )
    def next_takes(self, kind: str, seconds: float, meanwhile: bool) -> None:
        """The next connection takes so long to be opened, an answer to come, or a call of the journal to begin or end.

        Meanwhile somebody may bring everything back, and delete it on purpose.
        """
        self.slow[kind].append(
            (min(seconds, 7.0) if kind in ("read", "answer") else seconds, meanwhile)
        )  # no read is waited for longer

    @rule(seconds=moments)
    def bad_weather(self, seconds: float) -> None:
        self.bad_until = self.clock.now + seconds

    @precondition(lambda self: self.server.up)
    @rule(away=moments)
    def crash(self, away: float) -> None:
        self.server.crash()
        self.clock.at(self.clock.now + away, self.server.restart)

    @rule(seconds=durations)
    def jobs_take(self, seconds: float) -> None:
        self.server.run_seconds, self.server.vm_seconds = seconds, JOBS[seconds]

    @precondition(lambda self: self.server.session_valid)
    @rule(seconds=moments)
    def session_ends(self, seconds: float) -> None:
        """Until somebody puts a new one in its place."""
        self.server.session_valid = False
        self.clock.at(self.clock.now + seconds, lambda: setattr(self.server, "session_valid", True))

    @rule(uuid=everything, code=st.sampled_from(("ID.1003", "SYS.1000", "")))
    def refuse(self, uuid: str, code: str) -> None:
        self.server.refuse.pop(uuid, None)
        if code:
            self.server.refuse[uuid] = code

    # ---- what other people do ------------------------------------------------------------------------------------
    @rule(uuid=everything)
    def recovered_by_hand(self, uuid: str) -> None:
        if self._deleted(uuid):
            self.server.recover_by_hand(uuid)

    @rule(uuid=everything)
    def deleted_again(self, uuid: str) -> None:
        if self._ready(uuid):
            self.server.delete(uuid)

    @rule(uuid=vms)
    def half_destroyed(self, uuid: str) -> None:
        if self._ready(uuid):
            self.server.rows[uuid].destroy_half(self.clock.now)

    @rule(uuid=vms)
    def root_recovered_by_hand(self, uuid: str) -> None:
        """As the server allows it: the VM stays destroyed."""
        if self._deleted(uuid) and self.server.rows[uuid].status == "Deleted":
            self.server.rows[uuid].root = "Ready"

    @rule(uuid=everything)
    def deleted_on_purpose(self, uuid: str) -> None:
        """Somebody brings it back, and thinks better of it."""
        self.recovered_by_hand(uuid)
        self.deleted_again(uuid)

    @rule(uuid=everything)
    def changed(self, uuid: str) -> None:
        if uuid in self.server.rows and uuid not in self.server.busy:
            self.server.rows[uuid].last_op += 1

    @precondition(lambda self: self._deleted(UUIDS[-1]))
    @rule()
    def destroyed(self) -> None:
        self.gone[UUIDS[-1]] = self.server.rows.pop(UUIDS[-1])

    @precondition(lambda self: self._deleted(VMS[-1]))
    @rule()
    def root_destroyed(self) -> None:
        if self.server.rows[VMS[-1]].status == "Deleted":
            self.server.rows[VMS[-1]].lose_root(self.clock.now)

    def fine(self) -> None:
        """Let everything work again."""
        self.server.restart()
        self.server.session_valid, self.bad_until = True, 0.0
        self.jobs_take(0.13)
        self.server.refuse.clear()
        for waiting in (self.faults, self.slow):
            for kind in waiting:
                waiting[kind] = []

    # ---- inside --------------------------------------------------------------------------------------------------
    def _fault(self, kind: str, _number: int) -> str | None:
        if self.clock.now < self.bad_until:
            return "page"
        return self.faults[kind].pop(0) if self.faults[kind] else None

    def _slow(self, kind: str) -> float:
        seconds, meanwhile = self.slow[kind].pop(0) if self.slow[kind] else (0.0, False)
        if meanwhile:
            for uuid in UUIDS:
                self.clock.at(self.clock.now + seconds / 8, partial(self.deleted_on_purpose, uuid))
        return seconds

    def _deleted(self, uuid: str) -> bool:
        """It can be brought back now by other people."""
        row = self.server.rows.get(uuid)
        return row is not None and not row.ready and not row.lost and uuid not in self.server.busy

    def _ready(self, uuid: str) -> bool:
        return uuid in self.server.rows and self.server.rows[uuid].ready
