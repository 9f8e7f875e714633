"""Requests and jobs of each release, on both sides of where it changed; and what can go wrong with a job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.contract.cloud import PG_DATA, READY, Client, events, running
from zvol.sandbox import advance, store

PG_WAL = "d0a7a5e0c0de4b1e8a5efeedbead0002"
JOB = "0123456789abcdef0123456789abcdef"
FOR_EVER = 1e9
DRY_RUN: dict[str, Any] = {"recoverDataVolume": {}, "systemTags": ["ephemeral::validationOnly"]}
HIBERNATE = b"org.hibernate.exception.ConstraintViolationException: could not execute statement"


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.005)


def pass_time(client: Client, directory: Path, seconds: float) -> None:
    """Move the clock, and wait until the node has done what it does by itself; its heartbeat is the last of that."""

    def beat() -> str:
        """Return the date and the hour."""
        return str(client.query("/v1/management-nodes").json["inventories"][0]["heartBeat"]).partition(":")[0]

    before = beat()
    advance(directory, seconds)
    until(lambda: beat() != before)


def happened(directory: Path, event: str) -> int:
    """Return how often the ledger has an event."""
    return [line["event"] for line in events(directory / "ledger")].count(event)


# ---- bodies ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("version", "body"), [("2.3", b""), ("3.1.9", b""), ("3.2", b"{}"), ("5.2.1", b"{}")])
def test_the_body_of_an_answer_without_content(tmp_path: Path, version: str, body: bytes) -> None:
    with running(tmp_path, version=version, queue_delay=FOR_EVER) as client:
        running_job = client.job(client.recover(PG_DATA).job)
        assert (running_job.status, running_job.body) == (202, body)
        dry = client.end(client.send("PUT", f"/v1/volumes/{PG_WAL}/actions", DRY_RUN))
        assert (dry.status, dry.body) == (200, body)
        deleted = client.end(client.send("DELETE", f"/v1/volumes/{READY}"))
        assert (deleted.status, deleted.body) == (200, body)
        out = client.send("DELETE", f"/v1/accounts/sessions/{client.session}")
        assert (out.status, out.body) == (200, body)


# ---- the timeout of a request ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "told"),
    [("3.1.9", None), ("3.2", None), ("4.0.9", None), ("4.1", 60_000), ("zsphere-4.2", 60_000), ("5.2.1", 60_000)],
)
def test_the_timeout_in_the_202(tmp_path: Path, version: str, told: int | None) -> None:
    with running(tmp_path, version=version) as client:
        accepted = client.recover(PG_DATA, X_API_Timeout="60")
        assert accepted.json.get("apiTimeout") == told
        assert set(accepted.json) == ({"location"} if told is None else {"apiTimeout", "location"})
        again = client.recover(PG_WAL).json.get("apiTimeout")
        assert again == (None if told is None else 1_800_000)


@pytest.mark.parametrize(("version", "status"), [("3.1.9", 202), ("3.2", 500)])
def test_a_timeout_that_is_no_number(tmp_path: Path, version: str, status: int) -> None:
    with running(tmp_path, version=version) as client:
        answer = client.recover(PG_DATA, X_API_Timeout="abc")
        assert answer.status == status
        if status == 500:
            assert answer.body == b'For input string: "abc"'


@pytest.mark.parametrize(
    ("version", "timeout", "waited", "dropped"),
    [
        ("3.1.9", "60", 61.0, False),
        ("3.6.9", "60", 61.0, False),
        ("3.7", "60", 60.9, False),  # whole seconds are compared
        ("3.7", "60", 61.0, True),
        ("4.4.65", "60", 61.0, True),
        ("zsphere-4.10.0", "60", 61.0, True),
        ("5.2.1", "300", 61.0, False),
        ("5.2.1", "0", 61.0, False),
        ("5.2.1", "-5", 61.0, False),
        ("5.2.1", None, 1800.0, False),
        ("5.2.1", None, 1801.0, True),
    ],
)
def test_what_waited_in_a_queue_longer_than_its_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, timeout: str | None, waited: float, dropped: bool
) -> None:
    now = [time.time()]
    clock = SimpleNamespace(time=lambda: now[0], sleep=time.sleep, monotonic=time.monotonic)
    monkeypatch.setattr(store, "time", clock)
    with running(tmp_path, version=version, queue_delay=waited) as client:
        accepted = client.recover(PG_DATA, **({} if timeout is None else {"X_API_Timeout": timeout}))
        until(lambda: happened(tmp_path, "queued") == 1)
        assert happened(tmp_path, "begun") == 0
        now[0] += waited
        until(lambda: happened(tmp_path, "dropped" if dropped else "finished") == 1)
        assert happened(tmp_path, "begun") == (0 if dropped else 1)
        assert client.status(PG_DATA) == ("Deleted" if dropped else "Ready")
        assert client.job(accepted.job).status == (202 if dropped else 200)
        if dropped:  # the queue goes on
            monkeypatch.undo()
            renamed = client.send("PUT", f"/v1/volumes/{PG_DATA}/actions", {"updateVolume": {"name": "new"}})
            assert client.end(renamed).status == 200
            assert client.job(accepted.job).status == 202


def test_the_queue_is_that_of_the_volume_and_busy_for_recoveries_only(tmp_path: Path) -> None:
    with running(tmp_path, queue_delay=100.0) as client:
        waiting = client.recover(PG_DATA)
        until(lambda: happened(tmp_path, "queued") == 1)
        renamed = client.send("PUT", f"/v1/volumes/{PG_DATA}/actions", {"updateVolume": {"name": "new"}})
        assert client.end(client.send("DELETE", f"/v1/volumes/{READY}")).status == 200
        assert (client.job(waiting.job).status, client.job(renamed.job).status) == (202, 202)
        advance(tmp_path, 110)
        assert client.end(waiting).status == 200
        assert client.end(renamed).status == 200


def test_the_queue_is_busy_before_the_first_recovery_of_each_volume(tmp_path: Path) -> None:
    """What is sent after that is not delayed; so a lost recovery and its repetition can be shown."""
    with running(tmp_path, queue_delay=100.0) as client:
        first = client.recover(PG_DATA, X_API_Timeout="60")
        until(lambda: happened(tmp_path, "queued") == 1)
        advance(tmp_path, 110)
        until(lambda: happened(tmp_path, "dropped") == 1)
        assert client.end(client.recover(PG_DATA)).status == 200
        assert client.job(first.job).status == 202
        client.recover(PG_WAL)
        until(lambda: happened(tmp_path, "queued") == 3)
        assert happened(tmp_path, "begun") == 1


def test_a_server_that_is_stopped_finishes_what_it_accepted(tmp_path: Path) -> None:
    with running(tmp_path, queue_delay=FOR_EVER) as client:
        client.recover(PG_DATA)
        until(lambda: happened(tmp_path, "queued") == 1)
    assert [happened(tmp_path, event) for event in ("begun", "finished")] == [1, 1]


# ---- used job ids ------------------------------------------------------------------------------------------------
def again(client: Client) -> Any:
    """Recover a volume, delete it, and recover it once more with the same job id; returns the second answer."""
    client.end(client.recover(PG_DATA, X_Job_UUID=JOB))
    client.end(client.send("DELETE", f"/v1/volumes/{PG_DATA}"))
    return client.recover(PG_DATA, X_Job_UUID=JOB)


@pytest.mark.parametrize("version", ["2.3", "3.0", "3.0.9"])
def test_a_used_id_is_an_error_and_not_executed(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        refused = again(client)
        assert (refused.status, refused.body) == (500, HIBERNATE)
        client.end(client.recover(PG_WAL))
        assert client.status(PG_DATA) == "Deleted"
        assert client.job(JOB).status == 200
        assert happened(tmp_path, "accepted") == 2


@pytest.mark.parametrize("version", ["3.1", "3.10.40", "4.4.65"])
def test_a_used_id_is_executed_again(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        accepted = again(client)
        assert (accepted.status, accepted.job) == (202, JOB)
        until(lambda: client.status(PG_DATA) == "Ready")
        assert happened(tmp_path, "accepted") == 2


@pytest.mark.parametrize("version", ["3.1", "4.4.65"])
def test_a_job_has_the_first_result_until_the_second_ends(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        assert client.end(client.recover(PG_DATA, X_Job_UUID=JOB)).status == 200
        client.end(client.send("DELETE", f"/v1/volumes/{PG_DATA}"))
        client.end(client.send("PUT", f"/v1/volumes/{PG_DATA}/actions", {"updateVolume": {"name": "second"}}))
    with running(tmp_path, version=version, queue_delay=100.0) as client:
        assert client.recover(PG_DATA, X_Job_UUID=JOB).status == 202
        until(lambda: happened(tmp_path, "queued") == 1)
        assert client.job(JOB).json["inventory"]["name"] == "pg-data"
        advance(tmp_path, 110)
        until(lambda: client.job(JOB).json["inventory"]["name"] == "second")
    with running(tmp_path, version=version) as client:
        assert client.recover(PG_DATA, X_Job_UUID=JOB).status == 202
        until(lambda: client.job(JOB).status == 503)
        assert client.job(JOB).error["code"] == "SYS.1006"


@pytest.mark.parametrize("version", ["4.5", "4.8.22", "5.2.1", "zsphere-4.2", "zsphere-4.10.0"])
def test_a_used_id_is_refused(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        refused = again(client)
        assert (refused.status, refused.body) == (400, f"Duplicate job uuid[{JOB}]".encode())
        client.end(client.recover(PG_WAL))
        assert client.status(PG_DATA) == "Deleted"


@pytest.mark.parametrize(
    ("version", "accepted", "others"), [("3.0", {1}, 500), ("4.4.65", {4}, 0), ("5.2.1", {2, 3, 4}, 400)]
)
def test_one_id_in_four_requests_at_once(tmp_path: Path, version: str, accepted: set[int], others: int) -> None:
    found: list[int] = []
    gate = threading.Barrier(4)

    def send(one: Client) -> None:
        gate.wait()
        found.append(one.recover(PG_DATA, X_Job_UUID=JOB).status)

    with running(tmp_path, version=version, check_pause=0.2) as client:
        clients = [
            Client(f"http://{client.connection.host}:{client.connection.port}/zstack", client.session) for _ in range(4)
        ]
        threads = [threading.Thread(target=send, args=[one]) for one in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in clients:
            one.close()
    assert found.count(202) in accepted
    assert set(found) <= {202, others}


# ---- rows of jobs ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("version", "kept"), [("3.1.9", True), ("3.2", False), ("5.2.1", False)])
def test_how_long_the_row_of_a_job_is_kept(tmp_path: Path, version: str, kept: bool) -> None:
    with running(tmp_path, version=version) as client:
        client.end(client.recover(PG_DATA, X_Job_UUID=JOB))
    with running(tmp_path, version=version, queue_delay=FOR_EVER) as client:
        stuck = client.recover(PG_WAL)
        pass_time(client, tmp_path, 3 * 3600 - 60)
        assert client.job(JOB).status == 200
        pass_time(client, tmp_path, 4 * 3600)
        assert client.job(stuck.job).status == 202
        if kept:
            assert client.job(JOB).status == 200
        else:
            missing = client.job(JOB)
            assert (missing.status, missing.body) == (404, b"the job has been expired")
            assert client.recover(PG_DATA, X_Job_UUID=JOB).status == 202, "an id whose row is gone is new again"


# ---- switches ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["3.0", "5.2.1"])
def test_a_lost_row(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version, lose_insert=True) as client:
        accepted = client.recover(PG_DATA)
        assert accepted.status == 202
        missing = client.job(accepted.job)
        assert (missing.status, missing.body) == (404, b"the job has been expired")
        until(lambda: client.status(PG_DATA) == "Ready")
        until(lambda: happened(tmp_path, "finished") == 1)
        assert client.job(accepted.job).status == 404
        assert client.end(client.send("DELETE", f"/v1/volumes/{READY}")).status == 200


def test_two_nodes(tmp_path: Path) -> None:
    with running(tmp_path, two_nodes=True) as client:
        accepted = client.recover(PG_DATA)
        until(lambda: happened(tmp_path, "finished") == 1)
        found = [client.job(accepted.job) for _ in range(6)]
        assert {answer.status for answer in found[::2]} == {202}
        assert {answer.status for answer in found[1::2]} == {200}
        assert {answer.body for answer in found[::2]} == {b"{}"}
        failed = client.recover(READY)
        until(lambda: happened(tmp_path, "refused") == 1)
        assert [client.job(failed.job).status for _ in range(4)] == [202, 503, 202, 503]
        nodes = client.query("/v1/management-nodes").json["inventories"]
        assert len({node["uuid"] for node in nodes}) == 2
        assert len({node["heartBeat"] for node in nodes}) == 2, "one of them is away"
    with running(tmp_path) as client:
        assert len(client.query("/v1/management-nodes").json["inventories"]) == 1
        assert [client.job(accepted.job).status for _ in range(2)] == [200, 200]
