"""`--version`: what each release does differently, on both sides of where it changed."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tests.contract.cloud import Client, running
from zvol.sandbox.versions import CHANGES, NAMES, ZSPHERE, Behaviour, behaviour, stand_in

NUMBERS = {
    **{"zsphere-4.0": "4.7.0.4", "zsphere-4.1": "4.8.0.1", "zsphere-4.2": "4.8.0.3", "zsphere-4.3": "4.8.0.6"},
    **{"zsphere-4.10.0": "4.10.0", "zsphere-4.10": "4.10.0", "zsphere-4.2.8": "4.8.0.3"},
}


def version_of(client: Client) -> str:
    found = client.raw("PUT", "/v1/management-nodes/actions", b'{"getVersion":{}}').json["version"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("name", [*NAMES, "zsphere-4.10", "zsphere-4.2.8", "3.5.0.1", "4.8.0.5", "4.10.3", "5.9"])
def test_get_version(tmp_path: Path, name: str) -> None:
    with running(tmp_path, version=name) as client:
        assert version_of(client) == NUMBERS.get(name, name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "is not the name of a release") for name in ("", "5", "5.x", "5.2.1.0.1", "zsphere-", "zsphere-x")),
        *((name, "is not the name of a release") for name in ("zsphere-4.2.1.0.1", "zsphere-4.", "zsphere")),
        ("2.2.9", "is older than 2.3, the oldest release that is known"),
        ("zsphere-3.9.9", "is older than zsphere-4.0, the oldest ZSphere that is known"),
    ],
)
def test_what_is_no_release(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
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
    before = dataclasses.asdict(behaviour("4.7"))
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
        ("4.7.0.3", "4.7"),
        ("4.7.0.4", "zsphere-4.0"),
        ("4.7.0.5", "zsphere-4.0"),
        ("4.7.1.4", "4.7"),
        ("4.8.0.0", "4.8"),
        ("4.8.0.2", "zsphere-4.1"),
        ("4.8.0.3", "zsphere-4.2"),
        ("4.8.0.5", "zsphere-4.2"),
        ("4.8.0.8", "zsphere-4.3"),
        ("zsphere-4", "zsphere-4.0"),
        ("zsphere-4.0.1", "zsphere-4.0"),
        ("zsphere-4.1.6", "zsphere-4.1"),
        ("zsphere-4.9", "zsphere-4.3"),
        ("zsphere-4.10", "zsphere-4.10.0"),
        ("zsphere-9", "zsphere-4.10.0"),
    ],
)
def test_the_row_of_a_number(name: str, row: str) -> None:
    assert behaviour(name).row == row


@pytest.mark.parametrize("name", [*NAMES, "2.3", "4.8", "4.8.0", "4.1.2", "4.7.0.4", "4.8.0.6", "4.10", "zsphere-4.10"])
def test_a_line_of_the_table_stands_for_itself(name: str) -> None:
    assert stand_in(name) is None


@pytest.mark.parametrize("name", ["4.8.1", "5.2.2", "5.2", "4.8.0.5", "4.10.1", "zsphere-4.2.8", "zsphere-9"])
def test_any_other_number_behaves_as_a_line(name: str) -> None:
    assert stand_in(name) == behaviour(name).row


def test_zsphere_4_0_does_not_remember_destroyed_vms_although_it_has_the_date() -> None:
    old, new, cloud = map(behaviour, ("zsphere-4.0", "zsphere-4.1", "4.7"))
    assert (old.destroy_remembers, new.destroy_remembers, cloud.destroy_remembers) == (False, True, False)
    assert "volume.lastAttachDate" in cloud.absent_fields - old.absent_fields
    assert old.zsphere
