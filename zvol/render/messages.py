"""What goes wrong, in words on stderr; in JSON modes followed by one JSON object on the last line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from zvol.errors import ConfigError, ErrorCode, ZvolError
from zvol.model import Result, VolumeRow
from zvol.render.columns import COLUMNS, last_vm
from zvol.text import escape_terminal, human_size

CANDIDATES: Final = 20
"""The most volumes shown for a name that may mean several."""


def words(error: ZvolError, subject: str | None = None, command: str = "zvol") -> Iterator[str]:
    """Yield what and where, then the server's own words, innermost first, then what to do, ready to be typed."""
    yield escape_terminal(f"{subject}: {error.message}" if subject else error.message)
    if error.fault is not None:
        yield from fault_words(error.fault)
    if error.hint:
        yield escape_terminal(typed(error.hint, command))


def typed(hint: str, command: str) -> str:
    """Return a hint whose commands go where this one went: `zvol` with the same profile, host or sandbox."""
    return hint.replace("`zvol ", f"`{command} ")


def fault_words(fault: ErrorCode) -> Iterator[str]:
    """Yield ZStack's words: the root cause first, then the error around it."""
    inner = fault.innermost
    for one in (inner,) if inner.fields == fault.fields else (inner, fault):
        said = one.details or one.description or "no words"
        yield escape_terminal(f"  {one.code}: {said}")
        if one.elaboration:
            yield escape_terminal(f"    {one.elaboration}")


def error_words(error: ZvolError, command: str = "zvol") -> Iterator[str]:
    if isinstance(error, ConfigError):
        yield from (escape_terminal(f"{problem.where}: {problem.text}") for problem in error.problems)
        if error.hint:
            yield escape_terminal(typed(error.hint, command))
        return
    yield from words(error, error.uuid, command)


def as_json(error: ZvolError, uuid: str | None = None, job_uuid: str | None = None) -> dict[str, Any]:
    """Return the object that ends stderr in JSON modes; its key set is a contract."""
    return {
        "error": error.error_code(),
        "kind": error.kind,
        "exitCode": int(error.exit),
        "hint": error.hint,
        "uuid": uuid,
        "jobUuid": job_uuid,
    }


def result_words(result: Result, command: str = "zvol", *, ages: bool = False) -> Iterator[str]:
    """Yield why a result is not what was asked for; the volumes that a name may mean on lines of their own.

    With `ages`, as on a terminal, they show those instead of dates.
    """
    assert result.error is not None
    first, *rest = words(result.error, result_subject(result), command)
    yield first
    for row in result.candidates[:CANDIDATES]:
        yield f"  {_candidate(row, ages=ages)}"
    if len(result.candidates) > CANDIDATES:
        yield f"  and {len(result.candidates) - CANDIDATES:,} more"
    yield from rest


def _candidate(row: VolumeRow, *, ages: bool) -> str:
    volume, column = row.volume, COLUMNS["deleted"]
    start = f"{volume.uuid}  {human_size(volume.size)}"
    if not volume.deleted:
        return f"{start}  {escape_terminal(volume.status or 'of unknown status')}"
    deleted = column.terminal(row) if ages else column.text(row)
    return f"{start}  deleted {deleted}  last VM {escape_terminal(str(row.last_vm or last_vm(row) or '-'))}"


def result_subject(result: Result) -> str:
    """Return how a result's volume is called in a message: as it was typed, with the UUID when that is another text."""
    return result.asked if result.uuid in (None, result.asked) else f"{result.asked} ({result.uuid})"
