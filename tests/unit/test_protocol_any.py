"""Whatever zvol is told, in any order that makes sense: the promises that need no server to be checked."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from zvol.model import Outcome
from zvol.recovery.protocol import TRANSITIONS, advance, resumed
from zvol.recovery.states import (
    MAX_SENDS,
    Command,
    Conclude,
    Event,
    GiveUp,
    IntentRecorded,
    JobStatus,
    Observation,
    Observed,
    Phase,
    ProtocolState,
    PutAnswered,
    PutResult,
    Reason,
    SessionRenewed,
)

DAY, LATER = "Nov 23, 2026 9:05:50 PM", "Nov 23, 2026 9:07:00 PM"

LOOKS: st.SearchStrategy[Event] = st.builds(
    Observed,
    st.sampled_from(Observation),
    st.sampled_from([DAY, LATER, None]),
    st.sampled_from(JobStatus),
    st.booleans(),
    st.booleans(),
)
BY_PHASE: Mapping[Phase, st.SearchStrategy[Event]] = {
    Phase.INTENT: st.just(IntentRecorded()),
    Phase.SENDING: st.sampled_from([*map(PutAnswered, PutResult)]),
    Phase.RENEW: st.builds(SessionRenewed, st.booleans()),
}


@given(st.data(), st.sampled_from([ProtocolState(), ProtocolState(phase=Phase.SETTLE), resumed(DAY)]))
def test_any_run_of_events_keeps_the_simplest_promises(data: st.DataObject, state: ProtocolState) -> None:
    sent = 0
    while (state.phase, GiveUp) in TRANSITIONS:
        event = data.draw(BY_PHASE.get(state.phase, LOOKS) | st.just(GiveUp()))
        before = state
        state, command = advance(state, event)
        sent += command is Command.SEND
        if command is Command.SEND:
            assert before.phase is Phase.INTENT
        if isinstance(command, Conclude):
            keep_your_word(command, event, sent)
        assert state.sends <= MAX_SENDS
    assert sent <= MAX_SENDS


def keep_your_word(word: Conclude, event: Event, sent: int) -> None:
    """Back and gone are said of a volume that was seen so, failed never of one that was seen back."""
    sight = event.observation if isinstance(event, Observed) else None
    assert (word.outcome in (Outcome.RECOVERED, Outcome.ALREADY)) == (sight is Observation.BACK)
    assert (word.outcome is Outcome.GONE) == (sight is Observation.ABSENT)
    assert word.outcome is not Outcome.CONTRADICTED or sight is Observation.DELETED
    assert word.outcome is not Outcome.NOT_SENT or sent <= 1
    assert word.outcome is not Outcome.UNKNOWN or word.why is not Reason.NONE
