"""The results of `zvol attach` of several volumes, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from zvol.catalog.attachments import Found
from zvol.model import Outcome, Result
from zvol.recovery.attach import Attached, AttachOutcome
from zvol.render.recovery_screen import attached_block
from zvol.render.summaries import short_name
from zvol.render.values import BAD, DOUBT, GOOD, Column, Fit, Table, error_with_command
from zvol.secrets import from_outside
from zvol.text import escape_terminal

SUCCESS: Final = (AttachOutcome.ATTACHED, AttachOutcome.ALREADY, AttachOutcome.WOULD_ATTACH)
CHANGED: Final = {AttachOutcome.ATTACHED: True, AttachOutcome.UNKNOWN: None}
"""Whether the cloud was changed; the other outcomes changed nothing."""
AS_RESULT: Final = {AttachOutcome.UNKNOWN: Outcome.UNKNOWN, AttachOutcome.NOT_SENT: Outcome.NOT_SENT}
STYLES: Final = dict.fromkeys(SUCCESS, GOOD) | {AttachOutcome.UNKNOWN: DOUBT}


class Row(NamedTuple):
    """The look-up and the outcome of one argument; the name of the VM is None if unknown."""

    found: Found
    result: Attached
    vm_name: str | None


def row_of(found: Found, result: Attached, names: Mapping[str, str], command: str) -> Row:
    """Return the row of an argument; `names` are those of VMs by UUID, `command` is how zvol was called."""
    if result.error is not None:
        result = replace(result, error=error_with_command(result.error, command))
    return Row(found, result, names.get(result.vm or ""))


def attached_table(rows: Sequence[Row]) -> Table[Row]:
    """Return the table of outcomes; `-o name` prints the volumes that are on their VM."""
    screen = PEOPLE if any(map(_detail, rows)) else PEOPLE[:-1]
    return Table(rows, PROGRAMS, _object, _uuid_of_success, people=PEOPLE, screen=screen)


def attached_one(row: Row) -> Table[Row]:
    """Return the table for a single volume that is on its VM; its JSON is the inventory."""
    volume = row.result.volume
    assert volume is not None
    vm, already = short_name(row.vm_name) or row.result.vm or "", row.result.outcome is AttachOutcome.ALREADY
    return attached_table([row])._replace(
        to_json=lambda _: volume.inventory(),
        single=True,
        block=lambda _: attached_block(volume, vm, already=already),
    )


def summary(rows: Sequence[Row], *, dry_run: bool) -> str:
    """Return how many volumes have each outcome."""
    counts = Counter(row.result.outcome for row in rows)
    words = {AttachOutcome.WOULD_ATTACH: "would be attached"}
    text = ", ".join(f"{counts[one]:,} {words.get(one, one.value)}" for one in AttachOutcome if counts[one])
    return f"dry run: {text or 'nothing to do'}; nothing was sent" if dry_run else text or "nothing to do"


def failure(row: Row) -> Result:
    """Return a failed row as a Result, for its messages."""
    outcome = AS_RESULT.get(row.result.outcome, Outcome.FAILED)
    return Result(row.found.asked, _uuid(row), outcome, resource=row.result.volume, error=row.result.error)


def _object(row: Row) -> dict[str, Any]:
    """Return the JSON object of a row; its key set is a contract."""
    error, volume = row.result.error, row.result.volume
    return {
        "asked": row.found.asked,
        "uuid": _uuid(row),
        "outcome": row.result.outcome.value,
        "changed": CHANGED.get(row.result.outcome, False),
        "vmUuid": row.result.vm,
        "vmName": from_outside(row.vm_name),
        "inventory": None if volume is None else from_outside(volume.inventory()),
        "error": None if error is None else error.error_code() | {"kind": error.kind, "hint": error.hint},
    }


def _uuid(row: Row) -> str | None:
    return row.found.uuid


def _uuid_of_success(row: Row) -> str | None:
    return row.found.uuid if row.result.outcome in SUCCESS else None


def _name(row: Row) -> str:
    return str(from_outside(row.result.volume.name)) if row.result.volume is not None else row.found.asked


def _vm(row: Row) -> str | None:
    return from_outside(row.vm_name) or row.result.vm


def _detail(row: Row) -> str:
    return row.result.error.full_text if row.result.error is not None else ""


def _changed(row: Row) -> str | None:
    changed = CHANGED.get(row.result.outcome, False)
    return None if changed is None else str(changed).lower()


NAME: Final[Column[Row]] = Column(
    "name", "NAME", "", _name, lambda row: escape_terminal(_name(row)) or "-", fit=Fit.CUT
)
UUID: Final[Column[Row]] = Column("uuid", "UUID", "", _uuid)
OUTCOME: Final[Column[Row]] = Column(
    "outcome",
    "OUTCOME",
    "",
    lambda row: row.result.outcome.value,
    style=lambda row: STYLES.get(row.result.outcome, BAD),
)
VM: Final[Column[Row]] = Column("vm", "VM", "", _vm, fit=Fit.CUT)
DETAIL: Final[Column[Row]] = Column("detail", "DETAIL", "", _detail, fit=Fit.WRAP)
PEOPLE: Final = (NAME, UUID, OUTCOME, VM, DETAIL)
PROGRAMS: Final[tuple[Column[Row], ...]] = (
    Column("asked", "", "", lambda row: row.found.asked),
    UUID,
    NAME,
    OUTCOME,
    Column("changed", "", "", _changed),
    Column("vm-uuid", "", "", lambda row: row.result.vm),
    VM,
    DETAIL,
)
