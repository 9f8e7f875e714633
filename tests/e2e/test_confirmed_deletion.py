"""What was shown is what is meant: the deletion in the list, whatever somebody else does before the answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.process import PG_DATA, PG_WAL, READY, Sandbox
from tests.support.profiles import FAST
from tests.support.terminal import on_terminal
from tests.support.warm import run

SHARED = "d0a7a5e0c0de4b1e8a5efeedbead000e"
WEB_ASSETS = "d0a7a5e0c0de4b1e8a5efeedbead000d"


def again(cloud: Sandbox, uuid: str = PG_DATA) -> None:
    """Somebody brings the volume back and deletes it once more, on purpose."""
    cloud.recover(uuid)
    cloud.delete(uuid)


def executed(cloud: Sandbox, uuid: str) -> int:
    return cloud.count("ended", uuid)


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["", "dry"])
@pytest.mark.parametrize("selector", [["--name", "pg-data"], ["--all"], ["--deleted-since", "3h"]], ids=lambda s: s[0])
def test_a_volume_deleted_again_before_the_answer(
    selector: list[str], more: list[str], at: dict[str, str], cloud: Sandbox
) -> None:
    if more:
        with proxy(
            cloud.host, Rule("other", "after", path="vm-instances", act="x"), perform=lambda _: again(cloud)
        ) as (
            host,
            _,
        ):
            ran = run(["recover", *selector, *more, "-o", "ndjson"], at | {"ZVOL_HOST": host})
        code, text = ran.code, ran.out
    else:
        shown = on_terminal(["recover", *selector, "-o", "ndjson"], at, reply="y\n", meanwhile=lambda: again(cloud))
        code, text = shown.code, shown.text
    mine = next(line for line in text.splitlines() if f'"uuid": "{PG_DATA}"' in line or f'"uuid":"{PG_DATA}"' in line)
    assert '"outcome": "failed"' in mine or '"outcome":"failed"' in mine
    assert '"changed"' in mine
    assert code == 1
    assert cloud.status(PG_DATA) == "Deleted"
    assert executed(cloud, PG_DATA) == 1, "only somebody else's"


def test_one_that_came_back_before_the_answer_is_already_there(at: dict[str, str], cloud: Sandbox) -> None:
    shown = on_terminal(["recover", "--name", "pg-*"], at, reply="y\n", meanwhile=lambda: cloud.recover(PG_DATA))
    assert shown.code == 0
    assert "already" in shown.text
    assert cloud.status(PG_WAL) == "Ready"
    assert executed(cloud, PG_DATA) == 1


def test_one_that_was_renamed_before_the_answer_is_left_alone(at: dict[str, str], cloud: Sandbox) -> None:
    def rename() -> None:
        time.sleep(1.1)  # a server's dates count whole seconds
        cloud.rename(PG_DATA, "another")

    shown = on_terminal(["recover", "--name", "pg-*"], at, reply="y\n", meanwhile=rename)
    assert shown.code == 1
    assert (cloud.status(PG_DATA), cloud.status(PG_WAL)) == ("Deleted", "Ready")


def test_a_name_means_the_deletion_in_the_list(at: dict[str, str], cloud: Sandbox) -> None:
    act = Rule("list", "after", act="again")
    with proxy(cloud.host, act, perform=lambda _: again(cloud)) as (host, _):
        ran = run(["recover", "pg-data", "pg-wal", "--json"], at | {"ZVOL_HOST": host})
    assert [one["outcome"] for one in ran.json()] == ["failed", "recovered"]
    assert ran.json()[0]["error"]["kind"] == "changed"
    assert (ran.code, cloud.status(PG_DATA), executed(cloud, PG_DATA)) == (1, "Deleted", 1)


def test_the_run_remembers_which_deletion_was_shown(at: dict[str, str], cloud: Sandbox) -> None:
    """Killed before anything was sent; the volume is deleted again; `resume` does not mean that one."""
    lost = Rule("put", "drop", last=99)
    with proxy(cloud.host, lost) as (host, between):
        env = at | {"ZVOL_HOST": host}
        shown = on_terminal(
            ["recover", "--name", "pg-data"],
            env,
            replies=[(b"[y/N]", "y\n"), (b"no answer", "\x03"), (b"stop", "\x03")],
        )
        assert shown.code == 130
        again(cloud)
        between.heal()
        ran = run(["resume", "--json", "--timeout", "5s"], env, command=FAST)
    assert ran.json()[0]["outcome"] != "recovered"
    assert cloud.status(PG_DATA) == "Deleted"


def test_a_volume_that_is_asked_for_by_its_uuid_is_meant_as_it_is(at: dict[str, str], cloud: Sandbox) -> None:
    again(cloud)
    assert run(["recover", PG_DATA], at).code == 0


# ---- attaching -------------------------------------------------------------------------------------------------------
def other(cloud: Sandbox) -> None:
    time.sleep(1.1)
    cloud.rename(SHARED, "shared-home-old")
    cloud.rename(WEB_ASSETS, "shared-home")


def destroy(cloud: Sandbox) -> None:
    cloud.delete(SHARED)


@pytest.mark.parametrize("meanwhile", [other, destroy])
def test_attach_means_the_volume_that_bore_the_name(
    meanwhile: Callable[[Sandbox], None], at: dict[str, str], cloud: Sandbox
) -> None:
    act = Rule("read", "after", 2, 2, act="x")  # the first asks whether the VM could be a volume
    with proxy(cloud.host, act, perform=lambda _: meanwhile(cloud)) as (host, between):
        ran = run(["attach", "shared-home", "db-1", "--json"], at | {"ZVOL_HOST": host})
    assert (ran.code, ran.out, ran.error()["kind"]) == (1, "", "changed")
    assert not any(one.method == "POST" for one in between.seen)


def test_attach_means_the_vm_that_bore_the_name(at: dict[str, str], cloud: Sandbox) -> None:
    vms = cloud.call("GET", "/v1/vm-instances")[1]["inventories"]
    uuid = next(vm["uuid"] for vm in vms if vm["name"] == "db-1")
    gone = Rule("other", "after", 2, 2, path="vm-instances", act="x")  # the first: which names are VMs

    def perform(_act: str) -> None:
        cloud.job(cloud.call("DELETE", f"/v1/vm-instances/{uuid}"))

    with proxy(cloud.host, gone, perform=perform) as (host, between):
        ran = run(["attach", SHARED, "db-1"], at | {"ZVOL_HOST": host})
    assert ran.code == 1
    assert "renamed or destroyed meanwhile" in ran.err
    assert not any(one.method == "POST" for one in between.seen)


def test_attach_by_uuid_needs_no_name(at: dict[str, str]) -> None:
    assert run(["attach", SHARED, "db-1"], at).code == 0
    assert run(["attach", "shared-home", "db-1"], at).code == 0
    assert run(["attach", READY], at).code == 0
