"""Hostile texts in every field of every output: harmless for people, exact for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hostile.names import CONTROLS, FORMULAS, HALVES, NAMES, forbidden
from tests.support.printed import Printed
from zvol.errors import ConfigError, ErrorCode, Exit, Problem, ZvolError
from zvol.model import Outcome, Result, Volume
from zvol.render.progress import Progress
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.text import display_width, escape_terminal

UUID = "a" * 32
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SIGNS = re.compile(r"\s*[=+\-@＝＋－＠]")
ANY = [*NAMES, *HALVES]


def test_the_size_of_the_corpus() -> None:
    assert len(set(NAMES)) >= 300
    assert len(CONTROLS) == 65
    assert len(set(FORMULAS)) >= 60


def printed_to(format: str, *, tty: bool, chosen: str | None = None) -> Printed:
    return Printed(format, tty=tty, width=100_000, chosen=chosen)


def shown(printed: Printed) -> str:
    """Return all that was printed, without its colours."""
    return COLOURS.sub("", printed.out.getvalue() + printed.err.getvalue())


def volume_row(text: str) -> VolumeRow:
    fields = {"uuid": UUID, "name": text, "description": text, "installPath": text, "format": text, "createDate": text}
    volume = Volume(UUID, fields | {"status": text, "type": text, "state": text, "lastVmInstanceUuid": text})
    return VolumeRow(
        volume, Retention(None, text, "deleted", 1_795_010_000.0, 10_000), 1_794_990_000.0, text, text, (text,)
    )


def results(text: str) -> Iterator[Result]:
    fault = {"code": "X.1", "description": text, "details": text, "elaboration": text, "cause": {"code": text}}
    error = ZvolError(text, kind="refused", hint=text, exit=Exit.FAILED, fault=ErrorCode("X.1", fault))
    row = volume_row(text)
    volume = row.volume
    not_deleted = VolumeRow(volume, Retention(False, "not-deleted"))
    yield Result(text, None, Outcome.FAILED, error=error, candidates=(row, not_deleted), warnings=(text,))
    yield Result(UUID, UUID, Outcome.RECOVERED, resource=volume)
    yield Result(
        text,
        UUID,
        Outcome.UNKNOWN,
        resource=volume,
        error=ZvolError(text, kind="unknown", hint=text, exit=Exit.UNKNOWN),
    )


def print_all(printed: Printed, text: str) -> None:
    """Print a text in every field of every output."""
    printed.volumes([volume_row(text)])
    printed.shown([volume_row(text)], single=True)
    printed.results(results(text), [text, UUID], single=False)
    for one in results(text):
        printed.results([one], [one.asked], single=True)
    printed.texts(["A", "B"], [["x", text]])
    printer = printed.printer
    printer.preview([volume_row(text)], 100_000)
    printer.warn(text)
    printer.hint(text)
    printer.error(ZvolError(text, hint=text, uuid=text, fault=ErrorCode(text, {"code": text, "details": text})))
    printer.error(ConfigError([Problem(text, text)], hint=text))


@pytest.mark.parametrize("tty", [True, False], ids=["terminal", "pipe"])
def test_output_for_people_has_only_visible_text(tty: bool) -> None:
    everything = (
        "name,uuid,description,status,type,state,format,install-path,last-vm,last-vm-uuid,storage,created,reason"
    )
    for text in ANY:
        printed = printed_to("table", tty=tty, chosen=everything)
        print_all(printed, text)
        assert forbidden(shown(printed)) == [], ascii(text)
        if text.strip():
            assert escape_terminal(text) in shown(printed), ascii(text)


@pytest.mark.parametrize("format", ["csv", "json", "ndjson", "name"])
def test_machine_output_is_harmless_on_a_terminal(format: str) -> None:
    for text in ANY:
        printed = printed_to(format, tty=True)
        print_all(printed, text)
        assert forbidden(shown(printed).replace("\r", "")) == [], ascii(text)


@pytest.mark.parametrize("format", ["json", "ndjson"])
def test_json_is_exact(format: str) -> None:
    for text in ANY:
        printed = printed_to(format, tty=False)
        printed.volumes([volume_row(text)])
        found: Any = json.loads(printed.out.getvalue())
        assert (found if format == "ndjson" else found[0])["name"] == text
        assert printed.out.getvalue().isascii()


def test_csv_is_exact_and_has_no_formula() -> None:
    for text in (*NAMES, *FORMULAS):
        printed = printed_to("csv", tty=False, chosen="uuid,name")
        printed.volumes([volume_row(text)])
        raw = printed.out.getvalue()
        [_, [uuid, name]] = list(csv.reader(io.StringIO(raw, newline="")))
        assert (uuid, name) == (UUID, text) or (uuid, name.replace("'", "")) == (UUID, text.replace("'", ""))
        assert name == text or SIGNS.search(text), ascii(text)
        for delimiter in ",;\t":  # what spreadsheets of different locales take for the end of a cell
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


def test_combining_marks_are_limited_and_the_width_is_known() -> None:
    for text in ANY:
        escaped = escape_terminal(text)
        assert re.search(r"[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{5}", escaped) is None, ascii(text)
        assert display_width(escaped) <= 2 * len(escaped)
