"""`--version`: what each release does differently, on both sides of where it changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.contract.cloud import Client, running
from zvol.sandbox.versions import CHANGES, NAMES, ZSPHERE, Behaviour, behaviour

NUMBERS = {"zsphere-4.2": "4.8.0.3", "zsphere-4.3": "4.8.0.6", "zsphere-4.10.0": "4.10.0"}


def version_of(client: Client) -> str:
    found = client.raw("PUT", "/v1/management-nodes/actions", b'{"getVersion":{}}').json["version"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("name", [*NAMES, "3.5.0.1", "4.10.3", "5.9"])
def test_get_version(tmp_path: Path, name: str) -> None:
    with running(tmp_path, version=name) as client:
        assert version_of(client) == NUMBERS.get(name, name)


@pytest.mark.parametrize("name", ["", "5", "5.x", "5.2.1.0.1", "2.2.9", "zsphere-4.1", "zsphere-", "zsphere-5.2.1"])
def test_what_is_no_release(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name of a release|is older than 2\.3"):
        behaviour(name)


def test_the_table_is_in_order_and_each_of_its_values_changes_something() -> None:
    rows = [tuple(map(int, row.split("."))) for row, _ in CHANGES]
    assert rows == sorted(rows)
    known = {field.name for field in dataclasses.fields(Behaviour)}
    before = dataclasses.asdict(Behaviour())
    for row, changes in CHANGES:
        assert set(changes) <= known, row
        assert all(before[name] != value for name, value in changes.items()), row
        before |= changes
    before = dataclasses.asdict(behaviour("4.8"))
    for row, changes in ZSPHERE:
        assert all(before[name] != value for name, value in changes.items()), row
        before |= changes


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("3.0", "3.0"),
        ("4.1.8", "4.1.2"),
        ("4.1.1", "4.1"),
        ("9.9", "5.0"),
        ("4.9", "4.8"),
        ("4.10.7", "zsphere-4.10.0"),
    ],
)
def test_the_row_of_a_number(name: str, row: str) -> None:
    assert behaviour(name).row == row
