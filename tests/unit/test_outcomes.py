"""Each word has its reason: whatever the protocol says, the text is there, and puts nothing into the server's mouth."""

from __future__ import annotations

from itertools import product

import pytest

from zvol.model import Outcome, Target
from zvol.recovery import last_seen, outcomes
from zvol.recovery.states import MAX_SENDS, Conclude, Phase, ProtocolState, Reason
from zvol.recovery.task import LastSeen, VolumeTask


def track(phase: Phase, sends: int) -> VolumeTask:
    made = VolumeTask(Target("a" * 32, "a" * 32))
    made.state = ProtocolState(phase=phase, sends=sends)
    made.read_seen = LastSeen("deleted", 1_795_000_000.0)
    return made


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN])
def test_nobody_refused_who_did_not_say_so(outcome: Outcome) -> None:
    for why, phase, sends in product(Reason, (Phase.DONE, Phase.UNRESOLVED), range(MAX_SENDS + 1)):
        error = outcomes.error(track(phase, sends), Conclude(outcome, why))
        assert "refused" not in error.message
        assert "; last seen of the volume: deleted (" in error.message
        assert error.message == error.error_code()["details"]


def test_what_cannot_act_any_more_is_not_said_to_be_open() -> None:
    found = outcomes.error(track(Phase.DONE, 1), Conclude(Outcome.UNKNOWN, Reason.GAVE_UP))
    assert "cannot act any more" in found.message
    assert found.hint == outcomes.FINISH
    assert outcomes.error(track(Phase.UNRESOLVED, 1), Conclude(Outcome.UNKNOWN, Reason.GAVE_UP)).hint == outcomes.RESUME
    assert (
        "an earlier run"
        in outcomes.error(track(Phase.UNRESOLVED, 0), Conclude(Outcome.UNKNOWN, Reason.GAVE_UP)).message
    )


def test_what_a_sentence_says_is_not_said_again() -> None:
    track = VolumeTask(Target("pg", "a" * 32))
    track.read_seen = LastSeen("h:1 refuses the connection", 1_795_000_000.0)
    assert last_seen.with_last("h:1 refuses the connection", track) == "h:1 refuses the connection (11:06:40Z)"
    told = "; last seen of the volume: h:1 refuses the connection (11:06:40Z)"
    assert last_seen.with_last("time is up", track) == "time is up" + told
