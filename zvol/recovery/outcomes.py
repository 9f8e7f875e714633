"""Turns the protocol's conclusion on a target into the Result that is shown; has all texts about outcomes."""

from __future__ import annotations

from zvol.errors import NOT_SENT, AuthError, Exit, NeverSent, Refused, Unreachable, ZvolError, nothing_sent
from zvol.journal.records import Holder, Identity
from zvol.journal.request import Request
from zvol.model import Outcome, Result, Target
from zvol.recovery.classification import with_last
from zvol.recovery.states import MAX_SENDS, Conclude, Phase, Reason
from zvol.recovery.task import FRESH, VolumeTask
from zvol.resource import Resource
from zvol.text import human_duration
from zvol.zstack import answers
from zvol.zstack.answer_errors import error_of
from zvol.zstack.foreign import DIRECT
from zvol.zstack.resource_kinds import KINDS, AnyKind

STRICT = "it was back already, and --strict was given"
RESUME = "It may still happen. Run `zvol resume` to find out and finish; do not delete anything before that."
FINISH = "Finish with `zvol resume`."
BARRED = (
    "Have the gateway let such requests through, then run `zvol resume`; or set `host` to the management node itself "
    "and run the command again, which waits until the first request cannot act any more."
)
LOGIN = "Get a new session, then run the command again; `zvol resume` settles what is pending."


def result(task: VolumeTask, conclusion: Conclude) -> Result:
    """Return the Result of the protocol's conclusion on a volume."""
    back = conclusion.outcome is Outcome.RECOVERED
    strict = (STRICT,) if conclusion.outcome is Outcome.ALREADY and is_strict(task.request, task.target.vm) else ()
    why = None if conclusion.outcome.success else error(task, conclusion)
    return Result(
        asked=task.target.asked,
        uuid=task.uuid,
        outcome=conclusion.outcome,
        changed=_changed(task, conclusion),
        by=("zvol" if conclusion.by_zvol else "unknown") if back else None,
        resource=task.resource,
        error=why,
        job_uuid=task.job if task.state.sends else None,
        warnings=(*_warnings(task), *strict),
        extra_exit=Exit.FAILED if strict else Exit.OK,
        target=task.target.kind,
        deletion=task.state.expected_last_op_date,
        unfinished=conclusion.outcome is Outcome.NOT_SENT and task.claimed and why is not None and why.kind != "local",
    )


def is_strict(request: Request, vm: str | None) -> bool:
    """Tell whether a target that is back already is a failure; one that comes with a VM was not requested."""
    return request.strict and vm is None


def gone(target: Target) -> Result:
    """Return the Result of a target that the server does not have."""
    error = not_there(KINDS[target.kind])
    return Result(target.asked, target.uuid, Outcome.GONE, error=error, target=target.kind)


def not_there(kind: AnyKind, seen: Resource | None = None) -> ZvolError:
    """Return the error of a resource that the server does not have, or not enough of it to bring it back."""
    hint = "It was expunged, never existed, or is not visible to this account. "
    other = "; a destroyed VM: `zvol recover --vm VM`" if kind.noun == "volume" else ""
    hint += f"`{kind.listing}` shows what can be recovered{other}."
    text = f"there is no such {kind.noun}"
    if seen is not None and seen.gone:
        text, hint = f"the {kind.noun} cannot come back: {seen.shown}", ""
    return ZvolError(text, kind="gone", hint=hint)


def _changed(task: VolumeTask, conclusion: Conclude) -> bool | None:
    match conclusion.outcome:
        case Outcome.RECOVERED:
            return True if conclusion.by_zvol else None
        case Outcome.UNKNOWN | Outcome.CONTRADICTED:
            return None
        case Outcome.GONE if task.state.sends:
            return None
        case _:
            return False


def _warnings(task: VolumeTask) -> tuple[str, ...]:
    """Return a warning: a PUT without an answer may act after the volume is back, and undo a deliberate deletion."""
    if task.phase is Phase.UNSETTLED and not task.state.answered:
        noun, removed = task.kind.noun, task.kind.removed
        return (
            "zvol has no answer to its request (an interrupted run, or a lost answer), so it cannot tell whether that "
            f"brought the {noun} back; if the {noun} is {removed} again within the next minutes, that request may "
            "still undo it",
        )
    return ()


