"""Long lists cost little time and memory per row in every format."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.printed import Printed
from zvol import text
from zvol.errors import Exit, ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.render.formats import table
from zvol.render.formats.json import array, document
from zvol.render.messages import MAX_CANDIDATES
from zvol.render.printer import MAX_FAILURES
from zvol.row import Retention
from zvol.rows import VolumeRow

NOW = 1_795_000_000.0


def rows(count: int) -> list[VolumeRow]:
    volumes = [Volume(f"{n:032x}", {"uuid": f"{n:032x}", "name": f"v {n}", "status": "Deleted"}) for n in range(count)]
    return [
        VolumeRow(one, Retention(True, None, "deleted", NOW + n, n, "Delay"), NOW - n) for n, one in enumerate(volumes)
    ]


class Counting(io.StringIO):
    """Remembers the longest text that was written in one go."""

    longest = 0

    def write(self, piece: str, /) -> int:
        self.longest = max(self.longest, len(piece))
        return super().write(piece)


def printed(format: str, some: list[VolumeRow], *, tty: bool = False, width: int = 200) -> Counting:
    out = Counting()
    Printed(format, tty=tty, width=width, out=out).volumes(some)
    return out


def calls_of_rich(count: int, width: int) -> int:
    """Return how many functions of rich are called to draw this number of rows."""
    some, called = rows(count), 0

    def note(frame: Any, event: str, _argument: object) -> None:
        nonlocal called
        called += event == "call" and "/rich/" in frame.f_code.co_filename

    printed("table", some[:1], tty=True)  # what is imported and looked up once
    sys.setprofile(note)
    try:
        printed("table", some, tty=True, width=width)
    finally:
        sys.setprofile(None)
    return called


@pytest.mark.parametrize("width", [200, 60])
def test_rich_is_called_a_few_times_a_row(width: int) -> None:
    """As a table of one line, some of it coloured, or as a record of seven lines."""
    assert (calls_of_rich(2200, width) - calls_of_rich(200, width)) / 2000 < 100


def test_each_cell_is_measured_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = 0
    real = text.display_width

    def measure(cell: str) -> int:
        nonlocal measured
        measured += 1
        return real(cell)

    monkeypatch.setattr(table, "display_width", measure)
    monkeypatch.setattr(text, "display_width", measure)
    for tty in (False, True):
        measured = 0
        printed("table", rows(1000), tty=tty)
        assert measured <= 2 * 7 * 1001


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "table", "name"])
def test_a_list_is_written_row_by_row(format: str) -> None:
    out = printed(format, rows(500))
    assert out.longest < 3000
    assert len(out.getvalue().splitlines()) >= 500


VALUES = st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.none() | st.text() | st.lists(st.text()))


@given(st.lists(VALUES, max_size=5))
def test_an_array_in_pieces_equals_the_whole_document(values: list[Any]) -> None:
    assert "".join(array(iter(values))) == document(values)


def test_an_array_holds_one_value_at_a_time() -> None:
    alive = 0

    def values() -> Iterator[dict[str, int]]:
        nonlocal alive
        for number in range(100):
            alive = number
            yield {"n": number}

    for number, piece in enumerate(array(values())):
        assert json.loads(piece.strip("[]\n, ") or "{}") == ({"n": number} if number < 100 else {})
        assert alive == min(number, 99)


def test_cells_are_the_same_each_time() -> None:
    cells = table.Cells([1, 2, 3], lambda number: [str(number)])
    assert list(cells) == list(cells) == [["1"], ["2"], ["3"]]


def failed(number: int) -> Result:
    error = ZvolError(f"it broke {number}", kind="failed", hint="", exit=Exit.FAILED)
    return Result(f"{number:032x}", f"{number:032x}", Outcome.FAILED, error=error)


def test_as_many_failures_as_the_limit_are_all_printed() -> None:
    printed = Printed("json")
    printed.results([failed(number) for number in range(MAX_FAILURES)], single=False)
    assert printed.err.getvalue().count(": it broke") == MAX_FAILURES
    assert "more did not end well" not in printed.err.getvalue()


@pytest.mark.parametrize(
    ("format", "on_stderr"),
    [("json", MAX_FAILURES), ("ndjson", MAX_FAILURES), ("csv", MAX_FAILURES), ("name", 150), ("table", 0)],
)
def test_failures_on_stdout_are_repeated_on_stderr_up_to_a_limit(format: str, on_stderr: int) -> None:
    printed = Printed(format)
    printed.results([failed(number) for number in range(150)], single=False)
    out, err = printed.out, printed.err
    assert err.getvalue().count(": it broke") == on_stderr
    assert ("50 more did not end well; all of them are on stdout" in err.getvalue()) == (on_stderr == MAX_FAILURES)
    assert out.getvalue().count("it broke") in (150, 300) or format == "name"


def test_not_all_candidates_of_a_name_are_shown() -> None:
    for count, more in ((MAX_CANDIDATES, ""), (MAX_CANDIDATES + 1234, "  and 1,234 more\n")):
        printed = Printed()
        error = ZvolError(
            f"{count} deleted data volumes have this name", kind="ambiguous", hint="Give the UUID.", exit=Exit.FAILED
        )
        result = Result("v", None, Outcome.FAILED, error=error, candidates=tuple(rows(count)))
        printed.results([result], ["v"], single=True)
        text = printed.err.getvalue()
        assert text.count("deleted 20") == MAX_CANDIDATES
        assert ("more\n" in text) == bool(more)
        assert more in text
        assert text.endswith("  Give the UUID.\n")


# ---- on a terminal ---------------------------------------------------------------------------------------------------
def lines_of(width: int, monkeypatch: pytest.MonkeyPatch, **more: str) -> list[str]:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    some = [
        *rows(2),
        *(VolumeRow(one.volume, Retention(True, None, "deleted", NOW + 9e6, 9_000_000)) for one in rows(1)),
    ]
    return printed("table", some, tty=True, width=width).getvalue().splitlines()


def test_a_table_is_drawn_from_72_columns_on(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in lines_of(72, monkeypatch)]
    assert len(plain_lines) == 4
    assert len(lines_of(71, monkeypatch)) == 3 * 7 + 2
    assert all(line == line.rstrip() for line in plain_lines)
    columns = [line.index("v ") for line in plain_lines[1:]], [line.index("0000") for line in plain_lines[1:]]
    assert [set(one) for one in columns] == [{0}, {plain_lines[0].index("UUID")}]


def test_urgent_cells_are_coloured_and_headers_are_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    header, *urgent, calm = lines_of(200, monkeypatch)
    assert header.startswith("\x1b[1mNAME\x1b[0m")
    assert all("\x1b[1;31m" in line for line in urgent)
    assert "\x1b" not in calm
    assert not any("31m" in line for line in lines_of(200, monkeypatch, NO_COLOR="1"))
    assert any("31m" in line for line in lines_of(200, monkeypatch, NO_COLOR=""))
    assert lines_of(60, monkeypatch)[0].startswith("\x1b[1mNAME:")


def test_markup_in_a_name_is_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    volume = Volume("a" * 32, {"uuid": "a" * 32, "name": "[red]x[/] :smile: 127.0.0.1", "status": "Ready"})
    text = printed("table", [VolumeRow(volume, Retention(False, "not-deleted"))], tty=True).getvalue()
    assert "\n[red]x[/] :smile: 127.0.0.1  aaaa" in text
