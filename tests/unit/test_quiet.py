"""The quiet time: the sum of its parts, each begun at a read that was answered, and begun again after a silence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zvol.recovery.quiet import SILENCE, QuietTime, after_accepted, after_silence


def reads(quiet: QuietTime, *times: float) -> float | None:
    """Read at these times, answered at once; return when the quiet time was over."""
    for time in times:
        quiet.note(time, time)
        if quiet.over:
            return time
    return None


def every(step: float, until: float) -> list[float]:
    return [number * step for number in range(1, int(until / step) + 1)]


def test_an_answered_put_needs_its_timeout_and_a_margin() -> None:
    assert reads(after_accepted(0.0, 60.0), *every(1.0, 200)) == 1 + 75


def test_an_unanswered_put_needs_the_sum_of_both_parts() -> None:
    assert reads(after_silence(0.0, 75.0, 60.0), *every(1.0, 300)) == 1 + 75 + 75


def test_a_silence_begins_it_again() -> None:
    times = [*every(1.0, 50), *(61.5 + time for time in every(1.0, 100))]
    assert reads(after_accepted(0.0, 60.0), *times) == 62.5 + 75


def test_a_read_that_was_sent_too_early_does_not_end_it() -> None:
    quiet = after_accepted(0.0, 60.0)
    quiet.note(0.0, 5.0)
    for time in every(5.0, 75):
        quiet.note(time, time + 4.9)
    assert not quiet.over
    quiet.note(80.1, 80.2)
    assert quiet.over


@given(st.lists(st.tuples(st.floats(0, 15), st.floats(0, 15)), max_size=80))
def test_never_over_before_its_sum_has_passed_without_a_silence(steps: list[tuple[float, float]]) -> None:
    quiet, now, steady = after_silence(0.0, 30.0, 20.0), 0.0, 0.0
    heard = 0.0
    for pause, takes in steps:
        asked = now + pause
        now = asked + takes
        if now - heard > SILENCE:
            steady = now
        heard = now
        quiet.note(asked, now)
        if quiet.over:
            assert now - steady >= 30 + 35
            return


def test_what_remains_is_an_estimate_that_shrinks() -> None:
    quiet = after_silence(0.0, 30.0, 20.0)
    assert quiet.remaining(0.0) == 65
    quiet.note(1.0, 1.0)
    assert quiet.remaining(11.0) == 55
