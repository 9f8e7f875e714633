"""Classifiers of answers, by status and body: for a PUT, for a job and for a read.

They are total: each answer gives one of these values, and none raises.  Only what ZStack itself writes counts
as done, failed or refused; a proxy's page is `Unrecognized`, whatever its status.  Texts and codes are those of a live
5.2.1; the answers of other releases are noted beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from zvol.errors import ErrorCode
from zvol.model import Volume
from zvol.resource import Resource
from zvol.secrets import from_outside, redact
from zvol.text import human_duration
from zvol.zstack.error_codes import is_certain
from zvol.zstack.foreign import bars_changes, whose
from zvol.zstack.load_shedding import LONGEST, UNTOLD, retry_after
from zvol.zstack.resource_kinds import DATA_VOLUME, AnyKind
from zvol.zstack.rest_errors import parse_rest_error, plain_text
from zvol.zstack.strictjson import NotJson, loads


class Answer(NamedTuple):
    """A whole HTTP answer; header names are lower case.

    `sent_at`: monotonic seconds when the first byte of the request left; the answer's data is not older than that.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    sent_at: float | None = None


class Accepted(NamedTuple):
    """202: the server will run the job; `api_timeout` is the granted timeout in seconds, None when it names none."""

    api_timeout: float | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """400 "Duplicate job uuid": a PUT with this job id has arrived before."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job is still running."""


class Done(NamedTuple):
    """The server reports success, with the resource if it sent one."""

    resource: Resource | None


class Failed(NamedTuple):
    """ZStack's ErrorCode.  `certain`: nothing was executed; `session`: the session is not valid.

    `retry_after` as in Unrecognized: a server that fails before there is a job may have too much to do.
    """

    fault: ErrorCode
    certain: bool
    session: bool
    retry_after: float | None = None


class Refusal(NamedTuple):
    """ZStack's REST layer refused in plain text, before anything was queued; `auth`: for its authentication."""

    status: int
    text: str
    auth: bool


@dataclass(frozen=True, slots=True)
class NoRecord:
    """The server has no record of the job, which does not mean that it is not running."""


class Redirected(NamedTuple):
    """Something other than ZStack answered, with a redirect."""

    target: str


class Unrecognized(NamedTuple):
    """Not an answer of ZStack: a proxy, a captive portal, a starting server, half an answer; or no answer at all.

    `hint`: what to do about it.  `barred`: a gateway may answer every change so, although ZStack may have got the
    request.  `elsewhere`: `host` does not seem to be the address of the API.
    `retry_after`: for how many seconds it asks to wait; None when it does not ask for fewer requests.
    """

    reason: str
    hint: str = ""
    barred: bool = False
    elsewhere: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The inventories of a query, and the `total` number of matches when it was requested."""

    inventories: tuple[Mapping[str, Any], ...]
    total: int | None
    sent_at: float | None = field(default=None, compare=False)


PutAnswer = Accepted | Duplicate | Done | Failed | Refusal | Redirected | Unrecognized
JobAnswer = Running | Done | Failed | NoRecord | Redirected | Unrecognized
ReadAnswer = QueryResult | Failed | Refusal | Redirected | Unrecognized
PUT_ANSWERS: Final = (Accepted, Duplicate, Done, Failed, Refusal, Redirected, Unrecognized)
JOB_ANSWERS: Final = (Running, Done, Failed, NoRecord, Redirected, Unrecognized)

CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")
EXPIRED_JOB: Final = "the job has been expired"
REDIRECTS: Final = (301, 302, 303, 307, 308)

MAX_TIMEOUT: Final = 86_400.0
MAX_TARGET_LENGTH: Final = 300


def classify_put(answer: Answer, kind: AnyKind) -> PutAnswer:
    """Classify the answer to the recovery of a resource."""
    document = _document(answer.body)
    if answer.status == 202 and _is_job(document):
        return Accepted(_timeout(document.get("apiTimeout")))
    if answer.status == 200 and isinstance(document, dict) and document.get("error") is None:
        resource = kind.parse(document.get("inventory"))
        if resource is not None:
            return Done(resource)
    if answer.status == 400 and re.fullmatch(r"Duplicate job uuid\[[0-9A-Za-z]{32}\]", plain_text(answer.body)):
        return Duplicate()
    found = _not_successful(answer, document, failing=(200, 503))  # a server that answers synchronously may say 200
    return found._replace(retry_after=0.0) if isinstance(found, Failed) and not found.certain else found


def classify_job(answer: Answer, kind: AnyKind) -> JobAnswer:
    """Classify the answer about the job of such a recovery.

    Before 3.2 a job that is running has an empty body; so has one that ended without a result, which no recovery does.
    """
    document = _document(answer.body)
    if answer.status == 202 and (document == {} or not answer.body):
        return Running()
    if answer.status == 200 and isinstance(document, dict) and document.get("error") is None:
        if not document or set(document) == {"schema"}:
            return Done(None)
        resource = kind.parse(document.get("inventory"))
        if resource is not None:
            return Done(resource)
    if answer.status == 404 and plain_text(answer.body) == EXPIRED_JOB:
        return NoRecord()
    found = _not_successful(answer, document)
    return _unrecognized(answer) if isinstance(found, Refusal) else found


def classify_change(answer: Answer) -> PutAnswer:
    """Classify the answer to any other change; a server that answers at once sends the inventory of what it created."""
    found = classify_put(answer, DATA_VOLUME)
    return Done(None) if isinstance(found, Unrecognized) and _has_inventory(answer) else found


def classify_change_job(answer: Answer) -> JobAnswer:
    """Classify the answer about the job of any other change; its inventory may be of any kind."""
    found = classify_job(answer, DATA_VOLUME)
    return Done(None) if isinstance(found, Unrecognized) and _has_inventory(answer) else found


def classify_read(answer: Answer) -> ReadAnswer:
    """Classify the answer to a query."""
    document = _document(answer.body)
    if answer.status == 200 and isinstance(document, dict) and document.get("error") is None:
        inventories, total = document.get("inventories"), document.get("total")
        valid = total is None or (isinstance(total, int) and not isinstance(total, bool) and total >= 0)
        if isinstance(inventories, list) and valid and all(isinstance(item, dict) for item in inventories):
            return QueryResult(tuple(inventories), total, answer.sent_at)
    return _not_successful(answer, document)


def document_of(answer: Answer) -> Mapping[str, Any] | None:
    """Return the JSON object of a 200, None for any other answer."""
    document = _document(answer.body)
    return document if answer.status == 200 and isinstance(document, dict) else None


def volume_of(inventory: object, asked_at: float | None = None) -> Volume | None:
    """Return the volume of an inventory; None when it has no uuid of 32 hex digits or no status."""
    return DATA_VOLUME.parse(inventory, asked_at)


# ---- inside ------------------------------------------------------------------------------------------------------
def _has_inventory(answer: Answer) -> bool:
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
    """Tell whether it is the body of ZStack's own 202: the address of a job, on whichever host."""
    location = document.get("location") if isinstance(document, dict) else None
    return isinstance(location, str) and "/v1/api-jobs/" in location


