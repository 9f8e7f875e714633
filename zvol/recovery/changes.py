"""Small changes to a volume that is back, a tag or a VM: what they are, and what a look at the volume says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from zvol.errors import ErrorCode, Exit
from zvol.journal.records import FollowUp
from zvol.journal.request import Request
from zvol.model import Volume
from zvol.recovery.quiet_period import QuietPeriod
from zvol.zstack import answers


class Kind(StrEnum):
    """What a change makes true: a user tag is on the volume, or the volume is on a VM."""

    TAG = "tag"
    ATTACH = "attach"


class ChangeState(StrEnum):
    """Where a change stands; the words of the journal.  `sent` may act, or has acted."""

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"


class ChangeCheck(StrEnum):
    """What a look says of a change: it is true, it is not, or it must not be made any more."""

    TRUE = "true"
    NOT_YET = "not-yet"
    BARRED = "barred"


@dataclass(slots=True, eq=False)
class Change:
    """One change; `value` is the tag, or the UUID of the VM (empty when it is not known).

    `flying`: its request is on its way.  `until`: when it is called unknown; `quiet`: until nothing of a request that
    an earlier run sent can act any more.  `refused`: the server's words; `done`: its job says done; both count for a
    look that began after `heard`.  `asked`: its job was asked since the last look.  `before` is the lastAttachDate that
    the volume had.  `words` and `exit` are how it ended.
    """

    kind: Kind
    value: str
    stand: ChangeState = ChangeState.PLANNED
    job: str | None = None
    flying: bool = False
    until: float = 0.0
    quiet: QuietPeriod | None = None
    refused: str | None = None
    refused_exit: Exit = Exit.FAILED
    done: bool = False
    heard: float = 0.0
    renewed: bool = False
    before: str | None = None
    asked: bool = False
    next_ask: float = 0.0
    ask_wait: float = 1.0
    words: str = ""
    exit: Exit = Exit.OK

    @property
    def ended(self) -> bool:
        return self.stand in (ChangeState.DONE, ChangeState.FAILED)

    @property
    def warning(self) -> str:
        """Say what did not become true, and why."""
        if self.kind is Kind.TAG:
            return f"user tag {self.value!r}: {self.words}"
        return f"not attached to VM {self.value}: {self.words}" if self.value else self.words

    @property
    def not_known(self) -> str:
        return f"it is not known whether it {'was created' if self.kind is Kind.TAG else 'is attached'}"

    def request(self, volume: str) -> tuple[str, dict[str, Any]]:
        """Return the path and the body of the POST that makes it true."""
        if self.kind is Kind.TAG:
            return "/v1/user-tags", {"params": {"resourceType": "VolumeVO", "resourceUuid": volume, "tag": self.value}}
        return f"/v1/volumes/{volume}/vm-instances/{self.value}", {}

    def again(self) -> None:
        """Nothing of its last request was executed, or can act any more: it may be sent again."""
        self.stand, self.job, self.quiet = ChangeState.PLANNED, None, None
        self.refused, self.done = None, False


def target(request: Request, volume: Volume | None) -> list[Change]:
    """Return what is to be done after a recovery; `volume` is as it was read."""
    tags = dict.fromkeys(request.user_tags) if request.ensure_tags and not request.dry_run else {}
    changes = [Change(Kind.TAG, tag) for tag in tags]
    if request.reattach and not request.dry_run:
        changes.append(Change(Kind.ATTACH, (volume and volume.text("lastVmInstanceUuid")) or ""))
    return changes


def planned(request: Request, volume: Volume | None) -> list[FollowUp]:
    """Return the same for the journal."""
    return [FollowUp(change.kind.value, change.value) for change in target(request, volume)]


def from_journal(rows: Sequence[FollowUp], request: Request) -> list[Change]:
    """Return changes as the journal holds them, in the order asked, the VM last."""
    order = {tag: number for number, tag in enumerate(request.user_tags)}
    rows = sorted(rows, key=lambda row: (row.kind == Kind.ATTACH, order.get(row.value, 0)))
    return [_from_journal(row) for row in rows]


def _from_journal(row: FollowUp) -> Change:
    """What a dead run was refused is not tried again."""
    change = Change(Kind(row.kind), row.value, ChangeState(row.state), row.job)
    if change.stand is ChangeState.FAILED:
        change.words, change.exit = "it was refused before the run was interrupted", Exit.FAILED
    return change


def on_vm(change: Change, volume: Volume | None) -> tuple[ChangeCheck, str]:
    """Say what a read of the volume means for an attach; the words are why it must not be made."""
    if volume is None:
        return ChangeCheck.BARRED, "the volume is gone"
    if volume.deleted:
        return ChangeCheck.BARRED, "the volume is deleted"
    where = volume.text("vmInstanceUuid")
    if where is not None:
        return (
            (ChangeCheck.TRUE, "")
            if where == change.value
            else (ChangeCheck.BARRED, f"it is on VM {where}, and was left there")
        )
    return (ChangeCheck.TRUE, "") if _shared(change, volume) else (ChangeCheck.NOT_YET, "")


def _shared(change: Change, volume: Volume) -> bool:
    """A shareable volume does not show its VMs: there the finished job counts, or a new date of its last attach."""
    if change.stand is not ChangeState.SENT or volume.fields.get("isShareable") is not True:
        return False
    date = volume.text("lastAttachDate")
    return change.done or (date is not None and change.before is not None and date != change.before)


def nowhere(volume: Volume) -> str:
    """Say why it is not known to which VM a volume belongs."""
    if volume.fields.get("isShareable") is True:
        return "it is shareable, and the server does not tell which VMs it was on, so it was not attached"
    return "it was never on a VM (or the server is older than 4.4 and does not tell), so it was not attached"


def refusal(answer: object) -> tuple[str, Exit] | None:
    """Return the server's words for a certain refusal, None for everything else."""
    match answer:
        case answers.Failed(fault=fault, certain=True):
            return _words(fault), Exit.FAILED
        case answers.Refusal(text=text):
            return text, Exit.FAILED
        case answers.Redirected():
            return "something that redirects answered", Exit.UNTRUSTED
        case _:
            return None


def _words(fault: ErrorCode) -> str:
    inner = fault.innermost
    return f"{inner.code} {inner.details or inner.description or ''}".strip()
