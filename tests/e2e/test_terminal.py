"""On a real terminal, and the same words in a pipe."""

from __future__ import annotations

import pytest

from tests.support.process import PG_DATA, run
from tests.support.terminal import on_terminal


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_on_a_terminal_of_any_width_every_uuid_is_whole(columns: int, at: dict[str, str]) -> None:
    lines = on_terminal(["list"], at | {"TERM": "xterm-256color"}, columns=columns).lines
    text = "\n".join(lines)
    for digit in "12345678":
        assert f"d0a7a5e0c0de4b1e8a5efeedbead000{digit}" in text.replace("\n", "" if columns == 40 else "\n"), text
    assert lines[0].startswith("NAME  ") == (columns == 200)


def test_in_a_pipe_there_is_no_colour_and_the_same_columns(at: dict[str, str]) -> None:
    ran = run(["list"], at | {"FORCE_COLOR": "1", "COLUMNS": "60"})
    assert "\x1b" not in ran.out
    assert ran.out.splitlines()[0].split("  ")[0] == "NAME"
    assert PG_DATA in ran.out
