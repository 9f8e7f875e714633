"""Numbers that a server chooses: displayed safely, and never an endless wait."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.model import Volume
from zvol.render import columns
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.text import human_duration, human_size
from zvol.zstack.answers import Accepted, Answer, classify_put
from zvol.zstack.resource_kinds import DATA_VOLUME

LARGEST = 10**20 - 1


@given(st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.text())
def test_a_timeout_is_between_a_second_and_a_day(milliseconds: object) -> None:
    body = json.dumps({"location": "http://x/v1/api-jobs/y", "apiTimeout": milliseconds})
    found = classify_put(Answer(202, body.encode()), DATA_VOLUME)
    if isinstance(found, Accepted):
        assert found.api_timeout is None or 1 <= found.api_timeout <= 86_400


@given(st.integers(-LARGEST, LARGEST) | st.floats() | st.text() | st.booleans() | st.none(), st.integers(0, LARGEST))
def test_any_value_can_be_shown(value: object, number: int) -> None:
    uuid = "a" * 32
    names = (
        "name",
        "size",
        "actualSize",
        "type",
        "status",
        "createDate",
        "lastOpDate",
        "vmInstanceUuid",
        "installPath",
    )
    row = VolumeRow(Volume(uuid, {"uuid": uuid} | dict.fromkeys(names, value)), Retention(None, None))
    for column in columns.VOLUMES.known.values():
        assert column.text(row).isprintable()
        assert column.terminal(row).isprintable()
        assert isinstance(column.csv(row), str)
    assert len(human_size(number)) < 40
    assert len(human_duration(number)) < 40


@pytest.mark.parametrize("size", [LARGEST, -LARGEST, 0, -1])
def test_a_size_is_never_longer_than_its_column(size: int) -> None:
    assert len(human_size(size)) <= 24
