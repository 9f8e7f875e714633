"""Output: exact for programs, escaped for terminals, and with a fixed set of keys."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.output_schema import conform
from tests.support.printed import Printed
from zvol.errors import ConfigError, ErrorCode, Exit, Problem, UsageProblem, ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.render.columns import VOLUMES
from zvol.render.terminal import error_mark
from zvol.row import Retention
from zvol.rows import VolumeRow

U1, U2 = "a" * 32, "b" * 32
FAULT = {
    "code": "SYS.1004",
    "description": "Unable to delete a resource",
    "details": "outer",
    "cause": {"code": "SYS.1006", "description": "An operation failed", "details": "云盘\x1b[31m inner"},
    "opaque": {"x": 1},
}


def volume(uuid: str = U1, name: str = "data", **more: Any) -> Volume:
    return Volume(uuid, {"uuid": uuid, "name": name, "status": "Ready", "type": "Data", "size": 2**30} | more)


def result(outcome: Outcome = Outcome.RECOVERED, asked: str = U1, **more: Any) -> Result:
    return Result(asked, asked if len(asked) == 32 else None, outcome, **({"resource": volume(asked)} | more))


def failed(asked: str = U1) -> Result:
    error = ZvolError(
        "the server refused", kind="refused", hint="Ask.", exit=Exit.FAILED, fault=ErrorCode("SYS.1004", FAULT)
    )
    return result(Outcome.FAILED, asked, error=error, job_uuid="c" * 32)


def volume_row(name: str = "data", uuid: str = U1, **more: Any) -> VolumeRow:
    retention = Retention(True, None, "deleted", 1_795_010_000.0, 10_000, "Delay", "server")
    return VolumeRow(volume(uuid, name, **more), retention, 1_794_990_000.0, "vm\u202e", "ps")


def test_one_volume_in_json_is_its_inventory() -> None:
    printed = Printed("json")
    assert printed.results([result()], [U1], single=True) is Exit.OK
    document = json.loads(printed.out.getvalue())
    conform(document, "inventory")
    assert document["vmInstanceUuid"] is None
    assert printed.err.getvalue() == ""


def test_a_failure_leaves_stdout_empty_and_ends_stderr_with_an_object() -> None:
    printed = Printed("json")
    assert printed.results([failed()], [U1], single=True) is Exit.FAILED
    assert printed.out.getvalue() == ""
    last = json.loads(printed.err.getvalue().splitlines()[-1])
    conform(last, "failure")
    assert last["error"] == FAULT
    assert last["jobUuid"] == "c" * 32


def test_several_are_results_in_the_order_asked() -> None:
    printed = Printed("json")
    code = printed.results([failed(U2), result()], [U1, U2], single=False)
    found = json.loads(printed.out.getvalue())
    assert [one["asked"] for one in found] == [U1, U2]
    for one in found:
        conform(one, "result")
    assert code is Exit.FAILED
    assert found[1]["error"]["code"] == "SYS.1004"
    assert found[1]["error"]["kind"] == "refused"


def test_ndjson_is_flushed_as_each_ends() -> None:
    printed = Printed("ndjson")
    seen = []

    def results() -> Any:
        yield result()
        seen.append(printed.out.getvalue())
        yield result(asked=U2)

    printed.results(results(), [U2, U1], single=False)
    assert json.loads(seen[0])["uuid"] == U1


def test_server_errors_are_printed_innermost_first_and_escaped() -> None:
    printed = Printed()
    printed.results([failed()], [U1], single=True)
    lines = printed.err.getvalue().splitlines()
    assert lines[0] == f"zvol: error: {U1}: the server refused"
    assert lines[1].strip() == "SYS.1006: 云盘\\u{1b}[31m inner"
    assert lines[2].strip() == "SYS.1004: outer"
    assert lines[-1].strip() == "Ask."


@given(st.text(st.characters(), max_size=60))
def test_any_name_is_exact_for_programs_and_harmless_for_people(name: str) -> None:
    rows = [volume_row(name)]
    for_programs = Printed("json")
    for_programs.volumes(rows)
    assert json.loads(for_programs.out.getvalue())[0]["name"] == name
    table = Printed()
    table.volumes(rows)
    table.shown(rows, single=True)
    table.results([result(resource=volume(U1, name), warnings=(name,))], [U1], single=True)
    for text in (table.out.getvalue() + table.err.getvalue()).split("\n"):
        assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in text), text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_csv_is_exact_and_has_no_formula(name: str) -> None:
    printed = Printed("csv", chosen="name,uuid")
    printed.volumes([volume_row(name)])
    header, row = list(csv.reader(io.StringIO(printed.out.getvalue(), newline="")))[:2]
    assert header == ["name", "uuid"]
    assert row[0].replace("'", "") == name.replace("'", "")
    assert not row[0].strip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


def test_a_table_in_a_pipe_cuts_nothing_and_has_no_trailing_blanks() -> None:
    printed = Printed()
    printed.volumes([volume_row("数据" * 40), volume_row("b", U2)])
    lines = printed.out.getvalue().splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert "数据" * 40 in lines[1]
    assert lines[1].split()[1] == U1


def test_markup_is_text() -> None:
    printed = Printed(tty=True, width=300)
    printed.volumes([volume_row("vol[/prod][red]x:smile:")])
    assert "vol[/prod][red]x:smile:" in printed.out.getvalue()


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
@pytest.mark.parametrize("width", [20, 60, 80, 120, 200, 400])
def test_a_terminal_of_any_width_shows_every_uuid(width: int, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)  # rich takes 80 columns for a dumb terminal, whatever width it gets
    printed = Printed(tty=True, width=width)
    printed.volumes([volume_row("数据卷", U1), volume_row("x" * 50, U2)])
    text = printed.out.getvalue()
    assert U1 in text.replace("\n", "")
    assert U2 in text.replace("\n", "")
    assert ("…" in text) == (width in (80, 120))


def test_urgency_is_coloured_on_a_terminal_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    coloured = Printed(tty=True, width=300)
    coloured.volumes([volume_row()])
    assert "\x1b[1;31m" in coloured.out.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Printed(tty=True, width=300)
    plain.volumes([volume_row()])
    assert "31m" not in plain.out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "unknown"}, False),
        ({"TERM": "Dumb", "FORCE_COLOR": "1"}, False),
    ],
)
def test_the_word_error_has_a_colour_where_a_table_has(
    environ: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (error_mark(Terminal(), environ) != "error:") is coloured
    assert error_mark(io.StringIO(), environ) == "error:"
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    table = Printed(tty=True, width=300)
    table.volumes([volume_row()])
    assert ("\x1b[1;31m" in table.out.getvalue()) is coloured


def test_unknown_columns_are_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageProblem, match="did you mean name"):
        VOLUMES.pick("nmae", ())


def test_a_warning_for_many_volumes_is_printed_once_also_with_quiet() -> None:
    printed = Printed(quiet=True)
    many = [result(asked=f"{number:032x}", by="unknown", warnings=("look again",)) for number in range(109)]
    printed.results([*many, result(warnings=("by itself",))], [], single=False)
    assert printed.err.getvalue() == f"zvol: warning: 109 volumes: look again\nzvol: warning: {U1}: by itself\n"
    table, one, programs = Printed(), Printed(), Printed("json")
    table.results([*many[:2], result(asked=U2, by="unknown")], [], single=False)
    assert [row.split()[-1] for row in table.out.getvalue().splitlines()[1:]] == ["again", "again", "-"]
    one.results([result(by="unknown")], [U1], single=True)
    assert "Outcome:      recovered\n" in one.out.getvalue()
    programs.results(many, [], single=False)
    assert all(one["warnings"] == ["look again"] for one in json.loads(programs.out.getvalue()))


def test_a_server_date_is_utc_or_says_that_it_is_the_servers() -> None:
    theirs = "Nov 24, 2026 3:31:50 PM"
    row = volume_row(createDate=theirs, lastOpDate=theirs)
    printed = Printed("table")
    printed.shown([dataclasses.replace(row, dates={"createDate": 1_795_000_000.0})], single=True)
    assert "Created:     2026-11-18T11:06:40Z\n" in printed.out.getvalue()
    assert f"Changed:     {theirs} (on the server's clock)\n" in printed.out.getvalue()


def test_names_are_uuids_only() -> None:
    printed = Printed("name")
    printed.results([result(), failed(U2)], [U1, U2], single=False)
    assert printed.out.getvalue() == f"{U1}\n"


def test_errors_are_printed_for_people_and_as_an_object() -> None:
    printed = Printed("json", mark="zvol (sandbox): ")
    printed.printer.error(ZvolError("it broke", hint="Mend it.", uuid=U1))
    first, hint, last = printed.err.getvalue().splitlines()
    assert first == f"zvol (sandbox): error: {U1}: it broke"
    assert hint.strip() == "Mend it."
    assert json.loads(last)["error"]["code"] == "ZVOL.FAILED"
    many = Printed("json")
    many.printer.error(ConfigError([Problem("f:1:1", "a"), Problem("f:2:1", "b")]))
    assert many.err.getvalue().splitlines() == ["zvol: error: f:1:1: a", "  f:2:1: b"]


def test_quiet_keeps_errors_and_machine_output() -> None:
    printed = Printed(quiet=True)
    printed.results([result(), failed(U2)], [U1, U2], single=False)
    assert printed.out.getvalue() == ""
    assert "the server refused" in printed.err.getvalue()
    printed.printer.hint("nothing")
    assert "nothing" not in printed.err.getvalue()


def test_a_volume_row_has_its_recycle_object() -> None:
    printed = Printed("json")
    printed.shown([volume_row()], single=True)
    document = json.loads(printed.out.getvalue())
    conform(document, "volumeRow")
    assert document["recycle"]["expungesAfter"] == "2026-11-18T13:53:20Z"
