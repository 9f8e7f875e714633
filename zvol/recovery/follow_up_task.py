"""One volume that is back, and what is still to be done for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zvol.errors import Exit, ZvolError, most_severe
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import Outcome, Result, Volume
from zvol.recovery import outcomes
from zvol.recovery.changes import Change, ChangeState, Kind
from zvol.recovery.poll_times import FIRST_POLL
from zvol.recovery.task import FRESH


@dataclass(slots=True, eq=False)
class FollowUpTask:
    """Monotonic seconds everywhere; `changes` are made one after the other, in their order.

    `read`: the volume was read in this run, `volume` is what that showed, None when there is none any more.  `left` are
    the changes that did not end: the journal keeps them.  `last`: since when only one more look is waited for.
    `troubled`: since when its looks fail, `alone`: it is looked at by itself since then.
    """

    result: Result
    changes: list[Change]
    deadline: float
    run: str | None = None
    read: bool = False
    volume: Volume | None = None
    read_at: float | None = None
    request: Request = DEFAULT_REQUEST
    tags: frozenset[str] | None = None
    left: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    notes_exit: Exit = Exit.OK
    quiet: bool = False
    began: float = 0.0
    last: float | None = None
    troubled: float | None = None
    failed_at: float = 0.0
    reason: str = ""
    alone: bool = False
    next_look: float = 0.0
    turn: int = 0
    wait: float = FIRST_POLL

    @property
    def uuid(self) -> str:
        assert self.result.uuid is not None
        return self.result.uuid

    @property
    def head(self) -> Change | None:
        """Return the change that is worked on, None when there is no other."""
        return next((one for one in self.changes if not one.ended and one not in self.left), None)

    @property
    def ends(self) -> float:
        """Return when the change that is worked on is given up."""
        change = self.head
        return (
            self.deadline
            if change is None or change.stand is not ChangeState.SENT
            else min(change.until, self.deadline)
        )

    @property
    def looks_at(self) -> Kind:
        """Tell which look is next: the volume itself before anything else."""
        change = self.head
        return Kind.TAG if self.read and change is not None and change.kind is Kind.TAG else Kind.ATTACH

    def fresh(self, now: float) -> bool:
        """Tell whether the volume may be attached on its last read."""
        return self.read_at is not None and now - self.read_at <= FRESH

    def leave(self, change: Change, words: str, exit: Exit) -> None:
        """Say how far a change came that is left as it is, for a resumed run to finish."""
        change.words, change.exit = words, exit
        self.left.append(change)

    def end(self, change: Change, words: str = "", exit: Exit = Exit.OK) -> None:
        """A change is made, or will not be."""
        change.stand, change.words, change.exit = ChangeState.FAILED if words else ChangeState.DONE, words, exit

    def still_there(self) -> bool:
        """Tell whether a volume that an earlier run brought back still is; its first look here decides."""
        if self.result.volume is not None:
            return True
        if self.volume is None:
            gone = ZvolError("there is no such volume", kind="gone", hint=outcomes.GONE)
            self.result = replace(self.result, outcome=Outcome.GONE, by=None, error=gone)
        elif self.volume.deleted:
            self.result = replace(self.result, outcome=Outcome.FAILED, by=None, error=outcomes.CHANGED)
        else:
            self.result = replace(self.result, volume=self.volume)
        return self.result.error is None

    def outcome(self, *, kept: bool) -> Result:
        """Return the result with what came of the changes; the volume stays recovered, whatever that is.

        `kept`: a resumed run knows of what is left.
        """
        warnings = [*self.notes, *(change.warning for change in self.changes if change.words)]
        exits = (self.result.extra_exit, self.notes_exit, *(change.exit for change in self.changes))
        if self.left:
            warnings.append(f"what is left of that is done by {'`zvol resume`' if kept else 'the same command again'}")
        if not self.read:
            return self._unread(most_severe(exits), "; ".join(warnings))
        return replace(
            self.result,
            volume=self.volume or self.result.volume,
            warnings=(*self.result.warnings, *warnings),
            extra_exit=most_severe(exits),
            unfinished=bool(self.left) and kept,
        )

    def _unread(self, exit: Exit, said: str) -> Result:
        """The volume of an earlier run was not read: whether it is still there is not known."""
        sent = any(change.stand is ChangeState.SENT for change in self.changes)
        error = ZvolError(said, kind="unknown" if sent else "stopped", exit=exit)
        outcome = Outcome.UNKNOWN if sent else Outcome.NOT_SENT
        return replace(self.result, outcome=outcome, by=None, error=error, unfinished=True)
