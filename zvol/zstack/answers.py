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
from zvol.zstack.strictjson import NotJson, loads


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; header names are lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


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


PutAnswer = Accepted | Duplicate | Done | Failed | Refusal | Redirected | Unclear
JobAnswer = Running | Done | Failed | NoRecord | Redirected | Unclear
ReadAnswer = Found | Failed | Refusal | Redirected | Unclear
PUT_ANSWERS: Final = (Accepted, Duplicate, Done, Failed, Refusal, Redirected, Unclear)
JOB_ANSWERS: Final = (Running, Done, Failed, NoRecord, Redirected, Unclear)

CERTAIN: Final = re.compile(r"ID\.[0-9]{1,6}|SYS\.100[367]")
CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
EXPIRED_JOB: Final = "the job has been expired"
REFUSALS: Final = (
    (re.compile(r"missing header 'Authorization'"), True),
    (re.compile(r"Authorization type must be '\w+'"), True),
    (re.compile(r"requestTimeTooSkewed.*", re.DOTALL), True),
    (re.compile(r"'Date' .*", re.DOTALL), True),
    (re.compile(r"accessKey format is .*", re.DOTALL), True),
    (re.compile(r".*(wrong accessKey signature|access key id).*", re.DOTALL | re.IGNORECASE), True),
    (re.compile(r"the body doesn't contain action mapping to the URL\[.*\]", re.DOTALL), False),
    (re.compile(r"Invalid header\[X-Job-UUID\], .*", re.DOTALL), False),
    (re.compile(r"Invalid query parameter.*", re.DOTALL), False),
    (re.compile(r"\[.*\] field is excepted .*", re.DOTALL), False),
    (re.compile(r"Invalid value for boolean field .*", re.DOTALL), False),
)
"""What the REST layer of a 5.2.1 writes with 400 and 403, and whether it is a matter of authentication."""

LONGEST_TIMEOUT: Final = 86_400.0


def classify_put(answer: Answer) -> PutAnswer:
    """Say what the answer to an action means."""
    document = _document(answer.body)
    if 300 <= answer.status < 400:
        return _redirected(answer)
    failed = _failed(document)
    if failed is not None:
        return failed
    if answer.status == 202 and isinstance(document, dict) and "location" in document:
        return Accepted(_timeout(document.get("apiTimeout")))
    if answer.status == 200 and isinstance(document, dict):
        volume = volume_of(document.get("inventory"))
        if volume is not None:
            return Done(volume)
    if answer.status in (400, 403):
        text = _text(answer.body)
        if re.fullmatch(r"Duplicate job uuid\[[0-9A-Za-z]{32}\]", text):
            return Duplicate()
        return _refusal(answer.status, text)
    return _unclear(answer)


def classify_job(answer: Answer) -> JobAnswer:
    """Say what the state of a job is."""
    document = _document(answer.body)
    if 300 <= answer.status < 400:
        return _redirected(answer)
    if answer.status == 202 and document == {}:
        return Running()
    if answer.status == 200 and isinstance(document, dict):
        if not document or set(document) == {"schema"}:
            return Done(None)
        volume = volume_of(document.get("inventory"))
        if volume is not None:
            return Done(volume)
    if answer.status == 503:
        failed = _failed(document)
        if failed is not None:
            return failed
    if answer.status == 404 and _text(answer.body) == EXPIRED_JOB:
        return NoRecord()
    return _unclear(answer)


def classify_read(answer: Answer) -> ReadAnswer:
    """Say what a query brought."""
    document = _document(answer.body)
    if 300 <= answer.status < 400:
        return _redirected(answer)
    if answer.status == 200 and isinstance(document, dict):
        found, total = document.get("inventories"), document.get("total")
        whole = total is None or (isinstance(total, int) and not isinstance(total, bool) and total >= 0)
        if isinstance(found, list) and whole and all(isinstance(item, dict) for item in found):
            return Found(tuple(found), total)
    if answer.status == 503:
        failed = _failed(document)
        if failed is not None:
            return failed
    if answer.status in (400, 403):
        return _refusal(answer.status, _text(answer.body))
    return _unclear(answer)


def document_of(answer: Answer) -> Mapping[str, Any] | None:
    """Return the JSON object of a 200, None for anything else."""
    document = _document(answer.body)
    return document if answer.status == 200 and isinstance(document, dict) else None


def volume_of(inventory: object) -> Volume | None:
    """Return the volume of an inventory; None when it has no uuid of 32 hex digits or no status."""
    if not isinstance(inventory, dict):
        return None
    uuid, status = inventory.get("uuid"), inventory.get("status")
    if isinstance(uuid, str) and re.fullmatch(r"[0-9a-f]{32}", uuid) and isinstance(status, str) and status:
        return Volume(uuid, inventory)
    return None


# ---- inside ------------------------------------------------------------------------------------------------------
def _document(body: bytes) -> Any:
    try:
        return loads(body)
    except NotJson:
        return None


def _failed(document: Any) -> Failed | None:
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(code, str) or not CODE.fullmatch(code):
        return None
    certain = CERTAIN.fullmatch(code) is not None
    return Failed(ErrorCode(code, error), certain, code == "ID.1001")


def _refusal(status: int, text: str) -> Refusal | Unclear:
    for pattern, auth in REFUSALS:
        if pattern.fullmatch(text):
            return Refusal(status, text, auth)
    return Unclear(f"HTTP {status} that is not ZStack's")


def _timeout(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return min(max(milliseconds / 1000, 1.0), LONGEST_TIMEOUT)


def _redirected(answer: Answer) -> Redirected:
    return Redirected(answer.headers.get("location", ""))


def _unclear(answer: Answer) -> Unclear:
    kind = answer.headers.get("content-type", "").split(";")[0].strip()
    return Unclear(f"HTTP {answer.status}{' ' + kind if kind else ''} that is not ZStack's")


def _text(body: bytes) -> str:
    return body[:4096].decode("utf-8", "replace").strip()
