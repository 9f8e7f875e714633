"""Each outcome has its message, whatever the protocol concludes; it attributes nothing to the server."""

from __future__ import annotations

from itertools import product

import pytest

from zvol.model import Outcome, Target, Volume
from zvol.recovery import outcomes
from zvol.recovery.classification import with_last
from zvol.recovery.states import MAX_SENDS, Conclude, Phase, ProtocolState, Reason
from zvol.recovery.task import LastSeen, VolumeTask
from zvol.zstack.resource_kinds import DATA_VOLUME


def task(phase: Phase, sends: int) -> VolumeTask:
    made = VolumeTask(Target("a" * 32, "a" * 32))
    made.state = ProtocolState(phase=phase, sends=sends)
    made.read_seen = LastSeen("deleted", 1_795_000_000.0)
    return made


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN])
def test_nobody_refused_who_did_not_say_so(outcome: Outcome) -> None:
    for why, phase, sends in product(Reason, (Phase.DONE, Phase.UNRESOLVED), range(MAX_SENDS + 1)):
        error = outcomes.error(task(phase, sends), Conclude(outcome, why))
        assert "refused" not in error.message
        assert "; last seen of the volume: deleted (" in error.message
        assert error.message == error.error_code()["details"]


def test_what_cannot_act_any_more_is_not_said_to_be_open() -> None:
    found = outcomes.error(task(Phase.DONE, 1), Conclude(Outcome.UNKNOWN, Reason.GAVE_UP))
    assert "cannot act any more" in found.message
    assert found.hint == outcomes.FINISH
    assert outcomes.error(task(Phase.UNRESOLVED, 1), Conclude(Outcome.UNKNOWN, Reason.GAVE_UP)).hint == outcomes.RESUME
    assert (
        "an earlier run" in outcomes.error(task(Phase.UNRESOLVED, 0), Conclude(Outcome.UNKNOWN, Reason.GAVE_UP)).message
    )


def test_what_a_sentence_says_is_not_said_again() -> None:
    task = VolumeTask(Target("pg", "a" * 32))
    task.read_seen = LastSeen("h:1 refuses the connection", 1_795_000_000.0)
    assert with_last("h:1 refuses the connection", task) == "h:1 refuses the connection (11:06:40Z)"
    seen = "; last seen of the volume: h:1 refuses the connection (11:06:40Z)"
    assert with_last("time is up", task) == "time is up" + seen


def test_each_guard_of_a_data_volume_has_an_error() -> None:
    root = Volume("a" * 32, {"type": "Root"})
    errors = {reason: outcomes.guarded(reason, root) for reason in DATA_VOLUME.guards}
    assert [error.kind for error in errors.values()] == [*DATA_VOLUME.guards]
    assert "a Root volume" in errors["root"].message
    assert "--allow-root" in errors["root"].hint
