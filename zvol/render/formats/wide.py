"""`-o wide`: a table with all columns, as in a pipe, for terminals of any width."""

from __future__ import annotations

from zvol.render.formats import table


class Formatter(table.Formatter):
    help = "table with all columns and dates, at any width"
    wide = True
