"""The list as it looks on terminals of several widths; `python -m tests.unit.test_golden` rewrites the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.support.printed import Printed
from zvol.model import Volume, VolumeRow
from zvol.render import columns
from zvol.render.values import Report
from zvol.row import Retention
from zvol.vm_instance import VmInstance, VmRow

GOLDEN = Path(__file__).parents[1] / "golden"
NOW = 1_795_000_000.0
HOUR = 3600
ROWS = (
    ("pg-data", 200, 2 * HOUR, 70 * HOUR, "db-1", "local-ssd"),
    ("数据库备份", 2048, 48 * HOUR, 23 * HOUR, "web-1", "ceph-main"),
    ("\x1b[31mlogs\x1b[0m \u202etxt.exe [/red] :smile:", 1, 69 * HOUR, 3 * HOUR, None, "local-ssd"),
    ("never-used", 40, 80 * HOUR, 0, None, None),
    ("e\u0301" * 3 + "\u200b", 5, None, None, "vm\u2066x", "ps"),
)


def rows() -> list[VolumeRow]:
    found = []
    for number, (name, size, age, left, vm, storage) in enumerate(ROWS, 1):
        uuid = f"d0a7a5e0c0de4b1e8a5efeedbead{number:04x}"
        volume = Volume(uuid, {"uuid": uuid, "name": name, "size": size * 2**30, "status": "Deleted", "type": "Data"})
        until = None if left is None else NOW + left
        retention = Retention(True, None, "deleted", until, left, "Delay", "server" if left is not None else "unknown")
        found.append(VolumeRow(volume, retention, None if age is None else NOW - age, vm, storage, server_now=NOW))
    return found


def vms() -> list[VmRow]:
    """Return VMs with the names, ages and times left of the volumes."""
    found = []
    for row in rows():
        root = {"uuid": "0" * 32, "type": "Root", "status": "Deleted", "size": row.volume.size}
        fields: dict[str, Any] = {
            "uuid": row.volume.uuid,
            "name": row.volume.name,
            "state": "Destroyed",
            "allVolumes": [root],
        }
        fields |= {"cpuNum": 2, "memorySize": 4 * 2**30, "rootVolumeUuid": "0" * 32}
        vm = VmInstance(row.volume.uuid, fields)
        found.append(VmRow(vm, row.retention, row.deleted_at, storage=row.storage, server_now=NOW))
    return found


def screen(what: str, width: int) -> str:
    """Return what a terminal with the given number of columns shows of volumes or VMs."""
    printed = Printed(tty=True, width=width)
    if what == "list":
        printed.volumes(rows())
    else:
        printed.printer.report(Report(columns.listing(vms(), columns.VMS.pick())))
    display = pyte.Screen(width, 80)
    stream = pyte.Stream(display)
    stream.feed(printed.out.getvalue().replace("\n", "\r\n"))
    lines = [line.rstrip() for line in display.display]
    return "\n".join(lines).rstrip("\n") + "\n"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("what", ["list", "list-vms"])
def test_the_list_on_a_terminal(what: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = screen(what, width)
    assert shown == (GOLDEN / f"{what}-{width}.txt").read_text()
    for number in range(1, len(ROWS) + 1):
        assert f"d0a7a5e0c0de4b1e8a5efeedbead{number:04x}" in shown


if __name__ == "__main__":
    for what in ("list", "list-vms"):
        for width in (60, 80, 120, 200):
            (GOLDEN / f"{what}-{width}.txt").write_text(screen(what, width))
