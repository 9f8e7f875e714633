"""What servers of other releases answer, whose bodies and errors differ: it means the same as on a 5.2.1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from zvol.zstack import answers
from zvol.zstack.answers import Accepted, Answer, Done, Duplicate, Failed, NoRecord, Running, Unrecognized
from zvol.zstack.resource_kinds import DATA_VOLUME

CONTRACT = Path(__file__).parents[1] / "contract"
RUNNING_SERVERS = ("wire", "wire-3.10.40", "wire-4.4.65", "wire-zsphere-4.10.0")
classify_put = partial(answers.classify_put, kind=DATA_VOLUME)
classify_job = partial(answers.classify_job, kind=DATA_VOLUME)


def captured(folder: str, path: str) -> Iterator[Answer]:
    """Yield what a running server answered to the requests of paths that contain a text."""
    for file in sorted((CONTRACT / folder).glob("*.http")):
        asked, _, reply = file.read_bytes().partition(b"\nHTTP/1.1 ")
        head, _, body = reply.partition(b"\n\n")
        if path in asked.decode().splitlines()[0]:
            yield Answer(int(head[:3]), body.rstrip(b"\n"))


@pytest.mark.parametrize("folder", RUNNING_SERVERS)
def test_each_captured_answer_about_a_job_is_recognized(folder: str) -> None:
    found = [(one, answers.classify_change_job(one)) for one in captured(folder, "/v1/api-jobs/")]
    odd = [answer for answer, means in found if isinstance(means, Unrecognized)]
    assert all(b'"category"' in one.body for one in odd), "a changed configuration has no UUID"
    kinds = {type(means) for _, means in found} - {Unrecognized}
    assert kinds >= {Done, Failed, NoRecord}
    assert {means.certain for _, means in found if isinstance(means, Failed)} >= {True}


@pytest.mark.parametrize("folder", RUNNING_SERVERS)
def test_each_captured_answer_to_a_recovery(folder: str) -> None:
    found = [one for one in captured(folder, "/actions") if one.status == 202]
    named = [json.loads(one.body or b"{}").get("apiTimeout") for one in found]
    seconds = [None if one is None or one < 0 else one / 1000 for one in named]
    assert [classify_put(one) for one in found] == [Accepted(one) for one in seconds]
    assert len(found) > 20
    assert {one is None for one in named} == {folder == "wire-3.10.40"}
    copies = [one for one in captured(folder, "/actions") if isinstance(classify_put(one), Duplicate)]
    assert bool(copies) == (folder in ("wire", "wire-zsphere-4.10.0"))


def test_a_job_that_is_running_has_an_empty_body_before_3_2() -> None:
    for classify in (classify_job, answers.classify_change_job):
        assert classify(Answer(202, b"{}")) == Running()
        assert classify(Answer(202, b"")) == Running()
        assert classify(Answer(200, b"{}")) == Done(None)
        for status, body in ((202, b'{"a":1}'), (202, b"\n"), (202, b"null"), (200, b""), (204, b""), (503, b"")):
            assert isinstance(classify(Answer(status, body)), Unrecognized)


def test_an_empty_body_accepts_and_answers_nothing() -> None:
    for status in (200, 202, 400, 503):
        for classify in (classify_put, answers.classify_change, answers.classify_read):
            assert isinstance(classify(Answer(status, b"")), Unrecognized)


@pytest.mark.parametrize(
    "fields",
    [
        {"details": "x"},
        {
            "description": "x",
            "details": "x",
            "elaboration": "x",
            "cause": {"code": "ID.1", "details": "y"},
            "causes": [],
        },
        {"description": "x", "details": "x", "opaque": {"a": 1}, "causes": None, "messages": [], "cost": "1ms"},
        {"description": "Operation denied", "details": "操作被拒绝", "cost": "0ms"},
    ],
    ids=["bare", "2.3", "3.6", "ZSphere"],
)
def test_the_fields_of_an_error_do_not_change_what_it_means(fields: dict[str, object]) -> None:
    error = {"code": "SYS.1019", **fields}
    for classify in (classify_put, classify_job, answers.classify_read):
        found = classify(Answer(503, json.dumps({"error": error}).encode()))
        assert isinstance(found, Failed)
        assert (found.fault.code, found.certain, found.fault.json()) == ("SYS.1019", True, error)


def test_the_refusal_of_a_used_job_id_before_3_1_says_nothing_about_the_first_request() -> None:
    for text in (b"could not execute statement", b"org.hibernate.exception.ConstraintViolationException: x"):
        assert isinstance(classify_put(Answer(500, text)), Unrecognized)
