"""`zvol show --vm` of the data volumes of a VM: lines that fit a terminal, and objects for programs."""

from __future__ import annotations

from tests.support.accident import ASSETS, IMPORT, UPLOADS, WEB_2
from tests.support.warm import run

AGAIN = "attached again with --reattach"


def test_fate_and_command_of_a_volume_have_lines_of_their_own(at: dict[str, str]) -> None:
    lines = run(["show", "--vm", "web-2"], at).out.splitlines()
    [place] = [number for number, line in enumerate(lines) if IMPORT in line and "20 GiB" in line]
    assert [line.partition("  ")[0] for line in lines[place : place + 3]] == ["Data volume:", "", ""]
    assert lines[place].endswith(f"  web-2-import ({IMPORT}), 20 GiB, Ready")
    indent = " " * lines[place].index("web-2-import")
    assert lines[place + 1] == f"{indent}not attached again: it had been detached from the VM before"
    assert lines[place + 2] == f"{indent}`zvol attach {IMPORT} {WEB_2}`"


def test_json_has_the_volumes_and_the_notes(at: dict[str, str]) -> None:
    found = run(["show", "--vm", "web-2", "--json"], at).json()
    assert found["notes"] == ["it comes back Stopped and is not started; EIPs that it had do not come back"]
    assert [one["uuid"] for one in found["dataVolumes"]] == [ASSETS, UPLOADS, IMPORT]
    _, uploads, left = found["dataVolumes"]
    assert uploads == {
        "uuid": UPLOADS,
        "name": "web-2-uploads",
        "size": 120 * 2**30,
        "status": "Deleted",
        "fate": AGAIN,
        "commands": [],
    }
    assert left["commands"] == [f"zvol attach {IMPORT} {WEB_2}"]
    listed = run(["list", "--vms", "--json"], at).json()
    assert not any({"notes", "dataVolumes"} & one.keys() for one in listed), "they are not looked up"
