"""One recovered volume with its remaining follow-ups."""

from __future__ import annotations

from dataclasses import dataclass, field

from zvol.errors import Exit, ZvolError, most_severe
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import Outcome, Result, Volume
from zvol.recovery import outcomes
from zvol.recovery.follow_ups.changes import Change, ChangeKind, ChangeState
from zvol.recovery.poll_times import BACKOFF, FIRST_POLL, LONGEST_POLL
from zvol.recovery.quiet_period import SILENT
from zvol.recovery.task import FRESH
from zvol.zstack.resource_kinds import DATA_VOLUME


@dataclass(slots=True, eq=False)
class FollowUpTask:
    """The changes are made one after the other, in their order.  Times are monotonic seconds.

    `was_read`: the volume was read in this run; `volume` is what that showed, None if it does not exist any more.
    `settled_by`: when what an earlier run sent is settled, if the server answers.
    `deleted` is the lastOpDate of the deletion that was undone, None when that is not known.
    `deferred` are the changes that did not end: the journal keeps them.  `last_read_since`: since when only one more
    read is waited for.  `failing_since`: since when its reads fail, `failed_at`: when one failed last, for `reason`;
    `read_alone`: it is read by itself.  `quiet`: the quiet period of its change was over before the last read.
    """

    result: Result
    changes: list[Change]
    deadline: float
    run: str | None = None
    was_read: bool = False
    volume: Volume | None = None
    read_at: float | None = None
    request: Request = DEFAULT_REQUEST
    deleted: str | None = None
    settled_by: float = 0.0
    tags: frozenset[str] | None = None
    deferred: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    quiet: bool = False
    began: float = 0.0
    last_read_since: float | None = None
    failing_since: float | None = None
    failed_at: float = 0.0
    reason: str = ""
    read_alone: bool = False
    poll_backoff: float = FIRST_POLL

    @property
    def uuid(self) -> str:
        assert self.result.uuid is not None
        return self.result.uuid

    @property
    def change(self) -> Change | None:
        """Return the current change; None if there is none."""
        return next((one for one in self.changes if not one.ended and one not in self.deferred), None)

    def is_in(self, state: ChangeState) -> bool:
        """Tell whether the current change is in this state."""
        return self.change is not None and self.change.state is state

    @property
    def ends(self) -> float:
        """Return when the current change is given up."""
        change = self.change
        sent = change is not None and change.state is ChangeState.SENT
        return min(change.until, self.deadline) if change is not None and sent else self.deadline

    @property
    def next_read(self) -> ChangeKind:
        """Return what is read next: the volume itself before anything else."""
        change = self.change
        tags = self.was_read and change is not None and change.kind is ChangeKind.TAG
        return ChangeKind.TAG if tags else ChangeKind.ATTACH

    def fresh(self, now: float) -> bool:
        """Tell whether the volume may be attached on its last read."""
        return self.read_at is not None and now - self.read_at <= FRESH

    # ---- transitions ---------------------------------------------------------------------------------------------
    def begin(self, now: float) -> None:
        self.began = now

    def set_run(self, run: str) -> None:
        """Record that the journal keeps it in this run."""
        self.run = run

    def end_by(self, time: float) -> None:
        self.deadline = self.settled_by = min(self.deadline, time)

    def settle(self, by: float) -> None:
        """Record when a request of an earlier run that may act is settled."""
        self.settled_by = by

    def wait_to_settle(self, now: float) -> None:
        """Keep waiting for requests of an earlier run after the deadline, if the server answers."""
        quiet = self.change.quiet if self.change is not None else None
        if now >= self.ends and quiet is not None and quiet.answering(now):
            self.deadline = max(self.deadline, min(self.settled_by, now + SILENT))

    def extend(self, until: float) -> None:
        """Record that the VM that it waited for is concluded."""
        self.deadline = max(self.deadline, until)

    def poll_often(self) -> None:
        self.poll_backoff = FIRST_POLL

    def wait_longer(self) -> None:
        self.poll_backoff = min(LONGEST_POLL, self.poll_backoff * BACKOFF)

    def await_last_read(self, since: float | None) -> None:
        self.last_read_since = since

    def record_volume(self, volume: Volume | None, began: float) -> None:
        """Record a read of the volume by a request that began then; None if the server has no such volume."""
        asked_at = volume.asked_at if volume is not None else None
        self.volume, self.was_read, self.read_at = volume, True, began if asked_at is None else asked_at

    def record_tags(self, tags: frozenset[str]) -> None:
        self.tags = tags

    def answered(self, *, quiet: bool, unclear: bool) -> None:
        """Record that the server answered a read; `unclear`: with a malformed inventory, which is read by itself."""
        self.quiet, self.read_alone = quiet, unclear
        if not unclear:
            self.failing_since = None

    def failed(self, why: str, began: float, now: float) -> None:
        """Record that a read of this volume alone failed."""
        self.read_alone, self.reason, self.failed_at = True, why, now
        self.failing_since = began if self.failing_since is None else self.failing_since

    def give_up_tags(self, note: str) -> None:
        """Record that the tags could not be read, which decides nothing; after a kill they are still planned."""
        self.notes.append(note)
        self.failing_since = None
        for change in self.changes:
            if change.kind is ChangeKind.TAG and not change.ended:
                change.drop()

    def defer(self, change: Change, reason: str, exit: Exit) -> None:
        """Leave a change as it is, for a resumed run to finish; `reason` says how far it came."""
        change.explain(reason, exit)
        self.deferred.append(change)

    def defer_rest(self, note: str) -> None:
        """Leave all changes that have not ended."""
        self.notes.append(note)
        self.deferred += [one for one in self.changes if not one.ended and one not in self.deferred]

    # ---- the result ----------------------------------------------------------------------------------------------
    def still_there(self) -> bool:
        """Tell whether a volume that an earlier run recovered still is; its first read here decides."""
        if self.result.volume is not None:
            return True
        if self.volume is None:
            gone = outcomes.not_there(DATA_VOLUME)
            self.result = self.result._replace(outcome=Outcome.GONE, by=None, error=gone)
        elif DATA_VOLUME.is_deleted(self.volume):
            self.result = self.result._replace(outcome=Outcome.FAILED, by=None, error=outcomes.changed(DATA_VOLUME))
        else:
            self.result = self.result._replace(resource=self.volume)
        return self.result.error is None

    def outcome(self, *, kept: bool) -> Result:
        """Return the result with the outcome of the changes; the volume stays recovered, whatever that is.

        `kept`: a resumed run knows the remaining changes.
        """
        warnings = [*self.notes, *(change.warning for change in self.changes if change.reason)]
        exits = (self.result.extra_exit, *(change.exit for change in self.changes))
        if self.deferred:
            warnings.append(f"what is left of that is done by {'`zvol resume`' if kept else 'the same command again'}")
        if not self.was_read:
            return self._unread(most_severe(exits), "; ".join(warnings))
        return self.result._replace(
            resource=self.volume or self.result.volume,
            warnings=(*self.result.warnings, *warnings),
            extra_exit=most_severe(exits),
            unfinished=bool(self.deferred) and kept,
        )

    def _unread(self, exit: Exit, message: str) -> Result:
        """Report that the volume of an earlier run was not read, so whether it is still there is unknown."""
        sent = any(change.state is ChangeState.SENT for change in self.changes)
        error = ZvolError(message, kind="unknown" if sent else "stopped", exit=exit)
        outcome = Outcome.UNKNOWN if sent else Outcome.NOT_SENT
        return self.result._replace(outcome=outcome, by=None, error=error, unfinished=True)
