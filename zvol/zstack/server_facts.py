"""A server's version, clock and time zone, which need no session.

Parsing an answer returns a value, or raises TransientError (not ZStack's answer: try again) or
CannotTell (ZStack's own answer: this server never reports it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zvol.errors import CannotTell, ErrorCode, TransientError
from zvol.zstack import answers
from zvol.zstack.answer_errors import error_of
from zvol.zstack.answers import Answer
from zvol.zstack.rest_errors import plain_text
from zvol.zstack.versions import Release

CLOCK_REQUEST: Final[tuple[str, str, object]] = ("PUT", "/v1/management-nodes/actions", {"getCurrentTime": {}})
VERSION_REQUEST: Final[tuple[str, str, object]] = ("PUT", "/v1/management-nodes/actions", {"getVersion": {}})
ZONE_REQUEST: Final[tuple[str, str, object]] = ("GET", "/v1/management-nodes/platform-timezone", None)
MAX_MILLISECONDS: Final = 253_370_764_800_000
"""The last millisecond whose date Python can represent in every zone."""

TIMEZONE_HINT: Final = "Set `timezone` in the profile to the zone of the management node, such as Asia/Shanghai."
NO_API: Final = "no api mapping to "


def parse_version(answer: Answer) -> Release:
    """Return the server's release; its text may be one that zvol cannot read."""
    version = _text(_document(answer, "its version", ""), "version")
    if version is None:
        raise TransientError("the server's answer has no version")
    return Release.parse(version)


def is_barred(answer: Answer) -> bool:
    """Tell whether a gateway answered VERSION_REQUEST and may answer every change in the same way."""
    found = answers.classify_read(answer)
    if not isinstance(found, answers.Unrecognized) or not found.barred:
        return False
    try:
        parse_version(answer)
    except TransientError:
        return True
    except CannotTell:
        pass
    return False


def parse_server_time(answer: Answer) -> float:
    """Return the server's clock as seconds since 1970 UTC."""
    document = _document(answer, "its time", "")
    found = parse_current_time(document)
    if found is None:
        raise TransientError("the server's answer has no time")
    return found


def parse_timezone(answer: Answer) -> tuple[str | None, str | None]:
    """Return the server's time zone as (name, offset), one of which is known.

    A server before 4.1 takes the path for a query of its management nodes, and answers or refuses that query.
    """
    document = _document(answer, "its time zone", TIMEZONE_HINT)
    name, offset = (_text(document, field) for field in ("timezone", "offset"))
    if name is not None or offset is not None:
        return name, offset
    if isinstance(answers.classify_read(answer), answers.QueryResult) or document.get("success") is True:
        raise CannotTell("the server does not tell its time zone", hint=TIMEZONE_HINT)
    raise TransientError("the server's answer has no time zone")


def parse_current_time(document: Mapping[str, Any]) -> float | None:
    """Return the instant of a getCurrentTime answer in seconds since 1970 UTC; None when it has none."""
    current = document.get("currentTime")
    value = current.get("MillionSeconds") if isinstance(current, Mapping) else None
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_MILLISECONDS
    return value / 1000 if usable and value is not None else None


def _document(answer: Answer, what: str, hint: str) -> Mapping[str, Any]:
    """Return the JSON object of a 200.  Raises TransientError, CannotTell or Untrusted for anything else."""
    document = answers.document_of(answer)
    if document is not None:
        return document

    def cannot_tell(fault: ErrorCode | None = None, text: str = "") -> CannotTell:
        return CannotTell(f"the server does not tell {what}{f': {text}' if text else ''}", fault=fault, hint=hint)

    def failed(fault: ErrorCode) -> TransientError:
        return TransientError(f"the server failed to tell {what} ({fault.code})", fault=fault)

    found = answers.classify_read(answer)
    if isinstance(found, answers.QueryResult):  # pragma: no cover - it has a document
        raise TransientError("the answer belongs to another request")
    if answer.status == 404 and plain_text(answer.body).startswith(NO_API):
        raise cannot_tell()
    raise error_of(found, refused=cannot_tell, failed=failed)


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None
