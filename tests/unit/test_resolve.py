"""Names of volumes and VMs are resolved alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from zvol.catalog.resolve import resolve
from zvol.errors import TransientError
from zvol.model import Outcome, Result, Target, Volume, VolumeArgument
from zvol.resource import Resource
from zvol.vm_instance import VmInstance
from zvol.zstack.resource_kinds import DATA_VOLUME, VM_INSTANCE

A, B, C = "a" * 32, "b" * 32, "c" * 32
KINDS: Any = [(DATA_VOLUME, Volume), (VM_INSTANCE, VmInstance)]


def refuse(names: Sequence[str], by_name: Mapping[str, Sequence[Resource]]) -> list[Result]:
    return [Result(name, None, Outcome.FAILED, warnings=(f"{len(by_name[name])}",)) for name in names]


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_name_means_the_deletion_that_was_found(kind: Any, make: Any) -> None:
    found = [make(uuid, {"name": name, "lastOpDate": f"at {uuid[0]}"}) for uuid, name in ((A, "x"), (B, "y"), (C, "y"))]
    arguments = [VolumeArgument("y"), VolumeArgument("x"), VolumeArgument("B", B, "then"), VolumeArgument("z")]
    resolved = resolve(arguments, kind, lambda: found, refuse)
    assert resolved.targets == (Target("x", A, 1, "at a", kind.name), Target("B", B, 2, "then", kind.name))
    assert [(one.asked, one.warnings) for one in resolved.refused] == [("y", ("2",)), ("z", ("0",))]


@pytest.mark.parametrize("kind", [DATA_VOLUME, VM_INSTANCE])
def test_names_that_cannot_be_looked_up_are_not_sent_and_uuids_go_on(kind: Any) -> None:
    def find() -> list[Any]:
        raise TransientError("no answer")

    arguments = [VolumeArgument("x"), VolumeArgument("A", A), VolumeArgument("A again", A), VolumeArgument("x")]
    resolved = resolve(arguments, kind, find, refuse)
    assert resolved.targets == (Target("A", A, 1, None, kind.name),)
    assert [(one.asked, one.outcome, one.target) for one in resolved.refused] == [("x", Outcome.NOT_SENT, kind.name)]


def test_nothing_is_looked_up_for_uuids() -> None:
    none: Any = None
    assert resolve([VolumeArgument("A", A)], VM_INSTANCE, none, lambda _names, _found: ()).refused == ()
