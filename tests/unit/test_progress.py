"""The progress of a run: one line that is redrawn on a terminal, a new line every 30 seconds elsewhere."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from zvol.catalog.listing import RetentionContext
from zvol.catalog.retention import Policy
from zvol.cli.progress import seconds_left
from zvol.model import Outcome, Result, Volume
from zvol.render.progress import Progress, seconds
from zvol.text import display_width
from zvol.vm_instance import VmInstance
from zvol.zstack.zones import Zone


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
    progress.deadline, progress.sent = 3700.0, 97
    progress.draw()
    line = "[0:02] 90/400 recovered · 10 not · 97 in progress · 203 waiting · 50/s · about 6 s"
    line += " · the first is safe for 1h 1m"
    assert err.getvalue() == "\r" + line
    progress.draw()
    assert err.getvalue().count("\r") == 1
    progress.clear()
    assert err.getvalue().endswith("\r" + " " * len(line) + "\r")


def test_the_interrupt_that_the_terminal_echoed_is_erased_with_the_line() -> None:
    for tty, shown, erased in ((True, True, "\r  \r"), (True, False, ""), (False, True, "")):
        progress, clock, err = run(tty=tty, shown=shown)
        progress.clear()
        assert err.getvalue() == ""
        progress.stopping = True
        progress.clear()
        assert err.getvalue() == erased
    for width in range(22, 60):
        progress, clock, err = run(tty=True, width=width)
        progress.stopping = True
        clock.now += 9
        progress.draw()
        drawn = err.getvalue()
        progress.clear()
        erased = err.getvalue().removeprefix(drawn).strip("\r")
        assert len(erased) == min(len(drawn) + 1, width), "with the interrupt, and never on the next line"


def test_the_reason_for_waiting_is_shown_and_escaped() -> None:
    progress, clock, err = run(tty=True)
    progress.notes = ["waiting: 502 \x1b[31m", "next try in 4s"]
    clock.now += 1
    progress.draw()
    assert err.getvalue() == "\r[0:01] 0/400 recovered · 400 waiting · waiting: 502 \\u{1b}[31m · next try in 4s"


def test_a_line_never_wraps_because_it_could_not_be_erased() -> None:
    progress, clock, err = run(tty=True, width=40, total=1)
    progress.notes = ["服务不可用" * 20]
    clock.now += 2
    clock.now += 1
    progress.draw()
    assert display_width(err.getvalue().strip("\r")) in (38, 39)
    progress.clear()
    assert err.getvalue().endswith("\r" + " " * display_width(err.getvalue().split("\r")[1]) + "\r")


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (140, "100/400 recovered · 69 in progress · {late} · next try in 4s · the first is safe for 5h 59m"),
        (139, "100/400 recovered · {late} · next try in 4s · the first is safe for 5h 59m"),
        (106, "100/400 recovered · {late} · the first is safe for 5h 59m"),
        (105, "100/400 recovered · {late}"),
        (50, "100/400 recovered · retry in 2m 2s: ..."),
    ],
)
def test_parts_that_do_not_fit_are_left_out_and_a_wait_has_no_estimate(width: int, line: str) -> None:
    progress, clock, err = run(tty=True, width=width)
    for _ in range(100):
        progress.note(Result("x", None, Outcome.RECOVERED))
    late = "retry in 2m 2s: 69 without an answer since 0:41"
    progress.notes, progress.deadline, progress.sent = (late, "next try in 4s"), 6 * 3600 - 1.0, 69
    clock.now += 2
    progress.draw()
    assert err.getvalue() == "\r[0:02] " + line.format(late=late)


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
    assert first == "[0:03] · waiting for the server"
    assert second == "[0:04] stopping · its answer is missing, given up in 9s"


def test_without_a_terminal_a_line_every_half_minute() -> None:
    progress, clock, err = run(tty=False)
    for _ in range(61):
        clock.now += 1
        progress.draw()
    assert err.getvalue() == "".join(f"zvol: [{at}] 0/400 recovered · 400 waiting\n" for at in ("0:30", "1:00"))


def test_the_counts_are_printed_at_the_end() -> None:
    progress, clock, err = run(tty=False)
    for outcome in [Outcome.RECOVERED] * 398 + [Outcome.FAILED, Outcome.UNKNOWN]:
        progress.note(Result("x", None, outcome))
    clock.now += 75
    progress.end()
    assert err.getvalue() == "zvol: 398 recovered, 1 failed, 1 unknown in 1m 15s\n"


def test_a_deadline_that_is_far_away_and_an_unknown_pace_are_not_shown() -> None:
    progress, clock, err = run(tty=True)
    progress.deadline, progress.sent = 6 * 3600.0, 400
    clock.now += 3661
    progress.draw()
    assert err.getvalue() == "\r[1:01:01] 0/400 recovered · 400 in progress"


def test_in_the_sandbox_the_line_says_so() -> None:
    clock, err = Clock(), io.StringIO()
    progress = Progress(err, clock, 2, tty=True, shown=True, mark="zvol (sandbox): ")
    clock.now += 1
    progress.draw()
    assert err.getvalue() == "\rzvol (sandbox): [0:01] 0/2 recovered · 2 waiting"


@pytest.mark.parametrize(("took", "text"), [(0.04, "0.0 s"), (5.4, "5 s"), (59.4, "59 s"), (64, "1m 4s")])
def test_how_long_something_takes(took: float, text: str) -> None:
    assert seconds(took) == text


def test_quiet_prints_nothing() -> None:
    progress, clock, err = run(tty=True, shown=False)
    clock.now += 100
    progress.draw()
    progress.clear()
    progress.end()
    assert err.getvalue() == ""


# ---- which of both kinds is destroyed first --------------------------------------------------------------------------
NOW = datetime(2026, 11, 23, 21, 5, 50, tzinfo=UTC).timestamp()
HOUR = 3600
VOLUME = Volume("a" * 32, {"status": "Deleted", "type": "Data", "lastOpDate": "Nov 23, 2026 9:05:50 PM"})
MACHINE = VmInstance(
    "d" * 32,
    {
        "state": "Destroyed",
        "rootVolumeUuid": "e" * 32,
        "allVolumes": [{"uuid": "e" * 32, "status": "Deleted"}],
        "lastOpDate": "Nov 23, 2026 9:05:49 PM",
    },
)


@pytest.mark.parametrize(
    ("of_volumes", "of_vms", "left"),
    [
        (Policy("Delay", 9 * HOUR), Policy("Delay", 9 * HOUR), 9 * HOUR - 1),
        (Policy("Delay", 9 * HOUR), Policy("Delay", HOUR), HOUR - 1),
        (Policy("Delay", HOUR), Policy("Delay", 9 * HOUR), HOUR),
        (Policy("Delay", 9 * HOUR), Policy("Delay", 0), 0),
        (Policy("Delay", HOUR), Policy("Never"), HOUR),
        (Policy("Never"), Policy("Delay", HOUR), HOUR - 1),
        (Policy("Never"), Policy("Never"), None),
        (Policy("Delay", HOUR), None, None),
        (Policy("Delay"), Policy("Delay", HOUR), None),
    ],
)
def test_each_kind_is_safe_by_its_own_policy(of_volumes: Policy, of_vms: Policy | None, left: float | None) -> None:
    policies = {"volume": of_volumes} | ({} if of_vms is None else {"vm": of_vms})
    known = RetentionContext(policies, Zone("server", UTC), NOW)
    assert seconds_left((VOLUME, MACHINE), known) == seconds_left((MACHINE, VOLUME), known) == left
    assert seconds_left((), known) is None
