"""The journal as one run uses it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from zvol.clock import Clock
from zvol.errors import LocalState
from zvol.journal.records import Claim, Claims, Identity, Intent
from zvol.journal.request import Request, Waits
from zvol.model import Outcome
from zvol.recovery.states import Conclude, Phase, Reason

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.recovery.follow_ups.changes import Change
    from zvol.recovery.follow_ups.task import FollowUpTask
    from zvol.recovery.task import VolumeTask


class RunJournal:
    """Opens the journal, and begins the run in it, when first needed.

    `run` is the run that began here, `runs` are all that are finished here, resumed ones included.  `error` is why it
    cannot be written any more; each method that writes raises LocalState.
    """

    def __init__(
        self,
        open_journal: Callable[[], Journal],
        identity: Identity,
        clock: Clock,
        waits: Waits,
        *,
        journal: Journal | None = None,
        resumed: Sequence[str] = (),
        elsewhere: Callable[[str], bool] = lambda _uuid: False,
    ) -> None:
        self.identity = identity
        self.run: str | None = None
        self.runs = [*dict.fromkeys(resumed)]
        self.error: LocalState | None = None
        self.sent_elsewhere = elsewhere
        """Tells whether runs of another server or account sent a request for a volume that may still act."""
        self._open_journal, self._journal, self._clock, self._waits = open_journal, journal, clock, waits

    def begin(self, request: Request) -> tuple[Journal, str]:
        """Return the journal and our run in it."""
        journal = self._opened()
        return journal, self.run or self._begin(request, ())[0]

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = self._open_journal()
        return self._journal

    def _begin(self, request: Request, claims: Iterable[Claim]) -> tuple[str, Claims]:
        """Begin our run with its first claims."""
        request, wall = request.with_waits(self._waits), self._clock.wall()
        self.run, claimed = self._opened().begin_with(self.identity, request, wall, claims)
        self.runs.append(self.run)
        return self.run, claimed

    def failed(self, error: LocalState) -> None:
        """Record that it cannot be written any more."""
        self.error = error

    def finish(self) -> None:
        """Write down what was deferred, and end the runs."""
        if self._journal is not None and self.runs:
            try:
                self._journal.finish(self._clock.wall(), *self.runs)
            except LocalState as error:
                self.error = self.error or error

    # ---- volumes -------------------------------------------------------------------------------------------------
    def claim(self, tasks: Sequence[VolumeTask]) -> Claims:
        """Claim resources for our run, which begins with the first of them."""
        if not tasks:
            return Claims({}, {}, frozenset())
        claims = map(_claim, tasks)
        if self.run is None:
            return self._begin(tasks[0].request, claims)[1]
        return self._opened().claim(self.run, claims)

    def since_set_aside(self) -> float | None:
        """Return how many seconds ago a damaged journal was set aside; None when none was."""
        at = self._journal.set_aside_at if self._journal is not None else None
        return None if at is None else self._clock.wall() - at

    def plan_follow_ups(self, task: VolumeTask) -> None:
        """Record the follow-ups of a volume that an earlier run claimed; that run may not have recorded them."""
        if self._journal is not None and task.run is not None:
            self._journal.plan_followups(task.run, task.uuid, [(one.kind, one.value) for one in task.follow_ups])

    def record_intents(self, tasks: Sequence[VolumeTask]) -> list[str]:
        """Make the intents of these volumes durable in one commit, and return their job ids."""
        assert self._journal is not None
        intents = [(t.run or "", t.uuid, Intent(uuid.uuid4().hex, t.state.expected_last_op_date)) for t in tasks]
        self._journal.record_intents(intents, self._clock.wall())
        return [intent.job for _, _, intent in intents]

    def settle_intent(self, job: str | None) -> None:
        """Record that a PUT cannot act any more."""
        if self._journal is not None and job is not None:
            self._journal.settle_intent(job)

    def record_conclusion(self, task: VolumeTask, conclusion: Conclude) -> None:
        if self._journal is None or task.run is None or not task.claimed:
            return
        gave_up = conclusion.why is Reason.GAVE_UP and task.phase is Phase.DONE
        if conclusion.outcome is Outcome.NOT_SENT or gave_up:
            self._journal.record_not_sent(task.run, task.uuid)
        else:
            settled = task.phase not in (Phase.UNSETTLED, Phase.UNRESOLVED)
            last_op = task.kind.deletion_of(task.resource)
            self._journal.record_outcome(
                task.run, task.uuid, conclusion.outcome.value, settled=settled, last_op=last_op
            )

    # ---- follow-ups ----------------------------------------------------------------------------------------------
    def keep_for_follow_ups(self, follow_up: FollowUpTask) -> str:
        """Record a volume that was back before this run, with its follow-ups; return our run."""
        journal, run = self.begin(follow_up.request)
        outcome = follow_up.result.outcome.value
        journal.record_for_followups(run, follow_up.uuid, follow_up.result.asked, outcome)
        journal.plan_followups(run, follow_up.uuid, [(one.kind.value, one.value) for one in follow_up.changes])
        return run

    def record_follow_up(self, follow_up: FollowUpTask, change: Change) -> None:
        """Record the state of a change."""
        if self._journal is not None and follow_up.run is not None:
            self._journal.record_followup(
                follow_up.run, follow_up.uuid, change.kind.value, change.value, change.state.value, change.job
            )

    def flush(self) -> None:
        """Commit what was recorded."""
        if self._journal is not None:
            self._journal.flush()


def _claim(task: VolumeTask) -> Claim:
    resource, target = task.resource, task.target
    assert resource is not None
    return Claim(
        task.uuid,
        target.asked,
        task.state.expected_last_op_date,
        target.kind,
        resource.parts,
        tuple((one.kind, one.value) for one in task.planned_follow_ups()),
        target.vm,
        None if resource.deleted else Outcome.ALREADY.value,
    )
