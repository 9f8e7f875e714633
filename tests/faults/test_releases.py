"""A request whose answer is lost, and one that is accepted and dropped, on servers of several releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.process import PG_DATA, Ran, sandbox
from tests.support.profiles import API, FAST, RATE, SETTLE, check_report, fast, profile
from tests.support.warm import run
from zvol.recovery.quiet_period import MARGIN

LIMIT = 150
"""Seconds of zvol's clock: enough for two short quiet periods, and far less than the server's own timeout."""
ENFORCED = ["3.10.40", "4.4.65", "5.2.1", "zsphere-4.2", "zsphere-4.10.0"]


@contextmanager
def one_run(tmp_path: Path, version: str, *rules: Rule) -> Iterator[tuple[Ran, Proxy]]:
    """Recover one volume of a server of this release; its report is checked against the server."""
    with (
        sandbox(tmp_path / "cloud", "--version", version) as cloud,
        proxy(cloud.host, *rules) as (host, between),
    ):
        env = profile(tmp_path / "home", host, cloud.session)
        arguments = ["recover", PG_DATA, "--timeout", f"{LIMIT}s", "-o", "ndjson"]
        ran = run(arguments, env, command=FAST)
        check_report(ran, cloud)
        yield ran, between


def versions(between: Proxy) -> int:
    return sum(one.action == "getVersion" for one in between.seen)


def gap(between: Proxy) -> float:
    """Return the seconds of zvol's clock between the two PUTs."""
    first, second = between.puts()
    assert first.job != second.job
    return (second.time - first.time) * RATE


@pytest.mark.parametrize("version", ["3.0", *ENFORCED])
def test_a_healthy_recovery_asks_for_no_version(version: str, tmp_path: Path) -> None:
    with one_run(tmp_path, version) as (ran, between):
        assert ran.code == 0
        assert (len(between.puts()), versions(between)) == (1, 0)


@pytest.mark.parametrize("version", ENFORCED)
def test_a_lost_request_is_sent_again_after_one_quiet_period(version: str, tmp_path: Path) -> None:
    with one_run(tmp_path, version, Rule("put", "drop")) as (ran, between):
        assert ran.code == 0, ran
        assert gap(between) >= SETTLE + API + MARGIN
        assert versions(between) == 1


@pytest.mark.parametrize("version", ["3.0", "3.6.2", "3.10.40"])
def test_a_release_that_is_not_told_or_too_old_is_waited_for_longer(version: str, tmp_path: Path) -> None:
    rules = [Rule("put", "drop")]
    if version == "3.10.40":
        rules.append(Rule("other", "drop", last=99, action_key="getVersion"))
    with one_run(tmp_path, version, *rules) as (ran, between):
        assert ran.code == 3, ran
        assert len(between.puts()) == 1
        assert versions(between) >= 1


def test_what_waited_longer_than_its_timeout_in_its_queue_is_sent_again(tmp_path: Path) -> None:
    """The server drops it and tells nobody: its job is answered 202 for ever, without a timeout before 4.1.

    The timeout runs on the clock of the server, so that zvol's clock is only a little faster.
    """
    slow = 4
    with (
        sandbox(tmp_path / "cloud", "--version", "3.10.40", "--queue-delay", "2.5") as cloud,
        proxy(cloud.host) as (host, between),
    ):
        env = profile(tmp_path / "home", host, cloud.session, api_timeout=1)
        ran = run(["recover", PG_DATA, "--timeout", "60s", "-o", "ndjson"], env, command=fast(slow))
        check_report(ran, cloud)
        assert ran.code == 0, ran
        happened = [(one["event"], one["job"]) for one in cloud.events() if one["event"] != "queued"]
    first, second = between.puts()
    assert happened[:3] == [("accepted", first.job), ("dropped", first.job), ("accepted", second.job)]
    assert (second.time - first.time) * slow >= 1 + MARGIN
    assert versions(between) == 1
