"""What an answer means: total classifiers over a status and bytes, for a PUT, for a job and for a read.

Whatever comes back, one of these values is returned and nothing is raised.  Only what ZStack itself writes counts as
done, failed or refused; a proxy's page is `Unclear`, whatever its status.  Texts and codes are those of a live 5.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zvol.errors import ErrorCode
from zvol.model import Volume
from zvol.zstack.error_codes import certainty
from zvol.zstack.rest_errors import refusal, text_of
from zvol.zstack.strictjson import NotJson, loads


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; header names are lower case.

    `sent_at`: monotonic seconds when the first byte of the request left; what the answer shows is not older.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_at: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """202: the server will run it; `api_timeout` is the timeout it granted in seconds, None when it did not say."""

    api_timeout: float | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """400 "Duplicate job uuid": a PUT with our id has arrived before."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job has not ended."""


@dataclass(frozen=True, slots=True)
class Done:
    """The server says done, with the volume if it sent one."""

    volume: Volume | None


@dataclass(frozen=True, slots=True)
class Failed:
    """ZStack's own ErrorCode.  `certain`: nothing was executed; `session`: for want of a valid session."""

    fault: ErrorCode
    certain: bool
    session: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """ZStack's REST layer refused in its own plain words, before anything was queued."""

    status: int
    text: str
    auth: bool


@dataclass(frozen=True, slots=True)
class NoRecord:
    """The server has no record of the job, which does not mean that it is not running."""


@dataclass(frozen=True, slots=True)
class Redirected:
    """Something else answered, and points elsewhere."""

    target: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Not what ZStack says: a proxy, a portal, a starting server, half an answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The inventories of a query, each with a text `uuid` or a name of its own; `total` when it was asked for."""

    inventories: tuple[Mapping[str, Any], ...]
    total: int | None
    sent_at: float | None = field(default=None, compare=False)


PutAnswer = Accepted | Duplicate | Done | Failed | Refusal | Redirected | Unclear
JobAnswer = Running | Done | Failed | NoRecord | Redirected | Unclear
ReadAnswer = Found | Failed | Refusal | Redirected | Unclear
PUT_ANSWERS: Final = (Accepted, Duplicate, Done, Failed, Refusal, Redirected, Unclear)
JOB_ANSWERS: Final = (Running, Done, Failed, NoRecord, Redirected, Unclear)

CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")
EXPIRED_JOB: Final = "the job has been expired"
REDIRECTS: Final = (301, 302, 303, 307, 308)

LONGEST_TIMEOUT: Final = 86_400.0
LONGEST_TARGET: Final = 300


def classify_put(answer: Answer) -> PutAnswer:
    """Say what the answer to an action means."""
    document = _document(answer.body)
    if answer.status == 202 and _is_job(document):
        return Accepted(_timeout(document.get("apiTimeout")))
    if answer.status == 200 and isinstance(document, dict) and document.get("error") is None:
        volume = volume_of(document.get("inventory"))
        if volume is not None:
            return Done(volume)
    if answer.status == 400 and re.fullmatch(r"Duplicate job uuid\[[0-9A-Za-z]{32}\]", text_of(answer.body)):
        return Duplicate()
    return _not_done(answer, document, failing=(200, 503))  # a server that answers synchronously may say 200


def classify_job(answer: Answer) -> JobAnswer:
    """Say what the state of a job is."""
    document = _document(answer.body)
    if answer.status == 202 and document == {}:
        return Running()
    if answer.status == 200 and isinstance(document, dict) and document.get("error") is None:
        if not document or set(document) == {"schema"}:
            return Done(None)
        volume = volume_of(document.get("inventory"))
        if volume is not None:
            return Done(volume)
    if answer.status == 404 and text_of(answer.body) == EXPIRED_JOB:
        return NoRecord()
    found = _not_done(answer, document)
    return _unclear(answer) if isinstance(found, Refusal) else found


def classify_change(answer: Answer) -> PutAnswer:
    """Say what the answer to another change means: a server that answers at once shows what it made."""
    found = classify_put(answer)
    return Done(None) if isinstance(found, Unclear) and _made(answer) else found


def classify_change_job(answer: Answer) -> JobAnswer:
    """Say what the state of the job of another change is, whatever the inventory is of."""
    found = classify_job(answer)
    return Done(None) if isinstance(found, Unclear) and _made(answer) else found


def classify_read(answer: Answer) -> ReadAnswer:
    """Say what a query brought."""
    document = _document(answer.body)
    if answer.status == 200 and isinstance(document, dict) and document.get("error") is None:
        found, total = document.get("inventories"), document.get("total")
        whole = total is None or (isinstance(total, int) and not isinstance(total, bool) and total >= 0)
        if isinstance(found, list) and whole and all(isinstance(item, dict) for item in found):
            return Found(tuple(found), total, answer.sent_at)
    return _not_done(answer, document)


def document_of(answer: Answer) -> Mapping[str, Any] | None:
    """Return the JSON object of a 200, None for anything else."""
    document = _document(answer.body)
    return document if answer.status == 200 and isinstance(document, dict) else None


def volume_of(inventory: object, asked_at: float | None = None) -> Volume | None:
    """Return the volume of an inventory; None when it has no uuid of 32 hex digits or no status."""
    if not isinstance(inventory, dict):
        return None
    uuid, status = inventory.get("uuid"), inventory.get("status")
    if isinstance(uuid, str) and re.fullmatch(r"[0-9a-f]{32}", uuid) and isinstance(status, str) and status:
        return Volume(uuid, inventory, asked_at)
    return None


# ---- inside ------------------------------------------------------------------------------------------------------
def _made(answer: Answer) -> bool:
    """Tell whether a 200 holds an inventory with a uuid, and no error."""
    document = document_of(answer) or {}
    inventory = document.get("inventory") if document.get("error") is None else None
    return isinstance(inventory, dict) and isinstance(inventory.get("uuid"), str)


def _document(body: bytes) -> Any:
    try:
        return loads(body)
    except NotJson:
        return None


def _is_job(document: Any) -> bool:
    """Tell whether it is the body of ZStack's own 202: the address of a job, wherever the server thinks that is."""
    location = document.get("location") if isinstance(document, dict) else None
    return isinstance(location, str) and "/v1/api-jobs/" in location


def _not_done(
    answer: Answer, document: Any, failing: tuple[int, ...] = (503,)
) -> Failed | Refusal | Redirected | Unclear:
    """Say why it was not done, as far as ZStack itself said so."""
    if answer.status in REDIRECTS:
        return Redirected(answer.headers.get("location", "")[:LONGEST_TARGET])
    alone = isinstance(document, dict) and not document.keys() & {"inventory", "inventories"}
    error = document.get("error") if alone and answer.status in failing else None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(error, dict) and isinstance(code, str) and CODE.fullmatch(code):
        return Failed(ErrorCode(code, error), certainty(code), code == "ID.1001")
    refused = refusal(answer.status, answer.body)
    return _unclear(answer) if refused is None else Refusal(answer.status, *refused)


def _timeout(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return min(max(milliseconds / 1000, 1.0), LONGEST_TIMEOUT)


def _unclear(answer: Answer) -> Unclear:
    kind = answer.headers.get("content-type", "").split(";")[0].strip()
    shown = f" {kind}" if MEDIA_TYPE.fullmatch(kind) else ""  # never a part of anything: it could be of a secret
    return Unclear(f"HTTP {answer.status}{shown} that is not ZStack's")
