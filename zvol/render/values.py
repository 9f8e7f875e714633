"""The values that commands return; every output format can write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from zvol.errors import Exit, ZvolError
from zvol.model import Result, Volume
from zvol.secrets import from_outside
from zvol.text import escape_terminal

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


Span = tuple[str, str]
"""An escaped text and its rich style on a terminal, empty for none."""
GOOD: Final = "green"
NOTE: Final = "yellow"
DOUBT: Final = "magenta"
BAD: Final = "bold red"
"""The styles: colours of the user's palette. Many light terminals show yellow too faintly for a text that matters, and
bold yellow as a bright one, so it is for marks only."""


class Fit(Enum):
    """How a terminal shows a cell that is wider than its column."""

    WHOLE = "whole"
    CUT = "cut"
    WRAP = "wrap"


class Column(NamedTuple, Generic[T_contra]):
    """One column of a table: `raw` is for CSV, `shown` for tables in a pipe, `tty` for a terminal if it differs.

    `style` returns the rich style of a cell on a terminal, empty for none. A terminal with fewer than `least` columns
    does not show the column; `fit` tells how a cell that is too wide is shown, and `right` aligns numbers.
    """

    key: str
    header: str
    help: str
    raw: Callable[[T_contra], object]
    shown: Callable[[T_contra], str] | None = None
    tty: Callable[[T_contra], str] | None = None
    style: Callable[[T_contra], str] | None = None
    least: int = 0
    fit: Fit = Fit.WHOLE
    right: bool = False

    def csv(self, row: T_contra) -> str:
        value = self.raw(row)
        return "" if value is None else str(value)

    def text(self, row: T_contra) -> str:
        if self.shown is not None:
            return self.shown(row)
        value = self.raw(row)
        return "-" if value in (None, "") else escape_terminal(str(value))

    def terminal(self, row: T_contra) -> str:
        text = self.tty(row) if self.tty is not None else self.text(row)
        return "" if self.fit is Fit.WRAP and text == "-" else text


def text_column(header: str, text: Callable[[T], str], fit: Fit = Fit.WHOLE) -> Column[T]:
    """Return a column with the same text in every format; its key is the header, such as `not-sent`."""
    return Column(header.lower().replace(" ", "-"), header, "", text, lambda row: escape_terminal(text(row)), fit=fit)


Line = tuple[Span, str]
"""A mark of two columns with its style, or none, and the escaped text after it."""


class Table(NamedTuple, Generic[T]):
    """The rows that a command found, such as volumes, runs or settings.

    `to_json` returns the JSON object of a row, `to_name` the text for `-o name` (None: nothing). `single`: the user
    requested one thing, so JSON is its object and not an array. `people` are the columns of a table if they differ from
    those of CSV; `screen` those on a terminal if they differ again; `wide` those of `-o wide`. `details` returns labels
    and escaped texts of a row (for a terminal or not); a table is then one record per row. `block` returns the lines of
    a row on a terminal of any width. `lines` returns the cells of a row on a terminal of any width, without headers,
    and an escaped text below them, empty for none; the last cell wraps. Without `columns` and `block`, only formats
    without columns write it, because a hint has the same facts for people. A format may iterate over the rows more than
    once.
    """

    rows: Sequence[T]
    columns: Sequence[Column[T]]
    to_json: Callable[[T], Any]
    to_name: Callable[[T], str | None]
    single: bool = False
    people: Sequence[Column[T]] | None = None
    screen: Sequence[Column[T]] | None = None
    wide: Sequence[Column[T]] | None = None
    details: Callable[[T, bool], Iterable[tuple[str, str]]] | None = None
    block: Callable[[T], Iterable[Line]] | None = None
    lines: Callable[[T], tuple[Sequence[Span], str]] | None = None


class Report(NamedTuple):
    """The report of a command: data for stdout, then failures, hints and warnings for stderr.

    `notes` are a heading and sentences for people; formats for programs have them in their data. `summary` is printed
    below a table on a terminal, followed by the hints.
    """

    table: Table[Any] | None = None
    notes: Sequence[str] = ()
    failures: Sequence[Result] = ()
    warnings: Sequence[str] = ()
    hints: Sequence[str] = ()
    summary: str = ""
    exit: Exit = Exit.OK


def no_advice(results: Sequence[Result]) -> Iterable[str]:
    del results
    return ()


class Described(NamedTuple):
    """What a terminal shows with a recovery: names by UUID, and the seconds it took.

    `stopped` are the VMs among them that are Stopped. `doubts` are those about the last VMs of volumes (see `Row`), by
    the UUID of the volume; `unique` are the UUIDs of volumes whose name identifies them; `command` is how zvol was
    called, `run` the run in the journal, None if there is none or several.
    """

    vms: Mapping[str, str] = MappingProxyType({})
    stopped: frozenset[str] = frozenset()
    storages: Mapping[str, str] = MappingProxyType({})
    doubts: Mapping[str, str] = MappingProxyType({})
    unique: frozenset[str] = frozenset()
    took: float | None = None
    dry_run: bool = False
    sandbox: bool = False
    command: str = "zvol"
    run: str | None = None

    def vm_name(self, uuid: str) -> str:
        return str(from_outside(self.vms.get(uuid, uuid)))

    def vm(self, uuid: str) -> str:
        """Return the name of a VM, escaped."""
        return escape_terminal(self.vm_name(uuid))

    def storage(self, uuid: str) -> str:
        return escape_terminal(from_outside(self.storages.get(uuid, uuid)))

    def typed(self, volume: Volume) -> str:
        """Return the argument that names a volume in a command."""
        return volume.name if volume.uuid in self.unique else volume.uuid


def nothing_described(results: Sequence[Result]) -> Described:
    del results
    return Described()


class Recovery(NamedTuple):
    """The results of a recovery.

    They are printed in `order` (arguments as typed); a format that streams prints each result at once. `single`: one
    VOLUME was given, so JSON is its inventory. `advice` yields the next steps at the end; `describe` looks up what a
    terminal shows with the results.
    """

    results: Iterable[Result]
    order: Sequence[str] = ()
    single: bool = False
    advice: Callable[[Sequence[Result]], Iterable[str]] = no_advice
    describe: Callable[[Sequence[Result]], Described] = nothing_described


def with_command(text: str, command: str) -> str:
    """Return a text whose commands use the same profile, host or sandbox as this command, for pasting.

    A command of zvol begins after a backtick or a pipe sign; one that has these options already is not changed.
    """
    options = command.removeprefix("zvol")
    if not options:
        return text
    return re.sub(rf"(`|\| )zvol(?!{re.escape(options)} ) ", lambda found: f"{found[1]}{command} ", text)


def error_with_command(error: ZvolError, command: str) -> ZvolError:
    """Return an error with the same for the commands in its hint."""
    hint = with_command(error.hint, command)
    return error if hint == error.hint else error.copy(hint=hint)


def result_with_command(result: Result, command: str) -> Result:
    """Return a result with the same for the commands in its error and its warnings."""
    if result.error is None and not result.warnings:
        return result
    error = None if result.error is None else error_with_command(result.error, command)
    return result._replace(error=error, warnings=tuple(with_command(text, command) for text in result.warnings))


def error_json(error: ZvolError, uuid: str | None = None, job_uuid: str | None = None) -> dict[str, Any]:
    """Return the object that ends stderr in formats for programs; its key set is a contract."""
    return {
        "error": error.error_code(),
        "kind": error.kind,
        "exitCode": int(error.exit),
        "hint": error.hint,
        "uuid": uuid,
        "jobUuid": job_uuid,
    }
