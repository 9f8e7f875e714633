"""The hint at destroyed VMs under `zvol list`, and the alarm that counts them."""

from __future__ import annotations

import pytest

from tests.support import accident
from tests.support.accident import OLD_APP, RINGS, SOON_VMS, WEB_2, database
from tests.support.fault_proxy import Proxy, Rule
from tests.support.pages import page
from tests.support.process import Sandbox
from tests.support.warm import run

HINT = "2 destroyed VMs can be brought back too: zvol list --vms"
BAD = page("502 Bad Gateway")


# ---- the hint --------------------------------------------------------------------------------------------------------
def test_the_hint_is_one_small_request(cloud: Sandbox, watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    ran = run(["list"], env)
    assert (ran.code, ran.err) == (0, f"zvol: {HINT}\n")
    [asked] = [one.path for one in between.seen if "vm-instances" in one.path and "state" in one.path]
    assert "limit=1&" in asked
    assert "fields=uuid&" in asked
    accident.recover(cloud, WEB_2)
    assert run(["list"], env).err == "zvol: 1 destroyed VM can be brought back too: zvol list --vms\n"
    accident.recover(cloud, OLD_APP)
    assert run(["list"], env).err == ""


def test_the_hint_follows_an_empty_bin(cloud: Sandbox, at: dict[str, str]) -> None:
    database(cloud, "DELETE FROM volumes WHERE type = 'Data' AND status = 'Deleted'")
    lines = run(["list"], at).err.splitlines()
    assert [line.removeprefix("zvol: ") for line in lines] == ["the recycle bin is empty", HINT]


@pytest.mark.parametrize(
    "command",
    [
        ["list", "-q"],
        ["list", "--json"],
        ["list", "-o", "ndjson"],
        ["list", "-o", "csv"],
        ["list", "-o", "name"],
        ["list", "--name", "pg-*"],
        ["list", "--status", "any"],
        ["list", "--type", "Root"],
    ],
)
def test_no_hint_and_no_request_for_it(command: list[str], watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    ran = run(command, env)
    assert (ran.code, ran.err) == (0, ""), ran
    assert not any("q=state" in one.path for one in between.seen)


def test_a_hint_that_fails_is_silent(watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    for action in ("page", "hang"):
        between.rules = (Rule("any", action, last=99, page=BAD, path="vm-instances.*state"),)
        ran = run(["list"], env)
        assert (ran.code, ran.err) == (0, "")
        assert "pg-data" in ran.out


# ---- the alarm -------------------------------------------------------------------------------------------------------
NO_VOLUME = ["--name", "web-2"]
"""No deleted volume has this name."""


def alarm(within: str, env: dict[str, str], *options: str) -> tuple[int, str]:
    ran = run(["list", "--expiring-within", within, "--exit-code", *options], env)
    return ran.code, ran.err


def test_the_alarm_of_the_list_of_vms(at: dict[str, str]) -> None:
    for within, code in (("6d19h30m", 10), ("6d", 0)):
        assert run(["list", "--vms", "--expiring-within", within, "--exit-code"], at).code == code
    assert run(["list", "--vms", "--exit-code"], at).code == 2


def test_the_alarm_of_the_list_counts_vms(at: dict[str, str]) -> None:
    code, err = alarm(SOON_VMS, at, *NO_VOLUME)
    assert code == 10
    assert f"1 destroyed VM is, or may be, {RINGS}" in err
    code, err = alarm("6d19h30m", at, *NO_VOLUME)
    assert (code, err) == (0, "zvol: no volume matches; there are 10 deleted volumes in all\n")
    assert alarm(SOON_VMS, at, "--name", "*")[0] == 10
    assert alarm(SOON_VMS, at, *NO_VOLUME, "--fail-if-empty")[0] == 10
    assert alarm("6d19h30m", at, *NO_VOLUME, "--fail-if-empty")[0] == 1
    machine = run(["list", "--expiring-within", SOON_VMS, "--exit-code", *NO_VOLUME, "--json"], at)
    assert (machine.code, machine.out) == (10, "[]\n")


@pytest.mark.parametrize(
    "options",
    [
        ["--last-vm", "db-1", "--name", "x"],
        ["--primary-storage", "ceph-main", "--name", "x"],
        ["--tagged", "production", "--name", "x"],
        ["--status", "Ready", *NO_VOLUME],
        ["--type", "Root", *NO_VOLUME],
    ],
)
def test_an_alarm_about_volumes_only(options: list[str], watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    assert alarm("9d", env, *options)[0] == 0
    assert not any("q=state" in one.path for one in between.seen)


def test_the_alarm_rings_when_vms_cannot_be_listed(watched: tuple[Proxy, dict[str, str]]) -> None:
    between, env = watched
    between.rules = (Rule("any", "page", last=99, page=BAD, path="vm-instances.*state"),)
    code, err = alarm("1h", env, *NO_VOLUME)
    assert code == 10
    assert "whether a destroyed VM is about to be gone for good is not known" in err
    assert "HTTP 502" in err
    assert run(["list", "--vms", "--expiring-within", "1h", "--exit-code"], env).code == 5
