"""The version is only asked for while the server answers, once for all volumes that wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from zvol.errors import TransientError
from zvol.recovery.follow_ups.release import ReleaseLookUp
from zvol.recovery.worker_pool import WorkResult
from zvol.zstack.versions import UNKNOWN_RELEASE, Release


@dataclass
class Surroundings:
    """What the look-up sees of the follow-ups; `sent` are the answers to its requests, to be called with a result."""

    breaker: Any = field(default_factory=lambda: SimpleNamespace(closed=True))
    limit: Any = field(default_factory=lambda: SimpleNamespace(places=1))
    client: Any = field(default_factory=lambda: SimpleNamespace(version=None))
    sent: list[Any] = field(default_factory=list)

    @property
    def pool(self) -> Any:
        return SimpleNamespace(submit=lambda _work, answered: self.sent.append(answered))


def looking() -> tuple[ReleaseLookUp, Surroundings, list[object]]:
    around, told = Surroundings(), list[object]()
    return ReleaseLookUp(around, lambda one, _at: told.append(one)), around, told  # type: ignore[arg-type]


def wait(look_up: ReleaseLookUp, *names: str) -> None:
    for name in names:
        look_up.wait(name)  # type: ignore[arg-type]


def done(value: object = None, error: Exception | None = None) -> WorkResult:
    return WorkResult(lambda _done: None, 0.0, 1.0, value, error)


def test_it_is_not_asked_for_while_the_server_does_not_answer() -> None:
    look_up, around, told = looking()
    look_up.tick()
    assert around.sent == [], "nobody waits for it"
    wait(look_up, "one", "two")
    around.breaker.closed = False
    look_up.tick()
    assert around.sent == []
    around.breaker.closed, around.limit.places = True, 0
    look_up.tick()
    assert around.sent == []
    around.limit.places = 1
    look_up.tick()
    look_up.tick()
    assert len(around.sent) == 1
    around.sent[0](done(Release.parse("5.2.1")))
    assert (look_up.known, told) == (Release.parse("5.2.1"), ["one", "two"])


def test_it_is_taken_for_unknown_after_three_failures() -> None:
    look_up, around, told = looking()
    for number in range(3):
        assert look_up.known is None
        wait(look_up, "one")
        look_up.tick()
        around.sent[number](done(error=TransientError("no")))
    assert (look_up.known, len(told)) == (UNKNOWN_RELEASE, 3)
