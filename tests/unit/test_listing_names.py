"""Names of VMs and storages for a list: looked up with few URLs of limited length; a failure costs only the names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from zvol.catalog.listing import RetentionContext, volume_rows
from zvol.errors import MaybeSent, NeverSent, Refused, TransientError
from zvol.model import Volume
from zvol.zstack.zones import Zone


class Cloud:
    """Knows the name of each resource; `most` are the characters of a URL that a proxy accepts."""

    def __init__(self, most: int = 10_000, failure: Exception | None = None) -> None:
        self.most, self.failure = most, failure or TransientError("HTTP 414 text/html that is not ZStack's")
        self.sizes: list[int] = []

    def query_all(
        self, path: str, conditions: Sequence[str], *, fields: str = "", rows: int = 0
    ) -> list[Mapping[str, Any]]:
        assert fields == "uuid,name"
        [condition] = conditions
        uuids = condition.removeprefix("uuid?=").split(",")
        self.sizes.append(len(uuids))
        assert rows >= len(uuids)
        if len(quote(path + condition)) + 100 > self.most:
            raise self.failure
        return [{"uuid": uuid, "name": f"name of {uuid}"} for uuid in uuids]


def names(cloud: Any, count: int) -> list[str | None]:
    found = [{"uuid": f"{n:032x}", "name": "v", "lastVmInstanceUuid": f"{n:031x}a"} for n in range(count)]
    rows = volume_rows(cloud, [Volume(str(one["uuid"]), one) for one in found], RetentionContext({}, Zone(), None))
    return [row.last_vm for row in sorted(rows, key=lambda row: row.volume.uuid)]


def test_a_url_stays_below_two_thousand_characters() -> None:
    cloud = Cloud(most=2000)
    assert names(cloud, 120) == [f"name of {n:031x}a" for n in range(120)]
    assert cloud.sizes == [50, 50, 20]


def test_smaller_batches_where_the_url_is_too_long() -> None:
    cloud = Cloud(most=600)
    assert names(cloud, 60) == [f"name of {n:031x}a" for n in range(60)]
    assert cloud.sizes == [50, 10, 10, 10, 10, 10, 10]
    cloud = Cloud(most=100)
    assert names(cloud, 60) == [None] * 60
    assert cloud.sizes == [50, 10]


@pytest.mark.parametrize(
    "failure",
    [
        Refused("no"),
        TransientError("refused", NeverSent("refused", "refused")),
        TransientError("silent", maybe_sent=MaybeSent("silent", late=True)),
    ],
)
def test_an_unreachable_server_is_requested_once(failure: Exception) -> None:
    cloud = Cloud(most=100, failure=failure)
    assert names(cloud, 60) == [None] * 60
    assert cloud.sizes == [50]
