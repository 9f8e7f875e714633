"""Screens as they look on terminals of several widths; `python -m tests.unit.test_golden` rewrites the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.support import results as made_up
from tests.support.printed import Printed
from tests.support.rows import full_row, full_vm, rows, vms
from zvol.errors import ZvolError
from zvol.model import Outcome, Result
from zvol.render import columns, summaries
from zvol.render.values import Recovery, Report
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.text import display_width
from zvol.zstack.last_vm import ANOTHER_SINCE

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTHS = (60, 72, 80, 100, 120, 140, 200)
DATED = 4
"""The number of the rows whose time left is known."""


def list_of_volumes(printed: Printed) -> None:
    end = summaries.of_list(rows()[:DATED], shown=DATED, sandbox=False)
    printed.printer.report(Report(columns.VOLUMES.listing(rows()), summary=end, hints=["a hint"]))


def list_of_any(printed: Printed) -> None:
    on = [replace(row, on_vm=row.last_vm, retention=Retention(False, "not-deleted")) for row in rows()[::2]]
    printed.printer.report(Report(columns.VOLUMES.listing([*rows()[1::2], *on], any_status=True)))


def list_of_vms(printed: Printed) -> None:
    printed.printer.report(Report(columns.VMS.listing(vms())))


def recovery(*made: Result, single: bool = False, **more: Any) -> Callable[[Printed], None]:
    def shown(printed: Printed) -> None:
        known = made_up.described(list(made), **more)
        printed.printer.recovery(Recovery(made, [one.asked for one in made], single, describe=lambda _: known))

    return shown


def show(row: Any) -> Callable[[Printed], None]:
    known: Any = columns.VOLUMES if isinstance(row, VolumeRow) else columns.VMS

    def shown(printed: Printed) -> None:
        printed.printer.report(Report(known.in_full([row], None, single=True)))

    return shown


HOSTILE = "\x1b[31mlogs\x1b[0m [/red] $(reboot)"
MANY = (
    *(made_up.recovered(number, f"pg-{number}") for number in (1, 2, 3, 4)),
    made_up.recovered(5, HOSTILE, lastVmInstanceUuid=made_up.WEB),
    made_up.recovered(6, "数据库备份" * 6, Outcome.ALREADY, vmInstanceUuid=made_up.DB),
    made_up.failed(7, "refused"),
    made_up.failed(8, "refused, too"),
    Result("lost", made_up.uuid(9), Outcome.UNKNOWN, error=ZvolError("no answer since 12:00:01Z", hint="Resume.")),
)
SCREENS: Mapping[str, Callable[[Printed], None]] = {
    "list": list_of_volumes,
    "list-any": list_of_any,
    "list-vms": list_of_vms,
    "show": show(full_row()),
    "show-hostile": show(replace(rows()[2], next="recover d0a7a5e0c0de4b1e8a5efeedbead0003")),
    "show-vm": show(full_vm()),
    "recover": recovery(made_up.recovered(1), single=True),
    "recover-already": recovery(made_up.recovered(1, HOSTILE, Outcome.ALREADY), single=True, unique=frozenset()),
    "recover-attached": recovery(made_up.recovered(1, vmInstanceUuid=made_up.DB), single=True),
    "recover-doubt": recovery(made_up.recovered(1), doubts={made_up.uuid(1): ANOTHER_SINCE}, single=True),
    "recover-vm": recovery(made_up.vm()),
    "recover-several": recovery(*MANY),
    "recover-good": recovery(*MANY[:2], sandbox=True),
    "recover-dry-run": recovery(
        *(made_up.recovered(number, "pg", Outcome.WOULD_RECOVER) for number in (1, 2)), MANY[6], dry_run=True
    ),
}


def screen(what: str, width: int) -> list[str]:
    """Return what a terminal with the given number of columns shows; stderr stands below stdout."""
    printed = Printed(tty=True, width=width)
    SCREENS[what](printed)
    display = pyte.Screen(width, 120)
    pyte.Stream(display).feed((printed.out.getvalue() + printed.err.getvalue()).replace("\n", "\r\n"))
    return "\n".join(line.rstrip() for line in display.display).rstrip("\n").split("\n")


def golden(what: str) -> str:
    """Return a screen at all widths, each below a line with its number."""
    return "".join(f"==== {width} ====\n" + "\n".join(screen(what, width)) + "\n" for width in WIDTHS)


@pytest.mark.parametrize("what", SCREENS)
def test_screens_at_all_widths(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert golden(what) == (GOLDEN / f"{what}.txt").read_text()


@pytest.mark.parametrize("what", ["list", "list-any", "list-vms"])
def test_from_72_columns_on_a_row_is_a_line_and_a_uuid_is_whole(what: str) -> None:
    for width in WIDTHS:
        lines = screen(what, width)
        for row in rows():
            assert sum(row.volume.uuid in line for line in lines) == 1
        assert (lines[0].split()[0] == "NAME") == (width >= 72)
        if width >= 72:
            starts = [display_width(line.partition("d0a7a5e0")[0]) for line in lines[1:6]]
            assert starts == [lines[0].find("UUID")] * 5


if __name__ == "__main__":
    for what in SCREENS:
        (GOLDEN / f"{what}.txt").write_text(golden(what))
