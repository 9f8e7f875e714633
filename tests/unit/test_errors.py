"""The family of errors: what a copy keeps, and what a server's error says."""

from __future__ import annotations

import pytest

from zvol.errors import (
    NOT_SENT,
    AuthError,
    ConfigError,
    ErrorCode,
    Exit,
    MaybeSent,
    NeverSent,
    Problem,
    TransientError,
    ZvolError,
    nothing_sent,
)

FAULT = ErrorCode("SYS.1000", {"code": "SYS.1000", "description": "An internal error", "details": "no space"})
ERRORS = (
    ZvolError("m", hint="h", kind="k", exit=Exit.BUSY, fault=FAULT, uuid="u"),
    ConfigError([Problem("f:1:2", "is wrong")], hint="h"),
    NeverSent("tls", "m", "h"),
    MaybeSent("m", begun=True, late=True),
    TransientError("m", NeverSent("dns", "m"), fault=FAULT),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_copy_is_the_same_error_but_for_what_is_named(error: ZvolError) -> None:
    copy = error.copy(message="other", hint="new")
    assert type(copy) is type(error)
    assert (str(copy), copy.message, copy.hint) == ("other", "other", "new")
    assert vars(copy) | {"message": error.message, "hint": error.hint} == vars(error)
    assert error.copy(kind="other").kind == "other"
    assert error.message != "other"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"details": "no space", "description": "An internal error"}, "SYS.1000 no space"),
        ({"description": "An internal error"}, "SYS.1000 An internal error"),
        ({"details": ""}, "SYS.1000"),
    ],
)
def test_what_a_fault_says(fields: dict[str, str], text: str) -> None:
    assert ErrorCode("SYS.1000", fields).summary == text


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (TransientError("m"), NOT_SENT),
        (NeverSent("dns", "m", "h"), f"h {NOT_SENT}"),
        (NeverSent("tls", "m", "h"), "h"),
        (AuthError("m", hint="h"), "h"),
    ],
)
def test_the_hint_when_nothing_was_sent(error: ZvolError, hint: str) -> None:
    assert nothing_sent(error).hint == hint


@pytest.mark.parametrize("odd", [5, ["x"], {"x": 1}, True, "", None])
def test_a_field_of_a_fault_that_is_not_text_is_none(odd: object) -> None:
    fault = ErrorCode("SYS.1000", {"code": "SYS.1000", "description": odd, "details": odd, "elaboration": odd})
    assert (fault.description, fault.details, fault.elaboration) == (None, None, None)
