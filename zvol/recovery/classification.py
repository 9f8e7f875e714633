"""From the answers of the server to the values of the protocol."""

from __future__ import annotations

from zvol.model import Volume
from zvol.recovery.states import JobStatus, Observation, PutResult
from zvol.zstack import answers
from zvol.zstack.resource_kinds import ResourceKind


def observation_of(kind: ResourceKind, volume: Volume | None) -> Observation:
    if volume is None:
        return Observation.ABSENT
    return Observation.DELETED if kind.is_deleted(volume) else Observation.BACK


def job_status_of(answer: answers.JobAnswer, uuid: str) -> JobStatus:
    """Translate the answer about a job; one that names another volume shows nothing about ours."""
    match answer:
        case answers.Running():
            return JobStatus.RUNNING
        case answers.Done(volume=volume):
            return JobStatus.DONE if volume is None or volume.uuid == uuid else JobStatus.UNCLEAR
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
        case answers.Done(volume=volume):
            return PutResult.DONE if volume is not None and volume.uuid == uuid else PutResult.UNCLEAR
        case answers.Failed(session=True):
            return PutResult.SESSION
        case answers.Failed(certain=True) | answers.Refusal():
            return PutResult.REFUSED
        case answers.Redirected():
            return PutResult.REDIRECTED
        case _:
            return PutResult.UNCLEAR
