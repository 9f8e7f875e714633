"""Records what happens to the volumes of a run.

`Tasks` with what it inherits (`task_queues.py`, `task_lifecycle.py`) is the only owner of tasks and their places.
The others report what happened (`observed`, `put_answered`, `time_is_up`) and ask what is next (`take_due`, `next_in`);
`protocol.py` decides what an event means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zvol.errors import NeverSent, ZvolError
from zvol.journal.request import Waits
from zvol.recovery import outcomes
from zvol.recovery.classification import answer_text, job_status_of, put_result_of
from zvol.recovery.context import EngineContext
from zvol.recovery.poll_times import FIRST_POLL, FIRST_QUICK_POLL, GRACE_PERIOD, GRACE_WAITS, JOB_PAUSE
from zvol.recovery.states import (
    ENDED,
    IntentRecorded,
    JobStatus,
    Observation,
    Observed,
    Phase,
    PutAnswered,
    PutResult,
)
from zvol.recovery.task import LastSeen, Place, VolumeTask
from zvol.recovery.task_lifecycle import TaskLifecycle
from zvol.resource import Resource
from zvol.zstack import answers


class Tasks(TaskLifecycle):
    """All volumes of a run, and the events that change them."""

    def __init__(self, context: EngineContext, tasks: Iterable[VolumeTask], began: float) -> None:
        super().__init__(context, tasks, began)
        self._all_jobs_polled = False

    # ---- reads ---------------------------------------------------------------------------------------------------
    def poll_begins(self, tasks: Sequence[VolumeTask], now: float | None = None) -> None:
        """Record that a poll of these is in progress, or waits for a place (no time)."""
        for task in tasks:
            task.polling, task.polled_at = True, task.polled_at if now is None else now

    def poll_ends(self, tasks: Sequence[VolumeTask]) -> None:
        for task in tasks:
            task.polling = False

    def suspect(self, tasks: Sequence[VolumeTask], at: float | None) -> None:
        """Record when a read of one volume failed, perhaps because of that volume; None after it was read."""
        for task in tasks:
            task.suspected_at = at

    def not_read(self, tasks: Sequence[VolumeTask], now: float, longest: float) -> None:
        """Read these volumes again, of which a read showed nothing; those that were never read come first."""
        for task in reversed(tasks):
            if task.place is Place.FIRST_READ:
                self._move(task, Place.UNREAD, first=len(tasks) > 1)
            elif task.place not in (Place.FOUND, Place.QUEUED):
                self.poll_later(task, now, longest)

    def read_failed(self, task: VolumeTask, why: str) -> None:
        task.read_seen = LastSeen(why, self._context.clock.wall())

    def read_failed_alone(self, task: VolumeTask, now: float) -> None:
        """Read a volume by itself from now on, so that no other waits for it."""
        task.failed_alone(now)
        self._poll(task, now + task.poll_backoff * self._context.jitter())

    def was_read(self, task: VolumeTask, resource: Resource | None, began: float) -> None:
        """Record that a volume was read by a request that began then; `to_claim`, `observed` or `conclude` follow."""
        task.record_read(resource, began, self._seen(resource, began))

    def to_claim(self, task: VolumeTask) -> None:
        """Queue a claim for a volume that will be recovered, or that is back and `claimed_when_back`."""
        if task.place in (Place.FOUND, Place.QUEUED):
            return
        if task.claimed and task.place is Place.POLLED:
            self._move(task, Place.QUEUED, first=True)
            return
        # a list or an earlier run may have shown the deletion to undo
        meant = task.state.expected_last_op_date or task.kind.deletion_of(task.resource)
        task.state = task.state._replace(expected_last_op_date=meant)
        self._move(task, Place.FOUND)

    def poll_for_job(self, task: VolumeTask, now: float) -> None:
        """Poll the job of a volume that is back once more, to see whether our request recovered it."""
        self._poll(task, now + GRACE_WAITS[task.job_grace_polls])
        task.job_grace_polls += 1
        task.job_polled = False

    def observed(
        self, task: VolumeTask, observation: Observation, began: float, now: float, *, quiet: bool, longest: float
    ) -> None:
        """Handle what a read that began then showed; `quiet`: the quiet period was over before it.

        The volume is read again after `longest` seconds at most, unless it is concluded.
        """
        if task.phase is not Phase.START:
            self.poll_later(task, now, longest)
        if self.small and task.job_runs:
            self._poll(task, now + task.quick_poll(now) * self._context.jitter())
        reported = task.reported_done_at
        grace_elapsed = reported is not None and began - reported >= GRACE_PERIOD
        task.job_polled = False
        last_op = task.kind.deletion_of(task.resource) if observation is Observation.DELETED else None
        self._feed(task, Observed(observation, last_op, task.job_status, quiet, grace_elapsed))

    def not_observed(self, task: VolumeTask, now: float, longest: float) -> None:
        """Handle an answer of the server that does not show the volume."""
        task.job_polled = False
        self.poll_later(task, now, longest)

    def reads_answered(self, *, denied: bool) -> None:
        """Record that a read was answered; `denied`: the answer is that the session is not accepted."""
        self.reads_denied = denied

    def server_answered(self, asked: float, answered: float) -> None:
        """Count a read that left at `asked` and was answered for the quiet periods."""
        for task in self.polled:
            if task.quiet is not None:
                task.quiet.note(asked, answered)

    def sent_elsewhere(self, task: VolumeTask) -> None:
        """Record that a run of another server or account sent a request for it that may still act."""
        task.state = task.state._replace(foreign=True)

    def poll_later(self, task: VolumeTask, now: float, longest: float) -> None:
        """Read a volume again, at growing intervals."""
        task.back_off(longest, now, None if self.small else self._context.window.between_reads(now))
        self._poll(task, now + task.poll_backoff * self._context.jitter())

    def poll_now(self, task: VolumeTask, now: float) -> None:
        self._poll(task, now)

    # ---- jobs ----------------------------------------------------------------------------------------------------
    def job_polled(self, task: VolumeTask, job: str, answer: answers.JobAnswer, now: float, ended: float) -> None:
        """Record a poll of a job; the volume is read next.  After an unclear answer the caller decides when."""
        task.record_job_poll(now, LastSeen(answer_text(answer), self._context.clock.wall()))
        if not self.is_pending(task):
            return
        status = job_status_of(answer, task.uuid)
        if isinstance(answer, answers.Unrecognized):
            self._pause_jobs(now)
            return
        self._poll(task, now)
        if task.phase is Phase.SETTLE:
            self._earlier_job_polled(task, job, status, now)
            return
        task.job_status = status
        if self.small and task.job_runs and not task.read_due(now):
            task.job_polled = False
            self._poll(task, now + task.quick_poll(now) * self._context.jitter())
        if status in ENDED:
            self._last_progress = max(self._last_progress, now)
        else:
            self._pause_jobs(now)
        if status is JobStatus.SESSION:
            self._poll_all_jobs(now)
        if status is JobStatus.DONE and task.reported_done_at is None:
            task.reported_done_at = ended
        if isinstance(answer, answers.Failed):
            task.error = outcomes.of_answer(answer)

    def _pause_jobs(self, now: float) -> None:
        """Postpone the other jobs of a large run: they will not show more than this one."""
        if not self.small:
            self._jobs_not_before = now + JOB_PAUSE

    def _poll_all_jobs(self, now: float) -> None:
        """Poll all other jobs now, once a run: the server refused those sent before the session ended, too."""
        if self._all_jobs_polled:
            return
        self._all_jobs_polled = True
        for task in self.polled:
            if task.phase is Phase.POLL and task.job_status is JobStatus.NOT_POLLED:
                task.next_job_poll = now
                if not task.polling and task.place is Place.POLLED:
                    self._poll(task, now)

    # ---- claims --------------------------------------------------------------------------------------------------
    def sort_found(self) -> list[VolumeTask]:
        """Return the volumes to claim, the most urgent first."""
        found = sorted(self.waiting(Place.FOUND), key=lambda task: task.urgency)
        self._rank(found)
        return found

    def skip(self, task: VolumeTask) -> None:
        """Leave a volume unchanged and without a conclusion, also in the journal."""
        self._pending.pop(task.uuid, None)
        self._move(task, Place.CONCLUDED)
        self.skipped.append(task)

    def accept_claim(self, task: VolumeTask, run: str | None) -> None:
        """Queue a claimed volume, in that run if it has no run yet, unless `settle_first` follows."""
        task.follow_ups = task.follow_ups or tuple(task.planned_follow_ups())
        if task.claimed:
            self._context.journal.plan_follow_ups(task)
        task.claimed, task.run = True, task.run or run
        self._move(task, Place.QUEUED)

    def settle_first(self, task: VolumeTask, jobs: Sequence[str], waits: Waits | None, spent: float = 0.0) -> None:
        """Earlier intents are open: a volume of a large run is read first, and its jobs are polled later.

        Without jobs that may be polled only the end of the quiet period counts; `spent` seconds of it are over.
        """
        now = self._context.clock.monotonic()
        task.state = task.state._replace(phase=Phase.SETTLE)
        task.earlier_jobs = tuple(jobs)
        task.quiet = self._context.settle_policy.silence(now, task.kind, spent, waits)
        task.deadline = now + self._context.options.timeout
        task.begin_polling(now, 0.0 if self.small else FIRST_POLL)
        self._poll(task, now)

    # ---- intents and PUTs ----------------------------------------------------------------------------------------
    def begin_intent(self, task: VolumeTask) -> None:
        """Queue an intent for a volume that was read a moment ago."""
        self._feed(task, Observed(Observation.DELETED, task.kind.deletion_of(task.resource)))

    def intent_recorded(self, task: VolumeTask, job: str) -> None:
        task.begin_put(job)
        self._feed(task, IntentRecorded())

    def all_reads_expired(self) -> None:
        for place in (Place.TO_SEND, Place.TO_WRITE):
            for task in self.waiting(place):
                self.read_expired(task)

    def submitted(self, task: VolumeTask, now: float) -> None:
        """Record that the PUT is in flight."""
        if task.deadline is None:
            task.deadline = now + self._context.options.timeout
        task.in_flight_at = now
        self._context.window.sent(task, now)
        self._move(task, Place.IN_FLIGHT)

    def not_submitted(self, task: VolumeTask, never: NeverSent) -> None:
        """Queue a PUT again of which no byte left, with the same intent."""
        self._context.window.dropped(task)
        task.put_seen = LastSeen(never.message, self._context.clock.wall())
        task.error = outcomes.not_sent_for(never)
        if task.state.sends == 1:
            task.deadline = None
        self._move(task, Place.TO_SEND, first=True)
        if never.untrusted:
            self._feed(task, PutAnswered(PutResult.NEVER_SENT))
        elif self._closed is not None:
            self.give_up(task, self._closed)

    def put_answered(self, task: VolumeTask, answer: answers.PutAnswer, now: float) -> None:
        """Handle the end of a PUT, with this answer or without one; a new quiet period begins."""
        policy, kind, put = self._context.settle_policy, task.kind, put_result_of(answer, task.uuid)
        task.put_seen = LastSeen(answer_text(answer), self._context.clock.wall())
        if isinstance(answer, answers.Accepted):
            task.quiet = policy.accepted(now, answer, kind)
        else:
            task.quiet = policy.silence(now, kind)
        if isinstance(answer, answers.Done):
            task.reported_done_at = now
        if isinstance(answer, answers.Failed | answers.Refusal | answers.Redirected):
            task.error = outcomes.of_answer(answer)
        if put is PutResult.UNCLEAR:
            self._context.window.dropped(task)
        task.late = 0
        window = self._context.window
        first, job_after = window.between_reads(now), window.late
        if self.small:
            first, job_after = FIRST_QUICK_POLL if put is PutResult.ACCEPTED else FIRST_POLL, 0.0
        task.begin_polling(now, job_after)
        self._poll(task, now + (0.0 if put in (PutResult.DONE, PutResult.REFUSED) else first))
        self._feed(task, PutAnswered(put))

    def change_answered(self, now: float) -> None:
        """Restart the time of waiting volumes: a change was answered clearly."""
        self._last_progress = max(self._last_progress, now)

    def server_was_away(self) -> None:
        """Stop counting volumes whose requests were in progress on the server then as keeping it busy."""
        self._context.window.forget()

    # ---- the end -------------------------------------------------------------------------------------------------
    def time_is_up(self, task: VolumeTask, reason: ZvolError | None, until: float, now: float) -> None:
        """Read a volume once more, wherever it waits, and conclude it at a given time at the latest."""
        task.time_up = reason
        task.concludes_at = until
        self.take_for_last_read(task, now)
        self._move(task, Place.TIME_UP)

    def take_for_last_read(self, task: VolumeTask, now: float) -> None:
        """Read a volume now instead of waiting for a PUT or a place."""
        if task.in_flight:
            self.put_answered(task, answers.Unrecognized("no answer yet"), now)
        elif task.waits_to_send and task.phase is not Phase.START:
            self.read_expired(task)
        if task.place in (Place.POLLED, Place.JOB_DUE):
            self._schedule.hold(self._move(task, Place.POLLED))
