"""What zvol reads exists in every release: no query names a field, a condition or an order that one does not know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, environment, sandbox, wait_for
from tests.support.warm import run

RELEASES = ("2.3", "3.10.40", "4.4.65", "4.8.22", "zsphere-4.10.0")
READS = (
    ("list",),
    ("list", "--status", "any", "--type", "any"),
    ("list", "--tagged", "production", "--primary-storage", "local-ssd", "--name", "pg-*", "--sort", "size"),
    ("list", "--deleted-since", "12h", "--expiring-within", "7d"),
    ("show", "pg-data"),
    ("show", "d0a7a5e0c0de4b1e8a5efeedbead000e"),
    ("recover", "pg-data", PG_DATA, "--dry-run"),
    ("doctor",),
)
_ANSWERED = re.compile(r"^zvol: (GET|PUT) (/v1/\S+) .*?(\d{3}) \d+ ms$", re.MULTILINE)


@pytest.mark.parametrize(
    ("version", "account"), [*((version, "admin") for version in RELEASES), ("zsphere-4.10.0", "viewer")]
)
def test_every_read_is_answered(tmp_path: Path, version: str, account: str) -> None:
    with sandbox(tmp_path / "cloud", "--version", version) as cloud:
        who = {"ZSTACK_ACCOUNT_NAME": account, "ZSTACK_ACCOUNT_PASSWORD": "password"}
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host} | who)
        for arguments in READS if account == "admin" else (READS[0], READS[4], READS[6]):
            ran = run([*arguments, "-v"], env)
            assert ran.code == 0, ran
            answered = _ANSWERED.findall(ran.err)
            assert len(answered) >= 2, ran.err
            assert [one for one in answered if one[2] != "200" and "management-nodes" not in one[1]] == []
        assert "pg-data" in run(["list"], env).out
        assert cloud.events() == []


@pytest.mark.parametrize(("version", "old"), [("3.10.40", True), ("5.2.1", False)])
def test_fields_that_a_release_does_not_have_are_empty(tmp_path: Path, version: str, old: bool) -> None:
    """The JSON is the server's own inventory, and a column says that it is unknown."""
    with sandbox(tmp_path / "cloud", "--version", version) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        shown = run(["show", PG_DATA, "--json"], env).json()
        ran = run(["list", "--name", "pg-data", "--columns", "name,last-vm,last-vm-uuid"], env)
        assert ("lastVmInstanceUuid" in shown, "lastAttachDate" in shown) == (not old, not old)
        [row] = [line.split() for line in ran.out.splitlines() if line.startswith("pg-data")]
        assert row == (["pg-data", "unknown", "unknown"] if old else ["pg-data", "db-1", shown["lastVmInstanceUuid"]])


@pytest.mark.parametrize(("version", "reason"), [("3.10.40", None), ("4.0", "half-expunged")])
def test_a_volume_whose_destruction_had_begun(tmp_path: Path, version: str, reason: str | None) -> None:
    """Before 4.0 the server does not show it, and nothing can tell."""
    with sandbox(tmp_path / "cloud", "--version", version, "--job-time", "8") as cloud:
        assert cloud.call("PUT", f"/v1/volumes/{PG_DATA}/actions", {"expungeDataVolume": {}})[0] == 202
        snapshots = f"/v1/volume-snapshots?q=volumeUuid={PG_DATA}"
        wait_for(lambda: cloud.call("GET", snapshots)[1]["inventories"] == [])
        cloud.end()
        cloud.options = ("--version", version)
        cloud.start()
        who = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host} | who)
        recycle = run(["show", PG_DATA, "--json"], env).json()["recycle"]
        assert (recycle["recoverable"], recycle["reason"]) == (reason is None, reason)
        ran = run(["recover", PG_DATA], env)
        assert (ran.code, cloud.count("accepted", PG_DATA)) == ((0, 1) if reason is None else (1, 0)), ran
