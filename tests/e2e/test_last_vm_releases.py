"""What zvol says of the VM a volume was last on, against sandboxes of several releases: each knows something else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, READY, Sandbox, environment, sandbox
from tests.support.warm import run
from zvol.sandbox import advance
from zvol.zstack.versions import NO_LAST_VM

DB_1, WEB_1 = "50e70000c0de4b1e8a5efeedbead0001", "50e70000c0de4b1e8a5efeedbead0002"


@contextmanager
def release(version: str, folder: Path) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    with sandbox(folder / "cloud", "--version", version) as cloud:
        yield cloud, environment(folder / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


def move_to_a_vm_that_is_destroyed(cloud: Sandbox) -> str:
    """Detach a volume from db-1, attach it to web-1, destroy web-1, and delete the volume; return its UUID.

    It takes three minutes on the clock of the cloud.
    """
    volume = f"/v1/volumes/{READY}/vm-instances"
    state = cloud.directory
    cloud.job(cloud.call("DELETE", volume))
    advance(state, 90)
    cloud.job(cloud.call("POST", f"{volume}/{WEB_1}", {}))
    cloud.job(cloud.call("DELETE", f"/v1/vm-instances/{WEB_1}"))
    advance(state, 90)
    cloud.delete(READY)
    return READY


@pytest.mark.parametrize("version", ["3.0", "3.10.40"])
def test_a_release_that_remembers_no_vm(version: str, tmp_path: Path) -> None:
    with release(version, tmp_path) as (cloud, env):
        for command in (["list", "--last-vm", "db-1"], ["recover", "--last-vm", "db-1", "--yes"]):
            ran = run(command, env)
            assert (ran.code, NO_LAST_VM in ran.err, cloud.events()) == (2, True, [])
        assert NO_LAST_VM in " ".join(run(["show", PG_DATA], env).out.split())
        ran = run(["recover", PG_DATA, "--reattach"], env)
        assert (ran.code, NO_LAST_VM in ran.err, cloud.status(PG_DATA)) == (1, True, "Ready")
        ran = run(["attach", PG_DATA], env)
        assert (ran.code, NO_LAST_VM in ran.err) == (2, True)
        assert run(["attach", PG_DATA, "db-1", "--json"], env).json()["vmInstanceUuid"] == DB_1


def test_a_release_that_does_not_notice_when_a_vm_is_destroyed(tmp_path: Path) -> None:
    with release("4.4.65", tmp_path) as (cloud, env):
        volume = move_to_a_vm_that_is_destroyed(cloud)
        assert "db-1 (or another)" in run(["list"], env).out
        assert "it may have been on another VM since" in run(["show", volume], env).out
        ran = run(["list", "--last-vm", "db-1", "-o", "name"], env)
        assert (ran.code, volume in ran.out, "may name an older VM for 1 of " in ran.err) == (0, True, True)
        ran = run(["recover", volume, "--reattach"], env)
        assert (ran.code, "it may have been on another VM since" in ran.err) == (1, True)
        assert f"`zvol attach {volume} {DB_1}`" in ran.err
        assert cloud.status(volume) == "Ready"
        ran = run(["attach", volume], env)
        assert (ran.code, "it may have been on another VM since" in ran.err) == (1, True)
        ran = run(["recover", PG_DATA, "--reattach", "--json"], env)
        assert (ran.code, ran.json()["vmInstanceUuid"]) == (0, DB_1), "it was deleted while it was on its VM"


@pytest.mark.parametrize("version", ["4.8.22", "5.2.1", "zsphere-4.10.0"])
def test_a_release_that_notices(version: str, tmp_path: Path) -> None:
    with release(version, tmp_path) as (cloud, env):
        volume = move_to_a_vm_that_is_destroyed(cloud)
        [row] = [row for row in run(["list", "--json"], env).json() if row["uuid"] == volume]
        assert row["lastVmInstanceUuid"] == WEB_1
        texts = [run([*command, volume], env) for command in (["show"], ["recover", "--reattach"], ["attach"])]
        assert not any("since" in text.out + text.err for text in texts)
        assert cloud.status(volume) == "Ready"
        assert run(["recover", PG_DATA, "--reattach", "--json"], env).json()["vmInstanceUuid"] == DB_1
