"""The results of a recovery as a table, a record and counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from zvol.errors import Exit, ZvolError
from zvol.model import LEFT_ALONE, VM, Outcome, Result
from zvol.render.values import BAD, DOUBT, GOOD, NOTE, Column, Fit, Table
from zvol.secrets import from_outside
from zvol.text import escape_terminal, human_size

REST: Final = re.compile(r"[:;,] | \(")
"""The end of the first part of a warning."""
STYLES: Final = {
    Outcome.RECOVERED: GOOD,
    Outcome.ALREADY: GOOD,
    Outcome.WOULD_RECOVER: GOOD,
    Outcome.UNKNOWN: DOUBT,
}


def summary(results: Sequence[Result]) -> str:
    """Return the number of results by outcome, such as `3 recovered, 1 failed`."""
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome]) or "nothing to do"


def warnings(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return each warning once, with its results."""
    found: dict[str, list[Result]] = {}
    for result in results:
        for text in result.warnings:
            found.setdefault(text, []).append(result)
    return found


def brief(warnings: Sequence[str]) -> str:
    """Return the short form, for a cell, of warnings that are printed in full below: the start of each, once."""
    left = sum(LEFT_ALONE in text for text in warnings)
    starts = [REST.split(text, maxsplit=1)[0] for text in warnings if LEFT_ALONE not in text]
    return "; ".join(dict.fromkeys([*([f"{left:,} left alone"] if left else []), *starts]))


def names_attach(result: Result) -> bool:
    """Tell whether a warning has the command that attaches the volume, so that nothing else repeats it."""
    return any(f"attach {result.uuid} " in text for text in result.warnings)


def detail(result: Result) -> str:
    error: ZvolError | None = result.error
    if error is None:
        return brief(result.warnings)
    return error.full_text


def _detail(vms: Mapping[str, str], result: Result) -> str:
    """Return the details of a result; for a volume also the VM it is on, from `vms` (names by UUID)."""
    where = result.volume.text("vmInstanceUuid") if result.volume is not None else None
    return "; ".join(filter(None, (detail(result), f"attached to {vms[where]}" if where and where in vms else "")))


def _name(result: Result) -> str:
    name = result.resource.name if result.resource else (result.asked if result.uuid != result.asked else "-")
    return escape_terminal(from_outside(name)) or "-"


def _code(result: Result) -> str:
    return str(result.error.error_code().get("code", "")) if result.error else ""


def _style(result: Result) -> str:
    return STYLES.get(result.outcome, BAD)


def _mark(result: Result) -> str:
    """Return the sign for an outcome and its follow-ups: success, failure or unknown."""
    if result.outcome.success:
        return "✓" if result.exit is Exit.OK else "!"
    return "?" if result.outcome is Outcome.UNKNOWN else "✗"


def _mark_style(result: Result) -> str:
    return NOTE if _mark(result) == "!" else _style(result)


MARK: Final[Column[Result]] = Column("mark", "", "", _mark, style=_mark_style)
PEOPLE: Final[tuple[Column[Result], ...]] = (
    Column("name", "NAME", "", _name, _name, fit=Fit.CUT),
    Column("uuid", "UUID", "", lambda result: result.uuid),
    Column("outcome", "OUTCOME", "", lambda result: result.outcome.value, style=_style),
)

PROGRAMS: Final[tuple[Column[Result], ...]] = (
    Column("asked", "", "", lambda result: result.asked),
    Column("uuid", "", "", lambda result: result.uuid),
    Column("name", "", "", lambda result: from_outside(result.resource.name) if result.resource else None),
    Column("outcome", "", "", lambda result: result.outcome.value),
    Column("changed", "", "", lambda result: None if result.changed is None else str(result.changed).lower()),
    Column("by", "", "", lambda result: result.by),
    Column("code", "", "", _code),
    Column("detail", "", "", lambda result: detail(result) if result.error else None),
    Column("job-uuid", "", "", lambda result: result.job_uuid),
    Column("warnings", "", "", lambda result: "; ".join(result.warnings)),
    Column("target", "", "", lambda result: result.target),
)


def several(results: Sequence[Result]) -> Table[Result]:
    """Return results as a table; `-o name` prints the volumes with a successful outcome."""
    vms = {result.uuid: _name(result) for result in results if result.target == VM and result.uuid}
    last: Column[Result] = Column("detail", "DETAIL", "", partial(_detail, vms), fit=Fit.WRAP)
    screen = (MARK, *PEOPLE, last) if any(map(last.terminal, results)) else (MARK, *PEOPLE)
    return Table(results, PROGRAMS, _json, _uuid_of_success, people=(*PEOPLE, last), screen=screen)


def alone(result: Result) -> Table[Result]:
    """Return the result of a single VOLUME argument: its inventory after a successful outcome."""
    rows = [result] if result.volume is not None and result.outcome.success else []
    return Table(rows, PROGRAMS, _inventory, _uuid_of_success, single=True, details=_details)


def _uuid_of_success(result: Result) -> str | None:
    return result.uuid if result.outcome.success else None


def _json(result: Result) -> dict[str, Any]:
    found = result.json()
    return found | {"inventory": from_outside(found["inventory"])}


def _inventory(result: Result) -> dict[str, Any]:
    assert result.volume is not None
    return dict(from_outside(result.volume.inventory()), recovery=result.recovery())


def _details(result: Result, _tty: bool) -> Iterator[tuple[str, str]]:
    volume = result.volume
    assert volume is not None
    pairs = (
        ("Name", from_outside(volume.name)),
        ("UUID", volume.uuid),
        ("Outcome", result.outcome.value),
        ("Status", volume.status or "-"),
        ("Size", human_size(volume.size)),
        ("Storage", volume.text("primaryStorageUuid") or "-"),
        ("Install path", volume.text("installPath") or "-"),
        ("On VM", volume.text("vmInstanceUuid") or "none"),
        ("Last on VM", volume.text("lastVmInstanceUuid") or ("unknown" if result.last_vm_doubt else "-")),
    )
    return ((label, escape_terminal(text)) for label, text in pairs)
