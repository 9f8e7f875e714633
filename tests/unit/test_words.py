"""Each word has its reason: whatever the protocol says, the text is there, and puts nothing into the server's mouth."""

from __future__ import annotations

from itertools import product

import pytest

from zvol.model import Outcome
from zvol.recovery import sightings, words
from zvol.recovery.states import MAX_SENDS, Phase, Say, State, Why
from zvol.recovery.track import Seen, Track, Wanted


def track(phase: Phase, sends: int) -> Track:
    made = Track(Wanted("a" * 32, "a" * 32))
    made.state = State(phase=phase, sends=sends)
    made.read_seen = Seen("deleted", 1_795_000_000.0)
    return made


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN])
def test_nobody_refused_who_did_not_say_so(outcome: Outcome) -> None:
    for why, phase, sends in product(Why, (Phase.DONE, Phase.LEFT), range(MAX_SENDS + 1)):
        trouble = words.trouble(track(phase, sends), Say(outcome, why))
        assert "refused" not in trouble.message
        assert "; last seen of the volume: deleted (" in trouble.message
        assert trouble.message == trouble.json()["details"]


def test_what_cannot_act_any_more_is_not_said_to_be_open() -> None:
    found = words.trouble(track(Phase.DONE, 1), Say(Outcome.UNKNOWN, Why.GAVE_UP))
    assert "cannot act any more" in found.message
    assert found.hint == words.FINISH
    assert words.trouble(track(Phase.LEFT, 1), Say(Outcome.UNKNOWN, Why.GAVE_UP)).hint == words.RESUME
    assert "an earlier run" in words.trouble(track(Phase.LEFT, 0), Say(Outcome.UNKNOWN, Why.GAVE_UP)).message


def test_what_a_sentence_says_is_not_said_again() -> None:
    track = Track(Wanted("pg", "a" * 32))
    track.read_seen = Seen("h:1 refuses the connection", 1_795_000_000.0)
    assert sightings.with_last("h:1 refuses the connection", track) == "h:1 refuses the connection (11:06:40Z)"
    told = "; last seen of the volume: h:1 refuses the connection (11:06:40Z)"
    assert sightings.with_last("time is up", track) == "time is up" + told
