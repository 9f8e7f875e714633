"""Small changes after a recovery: one attempt each, and settled by reading when the answer is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from zvol.clock import Clock
from zvol.errors import ErrorCode, Exit, Weather, ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.zstack.client import Client

WATCH_SECONDS: Final = 60.0
PAUSE: Final = 0.2


class End(StrEnum):
    """How a change ended."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """How a change ended, with the server's words when it refused."""

    end: End
    words: str = ""

    @property
    def exit(self) -> Exit:
        return {End.DONE: Exit.OK, End.REFUSED: Exit.FAILED, End.UNKNOWN: Exit.UNKNOWN}[self.end]


class Changer:
    """Makes one change at a time; `true` reads whether it is so now.  When `stopped` says so, no job is waited for."""

    def __init__(self, client: Client, clock: Clock, stopped: Callable[[], bool] = lambda: False) -> None:
        self._client, self._clock, self._stopped = client, clock, stopped

    def attach(self, volume: Volume, vm: str) -> Change:
        """Attach a volume to a VM."""
        if volume.text("vmInstanceUuid") == vm:
            return Change(End.DONE)

        def attached() -> bool:
            now = self._client.volume(volume.uuid)
            return now is not None and now.text("vmInstanceUuid") == vm

        return self._make("POST", f"/v1/volumes/{volume.uuid}/vm-instances/{vm}", {}, attached)

    def tags(self, volume: str) -> set[str]:
        """Return the user tags of a volume; raises what the client raises."""
        found = self._client.all("/v1/user-tags", [f"resourceUuid={volume}"])
        return {str(item.get("tag")) for item in found}

    def tag(self, volume: str, tag: str) -> Change:
        """Create a user tag on a volume."""
        params = {"resourceType": "VolumeVO", "resourceUuid": volume, "tag": tag}
        return self._make("POST", "/v1/user-tags", {"params": params}, lambda: tag in self.tags(volume))

    def read(self, volume: Volume) -> Volume:
        """Return the volume as it is now, or as it was when it cannot be read."""
        try:
            return self._client.volume(volume.uuid) or volume
        except (Weather, ZvolError):
            return volume

    def _make(self, method: str, path: str, body: Any, true: Callable[[], bool]) -> Change:
        """Send once, watch the job, and read: what is true now counts, not what the job says."""
        job = uuid.uuid4().hex
        answer = self._client.change(method, path, body, job)
        until = self._clock.monotonic() + WATCH_SECONDS
        refused = _refused(answer)
        while refused is None and self._clock.monotonic() < until and not self._stopped():
            seen = self._client.job(job)
            refused = _refused(seen)
            if isinstance(seen, answers.Done) or self._is(true):
                break
            self._clock.get(SimpleQueue[None](), PAUSE)
        if self._is(true):
            return Change(End.DONE)
        return Change(End.UNKNOWN) if refused is None else Change(End.REFUSED, refused)

    def _is(self, true: Callable[[], bool]) -> bool:
        try:
            return true()
        except (Weather, ZvolError):
            return False


def _refused(answer: object) -> str | None:
    """Return the server's words for a certain refusal, None for everything else."""
    match answer:
        case answers.Failed(fault=fault, certain=True):
            return _words(fault)
        case answers.Refusal(text=text):
            return text
        case answers.Redirected():
            return "something that redirects answered"
        case _:
            return None


def _words(fault: ErrorCode) -> str:
    inner = fault.innermost
    return f"{inner.code} {inner.details or inner.description or ''}".strip()


def reattached(result: Result, changer: Changer) -> Result:
    """Attach a volume that is back to the VM it was last on; the volume stays recovered, whatever comes of it."""
    volume = result.volume
    if volume is None or result.outcome not in (Outcome.RECOVERED, Outcome.ALREADY) or volume.text("vmInstanceUuid"):
        return result
    vm = volume.text("lastVmInstanceUuid")
    if vm is None:
        return _warned(result, "it was never on a VM, so it was not attached", Exit.FAILED)
    change = changer.attach(volume, vm)
    if change.end is End.DONE:
        return replace(result, volume=changer.read(volume))
    why = change.words or "it is not known whether it is attached"
    return _warned(result, f"not attached to VM {vm}: {why}", change.exit)


def tagged(result: Result, tags: Sequence[str], changer: Changer) -> Result:
    """Create the user tags that are missing on a volume that is back, for a 5.2 server drops them on a recovery."""
    if result.uuid is None or result.outcome not in (Outcome.RECOVERED, Outcome.ALREADY):
        return result
    try:
        missing = [tag for tag in tags if tag not in changer.tags(result.uuid)]
    except (Weather, ZvolError) as exc:
        return _warned(result, f"the user tags could not be looked at: {exc.message}", Exit.OK)
    for tag in missing:
        change = changer.tag(result.uuid, tag)
        if change.end is not End.DONE:
            why = change.words or "it is not known whether it was created"
            result = _warned(result, f"user tag {tag!r}: {why}", change.exit)
    return result


def _warned(result: Result, text: str, exit: Exit) -> Result:
    from zvol.errors import most_severe

    return replace(result, warnings=(*result.warnings, text), extra_exit=most_severe((result.extra_exit, exit)))
