"""`gone` is a whole answer of ZStack's that does not hold the volume: anything less, or about others, is no answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import environment
from tests.support.warm import run
from tests.support.wire import SECRET, raw, says
from zvol.errors import TransientError
from zvol.zstack.auth import ANONYMOUS
from zvol.zstack.client import Client
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.transport import Transport

ONE, TWO, THREE = "a" * 32, "b" * 32, "c" * 32


def volume(uuid: str, **more: object) -> dict[str, object]:
    return {"uuid": uuid, "status": "Deleted", "type": "Data", **more}


def answering(document: Any, status: int = 200) -> Any:
    body = json.dumps(document).encode()
    return says(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body, alive=True)


def reading(document: Any, *uuids: str) -> list[str]:
    """Return the UUIDs that a client finds when it asks for these."""
    with raw(answering(document)) as server:
        transport = Transport(server.endpoint())
        client = Client(transport, ANONYMOUS)
        try:
            if len(uuids) == 1:
                found = client.resource(uuids[0], kind=DATA_VOLUME)
                return [found.uuid] if found else []
            return [*client.volumes(uuids)]
        finally:
            transport.close()


def test_a_volume_that_is_there_or_not() -> None:
    assert reading({"schema": {}, "inventories": []}, ONE) == []
    assert reading({"inventories": []}, ONE) == []
    assert reading({"inventories": [volume(ONE)]}, ONE) == [ONE]


@pytest.mark.parametrize(
    "found",
    [
        [volume(TWO)],
        [volume(ONE), volume(TWO)],
        [volume(ONE), volume(ONE, status="Ready")],
        [volume(ONE.upper())],
        [volume(ONE[:-1])],
        [{"uuid": ONE}],
        [volume(ONE, status=None)],
        [{}],
    ],
    ids=repr,
)
def test_one_volume_read_and_another_answered(found: list[Any]) -> None:
    with pytest.raises(TransientError):
        reading({"inventories": found}, ONE)


def test_a_batch_is_whole_when_it_says_how_many_there_are() -> None:
    assert reading({"total": 2, "inventories": [volume(TWO), volume(ONE)]}, ONE, TWO, THREE) == [ONE, TWO]
    assert reading({"total": 0, "inventories": []}, ONE, TWO) == []
    assert reading({"inventories": [volume(TWO), volume(ONE)]}, ONE, TWO) == [ONE, TWO]


@pytest.mark.parametrize(
    "document",
    [
        {"inventories": [volume(ONE)]},
        {"inventories": []},
        {"total": 2, "inventories": [volume(ONE)]},
        {"total": 0, "inventories": [volume(ONE)]},
        {"total": 1, "inventories": [volume(THREE)]},
        {"total": 2, "inventories": [volume(ONE), volume(ONE)]},
        {"total": 2, "inventories": [volume(ONE), volume(THREE)]},
        {"total": 2, "inventories": [volume(ONE), {"uuid": TWO}]},
        {"total": 3, "inventories": [volume(ONE), volume(TWO), volume(THREE)]},
    ],
    ids=repr,
)
def test_a_batch_that_is_not_whole_or_about_others(document: Any) -> None:
    with pytest.raises(TransientError):
        reading(document, ONE, TWO)


@pytest.mark.parametrize("found", [[volume(TWO, status="Ready")], [volume(ONE), volume(TWO)]], ids=["foreign", "both"])
def test_the_program_does_not_say_gone_or_already_of_it(found: list[Any], tmp_path: Path) -> None:
    with raw(answering({"inventories": found})) as server:
        env = environment(tmp_path / "home", {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET})
        ended = run(["show", ONE], env)
        assert (ended.code, ended.out) == (5, "")
        assert "contains volumes that were not requested" in ended.err
