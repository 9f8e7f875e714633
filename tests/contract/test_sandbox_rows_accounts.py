"""What accounts may do and how much, on both sides of each release that changed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.cloud import PG_DATA, READY, Client, log_in, running
from zvol.sandbox import names

UNKNOWN = "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa"
MINE = "d0a7a5e0c0de4b1e8a5efeedbead000f"
ALIVE = "d0a7a5e0c0de4b1e8a5efeedbead0010"


@pytest.mark.parametrize(
    ("version", "foreign", "denied"),
    [
        ("2.3", "ID.1002", "ID.1002"),
        ("2.4", "SYS.1006", "SYS.1006"),
        ("3.10.40", "SYS.1006", "SYS.1006"),
        ("5.2.1", "SYS.1006", "SYS.1006"),
        ("zsphere-4.2", "SYS.1018", "SYS.1006"),
        ("zsphere-4.3", "SYS.1018", "SYS.1006"),
        ("zsphere-4.10.0", "SYS.1018", "SYS.1019"),
    ],
)
def test_the_codes_for_what_an_account_may_not_do(tmp_path: Path, version: str, foreign: str, denied: str) -> None:
    config = "/v1/global-configurations/volume/expungePeriod/actions"
    with running(tmp_path, version=version) as client:
        tenant = log_in(client, names.TENANT_NAME)
        assert tenant.end(tenant.recover(PG_DATA)).error["code"] == foreign
        assert tenant.end(tenant.recover(UNKNOWN)).error["code"] == "SYS.1003"
        change = tenant.send("PUT", config, {"updateGlobalConfig": {"value": "1"}})
        assert tenant.end(change).error["code"] == denied
        tenant.close()
        assert client.status(PG_DATA) == "Deleted"


@pytest.mark.parametrize("name", [names.VIEWER_NAME, names.GUEST_NAME])
def test_an_account_without_a_role_that_allows_changes(tmp_path: Path, name: str) -> None:
    with running(tmp_path / "zsphere", version="zsphere-4.10.0") as client:
        account = log_in(client, name)
        assert account.status(PG_DATA) == "Deleted"
        error = account.end(account.recover(PG_DATA)).error
        assert (error["code"], error["description"]) == ("SYS.1019", "Operation denied")
        assert error["details"].startswith("操作[API:org.zstack.header.volume.APIRecoverDataVolumeMsg]被拒绝")
        assert account.end(account.recover(READY)).error["code"] == "SYS.1019", "the role comes before the owner"
        account.close()
        assert client.status(PG_DATA) == "Deleted"
    for version in ("zsphere-4.3", "5.2.1"):
        with running(tmp_path / version, version=version) as client:
            account = log_in(client, name)
            assert account.end(account.recover(READY)).error["code"] == ("SYS.1018" if "z" in version else "SYS.1006")
            assert account.end(account.recover(PG_DATA)).status == 200, "it is shared, and there are no roles"
            account.close()


def test_a_role_that_allows_changes(tmp_path: Path) -> None:
    with running(tmp_path, version="zsphere-4.10.0") as client:
        tenant = log_in(client, names.TENANT_NAME)
        assert tenant.end(tenant.recover(MINE)).status == 200
        tenant.close()


# ---- quotas ------------------------------------------------------------------------------------------------------
def limit(client: Client, account: str, name: str, value: int) -> None:
    quota = {"updateQuota": {"identityUuid": account, "name": name, "value": value}}
    assert client.end(client.send("PUT", "/v1/accounts/quotas/actions", quota)).status == 200


@pytest.mark.parametrize(
    ("version", "code"), [("2.3", "ID.1003"), ("4.5", "ID.1003"), ("4.6", None), ("zsphere-4.2", None), ("5.2.1", None)]
)
def test_whose_use_counts_for_a_quota(tmp_path: Path, version: str, code: str | None) -> None:
    """The volume is the admin's, who has more than one; the viewer, with whom it is shared, has none."""
    with running(tmp_path, version=version) as client:
        limit(client, names.VIEWER, "volume.data.num", 1)
        viewer = log_in(client, names.VIEWER_NAME)
        assert viewer.end(viewer.recover(PG_DATA)).error.get("code") == code
        viewer.close()


@pytest.mark.parametrize(("version", "code"), [("2.5", None), ("2.6", "ID.1003"), ("5.2.1", "ID.1003")])
def test_snapshots_count_for_a_quota(tmp_path: Path, version: str, code: str | None) -> None:
    with running(tmp_path, version=version) as client:
        limit(client, names.VIEWER, "snapshot.volume.num", 1)
        viewer = log_in(client, names.VIEWER_NAME)
        assert viewer.end(viewer.recover(PG_DATA)).error.get("code") == code
        viewer.close()


@pytest.mark.parametrize(("version", "code"), [("2.3", "SYS.1006"), ("2.4", "ID.1003"), ("5.2.1", "ID.1003")])
def test_which_of_status_and_quota_is_looked_at_first(tmp_path: Path, version: str, code: str) -> None:
    with running(tmp_path, version=version) as client:
        limit(client, names.TENANT, "volume.data.num", 1)
        tenant = log_in(client, names.TENANT_NAME)
        assert tenant.end(tenant.recover(ALIVE)).error["code"] == code
        assert tenant.end(tenant.recover(MINE)).error["code"] == "ID.1003"
        tenant.close()