def error(task: VolumeTask, conclusion: Conclude) -> ZvolError:
    """Return why a volume was not recovered; where that is not settled, also what was seen of it last."""
    found = _error(task, conclusion)
    if conclusion.outcome not in (Outcome.UNKNOWN, Outcome.NOT_SENT):
        return found
    return found.copy(message=with_last(found.message, task))


def _error(task: VolumeTask, conclusion: Conclude) -> ZvolError:
    kind = task.kind
    match conclusion.outcome, conclusion.why:
        case Outcome.GONE, _:
            return not_there(kind, task.resource)
        case Outcome.FAILED, Reason.CHANGED:
            return changed(kind)
        case Outcome.CONTRADICTED, _:
            text = f"the server says it is done, and the {kind.noun} is still {kind.removed}"
            return ZvolError(
                text,
                kind="contradicted",
                hint="Ask the administrator of the cloud to look at it.",
                exit=Exit.CONTRADICTED,
            )
        case Outcome.UNKNOWN, Reason.ELSEWHERE:
            return _elsewhere(kind)
        case Outcome.UNKNOWN, _:
            return _unknown(task, conclusion.why)
        case Outcome.FAILED, Reason.REDIRECT:
            default = ZvolError("the server redirects", kind="redirected", exit=Exit.UNTRUSTED)
        case _, Reason.SESSION:
            default = ZvolError("the server does not accept the session", kind="auth", hint=LOGIN, exit=Exit.AUTH)
        case Outcome.FAILED, Reason.SERVER:
            default = ZvolError("the server refused", kind="refused")
        case _:
            default = ZvolError("nothing was sent", kind="unreachable", hint=NOT_SENT, exit=Exit.UNREACHABLE)
    return task.error or default


def _unknown(task: VolumeTask, why: Reason) -> ZvolError:
    """Return the error of an unknown outcome, with the command that finds it out."""
    kind = task.kind
    match why:
        case Reason.NO_SENDS_LEFT:
            text = f"{MAX_SENDS} requests were sent and the {kind.noun} is still {kind.removed}"
            hint = f"Run `zvol recover {kind.argument}` again later, or ask the administrator."
            return ZvolError(text, kind="unknown", hint=hint, exit=Exit.UNKNOWN)
        case Reason.SESSION | Reason.NOT_READ_BACK:
            text = f"the request was sent, and the {kind.noun} could not be read back with this session"
            return ZvolError(text, kind="unknown", hint="Get a new session, then run `zvol resume`.", exit=Exit.UNKNOWN)
        case _ if task.barred:
            text = "the request was refused by something before the server that lets no change through; whether the "
            text += "server has got it nevertheless is not known"
            return ZvolError(text, kind="unknown", hint=BARRED, exit=Exit.UNKNOWN)
        case _ if not task.state.sends:
            text = "an earlier run may have sent a request for it, and what became of that is not known"
        case _ if task.phase is Phase.DONE:
            text = "time is up: the request that was sent cannot act any more, and another one was not sent"
            return ZvolError(text, kind="unknown", hint=FINISH, exit=Exit.UNKNOWN)
        case _:
            text = "the request was sent, and what became of it is not known"
    return ZvolError(text, kind="unknown", hint=RESUME, exit=Exit.UNKNOWN)


def time_up(timeout: float, waited: str, task: VolumeTask, hint: str = "") -> ZvolError:
    """Return why nothing was sent for a volume before its deadline; `resume` knows it once it is claimed.

    `hint` is what to do about what it waited for.
    """
    text = f"time is up after {human_duration(timeout)}, and nothing was sent: {waited}"
    hint = f"{hint} {FINISH if task.claimed else NOT_SENT}".strip()
    return ZvolError(text, kind="time-up", hint=hint, exit=Exit.UNREACHABLE)


