"""A result as a row, a record or a line of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zvol.model import Outcome, Result, Trouble
from zvol.text import escape_terminal, human_size

FINE = (Outcome.RECOVERED, Outcome.ALREADY, Outcome.WOULD_RECOVER)
STYLES = {
    Outcome.RECOVERED: "green",
    Outcome.ALREADY: "green",
    Outcome.WOULD_RECOVER: "cyan",
    Outcome.UNKNOWN: "bold yellow",
}
HEADERS = ("NAME", "UUID", "OUTCOME", "DETAIL")
KEYS = ("asked", "uuid", "name", "outcome", "changed", "by", "code", "detail", "job_uuid", "warnings")


def summary(results: Sequence[Result]) -> str:
    """Return the counts in words, such as `3 recovered, 1 failed`."""
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome]) or "nothing to do"


def warnings(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return each warning once, with the results that carry it."""
    found: dict[str, list[Result]] = {}
    for result in results:
        for text in result.warnings:
            found.setdefault(text, []).append(result)
    return found


def detail(result: Result) -> str:
    trouble: Trouble | None = result.trouble
    if trouble is None:
        return "see the warning" if result.warnings else ""
    fault = trouble.fault
    return f"{trouble.message}: {fault.code} {fault.details or fault.description or ''}" if fault else trouble.message


def row(result: Result) -> list[str]:
    name = result.volume.name if result.volume else (result.asked if result.uuid != result.asked else "-")
    return [
        escape_terminal(name) or "-",
        result.uuid or "-",
        result.outcome.value,
        escape_terminal(detail(result)) or "-",
    ]


def cells(result: Result) -> list[str]:
    volume, trouble = result.volume, result.trouble
    return [
        result.asked,
        result.uuid or "",
        volume.name if volume else "",
        result.outcome.value,
        "" if result.changed is None else str(result.changed).lower(),
        result.by or "",
        str(trouble.json().get("code", "")) if trouble else "",
        detail(result) if trouble else "",
        result.job_uuid or "",
        "; ".join(result.warnings),
    ]


def record(result: Result) -> list[tuple[str, str]]:
    """Return headers and values of a volume that is back."""
    volume = result.volume
    assert volume is not None
    return [
        ("Name", volume.name),
        ("UUID", volume.uuid),
        ("Outcome", result.outcome.value),
        ("Status", volume.status or "-"),
        ("Size", human_size(volume.size)),
        ("Storage", volume.text("primaryStorageUuid") or "-"),
        ("Install path", volume.text("installPath") or "-"),
        ("On VM", volume.text("vmInstanceUuid") or "none"),
        ("Last on VM", volume.text("lastVmInstanceUuid") or "-"),
    ]
