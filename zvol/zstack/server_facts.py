"""A server's clock and time zone, which it tells without a session.

Parsing an answer returns a value, or raises TransientError (not ZStack's answer: try again) or CannotTell (ZStack's own
answer, and this server never tells it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zvol.errors import CannotTell, TransientError
from zvol.zstack import answers
from zvol.zstack.answer_errors import error_of
from zvol.zstack.answers import Answer
from zvol.zstack.rest_errors import plain_text

CLOCK_REQUEST: Final[tuple[str, str, object]] = ("PUT", "/v1/management-nodes/actions", {"getCurrentTime": {}})
ZONE_REQUEST: Final[tuple[str, str, object]] = ("GET", "/v1/management-nodes/platform-timezone", None)
MAX_MILLISECONDS: Final = 253_370_764_800_000
"""The last millisecond whose date Python can represent in every zone."""

TIMEZONE_HINT: Final = "Set `timezone` in the profile to the zone of the management node, such as Asia/Shanghai."
NO_API: Final = "no api mapping to "


def parse_server_time(answer: Answer) -> float:
    """Return the server's clock as seconds since 1970 UTC."""
    document = _document(answer, "its time", "")
    found = parse_current_time(document)
    if found is None:
        raise TransientError("the answer about the server's clock has no time")
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
    raise TransientError("the answer about the server's time zone has none")


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
    match answers.classify_read(answer):
        case answers.Failed(certain=False, fault=fault):
            raise TransientError(f"the server failed to tell {what} ({fault.code})", fault=fault)
        case answers.Failed(fault=fault):
            raise CannotTell(f"the server does not tell {what}", fault=fault, hint=hint)
        case answers.Refusal(text=text):
            raise CannotTell(f"the server does not tell {what}: {text}", hint=hint)
        case answers.Redirected() as redirected:
            raise error_of(redirected, lambda _text: "")
        case _ if answer.status == 404 and plain_text(answer.body).startswith(NO_API):
            raise CannotTell(f"the server does not tell {what}", hint=hint)
        case answers.Unrecognized(reason=reason):
            raise TransientError(reason)
        case answers.QueryResult():  # pragma: no cover - it has a document
            raise TransientError("the answer belongs to another request")


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None
