"""`-o wide`: the table with all columns, as a pipe shows them, on a terminal of any width."""

from __future__ import annotations

from zvol.render.formats import table


class Formatter(table.Formatter):
    help = "the same with all columns and dates, whatever the width"
    wide = True
