"""Wrong versions of zvol: the state machine must find each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.model import ablations
from tests.sim.clock import EPOCH
from tests.sim.server import SimServer
from zvol.journal import queries
from zvol.journal.journal import Journal
from zvol.journal.records import Intent
from zvol.model import VM
from zvol.recovery import protocol, settle_policy
from zvol.recovery.quiet_period import QuietPeriod
from zvol.recovery.states import Event, GiveUp, Observed, Phase, ProtocolState
from zvol.recovery.submitter import Submitter
from zvol.recovery.task import LastSeen, VolumeTask
from zvol.resource import Resource
from zvol.vm_instance import DESTROYED_STATES, VmInstance
from zvol.zstack.resource_kinds import KINDS, VM_INSTANCE

Mutation = Callable[[pytest.MonkeyPatch], None]


def short_quiet_period(patch: pytest.MonkeyPatch) -> None:
    for name in ("after_silence", "after_accepted"):
        patch.setattr(settle_policy, name, lambda now, *_waits: QuietPeriod((1.0,), answered_at=now))


def rule(phase: Phase, changed: protocol.Rule, event: type[Event] = Observed) -> Mutation:
    table: Any = protocol.TRANSITIONS
    return lambda patch: patch.setitem(table, (phase, event), changed)


def any_deletion(state: ProtocolState, event: Event) -> protocol.Move:
    """Whatever is deleted now is what was meant."""
    assert isinstance(event, Observed)
    return protocol.polled(state._replace(expected_last_op_date=event.last_op or state.expected_last_op_date), event)


def intent_after_the_put(patch: pytest.MonkeyPatch) -> None:
    """It is written down with the next commit, whenever that is."""

    def later(journal: Journal, intents: list[tuple[str, str, Intent]], wall: float) -> None:
        for run, uuid, intent in intents:
            journal._defer(queries.ADD_INTENT, (intent.job, run, uuid, intent.last_op, wall))
            journal._defer("UPDATE volumes SET state = 'open' WHERE run = ? AND uuid = ?", (run, uuid))

    patch.setattr(Journal, "record_intents", later)


def no_look_at_the_first_byte(patch: pytest.MonkeyPatch) -> None:
    """Whatever opening the connection takes."""
    submit = SimServer.submit
    patch.setattr(
        SimServer, "submit", lambda server, *about, **named: submit(server, *about, **{**named, "fresh_until": None})
    )


def judged_before_the_journal(patch: pytest.MonkeyPatch) -> None:
    """The time of before the journal's calls counts, and connections take none."""
    tick = Submitter.tick

    def early(submitter: Submitter, now: float) -> None:
        patch.setattr(Submitter, "_fresh", lambda _submitter, task: task.fresh(now))
        tick(submitter, now)

    patch.setattr(Submitter, "tick", early)
    no_look_at_the_first_byte(patch)
    patch.setattr(SimServer, "_open", lambda _server, _kind: None)


def as_old_as_its_answer(patch: pytest.MonkeyPatch) -> None:
    """What a read showed counts as seen when its answer came, not when its request left."""
    record_read = VolumeTask.record_read

    def late(task: VolumeTask, resource: Resource | None, _began: float, seen: LastSeen) -> None:
        record_read(task, resource, task.polled_at, seen)
        task.read_at = seen.at - EPOCH

    patch.setattr(VolumeTask, "record_read", late)


def one_message(patch: pytest.MonkeyPatch) -> None:
    """The timeout of a VM's recovery is counted once, although two messages have it."""
    kinds: Any = KINDS
    patch.setitem(kinds, VM, replace(VM_INSTANCE, messages=1))


def timeout_of_volumes(patch: pytest.MonkeyPatch) -> None:
    """The timeout of the settings is requested for a VM, too, and waited for."""
    kinds: Any = KINDS
    patch.setitem(kinds, VM, replace(VM_INSTANCE, api_timeout=None))


def back_by(deleted: Callable[[VmInstance], bool]) -> Mutation:
    """A VM is judged by one of the two things that one read shows."""
    return lambda patch: patch.setattr(VmInstance, "deleted", property(deleted))


MUTANTS: Final[Mapping[str, Mutation]] = {
    "a quiet period of one second": short_quiet_period,
    "no look at lastOpDate": rule(Phase.POLL, any_deletion),
    "the intent after the PUT": intent_after_the_put,
    "a job that says done is believed": rule(Phase.POLL, ablations.believes_done),
    "a job that refuses is believed": rule(Phase.POLL, ablations.believes_the_job),
    "a later run does not settle": rule(Phase.SETTLE, ablations.starts_at_once),
    "no look at the first byte": no_look_at_the_first_byte,
    "freshness judged before the journal": judged_before_the_journal,
    "a read is as old as its answer": as_old_as_its_answer,
    "giving up closes the intent": rule(Phase.POLL, ablations.forgets, GiveUp),
    "a VM's timeout counts once": one_message,
    "a VM's timeout is a volume's": timeout_of_volumes,
    "a VM is not gone with its root volume": lambda patch: patch.setattr(VmInstance, "gone", False),
    "a VM is back when its state is": back_by(lambda vm: vm.state in DESTROYED_STATES),
    "a VM is back when its root volume is": back_by(lambda vm: vm.root is None or vm.root.status != "Ready"),
}
