"""Volumes read in batches: a batch too large for a proxy is halved, and an outage costs at most two requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from zvol.errors import MaybeSent, TransientError
from zvol.secrets import Secret
from zvol.zstack.answers import Answer
from zvol.zstack.auth import SessionAuth
from zvol.zstack.client import Client

UUIDS = [f"{number:032x}" for number in range(250)]


class Proxy:
    """Answers for the volumes of a request that names at most `most` of them."""

    def __init__(self, most: int, refusal: Answer | MaybeSent | None = None) -> None:
        self.most, self.refusal = most, refusal or Answer(414, b"<html>too long</html>")
        self.sizes: list[int] = []

    def send(self, _method: str, path: str, query: Sequence[tuple[str, str]] = (), **_: Any) -> Answer:
        uuids = dict(query).get("q", "uuid?=" + path.rpartition("/")[2]).removeprefix("uuid?=").split(",")
        self.sizes.append(len(uuids))
        if len(uuids) > self.most:
            if isinstance(self.refusal, MaybeSent):
                raise self.refusal
            return self.refusal
        found = [{"uuid": uuid, "status": "Deleted"} for uuid in uuids]
        return Answer(200, json.dumps({"inventories": found, "total": len(found)}).encode())


def client(proxy: Any) -> Client:
    return Client(proxy, SessionAuth(Secret("5ec4e75ec4e75ec4e75ec4e75ec4e75e")))


@pytest.mark.parametrize("refusal", [None, Answer(502), MaybeSent("reset")])
def test_a_batch_that_is_too_large_is_halved_and_its_size_is_reused(refusal: Any) -> None:
    proxy = Proxy(30, refusal)
    assert list(client(proxy).volumes(UUIDS)) == UUIDS
    assert proxy.sizes == [100, 1, 50, 1, *[25] * 10]


def test_volumes_share_keys_values_and_the_uuids_that_were_given() -> None:
    one, other = client(Proxy(100)).volumes(UUIDS[:2]).values()
    assert one.uuid is one.fields["uuid"] is UUIDS[0]
    assert one.fields["status"] is other.fields["status"]
    assert one.fields.keys() == {"uuid", "status"}


def test_full_batches_without_errors() -> None:
    proxy = Proxy(100)
    assert list(client(proxy).volumes(UUIDS)) == UUIDS
    assert proxy.sizes == [100, 100, 50]


def test_an_outage_costs_at_most_two_requests() -> None:
    proxy = Proxy(0)
    with pytest.raises(TransientError):
        client(proxy).volumes(UUIDS)
    assert proxy.sizes == [100, 1]
    proxy = Proxy(0)
    with pytest.raises(TransientError):
        client(proxy).volumes(UUIDS[:1])
    assert proxy.sizes == [1]
