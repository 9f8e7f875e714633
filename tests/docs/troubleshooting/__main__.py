"""Writes docs/troubleshooting.md: `python -m tests.docs.troubleshooting`."""

from __future__ import annotations

from tests.docs.troubleshooting.collect import collect
from tests.docs.troubleshooting.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(collect()))
