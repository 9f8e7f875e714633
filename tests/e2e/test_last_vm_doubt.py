"""Whether the VM that a volume names is certain, may be older, or is not told: every command says the same of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.fake_server import uuid
from tests.support.last_vm import POST, PUT, SINCE, VERSION, cell, notes, reattached, remembered, zvol
from tests.support.old_server import HOUR, VM, VOLUME, OldServer, old_server
from tests.support.process import Ran

# ---- one answer, whoever asks ------------------------------------------------------------------------------------
CERTAIN = [("4.8.0", True), ("5.2.1", True), ("4.7.24", False), ("4.7.0.4", False), ("5.9.0", False), (None, False)]
"""Releases, and whether they notice when a VM is destroyed; 4.7.0.4 is a ZSphere that has lastAttachDate."""


@pytest.mark.parametrize(("version", "certain"), CERTAIN)
@pytest.mark.parametrize("dated", [True, False])
def test_all_commands_say_the_same_of_a_volume(version: str | None, certain: bool, dated: bool, tmp_path: Path) -> None:
    fields = remembered(OldServer(), 61) | ({"lastAttachDate": OldServer().local(9 * HOUR)} if dated else {})
    with old_server(**fields) as server:
        server.version = version
        for command in (["list", "--json"], ["show", VOLUME, "--json"]):
            found = zvol(server, tmp_path, *command).json()
            [row] = found if isinstance(found, list) else [found]
            names = {"lastVm": "data", "lastVmCertain": certain, "vm": None, "primaryStorage": "data"}
            assert row["names"] == names
        assert cell(server, tmp_path) == ("data" if certain else "data (or another)")
        assert (SINCE in notes(server, tmp_path)) == (not certain)
        warned = "may name an older VM" in zvol(server, tmp_path, "list", "--last-vm", VM).err
        assert warned == (not certain)
        assert reattached(server, tmp_path)[0] == (not certain)
    with old_server(status="Ready", **fields) as server:
        server.version = version
        assert zvol(server, tmp_path, "attach", VOLUME).code == (not certain)


@pytest.mark.parametrize(("version", "certain"), CERTAIN)
@pytest.mark.parametrize("dated", [True, False])
def test_the_hint_after_a_recovery_claims_no_more_than_is_known(
    version: str | None, certain: bool, dated: bool, tmp_path: Path
) -> None:
    fields = remembered(OldServer(), 61) | ({"lastAttachDate": OldServer().local(9 * HOUR)} if dated else {})
    with old_server(**fields) as server:
        server.version = version
        ran = zvol(server, tmp_path, "recover", VOLUME)
        sure = f"it was last on {VM}: zvol attach {VOLUME}\n"
        careful = f"the server remembers that it was on {VM}: zvol attach {VOLUME} {VM}\n"
        assert (ran.code, ran.err.endswith(sure if certain else careful)) == (0, True)
        put = next(number for number, one in enumerate(server.seen) if PUT in one[1])
        asked = [number for number, one in enumerate(server.seen) if VERSION in one[1]]
        assert (len(asked), min(asked) > put) == (1, True), "once, and never before the PUT"
        assert ("Last on VM", VM) in details(ran)


@pytest.mark.parametrize("version", ["3.10.40", "4.4.0", "5.2.1", None])
def test_the_hint_knows_when_the_volume_was_deleted(version: str | None, tmp_path: Path) -> None:
    """What is compared with the detachment is the date that the recovery has overwritten."""
    with old_server(**remembered(OldServer(), 60)) as server:
        server.version = version
        ran = zvol(server, tmp_path, "recover", VOLUME)
        assert (ran.code, server.asked(VERSION)) == (0, 0)
        assert ran.err.endswith(f"it was last on {VM}: zvol attach {VOLUME}\n")


@pytest.mark.parametrize("version", ["3.10.40", "4.4.0", "5.2.1", None])
def test_after_a_recovery_not_known_is_not_none(version: str | None, tmp_path: Path) -> None:
    with old_server() as server:
        server.version = version
        ran = zvol(server, tmp_path, "recover", VOLUME)
        known = version == "5.2.1"
        assert (ran.code, ("Last on VM", "-" if known else "unknown") in details(ran)) == (0, True)
        hint = f"zvol: it is not attached to a VM: zvol attach {VOLUME} VM\n"
        assert ran.err.endswith(hint) == (not known)
        again = zvol(server, tmp_path, "recover", VOLUME)
        assert (again.code, ("Last on VM", "-" if known else "unknown") in details(again)) == (0, True)
        for quiet in (["-q"], ["--json"]):
            assert zvol(server, tmp_path, "recover", VOLUME, *quiet).code == 0
            assert server.asked(VERSION) == 0


def details(ran: Ran) -> list[tuple[str, str]]:
    """Return the labels and values of a record."""
    lines = (line.partition(":") for line in ran.out.splitlines())
    return [(label, value.strip()) for label, _, value in lines]


def test_a_date_of_a_detachment_shows_that_the_server_remembers(tmp_path: Path) -> None:
    """Then another volume that names no VM was on none, or on one that was destroyed: `--last-vm` is decided."""
    with old_server(lastDetachDate="Nov 18, 2026 05:06:40 PM") as server:
        server.version = "5.9.0"
        ran = zvol(server, tmp_path, "list", "--last-vm", VM, "--json")
        assert (ran.code, ran.json()) == (0, [])
        assert "--last-vm: the server names no VM for 1 of 1 volumes" in ran.err


# ---- what the journal knows of a deletion that zvol undid --------------------------------------------------------
@pytest.mark.parametrize("apart", [60.0, 61.0])
@pytest.mark.parametrize("follow_ups", [[], ["--user-tag", "incident"]])
def test_attach_after_a_recovery_of_a_volume_that_was_on_it_to_the_end(
    apart: float, follow_ups: list[str], tmp_path: Path
) -> None:
    """The recovery overwrites the date of the deletion; the journal has it."""
    with old_server(**remembered(OldServer(), apart)) as server:
        server.version = "4.4.65"
        assert zvol(server, tmp_path, "recover", VOLUME, *follow_ups, "--json").out
        shown = notes(server, tmp_path)
        assert (SINCE in shown, server.asked(VERSION)) == (apart != 60.0, apart != 60.0)
        again = zvol(server, tmp_path, "recover", VOLUME)
        assert server.asked(VERSION) == (apart != 60.0)
        assert again.code == 0
        ran = zvol(server, tmp_path, "attach", VOLUME)
        assert (ran.code, server.asked(VERSION)) == ((0, 0) if apart == 60.0 else (1, 1))


@pytest.mark.parametrize("what", ["changed", "elsewhere", "another home", "deleted"])
def test_the_journal_is_not_asked_of_a_volume_that_has_changed_since(what: str, tmp_path: Path) -> None:
    with old_server(**remembered(OldServer(), 60.0)) as server:
        server.version = "4.4.65"
        assert zvol(server, tmp_path, "recover", VOLUME, "--json").code == 0
        home = tmp_path / "other" if what == "another home" else tmp_path
        if what == "changed":
            server.stored[0]["lastOpDate"] = server.local(-1)
        if what == "deleted":
            server.stored[0] |= {"status": "Deleted", "lastOpDate": server.local()}
            assert SINCE in notes(server, tmp_path)
            assert cell(server, tmp_path) == "data (or another)"
            return
        if what == "elsewhere":
            path = home / ".local/state/zvol/journal.db"
            with closing(sqlite3.connect(path)) as db, db:
                db.execute("UPDATE runs SET base = base || '/other'")
        ran = zvol(server, home, "attach", VOLUME)
        assert (ran.code, SINCE in ran.err, server.asked(POST)) == (1, True, 0)


def test_a_journal_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    with old_server(**remembered(OldServer(), 60.0)) as server:
        server.version = "4.4.65"
        assert zvol(server, tmp_path, "recover", VOLUME, "--json").code == 0
        for path in (tmp_path / ".local/state/zvol").glob("journal.db*"):
            if path.is_file():
                path.write_bytes(b"x" * 8192)
        server.stored.append(server.stored[0] | {"uuid": uuid("a", 1)})
        ran = zvol(server, tmp_path, "list", "--status", "any", "--json")
        assert (ran.code, [one["names"]["lastVmCertain"] for one in ran.json()]) == (0, [False, False])
        assert ran.err.count("warning: ") == 1
        assert "journal.db" in ran.err
