"""How a table fits a terminal: columns that are left out, cells that are cut, and texts that wrap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter

import pytest

from tests.support.printed import Printed
from tests.support.rows import rows, vms
from zvol.render import layout
from zvol.render.columns import VMS, VOLUMES
from zvol.render.summaries import of_list, selection_summary
from zvol.render.values import Column, Fit, Report, Table
from zvol.row import Retention
from zvol.text import cut, display_width, human_age, wrap

Cells = Sequence[str]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def column(place: int, header: str, fit: Fit = Fit.WHOLE, least: int = 0, *, right: bool = False) -> Column[Cells]:
    return Column(header.lower(), header, "", itemgetter(place), fit=fit, least=least, right=right)


KEY, NAME, SIZE = column(0, "KEY"), column(1, "NAME", Fit.CUT), column(2, "SIZE", right=True, least=75)
DETAIL = column(3, "DETAIL", Fit.WRAP)


def drawn(columns: Sequence[Column[Cells]], cells: Sequence[Cells], width: int) -> list[str]:
    printed = Printed(tty=True, width=width)
    printed.printer.report(Report(Table(cells, columns, lambda _: None, lambda _: None)))
    return COLOURS.sub("", printed.out.getvalue()).splitlines()


def test_a_long_name_is_cut_and_nothing_else() -> None:
    assert drawn([KEY, NAME], [("k" * 66, "n" * 20, "", "")], 80)[1] == f"{'k' * 66}  {'n' * 11}…"
    assert drawn([KEY, NAME], [("k" * 66, "n" * 12, "", "")], 80)[1] == f"{'k' * 66}  {'n' * 12}"
    whole = f"{'k' * 67}  {'n' * 20}"
    assert drawn([KEY, NAME], [("k" * 67, "n" * 20, "", "")], 80)[1] == whole, "no column is left out, the line wraps"


def test_columns_are_left_out_by_width_and_where_they_do_not_fit() -> None:
    cells = [("k" * 40, "name", "10 GiB", "")]
    assert drawn([KEY, NAME, SIZE], cells, 75)[0].split() == ["KEY", "NAME", "SIZE"]
    assert drawn([KEY, NAME, SIZE], cells, 74)[0].split() == ["KEY", "NAME"]
    cells = [("k" * 60, "name", "10 GiB", "")]
    more = [*(KEY, NAME, SIZE), column(2, "OTHER", least=76)]
    assert drawn(more, cells, 81)[0].split() == ["KEY", "NAME", "SIZE"], (
        "of two, the one for wider terminals goes first"
    )


def test_numbers_are_aligned_to_the_right() -> None:
    lines = drawn([SIZE, KEY], [("a", "", "1 GiB", ""), ("b", "", "100 GiB", "")], 80)
    assert lines == ["   SIZE  KEY", "  1 GiB  a", "100 GiB  b"]


def test_two_names_share_what_is_left() -> None:
    both = [KEY, NAME, column(2, "OTHER", Fit.CUT)]
    line = drawn(both, [("k" * 36, "n" * 50, "o" * 50, "")], 80)[1]
    assert line == f"{'k' * 36}  {'n' * 19}…  {'o' * 19}…"
    line = drawn(both, [("k" * 36, "n" * 50, "o" * 10, "")], 80)[1]
    assert line == f"{'k' * 36}  {'n' * 29}…  {'o' * 10}"


def test_a_detail_wraps_in_its_column_or_stands_below_its_row() -> None:
    words = " ".join(["word"] * 12)
    beside = drawn([KEY, DETAIL], [("k" * 38, "", "", words), ("short", "", "", "")], 80)
    assert beside == [
        "KEY" + " " * 37 + "DETAIL",
        *("k" * 38 + "  word word word word word word word word", " " * 40 + "word word word word"),
        "short",
    ]
    for width in (39, 79):
        below = drawn([KEY, DETAIL], [("k" * width, "", "", words), ("short", "", "", "")], 80)
        assert below == ["KEY", "k" * width, f"    {words}", "short"]
    few = drawn([KEY, DETAIL], [("k" * 70, "", "", "two words")], 81)
    assert few[1] == "k" * 70 + "  two words", "a short one needs no more"


def test_a_text_that_wraps_is_never_cut() -> None:
    path = "/" + "p" * 60
    assert drawn([KEY, DETAIL], [("k" * 30, "", "", f"at {path}")], 80)[1:] == ["k" * 30 + "  at", " " * 32 + path]
    assert drawn([KEY, DETAIL], [("k", "", "", f"at {path} and more of it"), ("l", "", "", "")], 60) == [
        "KEY:    k",
        *("DETAIL: at", f"        {path}", "        and more of it"),
        "",
        "KEY:    l",
    ]


def test_a_wide_table_has_all_columns_and_dates_whatever_the_width() -> None:
    for width in (40, 80):
        printed = Printed("wide", tty=True, width=width)
        printed.volumes(rows())
        first, row, *_ = COLOURS.sub("", printed.out.getvalue()).splitlines()
        assert re.split(" {2,}", first) == [one.header for one in VOLUMES.known.values()]
        assert row.count("2026-11-") == 2
    piped = Printed("wide")
    piped.volumes(rows())
    assert re.split(" {2,}", piped.out.getvalue().splitlines()[0])[-1] == "REASON"
    chosen = Printed("wide", tty=True, width=80, chosen="name,left")
    chosen.volumes(rows())
    assert COLOURS.sub("", chosen.out.getvalue()).splitlines()[0].split() == ["NAME", "LEFT"]


@pytest.mark.parametrize("width", [72, 80, 400])
def test_columns_that_were_asked_for_are_all_there(width: int) -> None:
    printed = Printed(tty=True, width=width, chosen="uuid,size,storage,last-vm")
    printed.volumes(rows())
    header = COLOURS.sub("", printed.out.getvalue()).splitlines()[0]
    assert re.split(" {2,}", header) == ["UUID", "SIZE", "STORAGE", "LAST VM"]


def test_texts_are_cut_and_wrapped_by_the_columns_they_take() -> None:
    assert [cut("abcdef", width) for width in (6, 5, 1)] == ["abcdef", "abcd…", "…"]
    assert [cut("数据库", width) for width in (6, 5, 4)] == ["数据库", "数据…", "数…"]
    assert cut("e\u0301" * 5, 4) == "e\u0301" * 3 + "…"
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("", 7) == [""]
    assert wrap("a " + "b" * 32 + " c", 10) == ["a", "b" * 32, "c"]
    assert wrap("云盘已经被加载", 5) == ["云盘", "已经", "被加", "载"]
    assert wrap("a 云盘已经被", 6) == ["a", "云盘已", "经被"]
    assert wrap("云盘[uuid:abc]已经被", 6) == ["云盘", "[uuid:abc]", "已经被"]
    assert all(display_width(line) <= 6 for line in wrap("a 云盘已经被 bc 载x", 6))
    assert [human_age(seconds) for seconds in (5, 3599, 86400 + 3600)] == ["5s ago", "59m ago", "1d ago"]


def test_the_summary_counts_adds_and_names_the_first_to_go() -> None:
    some = rows()
    assert of_list(some[:3], shown=3, sandbox=False).startswith("3 deleted volumes, 2.2 TiB. First to go: \\u{1b}[31ml")
    assert of_list(some[:1], shown=1, sandbox=True) == (
        "1 deleted volume in the sandbox, 200 GiB. First to go: pg-data, in 2d 22h."
    )
    assert of_list(some[:2], shown=1, sandbox=False).startswith(
        "2 deleted volumes (1 shown), 2.2 TiB. First to go: 数据"
    )
    assert of_list(some, shown=5, sandbox=False).endswith("The time left of 1 is not known.")
    assert of_list(some[4:], shown=1, sandbox=False) == "1 deleted volume, 5 GiB. The time left is not known."
    assert of_list(vms()[:1], shown=1, sandbox=False) == "1 destroyed VM. First to go: pg-data, in 2d 22h."
    kept = [type(row)(row.volume, Retention(True, None, "deleted", policy="Never")) for row in some]
    assert of_list(kept, shown=5, sandbox=False) == "5 deleted volumes, 2.2 TiB."
    there = [type(row)(row.volume, Retention(False, "not-deleted")) for row in some[:1]]
    assert of_list([*some[:1], *there], shown=2, sandbox=False).startswith("2 volumes, 400 GiB. First to go: pg-data")


def test_a_summary_is_for_a_terminal_and_hints_are_for_both() -> None:
    report = Report(VOLUMES.listing(rows()), summary="5 volumes.", hints=["see `zvol list`"])
    for tty, quiet, end in (
        (True, False, "5 volumes.\nsee `zvol -p x list`\n"),
        (False, False, "zvol: see `zvol -p x list`\n"),
        (True, True, ""),
    ):
        printed = Printed(tty=tty, quiet=quiet, command="zvol -p x")
        printed.printer.report(report)
        assert printed.err.getvalue() == end


def test_a_question_names_count_size_and_deadline() -> None:
    some = rows()
    assert selection_summary(some[:3]) == "3 volumes (2.2 TiB, first to go in 3h)"
    assert selection_summary(some[:1]) == "1 volume (200 GiB, first to go in 2d 22h)"
    assert selection_summary(some[:4]).endswith("(2.2 TiB, overdue)")
    assert selection_summary(some).endswith("(2.2 TiB, time left not known)")
    kept = [type(row)(row.volume, Retention(True, None, "deleted", policy="Never")) for row in some]
    assert selection_summary(kept) == "5 volumes (2.2 TiB)"


def test_a_list_without_rows_has_no_header_on_a_terminal() -> None:
    printed = Printed(tty=True, width=80)
    printed.printer.report(Report(VMS.listing([])))
    assert printed.out.getvalue() == ""


def test_the_last_shown_column_of_a_narrow_table_may_be_the_one_that_wraps() -> None:
    assert layout.fitted([KEY, DETAIL], [10, 20], 80) == [10, 20]
    assert layout.fitted([KEY, DETAIL], [10, 200], 80) == [10, 68]
