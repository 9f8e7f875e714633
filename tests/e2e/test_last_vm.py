"""Servers that do not remember the VM a volume was last on, or may name an older one, say so; nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fake_server import uuid
from tests.support.last_vm import POST, PUT, SINCE, VERSION, cell, notes, reattached, remembered, zvol
from tests.support.old_server import HOUR, VM, VOLUME, old_server
from zvol.zstack.versions import NO_LAST_VM

OLD = ["2.3.2", "3.10.40", "4.3.36"]
NOT_TOLD = [None, "", "five", "6.0.0"]
"""Versions that are not known: the request fails, or the answer says nothing, or is newer than what was read."""


# ---- selectors ---------------------------------------------------------------------------------------------------
BOTH = [["list", "--last-vm", VM, "--json"], ["recover", "--last-vm", VM, "--yes", "--json"]]


@pytest.mark.parametrize("version", OLD)
def test_a_selector_by_vm_is_refused_where_nothing_is_remembered(version: str, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        for command in BOTH:
            ran = zvol(server, tmp_path, *command)
            assert (ran.code, ran.out) == (2, "")
            assert f"--last-vm cannot be decided: {NO_LAST_VM}" in ran.err
            assert "give the UUIDs" in ran.err
            assert (server.asked(VERSION), server.asked(PUT)) == (1, 0)
        alarm = zvol(server, tmp_path, "list", "--last-vm", VM, "--expiring-within", "9d", "--exit-code", "--json")
        assert (alarm.code, len(alarm.json())) == (10, 1)


@pytest.mark.parametrize("version", NOT_TOLD)
def test_a_selector_by_vm_stops_where_it_is_not_known_what_is_remembered(version: str | None, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        for command in BOTH:
            ran = zvol(server, tmp_path, *command)
            assert (ran.code, ran.out) == (5, "")
            assert "--last-vm cannot be decided: the server does not tell which VM" in ran.err
            assert (server.asked(VERSION), server.asked(PUT)) == (1, 0)


@pytest.mark.parametrize("version", ["4.4.0", "4.7.24", "4.8.0", "5.3.0"])
def test_a_server_that_remembers_has_an_empty_answer(version: str, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        for command in BOTH:
            ran = zvol(server, tmp_path, *command)
            assert (ran.code, ran.json(), server.asked(VERSION)) == (0, [], 1)


def test_the_release_is_not_asked_for_where_it_decides_nothing(tmp_path: Path) -> None:
    with old_server() as server:
        others = ["--last-vm", VM, "--name", "nothing"]
        assert zvol(server, tmp_path, "list", *others, "--json").json() == []
        commands = [["list", "-o", "csv"], ["list", "-o", "name"], ["show", VOLUME, "-o", "csv"]]
        for command in [*commands, ["list", "--columns", "name"]]:
            assert zvol(server, tmp_path, *command).code == 0
            assert server.asked(VERSION) == 0
        server.stored.append(server.volume(1, "other", **remembered(server, 60)))
        for command in (["list", "--name", "other"], ["list", "--name", "other", "--json"], ["show", uuid("a", 1)]):
            assert zvol(server, tmp_path, *command).code == 0
            assert server.asked(VERSION) == 0
        for command in (["list", "--last-vm", VM, "--json"], ["list"], ["list", "--json"]):
            assert zvol(server, tmp_path, *command).code == 0
            assert server.asked(VERSION) == 1, "once, for the other one"
        server.stored.clear()
        for command in BOTH:
            assert (zvol(server, tmp_path, *command).json(), server.asked(VERSION)) == ([], 0)


@pytest.mark.parametrize(("version", "warned"), [("4.4.0", True), ("4.7.24", True), ("4.8.0", False), (None, True)])
@pytest.mark.parametrize("apart", [None, 61.0])
def test_a_selector_by_vm_warns_of_older_vms(
    version: str | None, warned: bool, apart: float | None, tmp_path: Path
) -> None:
    with old_server() as server:
        server.version = version
        server.stored[0] |= remembered(server, apart)
        server.stored.append(server.volume(1, "other", **remembered(server, 60)))
        server.stored.append(server.volume(2, "never"))
        text = "--last-vm: the server may name an older VM for 1 of 3 volumes (ZStack before 4.8)"
        none = "--last-vm: the server names no VM for 1 of 3 volumes; each may have been on one that was destroyed"
        ran = zvol(server, tmp_path, "list", "--last-vm", VM, "--json")
        assert (ran.code, len(ran.json()), text in ran.err, server.asked(VERSION)) == (0, 2, warned, 1)
        assert (none in ran.err) == warned
        ran = zvol(server, tmp_path, "list", "--last-vm", uuid("b", 9), "--json")
        assert (ran.code, ran.json(), text in ran.err) == (0, [], warned)
        ran = zvol(server, tmp_path, "recover", "--last-vm", VM, "--yes", "--json")
        assert (ran.code, len(ran.json()), text in ran.err, server.asked(PUT)) == (0, 2, warned, 2)
        assert (none in ran.err) == warned
        for one in server.stored:
            one["status"] = "Deleted"
        alarm = zvol(server, tmp_path, "list", "--last-vm", VM, "--expiring-within", "9d", "--exit-code", "--json")
        assert (alarm.code, len(alarm.json())) == (10, 3 if warned else 2)


# ---- list and show -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", OLD)
def test_what_is_shown_where_nothing_is_remembered(version: str, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        assert (cell(server, tmp_path), server.asked(VERSION)) == ("unknown", 1)
        text = notes(server, tmp_path)
        assert (NO_LAST_VM in text, "never" in text, server.asked(VERSION)) == (True, False, 1)
        server.stored[0] |= {"status": "Ready"}
        assert NO_LAST_VM in notes(server, tmp_path)
        server.stored[0] |= {"vmInstanceUuid": VM}
        assert (NO_LAST_VM in notes(server, tmp_path), server.asked(VERSION)) == (False, 0)


@pytest.mark.parametrize("version", NOT_TOLD)
def test_what_is_shown_where_it_is_not_known(version: str | None, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        assert cell(server, tmp_path) == "unknown"
        assert "the server does not tell which VM it was last on" in notes(server, tmp_path)
        server.stored[0] |= remembered(server, 61)
        assert cell(server, tmp_path) == "data (or another)"
        assert SINCE in notes(server, tmp_path)


@pytest.mark.parametrize(("version", "older"), [("4.4.0", True), ("4.7.24", True), ("4.8.0", False), ("5.2.1", False)])
def test_what_is_shown_of_a_vm_that_may_not_be_the_last(version: str, older: bool, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        assert cell(server, tmp_path) == ("unknown" if older else "-")
        assert (NONE_NAMED["4.4.0"] in notes(server, tmp_path)) == older
        server.stored[0] |= remembered(server, 60)
        assert (cell(server, tmp_path), server.asked(VERSION)) == ("data", 0)
        assert (SINCE in notes(server, tmp_path), server.asked(VERSION)) == (False, 0)
        for apart in (None, 61.0):
            server.stored[0].pop("lastDetachDate", None)
            server.stored[0] |= remembered(server, apart)
            assert cell(server, tmp_path) == ("data (or another)" if older else "data")
            assert server.asked(VERSION) == 1
            text = notes(server, tmp_path)
            assert (SINCE in text, "was last on VM data" in text) == (older, True)
        server.stored[0] |= {"status": "Ready"}
        shown = zvol(server, tmp_path, "show", VOLUME).out
        assert shown.splitlines()[-1].split()[1:] == ["zvol", "attach", VOLUME, *(["VM"] if older else [])]
        server.stored.append(server.volume(1, "other"))
        assert cell(server, tmp_path, "other") == ("unknown" if older else "-"), "the VM may have been destroyed"


def tries(version: str | None) -> int:
    """Return how often the version is asked for where it decides whether a volume is attached."""
    return 3 if version is None else 1


NONE_NAMED = {"4.4.0": "the server names no VM that it was last on", "5.2.1": "it was never on a VM"}


# ---- attach ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", [*OLD, *NOT_TOLD, "4.4.0", "5.2.1"])
def test_attach_without_a_vm_where_none_is_remembered(version: str | None, tmp_path: Path) -> None:
    with old_server(status="Ready") as server:
        server.version = version
        ran = zvol(server, tmp_path, "attach", VOLUME)
        assert (ran.code, ran.out, server.asked(VERSION), server.asked(POST)) == (2, "", tries(version), 0)
        assert f"Name the VM, by UUID or by name: `zvol attach {VOLUME} VM`" in ran.err
        known = "the server does not tell which VM it was last on" if version in NOT_TOLD else None
        text = known or (NO_LAST_VM if version in OLD else NONE_NAMED[version or ""])
        assert f"zvol: error: {text}" in ran.err
        ran = zvol(server, tmp_path, "attach", VOLUME, VM, "--json")
        assert (ran.code, ran.json()["vmInstanceUuid"], server.asked(VERSION)) == (0, VM, 0)


@pytest.mark.parametrize("version", ["4.4.0", "4.7.24", *NOT_TOLD, "4.8.0"])
@pytest.mark.parametrize("apart", [None, 61.0, 60.0])
def test_attach_without_a_vm_that_may_not_be_the_last(version: str | None, apart: float | None, tmp_path: Path) -> None:
    with old_server(status="Ready") as server:
        server.version = version
        server.stored[0] |= remembered(server, apart)
        ran = zvol(server, tmp_path, "attach", VOLUME)
        if version == "4.8.0" or apart == 60.0:
            assert (ran.code, server.asked(VERSION), server.asked(POST)) == (0, apart != 60.0, 1)
            return
        assert (ran.code, ran.out, server.asked(VERSION), server.asked(POST)) == (1, "", tries(version), 0)
        assert SINCE in ran.err
        assert f"`zvol attach {VOLUME} {VM}`" in ran.err


# ---- recover --reattach ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", [*OLD, *NOT_TOLD, "4.4.0", "5.2.1"])
def test_reattach_where_no_vm_is_remembered(version: str | None, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        code, warning, vm = reattached(server, tmp_path)
        assert (code, vm, server.asked(POST)) == (1, "", 0)
        assert server.asked(VERSION) == tries(version)
        known = "the server does not tell which VM it was last on" if version in NOT_TOLD else None
        assert (known or (NO_LAST_VM if version in OLD else NONE_NAMED[version or ""])) in warning
        assert f"`zvol attach {VOLUME} VM`" in warning


@pytest.mark.parametrize("version", ["4.4.0", "4.7.24", *NOT_TOLD, "4.8.0"])
@pytest.mark.parametrize("apart", [None, 61.0, 60.0])
def test_reattach_to_a_vm_that_may_not_be_the_last(version: str | None, apart: float | None, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        server.stored[0] |= remembered(server, apart)
        code, warning, vm = reattached(server, tmp_path)
        if version == "4.8.0" or apart == 60.0:
            assert (code, warning, vm, server.asked(POST)) == (0, "", VM, 1)
            assert server.asked(VERSION) == (apart != 60.0)
            return
        assert (code, vm, server.asked(POST)) == (1, "", 0)
        assert SINCE in warning
        assert f"`zvol attach {VOLUME} {VM}`" in warning


def test_a_volume_that_was_attached_meanwhile_is_left_alone(tmp_path: Path) -> None:
    with old_server(status="Ready", vmInstanceUuid=VM) as server:
        for command in (["attach", VOLUME], ["recover", VOLUME, "--reattach"]):
            ran = zvol(server, tmp_path, *command)
            assert (ran.code, server.asked(VERSION), server.asked(POST)) == (0, 0, 0)


# ---- overdue -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ago", "interval", "begun"),
    [(73 * HOUR + 2, "3600", True), (73 * HOUR - 2, "3600", False), (72 * HOUR + 2, "", True), (71 * HOUR, "", False)],
)
def test_the_destruction_of_an_overdue_volume_may_have_begun(
    ago: float, interval: str, begun: bool, tmp_path: Path
) -> None:
    with old_server() as server:
        server.interval = interval
        server.stored[0]["lastOpDate"] = server.local(ago)
        shown = zvol(server, tmp_path, "show", VOLUME).out
        assert ("its destruction may have begun, and its snapshots may be gone" in shown) == begun
