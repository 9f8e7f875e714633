"""Which VM a volume was last on, as far as its server remembers that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from zvol.errors import ZvolError
from zvol.model import Volume
from zvol.zstack.dates import parse_server_date
from zvol.zstack.versions import NO_LAST_VM, UNKNOWN_RELEASE, Feature, Release

DETACH_SLACK: Final = 60
"""Seconds; deleting an attached volume detaches it, and the two dates differ by no more than this."""
ANOTHER_SINCE: Final = "it may have been on another VM since"
RELEASE_TRIES: Final = 3
"""How often the release is asked for where it decides whether a volume is attached."""
MAYBE_NO_LAST_VM: Final = (
    "the server does not tell which VM it was last on: it may be a ZStack before 4.4, which does not remember that"
)


def shows_last_vm(volume: Volume) -> bool:
    """Tell whether the server remembers a VM of this volume: then it does so for all volumes."""
    return volume.text("lastVmInstanceUuid") is not None or volume.text("lastDetachDate") is not None


def names_destroyed_vms(volume: Volume) -> bool:
    """Tell without a request whether the server remembers VMs also after they were destroyed."""
    return volume.text("lastAttachDate") is not None  # as old as that


def may_be_older(volume: Volume, deleted: str | None = None) -> bool:
    """Tell whether the volume may have been on another VM after the one that the server remembers.

    A release that remembers a VM only when the volume is detached from it misses VMs that were destroyed.  `deleted` is
    the lastOpDate that the volume had when it was deleted, if that is known; without it, its last change counts.
    """
    detached = parse_server_date(volume.text("lastDetachDate") or "")
    deletion = parse_server_date(deleted or volume.last_op_date or "")
    return detached is None or deletion is None or (deletion - detached).total_seconds() > DETACH_SLACK


def is_in_doubt(volume: Volume) -> bool:
    """Tell whether it depends on the release what the server's answer about the volume's last VM means."""
    if volume.text("vmInstanceUuid") is not None:
        return False
    if volume.text("lastVmInstanceUuid") is None:
        return True
    return may_be_older(volume) and not names_destroyed_vms(volume)


def doubt(volume: Volume, release: Release) -> str | None:
    """Return what is not known of the VM that a volume was last on, None when the server's answer can be trusted."""
    if volume.text("vmInstanceUuid") is not None:
        return None
    if volume.text("lastVmInstanceUuid") is not None:
        trusted = release.has(Feature.LAST_VM_AFTER_DESTROY) or not may_be_older(volume)
        return None if trusted else ANOTHER_SINCE
    remembers = release.has(Feature.LAST_VM)
    return None if remembers else NO_LAST_VM if remembers is False else MAYBE_NO_LAST_VM


def none_named(release: Release) -> str:
    """Return what it means that a server that remembers VMs names none for a volume."""
    if release.has(Feature.LAST_VM_AFTER_DESTROY):
        return "it was never on a VM"
    return "the server names no VM that it was last on (a ZStack before 4.8 does not remember one that was destroyed)"


def release_of(ask: Callable[[], Release], tries: int = 1) -> Release:
    """Return the release that a server tells, an unknown one when the look-up fails each time."""
    for _ in range(tries):
        with suppress(ZvolError):
            return ask()
    return UNKNOWN_RELEASE
