"""Retention of VMs, and of root volumes, which have the clock of their VM."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from zvol.catalog.retention import Policy, expires_within, retention_of
from zvol.model import Volume
from zvol.vm_instance import VmInstance
from zvol.zstack.zones import Zone

PERIOD = 3 * 86400
DELAY = Policy("Delay", PERIOD)
ZERO = Zone("server", UTC)
DELETED = "Nov 23, 2026 9:05:50 PM"
AT = datetime(2026, 11, 23, 21, 5, 50, tzinfo=UTC).timestamp()


def vm(state: str = "Destroyed", root: str | None = "Deleted", **fields: Any) -> VmInstance:
    """Return a VM with a root volume of this status; a field given as None is absent."""
    roots = [] if root is None else [{"uuid": "b" * 32, "type": "Root", "status": root}]
    known: dict[str, Any] = {"state": state, "lastOpDate": DELETED, "rootVolumeUuid": "b" * 32, "allVolumes": roots}
    return VmInstance("a" * 32, {name: value for name, value in (known | fields).items() if value is not None})


@pytest.mark.parametrize(
    ("one", "recoverable", "reason", "clocked"),
    [
        (vm(), True, None, True),
        (vm(root="Ready"), True, None, True),
        (vm("Destroying"), None, "state", True),
        (vm("Expunging"), None, "state", True),
        (vm(allVolumes=None), None, "volumes", True),
        (vm(root=None), False, "gone", False),
        (vm("Stopped", "Ready"), False, "not-deleted", False),
        (vm("Stopped"), False, "not-deleted", False),
        (vm("Running", None), False, "not-deleted", False),
        (vm(state=None), None, None, False),  # type: ignore[arg-type]  # an answer may lack it
    ],
)
def test_a_vm_in_the_recycle_bin(one: VmInstance, recoverable: bool | None, reason: str | None, clocked: bool) -> None:
    found = retention_of(one, DELAY, ZERO, AT + 10)
    assert (found.recoverable, found.reason) == (recoverable, reason)
    assert found.seconds_left == (PERIOD - 10 if clocked else None)
    assert expires_within(found, PERIOD) is (True if clocked else None if recoverable is None else False)
    over = retention_of(one, DELAY, ZERO, AT + PERIOD)
    assert (over.reason, over.seconds_left) == (reason or ("overdue" if clocked else None), 0 if clocked else None)


@pytest.mark.parametrize("type", ["Root", "Memory", "Cache"])
def test_a_root_volume_has_the_clock_of_its_vm(type: str) -> None:
    fields = {"status": "Deleted", "type": type, "installPath": "/r", "primaryStorageUuid": "5" * 32}
    root = Volume("c" * 32, fields | {"lastOpDate": "Nov 23, 2026 10:05:50 PM"})
    found = retention_of(root, DELAY, ZERO, AT + 10, vm())
    assert (found.recoverable, found.reason, found.seconds_left) == (False, "root", PERIOD - 10)
    assert expires_within(found, PERIOD) is True
    assert expires_within(found, 5) is False
    for unknown in (None, vm("Stopped"), vm("Expunging")):
        found = retention_of(root, DELAY, ZERO, AT + 10, unknown)
        assert (found.reason, found.seconds_left, found.clock_from) == ("root", None, None)
        assert expires_within(found, 5) is None
    assert expires_within(retention_of(root, Policy("Never", PERIOD), ZERO, AT, vm()), 5) is False
