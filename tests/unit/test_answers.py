"""The classifier: total over any status and bytes; an answer that ZStack did not write is never accepted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.model import Volume
from zvol.zstack import answers
from zvol.zstack.answers import (
    Accepted,
    Answer,
    Done,
    Duplicate,
    Failed,
    NoRecord,
    QueryResult,
    Redirected,
    Refusal,
    Running,
    Unrecognized,
)
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.strictjson import NotJson, loads

WIRE = Path(__file__).parents[1] / "contract" / "wire"
VOLUME = {"uuid": "a" * 32, "status": "Ready", "size": 1.073741824e11, "deviceId": 0.0}
classify_put = partial(answers.classify_put, kind=DATA_VOLUME)
classify_job = partial(answers.classify_job, kind=DATA_VOLUME)
CLASSIFIERS = (classify_put, classify_job, answers.classify_read)


def given_json(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode())


def captured(name: str) -> Answer:
    _, _, reply = (WIRE / f"{name}.http").read_bytes().partition(b"\nHTTP/1.1 ")
    head, _, body = reply.partition(b"\n\n")
    return Answer(int(head[:3]), body.rstrip(b"\n"))


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("036-recover-not-deleted-202", Accepted(1800.0)),
        ("409-timeout-300", Accepted(300.0)),
        ("086-timeout-neg", Accepted(None)),
        ("046-recover-seed-curl", Refusal),
        ("001-noauth-query", Refusal),
        ("048-recover-empty-body", Unrecognized),
        ("049-recover-bad-json", Unrecognized),
        ("079-recover-jobuuid-bad", Refusal),
        ("006-unknown-url", Unrecognized),
    ],
)
def test_captured_answers_to_a_put(name: str, means: object) -> None:
    found = classify_put(captured(name))
    assert found == means if not isinstance(means, type) else isinstance(found, means)


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("053-recover-bad-systemtag-poll1", Done),
        ("405-validation-only-poll1", Done),
        ("081-poll-unknown", NoRecord()),
        ("039-recover-not-deleted-poll1", Failed),
    ],
)
def test_captured_answers_of_a_job(name: str, means: object) -> None:
    found = classify_job(captured(name))
    assert found == means if not isinstance(means, type) else isinstance(found, means)


@pytest.mark.parametrize(
    ("code", "certain", "session"),
    [
        ("ID.1001", True, True),
        ("ID.1002", True, False),
        ("ID.1003", True, False),
        ("ID.1007", True, False),
        ("ID.3001", True, False),
        ("SYS.1003", True, False),
        ("SYS.1006", True, False),
        ("SYS.1007", True, False),
        ("SYS.1018", True, False),
        ("SYS.1019", True, False),
        ("SYS.1008", False, False),
        ("SYS.1010", False, False),
        ("SYS.1017", False, False),
        ("SYS.10180", False, False),
        ("XSYS.1018", False, False),
        ("SYS.1000", False, False),
        ("SYS.1001", False, False),
        ("SYS.1009", False, False),
        ("SYS.1011", False, False),
        ("SYS.1012", False, False),
        ("VENDOR.9", False, False),
    ],
)
def test_which_failures_are_certain(code: str, certain: bool, session: bool) -> None:
    found = classify_job(given_json(503, {"error": {"code": code, "details": "未处于删除状态"}}))
    assert isinstance(found, Failed)
    assert (found.certain, found.session) == (certain, session)


def test_a_duplicate_and_the_answer_of_a_synchronous_server() -> None:
    assert classify_put(Answer(400, b"Duplicate job uuid[" + b"a" * 32 + b"]")) == Duplicate()
    done = classify_put(given_json(200, {"inventory": VOLUME}))
    assert isinstance(done, Done)
    assert isinstance(done.resource, Volume)
    assert (done.resource.size, done.resource.number("deviceId")) == (107374182400, 0)
    assert isinstance(classify_put(given_json(200, {"error": {"code": "SYS.1006"}})), Failed)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b"<html>503</html>"),
        (503, b'{"message":"no upstream"}'),
        (503, b'{"error":"busy"}'),
        (503, b'{"error":{"code":7}}'),
        (503, b'{"error":{"code":"a b"}}'),
        (502, b""),
        (404, b"<html>404</html>"),
        (404, b"The job has been expired"),
        (200, b"<html>log in</html>"),
        (200, b'{"inventory":{"uuid":"x","status":"Ready"}}'),
        (200, b'{"ok":true}'),
        (202, b"<html>"),
        (202, b'{"inventory":'),
        (500, b"java.lang.NullPointerException"),
        (418, b"{}"),
    ],
)
def test_an_answer_of_a_proxy_is_unrecognized(status: int, body: bytes) -> None:
    for classify in CLASSIFIERS:
        assert isinstance(classify(Answer(status, body)), Unrecognized)


def test_a_redirect_has_its_target() -> None:
    for classify in CLASSIFIERS:
        assert classify(Answer(302, b"", {"location": "http://x/"})) == Redirected("http://x/")


def test_only_a_redirecting_status_is_a_redirect() -> None:
    for status in (300, 304, 305, 306, 399):
        for classify in CLASSIFIERS:
            assert isinstance(classify(Answer(status, b"", {"location": "http://x/"})), Unrecognized)


REFUSED: dict[bytes, tuple[int, bool]] = {
    b"missing header 'Authorization'": (400, True),
    b"Authorization type must be 'OAuth'": (400, True),
    b"unable to find RestAuthenticationBackend[provider type: org.zstack.Keys]": (400, True),
    b"requestTimeTooSkewed": (403, True),
    b"'Date' must be incuded in request header": (400, True),
    b"'Date' format error, correct format is 'EEE, dd MMM yyyy HH:mm:ss z'": (400, True),
    b"'Date' format error, correct format is 'EEE, dd MMM yyyy HH:mm:ss '": (400, True),
    b"accessKey format is 'ZStack AccessKeyId:Signature'": (400, True),
    b"wrong accessKey signature": (401, True),
    b"access key id is not found": (401, True),
    b"RestAuthenticationType type: ZStack was not registered by any RestAuthenticationBackend": (500, True),
    b"the body doesn't contain action mapping to the URL[/v1/volumes/x/actions]": (400, False),
    b"Invalid header[X-Job-UUID], it must be a UUID with '-' stripped": (400, False),
    b"Invalid query parameter. 'limit' must be an integer": (400, False),
    b"Invalid query parameter. The 'name=' in parameter[q] is not a key-value pair split by =": (400, False),
    b"[size] field is excepted an int or long, but was [x].": (400, False),
}


@pytest.mark.parametrize("text", REFUSED)
def test_plain_text_refusals_of_zstack(text: bytes) -> None:
    status, auth = REFUSED[text]
    for classify in (classify_put, answers.classify_read):
        assert classify(Answer(status, text)) == Refusal(status, text.decode(), auth)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("text", REFUSED)
def test_the_same_text_in_another_page_is_not_a_refusal(text: bytes, status: int) -> None:
    pages = (b"<html><body>" + text + b"</body></html>", b"Blocked.\n" + text, text + b"\nsupport id 7")
    for page in (*pages, text + b"</pre>", text + b" " * 5000, b'{"message":"' + text + b'"}'):
        for classify in CLASSIFIERS:
            assert isinstance(classify(Answer(status, page)), Unrecognized)


@pytest.mark.parametrize("status", [200, 202, 301, 404, 502, 503])
@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_counts_only_with_its_status(text: bytes, status: int) -> None:
    for classify in CLASSIFIERS:
        assert not isinstance(classify(Answer(status, text)), Refusal)


@pytest.mark.parametrize(
    ("named", "seconds"), [(60_000, 60.0), (1, 1.0), (0, None), (-1, None), (0.0, None), (True, None), ("60000", None)]
)
def test_a_timeout_of_zero_or_less_names_none(named: object, seconds: float | None) -> None:
    """With 0 the server drops nothing, however long it waited."""
    body = {"location": "http://x/v1/api-jobs/a", "apiTimeout": named}
    assert classify_put(given_json(202, body)) == Accepted(seconds)


@pytest.mark.parametrize(
    "body",
    [
        {"location": "http://x/elsewhere"},
        {"location": ["/v1/api-jobs/a"]},
        {"apiTimeout": 1800000},
        {"accepted": True},
        [],
    ],
    ids=repr,
)
def test_a_202_without_the_location_of_a_job_is_unrecognized(body: object) -> None:
    assert isinstance(classify_put(given_json(202, body)), Unrecognized)


@pytest.mark.parametrize("status", [400, 404, 500, 502, 504])
def test_an_error_code_counts_only_with_its_status(status: int) -> None:
    for classify in CLASSIFIERS:
        assert isinstance(classify(given_json(status, {"error": {"code": "SYS.1006"}})), Unrecognized)


def test_an_answer_that_holds_an_error_is_not_done() -> None:
    both = {"inventory": VOLUME, "inventories": [], "error": {"code": "SYS.1000"}}
    for classify in CLASSIFIERS:
        assert not isinstance(classify(given_json(200, both)), Done | QueryResult)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode())


@given(status=st.integers(100, 599), body=BODIES)
def test_any_answer_is_classified_and_foreign_answers_are_unrecognized(status: int, body: bytes) -> None:
    answer = Answer(status, body)
    believed = (Done, Failed, NoRecord, QueryResult, Accepted, Duplicate)
    for classify in CLASSIFIERS:
        found = classify(answer)
        if isinstance(found, believed):
            document = loads(body) if body.startswith(b"{") else None
            assert document == {} or (document and {"error", "inventory", "inventories", "location"} & set(document))


@given(ANY_JSON)
def test_strict_json_reads_what_python_writes_or_refuses_it(value: object) -> None:
    text = json.dumps(value)
    try:
        found = loads(text.encode())
    except NotJson:
        return
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"[" + b"1" * 5000 + b"]",
        b"[" * 100_000,
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'"\\ud800"',
        b"{} trailing",
        b"'single'",
        b'{"a":\x00}',
    ],
    ids=range(16),
)
def test_invalid_json_is_refused(data: bytes) -> None:
    with pytest.raises(NotJson):
        loads(data)


def test_running_and_done_are_exact() -> None:
    assert classify_job(Answer(202, b"{}")) == Running()
    assert isinstance(classify_job(Answer(202, b'{"a":1}')), Unrecognized)
    assert classify_job(Answer(200, b"{}")) == Done(None)
