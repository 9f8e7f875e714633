"""Sentences below a table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zvol.render.row_columns import not_deleted
from zvol.row import AnyRow
from zvol.rows import VolumeRow
from zvol.secrets import from_outside
from zvol.text import cut, escape_terminal, human_duration, human_size

NAME_WIDTH: Final = 40


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 volume` or `1,200 volumes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def short_name(name: str | None) -> str:
    """Return a name for a sentence: escaped, and cut when it is long."""
    return cut(escape_terminal(from_outside(name or "")), NAME_WIDTH)


def total_size(sizes: Sequence[int | None]) -> str:
    """Return the sum of the known sizes, with `at least` if others are unknown; empty if all are."""
    known = [size for size in sizes if size is not None]
    if not known:
        return ""
    return f"{'' if len(known) == len(sizes) else 'at least '}{human_size(sum(known))}"


def of_list(rows: Sequence[AnyRow], *, shown: int, sandbox: bool) -> str:
    """Return the number of rows, their size, and which is destroyed first; `shown` of them are in the table."""
    volumes = [row.volume for row in rows if isinstance(row, VolumeRow)]
    bin_only = not any(map(not_deleted, rows))
    noun = ("deleted " if bin_only else "") + "volume" if volumes else "destroyed VM"
    start = counted(len(rows), noun) + (" in the sandbox" if sandbox else "")
    start += f" ({shown:,} shown)" if shown < len(rows) else ""
    size = total_size([volume.size for volume in volumes])
    return " ".join(filter(None, (f"{start}, {size}." if size else f"{start}.", first_to_go(rows))))


def first_to_go(rows: Sequence[AnyRow]) -> str:
    """Return which row is destroyed first, empty if none is."""
    unknown = sum(
        row.retention.seconds_left is None and row.retention.policy != "Never" and not not_deleted(row) for row in rows
    )
    if unknown:
        return "The time left is not known." if unknown == len(rows) else f"The time left of {unknown:,} is not known."
    dated = [(row.retention.seconds_left, row.resource.name) for row in rows if row.retention.seconds_left is not None]
    if not dated:
        return ""
    left, name = min(dated, key=lambda one: one[0])
    if not left:
        return f"Overdue: {short_name(name)}; it may be destroyed at any time."
    return f"First to go: {short_name(name)}, in {human_duration(left)}."


def selection_summary(rows: Sequence[VolumeRow]) -> str:
    """Return the volumes for a prompt: their number, their size, and how long the first of them is safe."""
    size = total_size([row.volume.size for row in rows])
    left = [row.retention.seconds_left for row in rows if row.retention.policy != "Never"]
    known = [seconds for seconds in left if seconds is not None]
    safe = ""
    if len(known) < len(left):
        safe = "time left not known"
    elif known:
        safe = f"first to go in {human_duration(min(known))}" if min(known) else "overdue"
    facts = ", ".join(filter(None, (size, safe)))
    what = counted(len(rows), "volume")
    return f"{what} ({facts})" if facts else what
