"""What the cloud's own settings change: accounts, quotas, policies."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.process import PG_DATA, Sandbox
from tests.support.warm import run

SCRATCH = "d0a7a5e0c0de4b1e8a5efeedbead000f"

TENANT = "7e4a27acc0de4b1e8a5efeedbead00aa"


def log_in_as_tenant(cloud: Sandbox) -> str:
    password = hashlib.sha512(b"password").hexdigest()
    body = {"logInByAccount": {"accountName": "dev-team", "password": password}}
    return str(cloud.call("PUT", "/v1/accounts/login", body)[1]["inventory"]["uuid"])


def test_another_account_sees_and_recovers_only_its_own(at: dict[str, str], cloud: Sandbox) -> None:
    theirs = at | {"ZVOL_SESSION": log_in_as_tenant(cloud)}
    assert run(["list", "-o", "name"], theirs).out == f"{SCRATCH}\n"
    assert run(["recover", PG_DATA], theirs).code == 1
    assert run(["recover", SCRATCH], theirs).code == 0


def test_a_full_quota_is_told_before_and_after(at: dict[str, str], cloud: Sandbox) -> None:
    body = {"updateQuota": {"identityUuid": TENANT, "name": "volume.data.num", "value": 1}}
    cloud.job(cloud.call("PUT", "/v1/accounts/quotas/actions", body))
    recycle = run(["show", SCRATCH, "--json"], at).json()["recycle"]
    assert (recycle["recoverable"], recycle["reason"]) == (None, "quota")
    assert "quota volume.data.num of its owner is full (1 of 1)" in run(["show", SCRATCH], at).out
    refused = run(["recover", SCRATCH, "--json"], at | {"ZVOL_SESSION": log_in_as_tenant(cloud)})
    assert (refused.code, refused.error()["error"]["code"]) == (1, "ID.1003")


def set_config(cloud: Sandbox, name: str, value: str) -> None:
    path = f"/v1/global-configurations/volume/{name}/actions"
    cloud.job(cloud.call("PUT", path, {"updateGlobalConfig": {"value": value}}))


@pytest.mark.parametrize(("policy", "left"), [("Never", False), ("Direct", True)])
def test_the_policy_decides_how_long(policy: str, left: bool, at: dict[str, str], cloud: Sandbox) -> None:
    set_config(cloud, "deletionPolicy", policy)
    recycle = run(["show", PG_DATA, "--json"], at).json()["recycle"]
    assert recycle["policy"] == policy
    assert (recycle["expungesAfter"] is not None) == left
    assert f"policy is {policy}" in run(["show", PG_DATA], at).out
    assert ("for ever" in run(["list"], at).out) == (not left)


def test_what_the_server_has_destroyed_is_gone(at: dict[str, str], cloud: Sandbox) -> None:
    set_config(cloud, "expungePeriod", "9000")
    assert PG_DATA in run(["list", "-o", "name"], at).out
    assert run(["show", "archive-2019"], at).code == 1
    assert run(["recover", "d0a7a5e0c0de4b1e8a5efeedbead0006"], at).code == 1
