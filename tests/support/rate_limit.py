"""A gateway that lets only so many requests pass: what it counts, and what it answers to those that are too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol

from tests.support.fault_proxy import Proxy, Rule
from tests.support.http_messages import answer


class Limit(Protocol):
    def admits(self, now: float) -> bool:
        """Tell whether a request that comes now may pass."""


@dataclass
class Bucket:
    """`rate` requests a second, and `burst` at once: with a burst of 1 none comes within 1/rate of another."""

    rate: float
    burst: float = 1.0
    tokens: float = field(default=0.0, init=False)
    at: float | None = field(default=None, init=False)

    def admits(self, now: float) -> bool:
        passed = 0.0 if self.at is None else (now - self.at) * self.rate
        self.tokens = self.burst if self.at is None else min(self.burst, self.tokens + passed)
        self.at = now
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True


@dataclass
class Windows:
    """`number` requests in each window of so many seconds."""

    number: int
    seconds: float = 1.0
    window: int = field(default=-1, init=False)
    count: int = field(default=0, init=False)

    def admits(self, now: float) -> bool:
        window = int(now / self.seconds)
        if window != self.window:
            self.window, self.count = window, 0
        self.count += 1
        return self.count <= self.number


def refusal(status: str = "429 Too Many Requests", *more: str) -> bytes:
    return answer(status, f"<html><h1>{status}</h1></html>".encode(), *more)


def dated(status: str, seconds: float) -> bytes:
    """Return a refusal whose Retry-After is a date, by a clock that is years behind."""
    now = 1_000_000_000.0
    return refusal(
        status, f"Date: {formatdate(now, usegmt=True)}", f"Retry-After: {formatdate(now + seconds, usegmt=True)}"
    )


class Gateway:
    """Rules for a proxy whose `limit` counts all requests, at the time that `clock` tells.

    `passed` and `refused` are the kinds of the requests.
    """

    def __init__(self, limit: Limit, clock: Callable[[], float], page: bytes | None = None) -> None:
        self.limit, self.clock = limit, clock
        self.page = refusal() if page is None else page
        self.passed: list[str] = []
        self.refused: list[str] = []

    def guard(self, proxy: Proxy) -> None:
        """Stand before what a proxy does."""
        inner = proxy._rule

        def rule(kinds: set[str], path: str, volumes: str, action: str) -> Rule | None:
            if "connect" in kinds:
                return inner(kinds, path, volumes, action)
            kind = next(one for one in ("put", "job", "login", "read", "other", "list") if one in kinds)
            with proxy.lock:
                admitted = self.limit.admits(self.clock())
                (self.passed if admitted else self.refused).append(kind)
            return inner(kinds, path, volumes, action) if admitted else Rule("any", "page", page=self.page)

        proxy._rule = rule  # type: ignore[method-assign]
