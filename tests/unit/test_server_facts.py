"""The server's clock and zone: a value, a transient error, or an answer that says that the server has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zvol.errors import CannotTell, Exit, TransientError, Untrusted
from zvol.zstack import server_facts
from zvol.zstack.answers import Answer

TIME = {"currentTime": {"MillionSeconds": 1_795_000_000_500, "Seconds": 1_795_000_000}, "success": True}
ZONE = {"timezone": "Asia/Shanghai", "offset": "+08:00", "success": True}


def answer_with(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


def error(code: str) -> Answer:
    return answer_with({"error": {"code": code, "description": "no"}}, 503)


def test_time_and_zone_of_a_server() -> None:
    assert server_facts.parse_server_time(answer_with(TIME)) == 1_795_000_000.5
    assert server_facts.parse_server_time(answer_with({"currentTime": {"MillionSeconds": 0}})) == 0.0
    assert server_facts.parse_timezone(answer_with(ZONE)) == ("Asia/Shanghai", "+08:00")
    assert server_facts.parse_timezone(answer_with({"offset": "Z"})) == (None, "Z")
    assert server_facts.parse_timezone(answer_with({"timezone": "UTC"})) == ("UTC", None)


@pytest.mark.parametrize("number", [-1, 1.5, True, "1", None, server_facts.MAX_MILLISECONDS])
def test_an_invalid_time(number: Any) -> None:
    with pytest.raises(TransientError):
        server_facts.parse_server_time(answer_with({"currentTime": {"MillionSeconds": number}}))
    assert (
        server_facts.parse_server_time(
            answer_with({"currentTime": {"MillionSeconds": server_facts.MAX_MILLISECONDS - 1}})
        )
        > 2e11
    )


TRANSIENT = [
    Answer(502, b"<html>"),
    Answer(503, b"<html>"),
    Answer(404, b"<html>"),
    Answer(200, b"<html>"),
    answer_with({"ok": True}),
    answer_with({}),
    error("SYS.1000"),
    error("SYS.1009"),
    error("NEW.1"),
]


@pytest.mark.parametrize("answer", TRANSIENT, ids=repr)
def test_transient_errors(answer: Answer) -> None:
    for fact in (server_facts.parse_server_time, server_facts.parse_timezone):
        with pytest.raises(TransientError):
            fact(answer)


NEVER = [
    error("SYS.1006"),
    error("ID.1001"),
    error("SYS.1019"),
    Answer(404, b"no api mapping to /v1/management-nodes/platform-timezone"),
    Answer(400, b"missing header 'Authorization'"),
]


@pytest.mark.parametrize("answer", NEVER, ids=repr)
def test_permanent_errors(answer: Answer) -> None:
    for fact in (server_facts.parse_server_time, server_facts.parse_timezone):
        with pytest.raises(CannotTell) as raised:
            fact(answer)
        assert raised.value.exit is Exit.USAGE
        assert ("timezone" in raised.value.hint) == (fact is server_facts.parse_timezone)


def test_a_server_before_4_1_has_no_time_zone() -> None:
    for answer in (
        answer_with({"inventories": []}),
        answer_with({"success": True}),
        answer_with({"inventories": [{"uuid": "a"}]}),
    ):
        with pytest.raises(CannotTell):
            server_facts.parse_timezone(answer)
        with pytest.raises(TransientError):
            server_facts.parse_server_time(answer)


def test_a_redirect_is_not_trusted() -> None:
    with pytest.raises(Untrusted):
        server_facts.parse_server_time(Answer(302, b"", {"location": "http://x"}))
