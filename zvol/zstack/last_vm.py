"""Determines which VM a volume was last on, as far as the server remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from zvol.errors import ZvolError
from zvol.model import Volume
from zvol.zstack.dates import parse_server_date
from zvol.zstack.versions import NO_LAST_VM, UNKNOWN_RELEASE, Feature, Release

DETACH_SLACK: Final = 60
"""Seconds; deleting an attached volume detaches it, and the two dates differ by no more than this."""
CERTAIN: Final = ""
ANOTHER_SINCE: Final = "it may have been on another VM since"
NONE_NAMED: Final = (
    "the server names no VM that it was last on (a ZStack before 4.8 does not remember one that was destroyed)"
)
NEVER_ON_A_VM: Final = "it was never on a VM"
RELEASE_TRIES: Final = 3
"""Maximum requests for the release where it decides whether a volume is attached."""
MAYBE_NO_LAST_VM: Final = (
    "the server does not tell which VM it was last on: it may be a ZStack before 4.4, which does not remember that"
)


def shows_last_vm(volume: Volume) -> bool:
    """Tell whether the server remembers that this volume was on a VM: then it does so for all volumes."""
    return volume.text("lastVmInstanceUuid") is not None or volume.text("lastDetachDate") is not None


def doubt(volume: Volume, release: Release, deleted: str | None = None, *, remembers: bool = False) -> str | None:
    """Return what is not known of the VM that a volume was last on, None when the server's answer is certain.

    A release that remembers a VM only when the volume is detached from it misses VMs that were destroyed.  `deleted` is
    the lastOpDate that the volume had when it was deleted, if that is known; without it, its last change counts.
    `remembers`: the server remembers the VM of another volume.
    """
    if volume.text("vmInstanceUuid") is not None or release.has(Feature.LAST_VM_AFTER_DESTROY):
        return None
    if volume.text("lastVmInstanceUuid") is not None:
        return ANOTHER_SINCE if _may_be_older(volume, deleted) else None
    known = remembers or shows_last_vm(volume) or release.has(Feature.LAST_VM)
    return NONE_NAMED if known else NO_LAST_VM if known is False else MAYBE_NO_LAST_VM


def _may_be_older(volume: Volume, deleted: str | None) -> bool:
    """Tell whether the volume may have been on another VM between its detachment and its deletion."""
    detached = parse_server_date(volume.text("lastDetachDate") or "")
    deletion = parse_server_date(deleted or volume.last_op_date or "")
    return detached is None or deletion is None or (deletion - detached).total_seconds() > DETACH_SLACK


def find_doubts(
    volumes: Iterable[Volume],
    ask: Callable[[], Release],
    deletion: Callable[[Volume], str | None] = lambda _volume: None,
    *,
    remembers: bool = False,
    tries: int = 1,
) -> dict[str, str]:
    """Return the doubt about each volume by its UUID, CERTAIN if there is none.

    `ask` returns the release, and is only called when that decides something.  `deletion` returns the lastOpDate of the
    deletion that was undone last, for a volume that has not changed since; None when that is not known.
    """
    volumes = list(volumes)
    remembers = remembers or any(map(shows_last_vm, volumes))
    named = [one for one in volumes if not one.deleted and doubt(one, UNKNOWN_RELEASE) == ANOTHER_SINCE]
    undone = {one.uuid: deletion(one) for one in named}

    def found(release: Release) -> dict[str, str]:
        doubts = ((one.uuid, doubt(one, release, undone.get(one.uuid), remembers=remembers)) for one in volumes)
        return {uuid: CERTAIN if text is None else text for uuid, text in doubts}

    cautious = found(UNKNOWN_RELEASE)
    return found(release_of(ask, tries)) if any(cautious.values()) else cautious


def release_of(ask: Callable[[], Release], tries: int = 1) -> Release:
    """Return the release that a server reports; an unknown one if the look-up fails each time."""
    for _ in range(tries):
        with suppress(ZvolError):
            return ask()
    return UNKNOWN_RELEASE
