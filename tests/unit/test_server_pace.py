"""The server of the benchmarks: how fast it is by what is under way, on simulated time."""

from __future__ import annotations

import math

import pytest

from tests.support.server_pace import AT_ONCE, FEW_PROCESSORS, ONE_AT_A_TIME, SPREAD, Law, ServerPace, closed_loop


@pytest.mark.parametrize(("workers", "pace"), [(4, 83), (8, 119), (12, 133), (16, 147), (32, 97), (64, 69), (200, 69)])
def test_few_processors_are_as_fast_as_measured(workers: int, pace: float) -> None:
    assert FEW_PROCESSORS.pace(workers) == pace
    assert closed_loop(ServerPace(FEW_PROCESSORS), workers, 1000) == pytest.approx(pace, rel=0.05)


@pytest.mark.parametrize(("under_way", "seconds"), [(1, 0.0048), (4, 0.0048), (16, 0.0109), (32, 0.033), (64, 0.0928)])
def test_a_request_is_answered_after_a_tenth_of_a_job(under_way: int, seconds: float) -> None:
    assert FEW_PROCESSORS.answered_after(under_way) == pytest.approx(seconds, rel=0.01)


def test_everything_at_once_takes_150_ms() -> None:
    server = ServerPace[int](AT_ONCE)
    assert [server.begin(job, 10.0) for job in range(500)] == pytest.approx([10.015] * 500)
    assert server.take_ended(10.15 - 0.15 * SPREAD) == []
    half = server.take_ended(10.15)
    assert len(half) == pytest.approx(250, rel=0.2)
    rest = server.take_ended(10.15 + 0.15 * SPREAD)
    assert sorted(half + rest) == list(range(500))
    assert (server.ended, server.peak, server.next_end()) == (500, 500, math.inf)


def test_one_at_a_time_is_in_the_order_of_arrival() -> None:
    server = ServerPace[int](ONE_AT_A_TIME)
    assert {server.begin(job, 0.0) for job in range(5)} == {0.002}
    assert 3 in server
    assert server.take_ended(0.02 * (5 + SPREAD)) == [0, 1, 2, 3, 4]
    assert 3 not in server
    assert closed_loop(ServerPace(ONE_AT_A_TIME), 8, 500) == pytest.approx(50, rel=0.05)


def test_a_job_that_begins_slows_those_under_way() -> None:
    server = ServerPace[str](Law([(0, 0), (1, 1), (2, 1)]))
    server.begin("a", 0.0)
    alone = server.next_end()
    server.begin("b", alone / 2)
    assert server.next_end() == pytest.approx(alone * 1.5)


def test_another_law_holds_from_the_middle() -> None:
    server = ServerPace[int](AT_ONCE, then=ONE_AT_A_TIME, after=20)
    for job in range(40):
        server.begin(job, 0.0)
    assert len(server.take_ended(0.15 * (1 + SPREAD))) >= 20
    assert server.law is ONE_AT_A_TIME
    rest = server.take_ended(100.0)
    assert rest == sorted(rest)
    assert server.ended == 40


def test_a_seed_gives_the_same_jobs_again() -> None:
    paces = {closed_loop(ServerPace(FEW_PROCESSORS, seed=seed), 4, 50) for seed in (1, 1, 2)}
    assert len(paces) == 2
