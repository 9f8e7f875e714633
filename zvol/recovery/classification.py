"""Translates the server's answers for the protocol, and describes what was last seen of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zvol.recovery.states import JobStatus, Observation, PutResult
from zvol.resource import Resource
from zvol.text import stamp
from zvol.zstack import answers

if TYPE_CHECKING:
    from zvol.recovery.task import VolumeTask


def observation_of(resource: Resource | None) -> Observation:
    if resource is None or resource.gone:
        return Observation.ABSENT
    return Observation.DELETED if resource.deleted else Observation.BACK


def job_status_of(answer: answers.JobAnswer, uuid: str) -> JobStatus:
    """Translate the answer about a job; one that names another resource shows nothing about ours."""
    match answer:
        case answers.Running():
            return JobStatus.RUNNING
        case answers.Done(resource=resource):
            return JobStatus.DONE if resource is None or resource.uuid == uuid else JobStatus.UNCLEAR
        case answers.Failed(session=True):
            return JobStatus.SESSION
        case answers.Failed(certain=True):
            return JobStatus.REFUSED
        case _:
            return JobStatus.UNCLEAR


def put_result_of(answer: answers.PutAnswer, uuid: str) -> PutResult:
    match answer:
        case answers.Accepted():
            return PutResult.ACCEPTED
        case answers.Duplicate():
            return PutResult.DUPLICATE
        case answers.Done(resource=resource):
            return PutResult.DONE if resource is not None and resource.uuid == uuid else PutResult.UNCLEAR
        case answers.Failed(session=True):
            return PutResult.SESSION
        case answers.Failed(certain=True) | answers.Refusal():
            return PutResult.REFUSED
        case answers.Redirected():
            return PutResult.REDIRECTED
        case _:
            return PutResult.UNCLEAR


def with_last(text: str, task: VolumeTask) -> str:
    """Return a sentence with what was seen last, and when; what the sentence contains already is not repeated."""
    places = (("the request", task.put_seen), ("its job", task.job_seen), (f"the {task.kind.noun}", task.read_seen))
    seen = [(what, one) for what, one in places if one is not None]
    repeated = [one.at for _, one in seen if one.text == text]
    more = [f"of {what}: {one.text} ({clock_time(one.at)})" for what, one in seen if one.text != text]
    text += f" ({clock_time(max(repeated))})" if repeated else ""
    return f"{text}; last seen {', '.join(more)}" if more else text


def clock_time(instant: float) -> str:
    """Return the time of day of an instant (seconds since 1970), UTC, such as `14:03:22Z`."""
    return (stamp(instant) or "").partition("T")[2]


def answer_text(seen: object) -> str:
    """Return an answer to a change, or about its job, as text."""
    match seen:
        case answers.Accepted():
            return "accepted"
        case answers.Duplicate():
            return "it has arrived before"
        case answers.Running():
            return "not done yet"
        case answers.Done():
            return "done"
        case answers.NoRecord():
            return "the server has no record of it"
        case answers.Failed(fault=fault):
            return fault.innermost.summary
        case answers.Refusal(status=status, text=text):
            return f"HTTP {status}: {text}"
        case answers.Redirected(target=target):
            return f"a redirect to {target or 'another address'}"
        case answers.Unrecognized(reason=reason):
            return reason
        case _:
            return "an answer that is not clear"


def resource_text(seen: Resource | None) -> str:
    """Return the state of a resource when it was read, as text."""
    return "not there" if seen is None else seen.shown
