"""Whatever a server answers to a login, to a request for its time, or to a read: a valid value or a ZvolError."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.errors import AuthError, ErrorCode, Exit, MaybeSent, NeverSent, Refused, Unreachable, Untrusted
from zvol.secrets import Secret
from zvol.zstack.answer_errors import HINTS, LOGIN_HINTS, MEANINGS, NO_PERMISSION, error_of, meaning, with_hint
from zvol.zstack.answers import Answer, Failed
from zvol.zstack.auth import SessionAuth
from zvol.zstack.client import Client
from zvol.zstack.login import is_valid_session, log_in, log_out
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.server_clock import read_server_clock

WIRE = Path(__file__).parents[1] / "contract" / "wire-4.4.65"
SESSION = "0123456789abcdef" * 2
ENDED = Answer(503, b'{"error":{"code":"ID.1001","details":"Session expired"}}')
NONE = Answer(200, b'{"inventories":[],"total":0}')
KEYS = ("inventory", "uuid", "createDate", "error", "code", "currentTime", "MillionSeconds", "valid")


class FakeTransport:
    """Stands in for a transport: `respond` answers a request, or raises."""

    def __init__(self, respond: Callable[[str, str, Mapping[str, str]], Answer]) -> None:
        self.respond = respond
        self.requests: list[tuple[str, str]] = []

    def send(self, method: str, path: str, *, auth: Any = None, **_given: Any) -> Answer:
        self.requests.append((method, path))
        return self.respond(method, path, auth(method, path) if auth else {})


def transport(answer: Answer | Exception) -> Any:
    def respond(_method: str, _path: str, _headers: Mapping[str, str]) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return FakeTransport(respond)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inventory", "uuid", "createDate", "error", "code", "currentTime", "MillionSeconds", "valid"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
BODIES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())
ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 202, 204, 301, 302, 307, 400, 401, 403, 404, 500, 502, 503]),
    BODIES,
    st.just({}) | st.just({"location": "http://elsewhere/\x1b[2J"}),
)
FAULTS = st.sampled_from([NeverSent("refused", "no"), NeverSent("certificate", "no"), MaybeSent("lost")])
ZVOL_ERRORS = (AuthError, Unreachable, Untrusted)


@given(ANSWERS | FAULTS)
def test_any_answer_is_a_value_or_a_zvol_error(answer: Answer | Exception) -> None:
    acts: tuple[Callable[[], object], ...] = (
        lambda: log_in(transport(answer), "a", Secret("pässword-1")).session.reveal(),
        lambda: log_out(transport(answer), Secret(SESSION)),
        lambda: is_valid_session(transport(answer), Secret(SESSION)),
        lambda: read_server_clock(transport(answer), "Asia/Shanghai", 1e9),
    )
    texts = "".join(shown_text(act) for act in acts)
    assert "pässword-1" not in texts
    assert SESSION not in texts


def shown_text(act: Callable[[], object]) -> str:
    try:
        act()
    except ZVOL_ERRORS as exc:
        return exc.message + exc.hint
    return ""


def test_a_read_is_sent_again_once_with_the_new_session() -> None:
    session = SessionAuth(Secret("a" * 32))

    def respond(_method: str, _path: str, headers: Mapping[str, str]) -> Answer:
        return NONE if headers["Authorization"].endswith("b" * 32) else ENDED

    def renew() -> bool:
        session.secret = Secret("b" * 32)
        return True

    server = FakeTransport(respond)
    assert Client(server, session, renew).volumes(["c" * 32]) == {}  # type: ignore[arg-type]
    assert len(server.requests) == 2


@pytest.mark.parametrize("renewed", [True, False])
def test_an_invalid_session_is_tried_at_most_twice(renewed: bool) -> None:
    server = transport(ENDED)
    with pytest.raises(AuthError) as caught:
        Client(server, SessionAuth(Secret(SESSION)), lambda: renewed).resource("c" * 32, kind=DATA_VOLUME)
    assert len(server.requests) == 1 + renewed
    assert "zvol login" in caught.value.hint
    with pytest.raises(AuthError):
        Client(transport(ENDED), SessionAuth(Secret(SESSION))).resource("c" * 32, kind=DATA_VOLUME)


@pytest.mark.parametrize("code", sorted(set(LOGIN_HINTS) - {"ID.1000"}))
def test_a_read_that_is_refused_for_another_reason_than_the_session(code: str) -> None:
    answer = Answer(503, json.dumps({"error": {"code": code, "details": "x"}}).encode())
    with pytest.raises(AuthError) as caught:
        Client(transport(answer), SessionAuth(Secret(SESSION))).resource("c" * 32, kind=DATA_VOLUME)
    assert caught.value.hint == LOGIN_HINTS[code]


def test_a_hint_does_not_make_a_refusal_one_of_the_session() -> None:
    assert not HINTS.keys() & LOGIN_HINTS.keys()
    for code, hint in HINTS.items():
        answer = Answer(503, json.dumps({"error": {"code": code, "details": "x"}}).encode())
        with pytest.raises(Refused) as caught:
            Client(transport(answer), SessionAuth(Secret(SESSION))).resource("c" * 32, kind=DATA_VOLUME)
        assert (caught.value.hint, caught.value.exit) == (hint, Exit.FAILED)
        assert caught.value.message == f"the server refused the query: {MEANINGS[code]}"


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("339-ops-delete-others-poll1", "this account does not own the resource"),
        ("262-attach-deleted-poll1", "the volume is deleted"),
        ("271-attach-again-poll1", "the volume is attached to a VM already"),
        ("287-recover-expunged-poll1", ""),
    ],
)
def test_what_a_server_says_in_chinese_is_explained_where_it_is_certain(name: str, means: str) -> None:
    fault = json.loads((WIRE / f"{name}.http").read_text().splitlines()[9])["error"]
    code, said = ErrorCode(fault["code"], fault), f"{fault['code']} {fault['details']}"
    assert with_hint(code) == (f"{means} (server: {said})" if means else said)
    error = error_of(Failed(code, certain=True, session=False))
    assert error.full_text == "the server refused: " + (f"{means} (server: {said})" if means else said)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("account[uuid:a] is not the owner of the resource[uuid:b]", "this account does not own the resource"),
        ("operation[API:x] is denied by default, please contact admin", NO_PERMISSION),
        ("operation[API:x] is denied by the policy[uuid:y]", NO_PERMISSION),
        ("拒绝操作[API:x]", NO_PERMISSION),
        ("操作被策略[uuid:y]拒绝", NO_PERMISSION),
        ("volume[uuid:a] is in status of deleted, cannot do this operation", "the volume is deleted"),
        (
            "data volume[uuid:a] has been attached to some vm, cant attach again",
            "the volume is attached to a VM already",
        ),
        ("数据云盘[uuid:a]已经被加载上云主机了，不能再次加载", "the volume is attached to a VM already"),
        ("the volume is busy", ""),
    ],
)
def test_what_a_code_means_is_that_of_the_root_cause(said: str, means: str) -> None:
    cause = {"code": "SYS.1006", "details": said}
    assert meaning(ErrorCode("SYS.1006", cause)) == means
    assert meaning(ErrorCode("SYS.1000", {"code": "SYS.1000", "cause": cause})) == means
    assert meaning(ErrorCode("SYS.1001", {"code": "SYS.1001", "details": said})) == ""


def test_every_other_code_means_what_the_outer_error_says() -> None:
    outer = ErrorCode("SYS.1019", {"code": "SYS.1019", "cause": {"code": "SYS.1001", "details": "x"}})
    assert meaning(outer) == MEANINGS["SYS.1019"]
    assert meaning(ErrorCode("SYS.1001", {"code": "SYS.1001", "cause": {"code": "SYS.1019", "details": "x"}})) == ""


@pytest.mark.parametrize("end", ["", ".", "。"])
def test_one_full_stop_is_between_the_words_of_the_server_and_the_hint(end: str) -> None:
    known = with_hint(ErrorCode("ID.1006", {"code": "ID.1006", "details": f"太多{end}"}))
    assert known == f"ID.1006 太多. {LOGIN_HINTS['ID.1006']}"
    assert with_hint(ErrorCode("SYS.1006", {"code": "SYS.1006", "details": f"x{end}"})) == f"SYS.1006 x{end}"


@pytest.mark.parametrize("body", [b"", b"{}"], ids=["before 3.2", "3.2"])
def test_a_logout_is_answered_with_nothing(body: bytes) -> None:
    log_out(transport(Answer(200, body)), Secret(SESSION))
    answers = [Answer(status, body) for status in (202, 204, 404, 503)]
    for answer in (*answers, Answer(200, b"<html>Please log in</html>"), Answer(200, b" ")):
        with pytest.raises(Unreachable, match="not answered by a ZStack"):
            log_out(transport(answer), Secret(SESSION))


def test_a_logout_of_a_session_that_has_ended_is_one() -> None:
    log_out(transport(ENDED), Secret(SESSION))


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("SYS.1019", AuthError, "the server refused to end the session"),
        ("SYS.1000", Unreachable, "failed at the logout"),
        ("NEW.7", Unreachable, "failed at the logout"),
    ],
)
def test_a_logout_that_fails_keeps_the_words_of_the_server(code: str, error: type[Exception], message: str) -> None:
    answer = Answer(503, json.dumps({"error": {"code": code, "details": "no"}}).encode())
    with pytest.raises(error, match=message) as caught:
        log_out(transport(answer), Secret(SESSION))
    assert caught.value.fault.summary == f"{code} no"  # type: ignore[attr-defined]


NO_USERS = b"no api mapping to /v1/accounts/users/login"


def test_a_server_without_users_below_accounts_says_so() -> None:
    server = transport(Answer(404, NO_USERS + b"\n"))
    with pytest.raises(AuthError, match=r"^this server has no users below accounts$") as caught:
        log_in(server, "a", Secret("pw"), "ops")
    assert "Log in without a user" in caught.value.hint
    assert server.requests == [("PUT", "/v1/accounts/users/login")]


@pytest.mark.parametrize(
    ("user", "status", "body"),
    [
        (None, 404, NO_USERS),
        (None, 404, b"no api mapping to /v1/accounts/login"),
        ("ops", 404, b"no api mapping to /v1/accounts/login"),
        ("ops", 404, b"<html>" + NO_USERS + b"</html>"),
        ("ops", 404, b""),
        ("ops", 400, NO_USERS),
    ],
)
def test_any_other_404_of_a_login_is_not_zstacks(user: str | None, status: int, body: bytes) -> None:
    with pytest.raises(Unreachable, match=f"not answered by a ZStack: HTTP {status} "):
        log_in(transport(Answer(status, body)), "a", Secret("pw"), user)
