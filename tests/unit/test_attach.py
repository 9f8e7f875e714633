"""Attaching several volumes without a run: what a signal leaves."""

from __future__ import annotations

from typing import Any

from zvol.clock import SystemClock
from zvol.errors import Exit
from zvol.model import Volume
from zvol.recovery.attach import Attacher, Attachment, AttachOutcome
from zvol.zstack import answers

A, B, VM = "a" * 32, "b" * 32, "c" * 32


def volume(uuid: str) -> Volume:
    return Volume(uuid, {"uuid": uuid, "name": uuid[:2], "type": "Data", "status": "Ready"})


class Cloud:
    """Accepts a change, and has the command stopped while it does."""

    def __init__(self) -> None:
        self.attacher: Any = None
        self.sent: list[str] = []

    def change(self, path: str, *_how: object) -> answers.Accepted:
        self.sent.append(path)
        self.attacher.stop()
        self.attacher.stop()
        return answers.Accepted(60.0)


def test_after_a_signal_nothing_new_is_sent_and_each_volume_has_its_own_word() -> None:
    cloud: Any = Cloud()
    clock = SystemClock()
    attacher = Attacher(cloud, clock, timeout=60.0, api_timeout=60.0, places=1)
    cloud.attacher = attacher
    ended = list(attacher.attach([Attachment(volume(uuid), VM, clock.monotonic()) for uuid in (A, B)]))
    assert cloud.sent == [f"/v1/volumes/{A}/vm-instances/{VM}"]
    found = {one.volume.uuid: one for one in ended if one.volume is not None}
    assert (found[A].outcome, found[B].outcome) == (AttachOutcome.UNKNOWN, AttachOutcome.NOT_SENT)
    first, second = found[A].error, found[B].error
    assert first is not None
    assert second is not None
    assert (first.kind, first.exit) == ("unknown", Exit.UNKNOWN)
    assert (second.kind, second.exit, second.message) == (
        "stopped",
        Exit.UNREACHABLE,
        "zvol was stopped before it was sent",
    )


def test_nothing_to_attach_is_no_request() -> None:
    cloud: Any = Cloud()
    assert list(Attacher(cloud, SystemClock(), timeout=60.0, api_timeout=60.0).attach([])) == []
