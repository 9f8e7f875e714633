"""What zvol says of a volume, in one place: from the protocol's last word to the Result that is shown."""

from __future__ import annotations

from dataclasses import replace

from zvol.errors import AuthError, ErrorCode, Exit, NeverSent, Refused, TransientError, Untrusted, ZvolError
from zvol.journal.records import Holder, Identity
from zvol.model import Outcome, Result, Trouble, Volume
from zvol.recovery import last_seen
from zvol.recovery.states import MAX_SENDS, Conclude, Phase, Reason
from zvol.recovery.task import FRESH, VolumeTask
from zvol.text import human_duration
from zvol.zstack import answers

STRICT = "it was back already, and --strict was given"
RESUME = "It may still happen. Run `zvol resume` to find out and finish; do not delete anything before that."
FINISH = "Finish with `zvol resume`."
LOGIN = "Get a new session, then run the command again; what is open is settled by `zvol resume`."
GONE = "It was destroyed, never existed, or is not visible to this account. `zvol list` shows what can be recovered."


def result(task: VolumeTask, word: Conclude) -> Result:
    """Build the Result for the protocol's last word on a volume."""
    back = word.outcome is Outcome.RECOVERED
    strict = (STRICT,) if word.outcome is Outcome.ALREADY and task.request.strict else ()
    why = None if word.outcome.success else trouble(task, word)
    return Result(
        asked=task.target.asked,
        uuid=task.uuid,
        outcome=word.outcome,
        changed=_changed(task, word),
        by=("zvol" if word.by_zvol else "unknown") if back else None,
        volume=task.volume,
        trouble=why,
        job_uuid=task.job if task.state.sends else None,
        warnings=(*_warnings(task), *strict),
        extra_exit=Exit.FAILED if strict else Exit.OK,
        unfinished=word.outcome is Outcome.NOT_SENT and task.claimed and why is not None and why.kind != "local",
    )


def _changed(task: VolumeTask, word: Conclude) -> bool | None:
    if word.outcome is Outcome.RECOVERED:
        return True if word.by_zvol else None
    if word.outcome in (Outcome.UNKNOWN, Outcome.CONTRADICTED) or (word.outcome is Outcome.GONE and task.state.sends):
        return None
    return False


def _warnings(task: VolumeTask) -> tuple[str, ...]:
    """A PUT without an answer may still act after the volume is back: then a deliberate deletion could be undone."""
    if task.phase is Phase.UNSETTLED and not task.state.answered:
        return (
            "zvol has no answer to its request (an interrupted run, or a lost answer), so it cannot tell whether that "
            "brought the volume back; if the volume is deleted again within the next minutes, that request may still "
            "undo it",
        )
    return ()


def trouble(task: VolumeTask, word: Conclude) -> Trouble:
    """Say why a volume did not end well; where that is not settled, also what was seen of it last."""
    found = _trouble(task, word)
    if word.outcome not in (Outcome.UNKNOWN, Outcome.NOT_SENT):
        return found
    return replace(found, message=last_seen.with_last(found.message, task))


def _trouble(task: VolumeTask, word: Conclude) -> Trouble:
    match word.outcome, word.why:
        case Outcome.GONE, _:
            return Trouble("gone", "there is no such volume", GONE)
        case Outcome.FAILED, Reason.CHANGED:
            return CHANGED
        case Outcome.CONTRADICTED, _:
            text = "the server says it is done, and the volume is still deleted"
            return Trouble("contradicted", text, "Ask the administrator of the cloud to look at it.", Exit.CONTRADICTED)
        case Outcome.UNKNOWN, Reason.ELSEWHERE:
            return ELSEWHERE
        case Outcome.UNKNOWN, _:
            return _unknown(task, word.why)
        case Outcome.FAILED, Reason.REDIRECT:
            default = Trouble("redirected", "the server redirects", exit=Exit.UNTRUSTED)
        case _, Reason.SESSION:
            default = Trouble("auth", "the server does not accept the session", LOGIN, Exit.AUTH)
        case Outcome.FAILED, Reason.SERVER:
            default = Trouble("refused", "the server refused")
        case _:
            default = Trouble("unreachable", "nothing was sent", NOT_SENT, Exit.UNREACHABLE)
    return task.trouble or default


def _unknown(task: VolumeTask, why: Reason) -> Trouble:
    """Say what is not known, and who finds it out."""
    match why:
        case Reason.NO_SENDS_LEFT:
            text = f"{MAX_SENDS} requests were sent and the volume is still deleted"
            return Trouble("unknown", text, "Run `zvol recover` again later, or ask the administrator.", Exit.UNKNOWN)
        case Reason.SESSION | Reason.NOT_READ_BACK:
            text = "the request was sent, and the volume could not be read back with this session"
            return Trouble("unknown", text, "Get a new session, then run `zvol resume`.", Exit.UNKNOWN)
        case _ if not task.state.sends:
            text = "an earlier run may have sent a request for it, and what became of that is not known"
        case _ if task.phase is Phase.DONE:
            text = "time is up: the request that was sent cannot act any more, and another one was not sent"
            return Trouble("unknown", text, FINISH, Exit.UNKNOWN)
        case _:
            text = "the request was sent, and what became of it is not known"
    return Trouble("unknown", text, RESUME, Exit.UNKNOWN)


