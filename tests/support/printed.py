"""A printer that writes into two texts, and the values that commands hand to it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from zvol.errors import Exit
from zvol.model import Result
from zvol.render import columns
from zvol.render.printer import Printer
from zvol.render.values import Column, Recovery, Report, Table, text_column
from zvol.rows import VolumeRow


class Printed:
    """What is printed on stdout (`out`) and stderr (`err`); `chosen` is the value of `--columns`."""

    def __init__(
        self,
        format: str = "table",
        *,
        tty: bool = False,
        width: int = 80,
        chosen: str | None = None,
        out: io.StringIO | None = None,
        **options: Any,
    ) -> None:
        self.out, self.err = out or io.StringIO(), io.StringIO()
        self.chosen = chosen
        options.setdefault("error_width", width if tty else None)
        self.printer = Printer(format, self.out, self.err, tty=tty, width=width, **options)

    def volumes(self, rows: Sequence[VolumeRow]) -> None:
        self.printer.report(Report(columns.VOLUMES.listing(rows, self.chosen)))

    def shown(self, rows: Sequence[VolumeRow], *, single: bool) -> None:
        self.printer.report(Report(columns.VOLUMES.in_full(rows, self.chosen, single=single)))

    def results(self, results: Iterable[Result], order: Sequence[str] = (), *, single: bool) -> Exit:
        return self.printer.recovery(Recovery(results, order, single=single))

    def texts(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        made: list[Column[Sequence[str]]] = [
            text_column(header, itemgetter(place)) for place, header in enumerate(headers)
        ]
        self.printer.report(
            Report(Table(rows, made, lambda row: {one.key: one.csv(row) for one in made}, itemgetter(0)))
        )
