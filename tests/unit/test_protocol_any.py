"""Whatever happens, in any order that makes sense: the promises that need no server to be checked."""

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
            check_conclusion(command, event, sent)
        assert state.sends <= MAX_SENDS
    assert sent <= MAX_SENDS


def check_conclusion(conclusion: Conclude, event: Event, sent: int) -> None:
    """Back and gone are concluded for a volume that was seen so, failed never for one that was seen back."""
    seen = event.observation if isinstance(event, Observed) else None
    assert (conclusion.outcome in (Outcome.RECOVERED, Outcome.ALREADY)) == (seen is Observation.BACK)
    assert (conclusion.outcome is Outcome.GONE) == (seen is Observation.ABSENT)
    assert conclusion.outcome is not Outcome.CONTRADICTED or seen is Observation.DELETED
    assert conclusion.outcome is not Outcome.NOT_SENT or sent <= 1
    assert conclusion.outcome is not Outcome.UNKNOWN or conclusion.why is not Reason.NONE
