"""What `show` says on a terminal, sentence by sentence; whole screens are in tests/golden."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.rows import HOUR, NOW, full_row, full_vm
from zvol.model import Volume
from zvol.render.facts import facts
from zvol.row import AnyRow, Retention
from zvol.zstack.last_vm import ANOTHER_SINCE, NONE_NAMED

UNTIL = "until 2026-11-21T09:06:40Z (2d 22h left)"
DB = "50e70000c0de4b1e8a5efeedbead0001"


def said(row: AnyRow, label: str) -> list[str]:
    return [text for name, text in facts(row, "zvol") if name == label]


def sentence(recoverable: bool | None, reason: str | None = None, row: AnyRow | None = None, **known: Any) -> str:
    row = full_row() if row is None else row
    time = Retention(recoverable, reason, **({"expunges_after": NOW + 70 * HOUR, "seconds_left": 70 * HOUR} | known))
    [text] = said(replace(row, retention=time), "Recoverable")
    return text


NEVER = {"expunges_after": None, "seconds_left": None}


def test_whether_it_can_be_recovered_is_one_sentence() -> None:
    assert sentence(True) == f"yes, {UNTIL}"
    assert sentence(True, **NEVER, policy="Never") == "yes, for ever"
    assert sentence(True, **NEVER) == "yes, until when is not known"
    assert sentence(True, "overdue", expunges_after=NOW - HOUR, seconds_left=0) == (
        "yes, but overdue since 2026-11-18T10:06:40Z (1h ago): it may be destroyed at any time"
    )
    assert sentence(False, "not-deleted", **NEVER) == "no: it is not deleted"
    assert sentence(False, "root") == f"no: it comes back with its VM only; safe {UNTIL}"
    assert sentence(False, "half-expunged", **NEVER) == "no: its destruction has begun"
    assert sentence(None, **NEVER) == "not known"


def test_a_note_that_says_why_is_said_once() -> None:
    full = "quota volume.data.num of its owner is full (20 of 20); only the admin can bring it back"
    row = full_row(notes=("another", full))
    assert sentence(None, "quota", row) == f"not known: {full}; safe {UNTIL}"
    assert said(replace(row, retention=Retention(None, "quota")), "Note") == ["another"]
    vm = full_vm(notes=("it is not destroyed (Running): nothing to recover",))
    assert sentence(False, "not-deleted", vm, **NEVER) == "no: it is not destroyed"
    assert said(replace(vm, retention=Retention(False, "not-deleted")), "Note") == []


@pytest.mark.parametrize(
    ("fields", "known", "label", "text"),
    [
        ({}, {}, "Last VM", f"db-1 ({DB}), until 2026-11-18T09:06:40Z (2h ago)"),
        ({}, {"last_vm": None, "dates": {}}, "Last VM", DB),
        ({}, {"last_vm_doubt": ANOTHER_SINCE, "dates": {}}, "Last VM", f"db-1 ({DB}); {ANOTHER_SINCE}"),
        ({"lastVmInstanceUuid": None}, {}, "Last VM", "none: it was never on a VM"),
        ({"lastVmInstanceUuid": None}, {"last_vm_doubt": NONE_NAMED}, "Last VM", NONE_NAMED),
        ({"vmInstanceUuid": DB}, {"on_vm": "db-1"}, "VM", f"db-1 ({DB})"),
        ({"vmInstanceUuid": DB}, {}, "VM", DB),
        ({"vmInstanceUuid": DB, "type": "Root"}, {}, "VM", f"db-1 ({DB})"),
    ],
)
def test_where_it_is_or_was(fields: dict[str, Any], known: dict[str, Any], label: str, text: str) -> None:
    row = full_row(**known)
    row = replace(row, resource=Volume(row.volume.uuid, {**row.volume.fields, **fields}))
    assert said(row, label) == [text]
    assert said(row, "VM" if label == "Last VM" else "Last VM") == []
    unknown = replace(row, last_vm_doubt=None, resource=Volume(row.volume.uuid, {"uuid": row.volume.uuid}))
    assert said(unknown, "Last VM") == [], "not looked up"


def test_the_last_change_is_left_out_where_it_was_the_deletion() -> None:
    assert said(full_row(), "Changed") == []
    assert said(full_row(deleted_at=None), "Changed") == ["2026-11-18T09:06:40Z (2h ago)"]
    assert said(full_row(deleted_at=None, dates={}), "Changed") == ["Nov 18, 2026 2:00:00 AM (on the server's clock)"]
    assert said(full_row(server_now=None), "Created") == ["2026-10-19T11:06:40Z"]
    assert said(full_row(), "Status") == ["Deleted 2026-11-18T09:06:40Z (2h ago)"]
    changed = replace(full_row(), retention=Retention(True, None, "changed"))
    assert said(changed, "Status") == ["Deleted, last changed 2026-11-18T09:06:40Z (2h ago)"]


def test_commands_are_those_of_the_server_at_hand() -> None:
    shown = list(facts(full_row(), "zvol -p prod"))
    assert shown[-1] == ("Next", "zvol -p prod recover d0a7a5e0c0de4b1e8a5efeedbead0001 --reattach")
    assert ("Note", "run `zvol -p prod doctor` if in doubt") in shown
    assert [name for name, _ in facts(full_row(next=""), "zvol")][-1] == "Note"
