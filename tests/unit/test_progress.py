"""The progress of a run: one line that is redrawn on a terminal, a new line every 30 seconds elsewhere."""

from __future__ import annotations

import io

import pytest

from zvol.model import Outcome, Result
from zvol.render.progress import Progress
from zvol.text import display_width


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(*, tty: bool, shown: bool = True, width: int = 200, total: int = 400) -> tuple[Progress, Clock, io.StringIO]:
    clock, err = Clock(), io.StringIO()
    return Progress(err, clock, total, tty=tty, shown=shown, width=lambda: width), clock, err


def test_on_a_terminal_the_line_is_redrawn_and_erased() -> None:
    progress, clock, err = run(tty=True)
    for number in range(100):
        progress.note(Result("x", None, Outcome.RECOVERED if number % 10 else Outcome.FAILED))
    clock.now += 2
    progress.deadline = 3700.0
    progress.draw()
    line = "zvol: 100 of 400 done, 10 not back, 300 left, 50/s, about 6s to go, the first is safe for 1h 1m"
    assert err.getvalue() == "\r" + line
    progress.draw()
    assert err.getvalue().count("\r") == 1
    progress.clear()
    assert err.getvalue().endswith("\r" + " " * len(line) + "\r")


def test_the_reason_for_waiting_is_shown_and_escaped() -> None:
    progress, clock, err = run(tty=True)
    progress.notes = ["waiting: 502 \x1b[31m", "next try in 4s"]
    clock.now += 1
    progress.draw()
    assert err.getvalue() == "\rzvol: 0 of 400 done, 400 left, waiting: 502 \\u{1b}[31m, next try in 4s"


def test_a_line_never_wraps_because_it_could_not_be_erased() -> None:
    progress, clock, err = run(tty=True, width=40)
    progress.notes = ["服务不可用" * 20]
    clock.now += 1
    progress.draw()
    assert display_width(err.getvalue().strip("\r")) in (38, 39)
    progress.clear()
    assert err.getvalue().endswith("\r" + " " * display_width(err.getvalue().split("\r")[1]) + "\r")


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (160, "100 of 400 done, 300 left, 69 without an answer, sent again in 2m 2s, unless they come back, {safe}"),
        (100, "100 of 400 done, 69 without an answer, sent again in 2m 2s, {safe}"),
        (80, "100 of 400 done, 69 without an answer, sent again in 2m 2s"),
        (50, "100 of 400 done, 69 without an answer, ..."),
    ],
)
def test_parts_that_do_not_fit_are_left_out_and_a_wait_has_no_estimate(width: int, line: str) -> None:
    progress, clock, err = run(tty=True, width=width)
    for _ in range(100):
        progress.note(Result("x", None, Outcome.RECOVERED))
    progress.notes, progress.deadline = ("69 without an answer, sent again in 2m 2s", "unless they come back"), 3700.0
    clock.now += 2
    progress.draw()
    assert err.getvalue() == "\rzvol: " + line.format(safe="the first is safe for 1h 1m")


def test_a_single_volume_has_a_line_only_when_it_takes_long() -> None:
    progress, clock, err = run(tty=True, total=1)
    clock.now += 2.9
    progress.draw()
    assert err.getvalue() == ""
    clock.now += 0.1
    progress.draw()
    progress.notes, progress.stopping = ["its answer is missing, given up in 9s"], True
    clock.now += 1
    progress.draw()
    _, first, second = err.getvalue().split("\r")
    assert (first, second) == ("zvol: waiting for the server", "zvol: stopping, its answer is missing, given up in 9s")


def test_without_a_terminal_a_line_every_half_minute() -> None:
    progress, clock, err = run(tty=False)
    for _ in range(61):
        clock.now += 1
        progress.draw()
    assert err.getvalue() == "zvol: 0 of 400 done, 400 left\n" * 2


def test_the_counts_are_printed_at_the_end() -> None:
    progress, clock, err = run(tty=False)
    for outcome in [Outcome.RECOVERED] * 398 + [Outcome.FAILED, Outcome.UNKNOWN]:
        progress.note(Result("x", None, outcome))
    clock.now += 75
    progress.end()
    assert err.getvalue() == "zvol: 398 recovered, 1 failed, 1 unknown in 1m 15s\n"


def test_quiet_prints_nothing() -> None:
    progress, clock, err = run(tty=True, shown=False)
    clock.now += 100
    progress.draw()
    progress.clear()
    progress.end()
    assert err.getvalue() == ""
