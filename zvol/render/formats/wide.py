"""`-o wide`: the table with all columns, as a pipe shows them, on a terminal of any width."""

from __future__ import annotations

from zvol.render.formats import table


class Formatter(table.Formatter):
    help = "table with all columns and dates, at any width"
    wide = True
