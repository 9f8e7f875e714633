"""Hostile texts in every place of every output: harmless for people, exact for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hostile.names import CONTROLS, FORMULAS, HALVES, NAMES, forbidden
from zvol.errors import ConfigError, ErrorCode, Exit, Problem, ZvolError
from zvol.model import Outcome, Result, Retention, Trouble, Volume, VolumeRow
from zvol.render import Output
from zvol.render.progress import Progress
from zvol.text import display_width, escape_terminal

UUID = "a" * 32
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SIGNS = re.compile(r"\s*[=+\-@＝＋－＠]")
ANY = [*NAMES, *HALVES]


def test_there_are_enough_of_them() -> None:
    assert len(set(NAMES)) >= 300
    assert len(CONTROLS) == 65
    assert len(set(FORMULAS)) >= 60


class Printed:
    def __init__(self, format: str, *, tty: bool, columns: str | None = None) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.output = Output(format, self.out, self.err, tty=tty, width=100_000, columns=columns)

    @property
    def text(self) -> str:
        return COLOURS.sub("", self.out.getvalue() + self.err.getvalue())


def listed(text: str) -> VolumeRow:
    fields = {"uuid": UUID, "name": text, "description": text, "installPath": text, "format": text, "createDate": text}
    volume = Volume(UUID, fields | {"status": text, "type": text, "state": text, "lastVmInstanceUuid": text})
    return VolumeRow(
        volume, Retention(None, text, "deleted", 1_795_010_000.0, 10_000), 1_794_990_000.0, text, text, (text,)
    )


def results(text: str) -> Iterator[Result]:
    fault = {"code": "X.1", "description": text, "details": text, "elaboration": text, "cause": {"code": text}}
    trouble = Trouble("refused", text, text, Exit.FAILED, ErrorCode("X.1", fault))
    row = listed(text)
    volume = row.volume
    kept = VolumeRow(volume, Retention(False, "not-deleted"))
    yield Result(text, None, Outcome.FAILED, trouble=trouble, candidates=(row, kept), warnings=(text,))
    yield Result(UUID, UUID, Outcome.RECOVERED, volume=volume)
    yield Result(text, UUID, Outcome.UNKNOWN, volume=volume, trouble=Trouble("unknown", text, text, Exit.UNKNOWN))


def print_all(printed: Printed, text: str) -> None:
    """Print a text wherever one can stand."""
    output = printed.output
    output.volumes([listed(text)])
    output.shown([listed(text)], single=True)
    output.results(results(text), [text, UUID], single=False)
    for one in results(text):
        output.results([one], [one.asked], single=True)
    output.rows(["A", "B"], [["x", text]])
    output.warn(text)
    output.hint(text)
    output.error(ZvolError(text, hint=text, uuid=text, fault=ErrorCode(text, {"code": text, "details": text})))
    output.error(ConfigError([Problem(text, text)], hint=text))


@pytest.mark.parametrize("tty", [True, False], ids=["terminal", "pipe"])
def test_for_people_nothing_but_what_can_be_seen(tty: bool) -> None:
    everything = (
        "name,uuid,description,status,type,state,format,install-path,last-vm,last-vm-uuid,storage,created,reason"
    )
    for text in ANY:
        printed = Printed("table", tty=tty, columns=everything)
        print_all(printed, text)
        assert forbidden(printed.text) == [], ascii(text)
        if text.strip():
            assert escape_terminal(text) in printed.text, ascii(text)


@pytest.mark.parametrize("format", ["csv", "json", "ndjson", "name"])
def test_what_programs_get_does_no_harm_on_a_terminal(format: str) -> None:
    for text in ANY:
        printed = Printed(format, tty=True)
        print_all(printed, text)
        assert forbidden(printed.text.replace("\r", "")) == [], ascii(text)


@pytest.mark.parametrize("format", ["json", "ndjson"])
def test_json_is_exact(format: str) -> None:
    for text in ANY:
        printed = Printed(format, tty=False)
        printed.output.volumes([listed(text)])
        found: Any = json.loads(printed.out.getvalue())
        assert (found if format == "ndjson" else found[0])["name"] == text
        assert printed.out.getvalue().isascii()


def test_csv_is_exact_and_no_spreadsheet_runs_it() -> None:
    for text in (*NAMES, *FORMULAS):
        printed = Printed("csv", tty=False, columns="uuid,name")
        printed.output.volumes([listed(text)])
        raw = printed.out.getvalue()
        [_, [uuid, name]] = list(csv.reader(io.StringIO(raw, newline="")))
        assert (uuid, name) == (UUID, text) or (uuid, name.replace("'", "")) == (UUID, text.replace("'", ""))
        assert name == text or SIGNS.search(text), ascii(text)
        for delimiter in ",;\t":  # what a spreadsheet of one country or another takes for the end of a cell
            for row in csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter):
                assert not any(SIGNS.match(cell) for cell in row), ascii(text)


def test_progress_is_one_harmless_line() -> None:
    for text in ANY:
        stream, now = io.StringIO(), iter(range(0, 1000, 100))
        progress = Progress(stream, lambda now=now: float(next(now)), 2, tty=False, shown=True)  # type: ignore[misc]
        progress.notes = [text]
        progress.draw()
        assert forbidden(stream.getvalue()) == [], ascii(text)
        assert stream.getvalue().count("\n") == 1


def test_no_tower_of_marks_and_a_known_width() -> None:
    for text in ANY:
        shown = escape_terminal(text)
        assert re.search(r"[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{5}", shown) is None, ascii(text)
        assert display_width(shown) <= 2 * len(shown)
