"""Every move that the product's table can make, found by trying each rule with each event."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.model.client import Move
from zvol.recovery.protocol import TRANSITIONS, advance
from zvol.recovery.states import (
    MAX_SENDS,
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
    ReadExpired,
    SessionRenewed,
)

UNREACHED: frozenset[Move] = frozenset({(Phase.START, GiveUp, Phase.DONE, "unknown")})
"""Moves that no run makes: nothing is sent before the first look."""


def possible_moves() -> set[Move]:
    moves: set[Move] = set()
    for phase, kind in TRANSITIONS:
        truths = (False, True)
        for sends, renewed, foreign, event in product(range(MAX_SENDS + 1), truths, truths, events(kind)):
            state = ProtocolState(phase, "its deletion", sends, renewed=renewed, foreign=foreign)
            after, command = advance(state, event)
            moves.add((phase, kind, after.phase, str(getattr(command, "outcome", command))))
    return moves


def events(kind: type[Event]) -> Iterator[Event]:
    if kind is Observed:
        dates, truths = ("its deletion", "another"), (False, True)
        yield from (Observed(*values) for values in product(Observation, dates, JobStatus, truths, truths))
    elif kind is PutAnswered:
        yield from map(PutAnswered, PutResult)
    elif kind is SessionRenewed:
        yield from map(SessionRenewed, (True, False))
    elif kind in (IntentRecorded, ReadExpired):
        yield kind()
    else:
        yield GiveUp()
