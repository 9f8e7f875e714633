"""429, 503 and `Retry-After`: what an answer asks for, and how often requests may begin after that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.rate_limit import Bucket, Limit, Windows
from zvol.clock import CommandDeadline
from zvol.errors import TransientError, Unreachable
from zvol.recovery.request_pace import FIRST_SLOWEST, SLOWER, SLOWEST, RequestPace
from zvol.secrets import Secret
from zvol.zstack.answers import (
    Accepted,
    Answer,
    QueryResult,
    Running,
    Unrecognized,
    classify_job,
    classify_put,
    classify_read,
)
from zvol.zstack.load_shedding import LONGEST, PATIENCE, REPEATS, retry_after
from zvol.zstack.login import is_valid_session, log_in
from zvol.zstack.paging import Pager, Query
from zvol.zstack.resource_kinds import DATA_VOLUME

DATE = "Thu, 26 Nov 2026 12:00:00 GMT"
LATER = "Thu, 26 Nov 2026 12:00:07 GMT"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, 1.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "60"}, 60.0),
        ({"retry-after": "61"}, LONGEST),
        ({"retry-after": "86400"}, LONGEST),
        ({"retry-after": "9" * 12}, LONGEST),
        ({"retry-after": "9" * 500}, 1.0),
        ({"retry-after": "-5"}, 1.0),
        ({"retry-after": "soon"}, 1.0),
        ({"retry-after": "nan"}, 1.0),
        ({"retry-after": "inf"}, 1.0),
        ({"retry-after": "1e9"}, 1.0),
        ({"retry-after": "٧"}, 1.0),
        ({"retry-after": LATER, "date": DATE}, 7.0),
        ({"retry-after": DATE, "date": LATER}, 0.0),
        ({"retry-after": "Thu, 26 Nov 2099 12:00:00 GMT", "date": DATE}, LONGEST),
        ({"retry-after": LATER}, 1.0),
        ({"retry-after": LATER, "date": "today"}, 1.0),
        ({"retry-after": "Thu, 99 Nov 99999 99:99:99 GMT", "date": DATE}, 1.0),
    ],
)
def test_for_how_long_a_429_asks_to_wait(given: dict[str, str], expected: float) -> None:
    assert retry_after(429, given) == expected


def test_what_asks_for_fewer_requests() -> None:
    assert retry_after(503, {}) == 0.0
    assert retry_after(503, {"retry-after": "3"}) == 3.0
    assert retry_after(502, {}) is None
    assert retry_after(403, {"retry-after": "3"}) == 3.0


def test_an_answer_of_zstack_asks_for_nothing() -> None:
    """503 is its status for every refusal, and a gateway may add a Retry-After to each."""
    failed = b'{"error":{"code":"SYS.1006","description":"no"}}'
    for classify in (classify_job, classify_put):
        assert getattr(classify(Answer(503, failed, {"retry-after": "9"}), DATA_VOLUME), "retry_after", 1) is None
    unclear = Answer(503, failed.replace(b"1006", b"1001"))
    assert getattr(classify_job(unclear, DATA_VOLUME), "retry_after", 1) is None, "that is the job's own failure"
    assert getattr(classify_put(unclear, DATA_VOLUME), "retry_after", 1) == 0.0
    assert isinstance(classify_job(Answer(202, b"{}", {"retry-after": "9"}), DATA_VOLUME), Running)
    page = classify_read(Answer(429, failed, {"content-type": "text/html"}))
    assert isinstance(page, Unrecognized)
    assert page.retry_after == 1.0
    assert page.reason.endswith("not from ZStack: too many requests")


# ---- outside of a recovery -------------------------------------------------------------------------------------------
class Transport:
    """Answers with these, the last one again and again; `pauses` are the seconds that were slept."""

    def __init__(self, *answers: Answer, seconds: float = math.inf) -> None:
        self.answers, self.requests, self.now = [*answers], 0, 0.0
        self.pauses: list[float] = []
        self.deadline = CommandDeadline(self, seconds)

    def send(self, *_given: Any, **_more: Any) -> Answer:
        self.requests += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def real(self, seconds: float) -> float:
        return seconds

    def wait_for_item(self, _source: object, timeout: float) -> None:
        self.pauses.append(timeout)
        self.now += timeout


def shed(seconds: object, status: int = 429) -> Answer:
    return Answer(status, b"<html>", {"retry-after": str(seconds)})


LOGGED_IN = Answer(200, b'{"inventory":{"uuid":"%s"}}' % (b"a" * 32))


def test_a_login_waits_as_it_is_asked_to() -> None:
    server: Any = Transport(shed(2), shed(3, 503), LOGGED_IN)
    assert log_in(server, "admin", Secret("password")).session.reveal() == "a" * 32
    assert server.pauses == [2.0, 3.0]
    server = Transport(shed(1), Answer(200, b'{"valid":true}'))
    assert is_valid_session(server, Secret("b" * 32))


@pytest.mark.parametrize(
    ("asked", "seconds", "requests"),
    [(PATIENCE, math.inf, REPEATS + 1), (PATIENCE + 1, math.inf, 1), (3.0, 2.0, 1), (3.0, 8.0, 3)],
)
def test_a_login_does_not_wait_for_ever(asked: float, seconds: float, requests: int) -> None:
    server: Any = Transport(shed(asked), seconds=seconds)
    with pytest.raises(Unreachable, match=r"asks for fewer requests \(HTTP 429\)") as caught:
        log_in(server, "admin", Secret("password"))
    assert caught.value.hint == f"Try again in {asked:.0f} s."
    assert server.requests == requests


@pytest.mark.parametrize("answer", [Answer(503, b"<html>"), Answer(502, b"<html>", {"retry-after": "1"})])
def test_a_login_that_nobody_asked_to_repeat_is_not_repeated(answer: Answer) -> None:
    server: Any = Transport(answer)
    with pytest.raises(Unreachable, match="not answered by a ZStack"):
        log_in(server, "admin", Secret("password"))
    assert server.requests == 1


def listing(*found: QueryResult | TransientError) -> tuple[list[float], list[Any] | TransientError]:
    """Read a list whose requests bring these, the last one again and again; returns the pauses, and its rows."""
    answers, pauses = [*found], list[float]()

    def fetch(_query: Query) -> QueryResult:
        one = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(one, TransientError):
            raise one
        return one

    try:
        return pauses, Pager(fetch, pauses.append).all([])
    except TransientError as error:
        return pauses, error


def test_a_list_waits_as_it_is_asked_to() -> None:
    empty = QueryResult((), 0)
    assert listing(TransientError("429", retry_after=7.0), empty) == ([7.0], [])
    assert listing(TransientError("429", retry_after=0.1), empty) == ([0.25], [])
    pauses, ended = listing(TransientError("429", retry_after=PATIENCE))
    assert isinstance(ended, TransientError)
    assert pauses == [PATIENCE] * REPEATS
    assert listing(TransientError("429", retry_after=PATIENCE + 1))[0] == []
    assert listing(TransientError("503", retry_after=0.0))[0] == []


# ---- the pace --------------------------------------------------------------------------------------------------------
ASKED = Unrecognized("HTTP 429", retry_after=2.0)
CLEAR = Accepted(60.0)


def answer(pace: RequestPace, at: float, value: object = CLEAR, error: BaseException | None = None) -> None:
    pace.begins(at)
    pace.ends(at, at, value, error)


def test_without_such_an_answer_there_is_no_limit() -> None:
    pace = RequestPace()
    for number in range(100):
        answer(pace, 10.0, Unrecognized("HTTP 502") if number % 2 else CLEAR)
    assert pace.limited(16, 10.0) == 16
    assert pace.next_due(10.0) == math.inf
    assert pace.between_reads == 0.0


def test_all_requests_wait_for_as_long_as_one_was_asked_to() -> None:
    pace = RequestPace()
    answer(pace, 10.0, error=TransientError("HTTP 429", retry_after=2.0))
    assert pace.limited(16, 11.99) == 0
    assert pace.next_due(11.0) == 12.0
    assert pace.limited(16, 12.0) == 16, "nothing was answered before, so that there is no rate"
    answer(pace, 13.0, error=TransientError("HTTP 503", retry_after=0.0))
    assert pace.limited(16, 13.0) == 16


def limited_pace(answered: int = 10, seconds: float = 2.0) -> RequestPace:
    """Return the pace after so many clear answers in so many seconds from 0.0 on, and a 429 at the end of them."""
    pace = RequestPace()
    for number in range(answered):
        answer(pace, number * seconds / answered)
    answer(pace, seconds, ASKED)
    return pace


def test_after_that_requests_keep_to_less_than_what_was_answered() -> None:
    pace = limited_pace(answered=20, seconds=2.0)
    assert pace.not_before == 4.0
    assert pace.limited(16, 4.0) == 1
    pace.begins(4.0)
    assert pace.due() == pytest.approx(4.0 + 1 / (10 * SLOWER))
    assert pace.due(change=True) == pytest.approx(4.0 + 1.25 / (10 * SLOWER))
    assert pace.next_due(4.05) == pace.due()
    assert pace.next_due(pace.due()) == pace.due(change=True)
    assert pace.between_reads == pytest.approx(5 / (10 * SLOWER))


def test_what_was_answered_long_ago_does_not_count() -> None:
    pace = RequestPace()
    for number in range(100):
        answer(pace, number / 10)
    for number in range(50):
        answer(pace, 10 + number / 25)
    answer(pace, 12.0, ASKED)
    pace.begins(14.0)
    assert pace.due() - 14.0 == pytest.approx(1 / (SLOWER * (30 + 50) / 5), rel=0.02)


def test_few_requests_do_not_make_it_very_slow_at_once() -> None:
    pace = limited_pace(answered=1)
    pace.begins(4.0)
    assert pace.due() == pytest.approx(4.0 + 1 / FIRST_SLOWEST)


def test_what_was_on_its_way_shows_nothing_new() -> None:
    pace = limited_pace()
    before = pace.between_reads
    pace.ends(1.9, 2.1, ASKED, None)
    assert pace.between_reads == before
    assert pace.not_before == pytest.approx(4.1)
    answer(pace, 5.0, ASKED)
    assert pace.between_reads == pytest.approx(before / SLOWER)


def test_it_never_becomes_so_slow_that_nothing_goes_on() -> None:
    pace = limited_pace()
    for number in range(100):
        answer(pace, 10.0 + 2 * number)
        answer(pace, 11.0 + 2 * number, ASKED)
    assert pace.between_reads == pytest.approx(5 / SLOWEST)


def test_it_is_not_raised_while_less_is_sent() -> None:
    pace = limited_pace()
    before = pace.between_reads
    for number in range(100):
        answer(pace, 10.0 + number)
    assert pace.between_reads == before


def test_a_limit_that_is_no_more_is_forgotten() -> None:
    pace, now = limited_pace(), 4.0
    for _ in range(100_000):
        now = max(now, pace.due())
        if pace.limited(16, now) == 16:
            break
        answer(pace, now)
    assert 50 < now < 200


@pytest.mark.parametrize("asks", [0.0, 1.0, 60.0])
@pytest.mark.parametrize("limit", [Bucket(5.0), Bucket(5.0, 5.0), Windows(5), Windows(10, 2.0)])
def test_a_rate_limit_is_found_and_kept(limit: Limit, asks: float) -> None:
    """Requests that leave as soon as they may: few are refused, and most of what the gateway admits is used."""
    pace, now, refused = RequestPace(), 1000.0, list[float]()
    passed = 0
    limit = type(limit)(*(value for value in vars(limit).values() if value not in (0.0, -1, 0, None)))
    while now < 2000.0:
        admitted = limit.admits(now)
        passed += admitted
        refused += [] if admitted else [now]
        answer(pace, now, CLEAR if admitted else Unrecognized("HTTP 429", retry_after=asks))
        now = max(now + 0.001, pace.due())
    late = [one for one in refused if one > 1100.0]
    assert len(late) <= 0.1 * passed
    assert passed >= 0.55 * 5 * 1000
