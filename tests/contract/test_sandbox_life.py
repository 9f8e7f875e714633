"""Sandboxes that are killed, that share a directory, and that get the same job id at the same moment."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.capture import Answer
from tests.contract.cloud import PG_DATA, Client, Process, events, extra, process
from zvol.sandbox import Switches, embedded, reset


def _together(clients: list[Client], job: str, volume: str) -> list[Answer]:
    barrier = threading.Barrier(len(clients))

    def put(client: Client) -> Answer:
        client.job("warm")
        barrier.wait()
        return client.recover(volume, X_Job_UUID=job)

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(put, clients))


def test_four_puts_with_the_same_id_can_all_be_accepted(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with embedded(tmp_path / "cloud", Switches(job_time=0.02), ledger=ledger, extra=30) as cloud:
        clients = [Client(cloud.host, cloud.session) for _ in range(4)]
        accepted = 0
        for number in range(1, 31):
            job = uuid.uuid4().hex
            answers = _together(clients, job, extra(number))
            accepted = sum(answer.status == 202 for answer in answers)
            assert {answer.status for answer in answers} <= {202, 400}
            assert sum(event.get("job") == job and event["event"] == "accepted" for event in events(ledger)) == accepted
            assert clients[0].end(next(answer for answer in answers if answer.status == 202)).status in (200, 503)
            if accepted > 1:
                break
        for client in clients:
            client.close()
    assert accepted > 1


def kill_during_jobs(server: Process, client: Client) -> dict[str, str]:
    """Recover volumes, and kill the server when some jobs have not begun, some are done, and some have ended.

    It is stopped while it is looked at.  Returns the jobs of the volumes.
    """
    jobs: dict[str, str] = {}
    for number in range(1, 201):
        answer = client.recover(extra(number))
        assert answer.job is not None
        jobs[extra(number)] = answer.job
        server.child.send_signal(signal.SIGSTOP)
        kinds = Counter(event["event"] for event in events(server.ledger))
        if len(jobs) > kinds["ended"] > kinds["finished"] > 0:
            break
        server.child.send_signal(signal.SIGCONT)
    else:
        raise AssertionError("no such moment")
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    client.close()
    return jobs


def test_a_sandbox_that_is_killed_during_jobs(tmp_path: Path) -> None:
    with process(tmp_path, volumes=200, job_time=0.3) as first:
        jobs = kill_during_jobs(first, first.client())
    with process(tmp_path) as second:
        client = second.client()
        client.session = first.session  # sessions survive
        ends = {volume: client.job(job).status for volume, job in jobs.items()}
        states = {volume: client.status(volume) for volume in jobs}
        assert Counter(states.values()).keys() == {"Ready", "Deleted"}
        processing = {volume for volume, status in ends.items() if status == 202}
        back = {volume for volume, status in states.items() if status == "Ready"}
        assert processing & back, "some are recovered and their job stays at 202"
        assert {volume for volume, status in states.items() if status == "Deleted"} <= processing
        assert {volume for volume, status in ends.items() if status == 200} <= back
        lost = next(iter(processing - back))
        assert client.job(jobs[lost]).status == 202
        assert client.recover(lost, X_Job_UUID=jobs[lost]).status == 400
        assert client.end(client.recover(lost)).status == 200
        assert client.status(lost) == "Ready"
        client.close()


def test_the_ledger_shows_which_executions_were_killed(tmp_path: Path) -> None:
    with process(tmp_path, volumes=200, job_time=0.3) as first:
        jobs = kill_during_jobs(first, first.client())
    kinds = Counter(event["event"] for event in events(first.ledger))
    assert kinds["accepted"] == len(jobs)
    assert len(jobs) > kinds["ended"] >= kinds["finished"]
    with process(tmp_path) as second:
        client = second.client()
        back = sum(client.status(volume) == "Ready" for volume in jobs)
        assert back == Counter(event["event"] for event in events(second.ledger))["ended"]
        client.close()


def test_two_processes_are_two_management_nodes_of_one_cloud(tmp_path: Path) -> None:
    with process(tmp_path, volumes=40) as first, process(tmp_path) as second:
        one, two = first.client(), second.client()
        two.session = first.session
        answers = [(one if number % 2 else two).recover(extra(number)) for number in range(1, 41)]
        for number, answer in enumerate(answers, 1):
            assert (two if number % 2 else one).end(answer).status == 200
        assert {one.status(extra(number)) for number in range(1, 41)} == {"Ready"}
        assert len(events(first.ledger)) == len({event["seq"] for event in events(first.ledger)})
        assert {event["pid"] for event in events(first.ledger)} == {first.child.pid, second.child.pid}
        one.close()
        two.close()


def test_the_ledger_lists_events_in_order(tmp_path: Path) -> None:
    with embedded(tmp_path, Switches(job_time=0.01), ledger=tmp_path / "ledger") as cloud:
        client = Client(cloud.host, cloud.session)
        client.end(client.recover(PG_DATA))
        client.end(client.recover(PG_DATA))
        client.close()
    found = [event for event in events(tmp_path / "ledger") if event.get("volume") == PG_DATA]
    assert [event["event"] for event in found] == ["accepted", "begun", "ended", "finished", "accepted", "refused"]
    assert found[2]["status"] == "Ready"
    assert found[-1]["code"] == "SYS.1006"
    assert [event["seq"] for event in found] == sorted(event["seq"] for event in found)
    assert [event["time"] for event in found] == sorted(event["time"] for event in found)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_with_a_signal(tmp_path: Path, how: signal.Signals) -> None:
    with process(tmp_path) as running:
        client = running.client()
        assert client.status(PG_DATA) == "Deleted"
        assert running.end(how) == (0 if how is signal.SIGINT else -how)
        client.close()


def test_an_orderly_stop_finishes_the_accepted_jobs(tmp_path: Path) -> None:
    with embedded(tmp_path, Switches(job_time=5)) as cloud:
        client = Client(cloud.host, cloud.session)
        accepted = client.recover(PG_DATA)
        assert client.job(accepted.job).body == b"{}"
        client.close()
    with embedded(tmp_path) as cloud:
        client = Client(cloud.host, cloud.session)
        assert client.job(accepted.job).status == 200
        assert client.status(PG_DATA) == "Ready"
        client.close()


def test_reset_restores_the_initial_state(tmp_path: Path) -> None:
    for count in (3, 0):
        reset(tmp_path, count)
        with embedded(tmp_path, Switches(job_time=0.01)) as cloud:
            client = Client(cloud.host, cloud.session)
            assert client.status(extra(3)) == ("Deleted" if count else None)
            assert client.end(client.recover(PG_DATA)).status == 200
            client.close()


def test_sixteen_concurrent_clients(tmp_path: Path) -> None:
    with embedded(tmp_path, extra=320) as cloud:
        clients = [Client(cloud.host, cloud.session) for _ in range(16)]

        def put(place: int) -> set[int]:
            return {clients[place].recover(extra(number)).status for number in range(place + 1, 321, 16)}

        with ThreadPoolExecutor(16) as pool:
            assert set().union(*pool.map(put, range(16))) == {202}
        uuids = ",".join(extra(number) for number in range(1, 101))
        until = time.monotonic() + 60
        while True:
            reply = clients[0].query("/v1/volumes", f"uuid?={uuids}", fields="uuid,status").json["inventories"]
            if {row["status"] for row in reply} == {"Ready"}:
                break
            assert time.monotonic() < until
        assert len(reply) == 100
        for client in clients:
            client.close()
