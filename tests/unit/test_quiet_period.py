"""The quiet period: the sum of its parts, each begun at a read that was answered, and begun again after a silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.recovery.quiet_period import MARGIN, SILENCE, QuietPeriod, after_accepted, after_silence

Read = tuple[float, float]
"""When a read was sent, and when it was answered."""

API = 60.0
SETTLE = 75.0


def reads(quiet: QuietPeriod, times: Sequence[float]) -> float | None:
    """Read at these times, answered at once; return when the quiet period was over."""
    for time in times:
        quiet.note(time, time)
        if quiet.over:
            return time
    return None


def every(step: float, until: float, begin: float = 0.0) -> list[float]:
    return [begin + number * step for number in range(1, int(until / step) + 1)]


def test_an_answered_put_needs_its_timeout_and_a_margin() -> None:
    assert reads(after_accepted(0.0, API), every(1.0, 200)) == 1 + API + MARGIN


def test_an_unanswered_put_needs_the_sum_of_both_parts() -> None:
    over = reads(after_silence(0.0, SETTLE, API), every(1.0, 300))
    assert over == 1 + SETTLE + API + MARGIN
    assert over > 1 + max(SETTLE, API + MARGIN)


def test_without_a_read_it_is_never_over() -> None:
    quiet = after_accepted(0.0, API)
    assert quiet.remaining(10_000.0) == API + MARGIN
    quiet.note(10_000.0, 10_000.1)
    assert not quiet.over


def test_time_before_the_first_answered_read_does_not_count() -> None:
    assert reads(after_accepted(0.0, API), every(1.0, 200, begin=9.0)) == 10 + API + MARGIN


def test_the_second_part_begins_at_the_read_that_ended_the_first() -> None:
    quiet = QuietPeriod((20.0, 20.0), answered_at=0.0)
    times = [5.0, 14.0, 23.0, 29.0]  # 29 is late for the first part: the second one begins there
    assert reads(quiet, times) is None
    assert quiet.part == 1
    assert reads(quiet, [38.0, 48.0]) is None
    assert reads(quiet, [49.0]) == 49.0


@pytest.mark.parametrize(("gap", "over"), [(SILENCE, 77.0), (SILENCE + 0.5, 60.5 + 75.0)])
def test_a_silence_of_more_than_ten_seconds_begins_it_again(gap: float, over: float) -> None:
    again = 50.0 + gap
    times = [1.0, *every(1.0, 49, begin=1.0), again, *every(1.0, 100, begin=again)]
    assert reads(after_accepted(0.0, API), times) == pytest.approx(over, abs=1.0)


def test_a_silence_in_the_second_part_begins_both_again() -> None:
    quiet = after_silence(0.0, SETTLE, API)
    assert reads(quiet, every(1.0, 100)) is None
    assert quiet.part == 1
    assert reads(quiet, every(1.0, 300, begin=150.0)) == 151 + SETTLE + API + MARGIN


def test_a_silence_before_the_first_read_begins_it_at_that_read() -> None:
    assert reads(after_accepted(0.0, API), every(1.0, 100, begin=40.0)) == 41 + API + MARGIN


def test_a_read_that_was_sent_too_early_does_not_end_it() -> None:
    quiet = after_accepted(0.0, API)
    quiet.note(0.0, 5.0)
    for time in every(5.0, 75):
        quiet.note(time, time + 4.9)
    assert not quiet.over
    quiet.note(80.1, 80.2)
    assert quiet.over


def test_a_silence_afterwards_does_not_begin_it_again() -> None:
    quiet = after_accepted(0.0, API)
    reads(quiet, every(1.0, 80))
    quiet.note(500.0, 900.0)
    assert quiet.over
    assert quiet.remaining(900.0) == 0.0


def test_a_server_that_turns_out_to_honour_the_timeout_shortens_what_is_left() -> None:
    quiet = after_silence(0.0, SETTLE, 1800.0)
    reads(quiet, every(1.0, 100))
    quiet.parts = (*quiet.parts[:-1], API + MARGIN)
    assert reads(quiet, every(1.0, 300, begin=100.0)) == 1 + SETTLE + API + MARGIN


def test_what_remains_is_an_estimate_that_shrinks() -> None:
    quiet = after_silence(0.0, 30.0, 20.0)
    assert quiet.remaining(0.0) == 65
    quiet.note(1.0, 1.0)
    assert quiet.remaining(11.0) == 55


# ---- any sequence of reads -------------------------------------------------------------------------------------------
PAUSES = st.tuples(st.floats(0, 15), st.floats(0, 15))
READS = st.lists(PAUSES, max_size=80)
PARTS = st.lists(st.floats(0, 60), min_size=1, max_size=3).map(tuple)


def timeline(pauses: Sequence[tuple[float, float]]) -> list[Read]:
    """Return reads one after the other, each `pause` after the last answer and answered after `takes`."""
    now, done = 0.0, []
    for pause, takes in pauses:
        done.append((now + pause, now + pause + takes))
        now += pause + takes
    return done


def naive(parts: Sequence[float], done: Sequence[Read]) -> bool:
    """Say whether the quiet period is over, from its definition and all the reads so far."""
    answers = [0.0, *(answered for _, answered in done)]
    silences = [at for at in range(len(done)) if answers[at + 1] - answers[at] > SILENCE]
    for begin in [0, *silences]:
        end = min((at for at in silences if at > begin), default=len(done))
        if passed(parts, done[begin:end]):
            return True
    return False


def passed(parts: Sequence[float], done: Sequence[Read]) -> bool:
    """Say whether reads without a silence between them span the parts, one after the other."""
    if not done:
        return False
    (_, since), rest, left = done[0], [*done[1:]], [*parts]
    while left:
        at = next((n for n, (asked, _) in enumerate(rest) if asked - since >= left[0]), None)
        if at is None:
            return False
        since, rest, left = rest[at][1], rest[at + 1 :], left[1:]
    return True


@given(PARTS, READS)
def test_over_matches_its_definition(parts: tuple[float, ...], pauses: list[tuple[float, float]]) -> None:
    quiet, done = QuietPeriod(parts, answered_at=0.0), timeline(pauses)
    for number, (asked, answered) in enumerate(done, 1):
        quiet.note(asked, answered)
        assert quiet.over == naive(parts, done[:number])


@given(READS, st.sampled_from([after_accepted, lambda now, api: after_silence(now, 30.0, api)]))
def test_never_over_before_the_sum_has_passed_without_a_silence(
    pauses: list[tuple[float, float]], after: Callable[[float, float], QuietPeriod]
) -> None:
    quiet = after(0.0, 20.0)
    steady = heard = 0.0
    for asked, answered in timeline(pauses):
        if answered - heard > SILENCE:
            steady = answered
        heard = answered
        quiet.note(asked, answered)
        assert not quiet.over or answered - steady >= sum(quiet.parts)
        if quiet.over:
            return


@given(PARTS, READS, st.floats(0, 1000))
def test_what_remains_is_never_negative_and_never_more_than_all(
    parts: tuple[float, ...], pauses: list[tuple[float, float]], late: float
) -> None:
    quiet = QuietPeriod(parts, answered_at=0.0)
    for asked, answered in timeline(pauses):
        quiet.note(asked, answered)
        now = answered + late
        assert 0.0 <= quiet.remaining(now) <= sum(parts) + 1e-9
        assert quiet.remaining(now) <= quiet.remaining(answered) + 1e-9
        if quiet.over:
            assert quiet.remaining(now) == 0.0
            return


@given(READS)
def test_it_ends_when_the_server_keeps_answering(pauses: list[tuple[float, float]]) -> None:
    quiet, now = after_silence(0.0, 30.0, 20.0), 0.0
    for asked, answered in timeline(pauses):
        quiet.note(asked, answered)
        now = answered
    assert quiet.over or reads(quiet, every(1.0, 30 + 20 + MARGIN + 4, begin=now)) is not None


def test_time_spent_before_it_began_counts() -> None:
    quiet = QuietPeriod((75.0, 75.0), answered_at=0.0, spent=100.0)
    assert quiet.remaining(0.0) == 50.0
    quiet.note(0.0, 1.0)
    assert quiet.remaining(1.0) == 50.0
    quiet.note(1.0, 2.0)
    assert (quiet.part, quiet.remaining(2.0)) == (1, 50.0)
    for second in range(2, 51):
        quiet.note(float(second), second + 1.0)
    assert not quiet.over
    quiet.note(52.0, 53.0)
    assert quiet.over


def test_time_spent_before_it_began_does_not_count_after_a_silence() -> None:
    quiet = QuietPeriod((75.0, 75.0), answered_at=0.0, spent=100.0)
    quiet.note(0.0, 1.0)
    quiet.note(20.0, 21.0)
    assert quiet.remaining(21.0) == 150.0


def test_more_time_was_spent_than_it_needs() -> None:
    quiet = QuietPeriod((75.0, 75.0), answered_at=0.0, spent=200.0)
    assert quiet.remaining(0.0) == 0.0
    for second in range(3):
        quiet.note(float(second), second + 0.5)
    assert quiet.over
