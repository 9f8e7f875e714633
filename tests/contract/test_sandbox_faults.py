"""An injected fault happens once, for its volume, as its name says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.contract.capture import Answer
from tests.contract.cloud import PG_DATA, Client, running
from tests.support.sandbox_faults import plant

JOB = "a" * 32


def ended(client: Client, status: int, *, back: bool) -> Answer:
    """Wait until the job answers with this status, and the volume is recovered if it should be."""
    until = time.monotonic() + 60
    while (found := client.job(JOB)).status != status or (back and client.status(PG_DATA) == "Deleted"):
        assert time.monotonic() < until, found
        time.sleep(0.005)
    return found


@pytest.mark.parametrize(
    ("fault", "put", "job", "back"),
    [
        ("unsaved", 202, 404, True),
        ("late-save", 202, 200, True),
        ("unsent", 202, 202, False),
        ("unsent-500", 500, 202, False),
        ("stuck", 202, 202, True),
        ("slow", 202, 200, True),
        ("forgotten", 202, 404, True),
        ("collected", 202, 404, True),
        ("nothing", 202, 200, False),
        ("claimed", 202, 200, False),
        ("foreign", 202, 200, True),
        ("flip", 202, 503, True),
        ("fail:ID.1003", 202, 503, False),
        ("fail-after:SYS.1000", 202, 503, True),
    ],
)
def test_each_fault(tmp_path: Path, fault: str, put: int, job: int, back: bool) -> None:
    with running(tmp_path, faults=True) as client:
        plant(tmp_path, PG_DATA, fault)
        answer = client.recover(PG_DATA, X_Job_UUID=JOB)
        assert answer.status == put
        assert client.end(client.recover("d0a7a5e0c0de4b1e8a5efeedbead0002")).status == 200
        end = ended(client, job, back=back)
        assert (client.status(PG_DATA) == "Ready") is back
        if fault == "foreign":
            assert end.json["inventory"]["uuid"] != PG_DATA
        if fault == "claimed":
            assert (end.json["inventory"]["uuid"], end.json["inventory"]["status"]) == (PG_DATA, "Ready")
        if fault.startswith("fail"):
            assert end.error["code"] == fault.partition(":")[2]
        again = client.end(client.recover(PG_DATA))
        assert again.status == (503 if back else 200)
