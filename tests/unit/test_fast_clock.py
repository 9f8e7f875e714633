"""The fast clock of other tests: waits are short, work and young requests are not."""

from __future__ import annotations

from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from tests.support import fast
from tests.support.fast import GRACE, WORKING, FastClock

RATE = 25.0


class Machine:
    """The real time of this machine, which tests move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(fast, "time", SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.now))
        self.clock = FastClock(RATE)

    def counted(self, seconds: float) -> float:
        """Return how many seconds of the clock this many real ones are."""
        began = self.clock.monotonic()
        self.now += seconds
        return self.clock.monotonic() - began


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_work_and_waits(machine: Machine) -> None:
    assert machine.counted(2.0) == pytest.approx(2 * WORKING)
    with machine.clock._counted("_waiting"):
        assert machine.counted(2.0) == pytest.approx(2 * RATE)
    assert machine.counted(2.0) == pytest.approx(2 * WORKING)


@pytest.mark.parametrize("seconds", [0.5, 2.0, 30.0, 600.0])
def test_a_request_is_work_for_a_while_and_a_wait_if_it_hangs(machine: Machine, seconds: float) -> None:
    with machine.clock._counted("_waiting"), machine.clock.request():
        assert machine.counted(GRACE / 2) == pytest.approx(GRACE / 2 * WORKING)
        with machine.clock.request():
            assert machine.counted(GRACE + 1) == pytest.approx(GRACE * WORKING + RATE)
        assert machine.counted(1) == pytest.approx(RATE)
    with machine.clock.request():
        assert machine.counted(machine.clock.real(seconds)) == pytest.approx(seconds)


def test_an_item_ends_a_wait_and_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source = FastClock(1000.0), SimpleQueue[str]()
    source.put("item")
    assert clock.wait_for_item(source, 10_000.0) == "item"
    began = clock.monotonic()
    assert clock.wait_for_item(source, 100.0) is None
    assert clock.monotonic() - began >= 100.0
    assert clock.wait_for_item(source, 0.0) is None