def time_up(timeout: float, waited: str, task: VolumeTask) -> Trouble:
    """Say why nothing was sent for a volume before its time was over; `resume` knows it once it is claimed."""
    text = f"time is up after {human_duration(timeout)}, and nothing was sent: {waited}"
    return Trouble("time-up", text, FINISH if task.claimed else NOT_SENT, Exit.UNREACHABLE)


def unreadable(grace_elapsed: float, task: VolumeTask) -> Trouble:
    """Say that a volume cannot be read, while the server answers for others."""
    text = f"it could not be read for {human_duration(grace_elapsed)}, so nothing was sent"
    return Trouble("unreachable", text, FINISH if task.claimed else NOT_SENT, Exit.UNREACHABLE)


def from_error(error: BaseException) -> Trouble:
    """Say what an error means for a volume that nothing was sent for."""
    if isinstance(error, NeverSent):
        return from_never_sent(error)
    if isinstance(error, TransientError):
        if error.never_sent is not None:
            return from_never_sent(error.never_sent)
        return Trouble("unreachable", error.message, NOT_SENT, Exit.UNREACHABLE, error.fault)
    if isinstance(error, AuthError):
        return Trouble("auth", error.message, error.hint or LOGIN, Exit.AUTH, error.fault)
    if isinstance(error, Untrusted | Refused | ZvolError):
        return Trouble(error.kind, error.message, error.hint, error.exit, error.fault)
    raise error


NOT_SENT = "Nothing was submitted, so it is safe to run the command again."


def from_answer(answer: answers.Failed | answers.Refusal | answers.Redirected, fault: ErrorCode | None) -> Trouble:
    """Say what the server's own refusal means, in its own words."""
    match answer:
        case answers.Redirected(target=target):
            text = f"the server redirects to {target or 'another address'}; nothing was executed"
            return Trouble(
                "redirected", text, "Set `host` to the address of the management node itself.", Exit.UNTRUSTED
            )
        case answers.Failed(session=True):
            return Trouble("auth", "the server does not accept the session", LOGIN, Exit.AUTH, fault)
        case answers.Failed():
            return Trouble("refused", "the server refused", fault=fault)
        case answers.Refusal(status=status, text=text, auth=auth):
            exit_code = Exit.AUTH if auth else Exit.FAILED
            return Trouble("auth" if auth else "refused", f"the server refused (HTTP {status}): {text}", exit=exit_code)


def from_never_sent(never: NeverSent) -> Trouble:
    if never.untrusted:
        return Trouble("untrusted", never.message, never.hint, Exit.UNTRUSTED)
    return Trouble("unreachable", never.message, NOT_SENT, Exit.UNREACHABLE)


def too_late(tries: int, age: float, why: str) -> Trouble:
    """Say that the PUT was not sent because each time its read was too old when it could leave."""
    text = f"not sent: {tries} times the last look at the volume was too old when the request could leave"
    text += f" ({age:.1f} s; {FRESH:.0f} s are allowed)"
    return Trouble("stale", text, f"The last time {why}; look into that. {FINISH}", Exit.UNREACHABLE)


def unreachable(reason: str, never: NeverSent | None) -> Trouble:
    if never is not None:
        return from_never_sent(never)
    return Trouble("unreachable", reason or "the server does not answer", NOT_SENT, Exit.UNREACHABLE)


CHANGED = Trouble(
    "changed",
    "somebody deleted or changed the volume after zvol began; it was left as it is",
    "Look at it with `zvol show`, then run the command again if you still want it.",
)


ELSEWHERE = Trouble(
    "elsewhere",
    "the volume is not visible here, and a request of another server address or account may still bring it back",
    "`zvol runs` shows whose it is: run `zvol resume` there, or close it with `zvol runs forget`.",
    Exit.UNKNOWN,
)


def stopped(*, in_journal: bool) -> Trouble:
    """Say that a signal came first; the journal knows the volume only once the run has begun."""
    text = "the run was stopped before anything was sent"
    return Trouble("stopped", text, FINISH if in_journal else NOT_SENT, Exit.UNREACHABLE)


def busy(holder: Holder, ours: Identity) -> Trouble:
    """Say that a living run is on a volume, and where that works when it is not here."""
    where = "" if holder.base == ours.base else f", at {holder.base}"
    text = f"another zvol run ({holder.run}) is on this volume{where}"
    return Trouble("busy", text, "Wait for it to end; `zvol runs` shows it.", Exit.BUSY)


def root(volume: Volume) -> Trouble:
    text = f"it is a {volume.type} volume, not a data volume: it would come back while its VM stays destroyed"
    return Trouble("root", text, "Recover the VM instead, or insist with --allow-root.")


HALF_EXPUNGED = Trouble(
    "half-expunged",
    "its destruction has begun: the data is no longer on any primary storage",
    "It cannot be brought back by zvol; ask the administrator for a backup.",
)


def guard(volume: Volume, *, allow_root: bool) -> Trouble | None:
    """Say why a deleted volume must not be recovered although the server would do it; None when it may."""
    if volume.half_expunged:
        return HALF_EXPUNGED
    if volume.type != "Data" and not allow_root:
        return root(volume)
    return None
