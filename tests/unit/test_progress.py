"""The progress of a long run: one line that renews itself on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import io

from zvol.model import Outcome, Result
from zvol.render.progress import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(*, tty: bool, shown: bool = True) -> tuple[Progress, Clock, io.StringIO]:
    clock, err = Clock(), io.StringIO()
    return Progress(err, clock, 400, tty=tty, shown=shown), clock, err


def test_on_a_terminal_the_line_renews_itself_and_is_wiped_away() -> None:
    progress, clock, err = run(tty=True)
    for number in range(100):
        progress.note(Result("x", None, Outcome.RECOVERED if number % 10 else Outcome.FAILED))
    clock.now += 2
    progress.draw()
    assert err.getvalue() == "\rzvol: 90 of 400 back, 10 not, 300 left, 50/s, about 6s to go"
    progress.draw()
    assert err.getvalue().count("\r") == 1
    progress.clear()
    assert err.getvalue().endswith("\r" + " " * 60 + "\r")


def test_why_it_waits_is_said_and_harmless() -> None:
    progress, clock, err = run(tty=True)
    progress.waiting = "502 \x1b[31m; trying again in 4 s"
    clock.now += 1
    progress.draw()
    assert "\\u{1b}[31m; trying again in 4 s" in err.getvalue()


def test_elsewhere_a_plain_line_each_half_minute() -> None:
    progress, clock, err = run(tty=False)
    for _ in range(61):
        clock.now += 1
        progress.draw()
    assert err.getvalue() == "zvol: 0 of 400 back, 400 left\n" * 2


def test_quiet_is_quiet() -> None:
    progress, clock, err = run(tty=True, shown=False)
    clock.now += 100
    progress.draw()
    progress.clear()
    assert err.getvalue() == ""