def _not_successful(
    answer: Answer, document: Any, failing: tuple[int, ...] = (503,)
) -> Failed | Refusal | Redirected | Unrecognized:
    """Classify an answer that is not a success, as far as it is ZStack's own."""
    if answer.status in REDIRECTS:
        return Redirected(_address(answer.headers.get("location", "")))
    error_only = isinstance(document, dict) and not document.keys() & {"inventory", "inventories"}
    error = document.get("error") if error_only and answer.status in failing else None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(error, dict) and isinstance(code, str) and CODE.fullmatch(code):
        return Failed(ErrorCode(code, from_outside(error)), is_certain(code), code == "ID.1001")
    refused = parse_rest_error(answer.status, answer.body)
    if refused is None:
        return _unrecognized(answer)
    text, auth = refused
    return Refusal(answer.status, redact(text), auth)


def _address(location: str) -> str:
    """Return a URL without user, query and fragment, which may hold a secret, such as the state of a login."""
    bare = re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*@", r"\1//", re.split(r"[?#;]", location)[0])
    return redact(bare)[:MAX_TARGET_LENGTH]


def _timeout(milliseconds: object) -> float | None:
    """Return seconds; zero and less, with which a server drops nothing that waited too long, name no timeout."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float) or milliseconds <= 0:
        return None
    return min(max(milliseconds / 1000, 1.0), MAX_TIMEOUT)


def _unrecognized(answer: Answer) -> Unrecognized:
    seen = whose(answer.status, answer.headers, answer.body)
    kind = answer.headers.get("content-type", "").split(";")[0].strip()
    shown = f" {kind}" if MEDIA_TYPE.fullmatch(kind) else ""  # never a part of the body: it could be a secret
    text = f"HTTP {answer.status} {seen.who}" if seen.who else f"HTTP {answer.status}{shown} that is not ZStack's"
    text += ": too many requests" if answer.status == 429 else ""
    asked = retry_after(answer.status, answer.headers)
    if asked is not None and asked > UNTOLD:
        text += f"; it asks to wait {human_duration(asked)}{' or longer' if asked == LONGEST else ''}"
    return Unrecognized(text, seen.hint, bars_changes(answer.status), seen.elsewhere, asked)
