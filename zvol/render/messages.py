"""Error messages on stderr: text for people, and the JSON object that ends stderr in formats for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from zvol.errors import ConfigError, ErrorCode, ZvolError
from zvol.model import VM, Result
from zvol.render.columns import last_vm
from zvol.render.row_columns import DELETED, DESTROYED
from zvol.render.values import with_command
from zvol.resource import Resource
from zvol.row import AnyRow
from zvol.rows import VolumeRow
from zvol.text import escape_terminal, human_size, stamp

NOTE_WIDTH: Final = 78
"""Two columns less than the narrowest usual terminal."""
MAX_CANDIDATES: Final = 20
"""Maximum number of candidates shown for an ambiguous name."""


def error_lines(error: ZvolError, subject: str | None = None) -> Iterator[str]:
    """Yield the message (or every mistake of a configuration), then the server's own texts, then the hint."""
    if isinstance(error, ConfigError) and subject is None:
        yield from (escape_terminal(f"{problem.where}: {problem.text}") for problem in error.problems)
    else:
        named = subject is None or error.message.startswith(f"{subject} ")
        yield escape_terminal(error.message if named else f"{subject}: {error.message}")
    if error.fault is not None:
        yield from fault_lines(error.fault)
    if error.hint:
        yield escape_terminal(error.hint)


def notes(sentences: Iterable[str], command: str, *, wrapped: bool) -> Iterator[str]:
    """Yield sentences, one per line, or `wrapped` to the width of the smallest terminal."""
    from textwrap import wrap

    for sentence in sentences:
        text = escape_terminal(with_command(sentence, command))
        yield from wrap(text, NOTE_WIDTH, break_long_words=False) if wrapped else (text,)


def fault_lines(fault: ErrorCode) -> Iterator[str]:
    """Yield ZStack's own texts: the root cause first, then the outer error."""
    inner = fault.innermost
    for one in (inner,) if inner.fields == fault.fields else (inner, fault):
        text = one.details or one.description or "no words"
        yield escape_terminal(f"  {one.code}: {text}")
        if one.elaboration:
            yield escape_terminal(f"    {one.elaboration}")


def result_lines(result: Result, *, ages: bool = False) -> Iterator[str]:
    """Yield why a result is a failure; for an ambiguous name also its candidates, one per line.

    With `ages`, as on a terminal, the candidates have the age of their deletion instead of its date.
    """
    assert result.error is not None
    first, *rest = error_lines(result.error, result_subject(result))
    yield first
    for row in result.candidates[:MAX_CANDIDATES]:
        yield f"  {_candidate(row, ages=ages)}"
    if len(result.candidates) > MAX_CANDIDATES:
        yield f"  and {len(result.candidates) - MAX_CANDIDATES:,} more"
    yield from rest


def _candidate(row: AnyRow | Resource, *, ages: bool) -> str:
    if isinstance(row, Resource):  # a VM that is not destroyed
        return escape_terminal(f"{row.uuid}  {row.text('state') or 'of unknown state'}")
    if not isinstance(row, VolumeRow):
        destroyed, born = DESTROYED.terminal(row) if ages else DESTROYED.text(row), stamp(row.dates.get("createDate"))
        return escape_terminal(f"{row.resource.uuid}  destroyed {destroyed}, created {born or 'unknown'}")
    start = f"{row.volume.uuid}  {human_size(row.volume.size)}"
    if not row.volume.deleted:
        return f"{start}  {escape_terminal(row.volume.status or 'of unknown status')}"
    deleted = DELETED.terminal(row) if ages else DELETED.text(row)
    return f"{start}  deleted {deleted}  last VM {escape_terminal(str(row.last_vm or last_vm(row) or '-'))}"


def result_subject(result: Result) -> str:
    """Return the name of the volume in a message: the argument as typed, and the UUID if it differs."""
    return result.asked if result.uuid in (None, result.asked) else f"{result.asked} ({result.uuid})"


def warned_subject(result: Result) -> str:
    """Return the name of the volume or VM in a warning; a VM that was given by UUID also gets its name."""
    if result.target == VM and result.uuid is not None and result.resource is not None and result.resource.name:
        return f"{result.resource.name} ({result.uuid})"
    return result_subject(result)