def barred(reason: str) -> ZvolError:
    """Return the error of a volume for which nothing was sent, since something before the server refuses changes."""
    text = f"nothing was sent: something before the server lets no change through ({reason})"
    return ZvolError(text, kind="unreachable", hint=DIRECT, exit=Exit.UNREACHABLE)


def unreadable(grace_elapsed: float, task: VolumeTask) -> ZvolError:
    """Return the error of a volume that cannot be read, while the server answers for others."""
    text = f"it could not be read for {human_duration(grace_elapsed)}, so nothing was sent"
    return ZvolError(text, kind="unreachable", hint=FINISH if task.claimed else NOT_SENT, exit=Exit.UNREACHABLE)


def not_sent_for(error: ZvolError) -> ZvolError:
    """Return the error of a volume for which nothing was sent, because of another error."""
    if isinstance(error, AuthError):
        return error.copy(hint=error.hint or LOGIN)
    return nothing_sent(error)


def of_answer(answer: answers.Failed | answers.Refusal | answers.Redirected) -> ZvolError:
    """Return the error of a request that the server refused."""
    error = error_of(answer, lambda _text: LOGIN, consequence="; nothing was executed")
    return error.copy(kind="refused") if isinstance(error, Refused) else error


def too_late(tries: int, age: float, why: str, kind: AnyKind) -> ZvolError:
    """Return the error of a PUT that was not sent because each time its read was too old when it could leave."""
    text = f"not sent: {tries} times the last look at the {kind.noun} was too old when the request could leave"
    text += f" ({age:.1f} s; {FRESH:.0f} s are allowed)"
    return ZvolError(text, kind="stale", hint=f"The last time {why}; look into that. {FINISH}", exit=Exit.UNREACHABLE)


def unreachable(reason: str, never: NeverSent | None, hint: str) -> ZvolError:
    if never is not None:
        return not_sent_for(never)
    return Unreachable(reason or "the server does not answer", hint=f"{hint} {NOT_SENT}".strip())


def guarded(reason: str, resource: Resource) -> ZvolError:
    """Return the error of a resource that zvol does not recover for the reason of a guard (`ResourceKind.guards`)."""
    text, hint = GUARDED[reason]
    text, hint = text.format(type=resource.text("type")), hint.format(vm=resource.text("vmInstanceUuid") or "VM")
    return ZvolError(text, kind=reason, hint=hint)


GUARDED = {
    "half-expunged": (
        "its destruction has begun: the data is no longer on any primary storage",
        "It cannot be brought back by zvol; ask the administrator for a backup.",
    ),
    "root": (
        "it is a {type} volume, not a data volume: it would come back while its VM stays destroyed",
        "Recover its VM instead: `zvol recover --vm {vm}`. --allow-root is only for one whose VM is gone.",
    ),
}


def changed(kind: AnyKind) -> ZvolError:
    text = f"the {kind.noun} was {kind.removed} again or changed after zvol had read it, so zvol left it as it is"
    hint = f"Look at it with `zvol show {kind.argument}`, then run the command again if you still want it."
    return ZvolError(text, kind="changed", hint=hint)


def _elsewhere(kind: AnyKind) -> ZvolError:
    text = f"the {kind.noun} is not visible here, and a request of another server address or account may still "
    hint = "`zvol runs` shows whose it is: run `zvol resume` there, or close it with `zvol runs forget`."
    return ZvolError(f"{text}bring it back", kind="elsewhere", hint=hint, exit=Exit.UNKNOWN)


def stopped(*, in_journal: bool) -> ZvolError:
    """Return the error of a volume when a signal came first; the journal knows it only once the run has begun."""
    text = "the run was stopped before anything was sent"
    return ZvolError(text, kind="stopped", hint=FINISH if in_journal else NOT_SENT, exit=Exit.UNREACHABLE)


def busy(holder: Holder, ours: Identity, kind: AnyKind) -> ZvolError:
    """Return the error of a resource that a living run works on; with its server when that is another one."""
    where = "" if holder.base == ours.base else f", at {holder.base}"
    text = f"another zvol run ({holder.run}) is working on this {kind.noun}{where}"
    return ZvolError(text, kind="busy", hint="Wait for it to end; `zvol runs` shows it.", exit=Exit.BUSY)
