"""Changes to a recovered volume (a tag or a VM), and what a read of the volume shows of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from zvol.errors import Exit
from zvol.journal.records import ATTACH, FollowUp
from zvol.journal.request import Request
from zvol.model import Target, Volume
from zvol.recovery.quiet_period import QuietPeriod
from zvol.resource import Resource
from zvol.zstack import answers
from zvol.zstack.answer_errors import with_hint
from zvol.zstack.dates import parse_server_date
from zvol.zstack.last_vm import NEVER_ON_A_VM, doubt
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.versions import UNKNOWN_RELEASE, Release

LONGEST_JOB_BACKOFF: Final = 30.0
"""Seconds between two polls of the job of a change."""


class ChangeKind(StrEnum):
    """What a change makes: a user tag of the volume, or an attachment to a VM."""

    TAG = "tag"
    ATTACH = ATTACH


class ChangeState(StrEnum):
    """The state of a change in the journal; `sent` may act, or has acted."""

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"


class ChangeCheck(StrEnum):
    """The state of a change in a read: made, not made, or no longer allowed."""

    MADE = "made"
    NOT_YET = "not-yet"
    BARRED = "barred"


@dataclass(slots=True, eq=False)
class Change:
    """One change; `value` is the tag, or the UUID of the VM (empty when it is not known).  Times are monotonic seconds.

    `in_flight`: its request is in flight.  `until`: when its outcome is called unknown.  `quiet`: until nothing of a
    request that an earlier run sent can act any more.  `refused`: why the server refused it; `done`: its job reported
    done; both count for a read that began after `answered_at`.  `job_polled`: its job was polled since the last read.
    `attach_date`: the lastAttachDate that the volume had before.  `reason` and `exit`: why it was not made.
    `remembered`: the VM was not given, it is the one that the server names.  `with_vm`: the volume comes back with its
    VM, and is attached only if it was not attached or detached since.
    """

    kind: ChangeKind
    value: str
    state: ChangeState = ChangeState.PLANNED
    job: str | None = None
    remembered: bool = False
    with_vm: bool = False
    in_flight: bool = False
    until: float = 0.0
    quiet: QuietPeriod | None = None
    refused: str | None = None
    refused_exit: Exit = Exit.FAILED
    done: bool = False
    answered_at: float = 0.0
    renewed: bool = False
    attach_date: str | None = None
    job_polled: bool = False
    next_job_poll: float = 0.0
    job_backoff: float = 1.0
    reason: str = ""
    exit: Exit = Exit.OK

    @property
    def ended(self) -> bool:
        return self.state in (ChangeState.DONE, ChangeState.FAILED)

    @property
    def warning(self) -> str:
        """Return a sentence with what was not made, and why."""
        if self.kind is ChangeKind.TAG:
            return f"user tag {self.value!r}: {self.reason}"
        return f"not attached to VM {self.value}: {self.reason}" if self.value else self.reason

    @property
    def not_known(self) -> str:
        return f"it is not known whether it {'was created' if self.kind is ChangeKind.TAG else 'is attached'}"

    def request(self, volume: str) -> tuple[str, dict[str, Any]]:
        """Return the path and the body of the POST that makes it."""
        if self.kind is ChangeKind.TAG:
            return "/v1/user-tags", {"params": {"resourceType": "VolumeVO", "resourceUuid": volume, "tag": self.value}}
        return f"/v1/volumes/{volume}/vm-instances/{self.value}", {}

    # ---- transitions ---------------------------------------------------------------------------------------------
    def begin(self, job: str) -> None:
        """Plan to send it next, under this job id; the journal is written first."""
        self.job, self.state = job, ChangeState.SENT

    def mark_sent(self, until: float, attach_date: str | None) -> None:
        """Record that its request leaves."""
        self.until, self.in_flight, self.attach_date = until, True, attach_date

    def mark_answered(self) -> None:
        """Record that its request has ended."""
        self.in_flight = False

    def poll_job_later(self, now: float) -> None:
        self.next_job_poll = now + self.job_backoff

    def record_job(self, now: float) -> None:
        """Record that its job was polled."""
        self.job_polled = True
        self.poll_job_later(now)
        self.job_backoff = min(LONGEST_JOB_BACKOFF, self.job_backoff * 2)

    def was_checked(self, asked: float, answered: float) -> None:
        """Record that what it makes was read."""
        self.job_polled = False
        if self.quiet is not None:
            self.quiet.note(asked, answered)

    def report_done(self, now: float) -> None:
        """Record that the server reported it as done."""
        self.done, self.answered_at = True, now

    def report_refused(self, why: str, exit: Exit, now: float) -> None:
        """Record that the server executed nothing."""
        self.refused, self.refused_exit, self.answered_at = why, exit, now

    def session_renewed(self) -> None:
        self.renewed = True

    def settle(self, quiet: QuietPeriod) -> None:
        """Wait for a request of an earlier run that may act."""
        self.quiet, self.until = quiet, math.inf

    def reset(self) -> None:
        """Allow it to be sent again: its last request was not executed and cannot act any more."""
        self.state, self.job, self.quiet = ChangeState.PLANNED, None, None
        self.refused, self.done = None, False

    def end(self, reason: str = "", exit: Exit = Exit.OK) -> None:
        """End it: it is made, or will not be made because of `reason`."""
        self.state, self.reason, self.exit = ChangeState.FAILED if reason else ChangeState.DONE, reason, exit

    def drop(self, state: ChangeState = ChangeState.FAILED) -> None:
        """End it without making it and without a warning."""
        self.state = state

    def explain(self, reason: str, exit: Exit) -> None:
        """Return how far it came, for a change that is left as it is."""
        self.reason, self.exit = reason, exit


def planned_changes(target: Target, request: Request, resource: Resource | None) -> list[Change]:
    """Return the changes to make after a recovery; `resource` is as it was read.  A VM has none."""
    if not isinstance(resource, Volume):
        return []
    tags = dict.fromkeys(request.user_tags) if request.ensure_tags and not request.dry_run else {}
    changes = [Change(ChangeKind.TAG, tag) for tag in tags]
    if request.reattach and not request.dry_run:
        last = resource.text("lastVmInstanceUuid") or ""
        with_vm = target.vm is not None
        changes.append(Change(ChangeKind.ATTACH, target.vm or last, remembered=not with_vm, with_vm=with_vm))
    return changes


def planned(target: Target, request: Request, resource: Resource | None) -> list[FollowUp]:
    """Return the same changes for the journal."""
    return [FollowUp(change.kind.value, change.value) for change in planned_changes(target, request, resource)]


def from_journal(rows: Sequence[FollowUp], request: Request) -> list[Change]:
    """Return changes as the journal holds them, in the order asked, the VM last."""
    order = {tag: number for number, tag in enumerate(request.user_tags)}
    rows = sorted(rows, key=lambda row: (row.kind == ChangeKind.ATTACH, order.get(row.value, 0)))
    return [_from_journal(row, with_vm=request.vms) for row in rows]


def _from_journal(row: FollowUp, *, with_vm: bool) -> Change:
    """Do not try again what the server refused to a dead run."""
    kind = ChangeKind(row.kind)
    remembered, with_vm = (not with_vm, with_vm) if kind is ChangeKind.ATTACH else (False, False)
    change = Change(kind, row.value, ChangeState(row.state), row.job, remembered=remembered, with_vm=with_vm)
    if change.state is ChangeState.FAILED:
        change.explain("it was refused before the run was interrupted", Exit.FAILED)
    return change


def on_vm(change: Change, volume: Volume | None) -> tuple[ChangeCheck, str]:
    """Return what a read of the volume shows of an attachment, and why it must not be made."""
    if volume is None:
        return ChangeCheck.BARRED, "the volume is gone"
    if DATA_VOLUME.is_deleted(volume):
        return ChangeCheck.BARRED, "the volume is deleted"
    where = volume.text("vmInstanceUuid")
    if where is not None:
        return (
            (ChangeCheck.MADE, "")
            if where == change.value
            else (ChangeCheck.BARRED, f"it is attached to VM {where}; detach it there first")
        )
    if _shared(change, volume):
        return ChangeCheck.MADE, ""
    moved = _moved_since(change, volume) if change.with_vm else ""
    return (ChangeCheck.BARRED, moved) if moved else (ChangeCheck.NOT_YET, "")


def _moved_since(change: Change, volume: Volume) -> str:
    """Return what somebody did with a volume that was on its VM until the end; empty if nothing."""
    last = volume.text("lastVmInstanceUuid")
    if last != change.value:
        where = f"it was on VM {last} since" if last else "the server names no VM that it was last on"
        return f"{where}, and was left alone"
    attached, detached = _date(volume, "lastAttachDate"), _date(volume, "lastDetachDate")
    if attached is not None and detached is not None and attached <= detached:
        return "it was detached from that VM since, and was left alone"
    return ""


def _date(volume: Volume, name: str) -> datetime | None:
    return parse_server_date(volume.text(name) or "")


def done_and_not_so(change: Change, volume: Volume | None, deleted: str | None) -> tuple[str, Exit]:
    """Return the warning and exit code for a finished job whose change no read shows.

    `deleted` is the lastOpDate that the volume had before the run: a later attachment is the one
    that was made.
    """
    attached = _date(volume, "lastAttachDate") if volume is not None else None
    before = parse_server_date(change.attach_date or deleted or "")
    if change.kind is ChangeKind.ATTACH and attached is not None and before is not None and attached > before:
        return "it was attached and taken off again since", Exit.FAILED
    return "the server says that it is done, and it is not so", Exit.CONTRADICTED


def _shared(change: Change, volume: Volume) -> bool:
    """A shareable volume does not show its VMs, so the finished job counts, or a new date of its last attach."""
    if change.state is not ChangeState.SENT or volume.fields.get("isShareable") is not True:
        return False
    date = volume.text("lastAttachDate")
    return change.done or (date is not None and change.attach_date is not None and date != change.attach_date)


def is_on_any_vm(volume: Volume | None) -> bool:
    return volume is not None and not DATA_VOLUME.is_deleted(volume) and volume.text("vmInstanceUuid") is not None


def last_vm_problem(change: Change, volume: Volume | None, deleted: str | None, release: Release | None) -> str | None:
    """Return why a volume is not attached to the VM that the server names; empty if it may be attached.

    None when the release decides that, and is not known yet.  `deleted` is the lastOpDate of its deletion.
    """
    assert volume is not None
    why = doubt(volume, release or UNKNOWN_RELEASE, deleted)
    if change.value and why is None:
        return ""
    if not change.value and volume.fields.get("isShareable") is True:
        return "it is shareable, and the server does not tell which VMs it was on, so it was not attached"
    if release is None:
        return None
    if change.value:
        return f"{why}; if that is the one: `zvol attach {volume.uuid} {change.value}`"
    return f"{why or NEVER_ON_A_VM}, so it was not attached: `zvol attach {volume.uuid} VM`"


def refusal(answer: object) -> tuple[str, Exit] | None:
    """Return why the server refused, where it is certain that nothing was executed; None for everything else."""
    match answer:
        case answers.Failed(fault=fault, certain=True):
            return with_hint(fault), Exit.FAILED
        case answers.Refusal(text=text):
            return text, Exit.FAILED
        case answers.Redirected():
            return "something that redirects answered", Exit.UNTRUSTED
        case _:
            return None
