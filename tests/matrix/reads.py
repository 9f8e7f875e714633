"""What zvol shows and does not change: the recycle bin, one volume, the volumes of a VM, the server itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.matrix.expectations import FORGETS
from tests.matrix.site import ZONE, Site
from tests.support.process import PG_DATA, PG_WAL
from zvol.sandbox.names import DB_1

BIN = "/v1/volumes?q=status=Deleted&q=type=Data&fields=uuid,lastOpDate"


def list_(site: Site) -> None:
    """All deleted data volumes, each with the time that the server's own dates and period give."""
    ran = site.zvol("list", "--json")
    assert ran.code == 0, ran
    there = {one["uuid"]: one["lastOpDate"] for one in site.cloud.call("GET", BIN)[1]["inventories"]}
    assert {row["uuid"] for row in ran.json()} == there.keys() > {PG_DATA, PG_WAL}
    for row in ran.json():
        assert row["recycle"]["expungesAfter"] == _safe_until(there[row["uuid"]], site.expected.days), row
        assert row["recycle"]["clock"] == "server", row
    remembered = {row["uuid"] for row in ran.json() if row.get("lastVmInstanceUuid") == DB_1}
    assert (PG_DATA in remembered) is (site.expected.last_vm != "never"), ran


def list_of_an_account(site: Site) -> None:
    """It may not read the management nodes: the time is known where everyone may read the zone, or from a login."""
    env = site.env(site.session_of("dev-team"))
    [row] = site.zvol("list", "--json", env=env).json()
    assert row["name"] == "scratch"
    told = row["recycle"]["expungesAfter"] is not None
    assert told is site.expected.zone, row
    assert row["recycle"]["clock"] == ("server" if told else "unknown"), row
    alarm = site.zvol("list", "--expiring-within", "1s", "--exit-code", env=env)
    assert alarm.code == (0 if told else 10), alarm
    [row] = site.zvol("list", "--json", env=site.env_of("dev-team")).json()
    assert row["recycle"]["clock"] == ("server" if told else "login"), row
    assert row["recycle"]["expungesAfter"] == _safe_until(row["lastOpDate"], site.expected.days), row


def show(site: Site) -> None:
    ran = site.zvol("show", "pg-data")
    assert ran.code == 0, ran
    there = site.volume(PG_DATA)
    assert f"Safe until:   {_safe_until(there['lastOpDate'], site.expected.days)}" in ran.out
    assert f"zvol recover {PG_DATA}" in ran.out
    assert ("was last on VM db-1" in ran.out) is (site.expected.last_vm != "never"), ran
    shown = site.zvol("show", PG_DATA, "--json").json()
    assert shown["recycle"]["recoverable"] is True
    assert {name: shown[name] for name in there} == there


def last_vm(site: Site) -> None:
    """The volumes of a VM, or a refusal before anything is sent: an empty answer would be a lie."""
    listed = site.zvol("list", "--last-vm", "db-1", "-o", "name")
    ran = site.zvol("recover", "--last-vm", "db-1", "--yes", "-o", "ndjson")
    if site.expected.last_vm == "never":
        assert (listed.code, listed.out, ran.code, ran.out) == (2, "", 2, ""), (listed, ran)
        assert FORGETS in listed.err, listed
        assert FORGETS in ran.err, ran
        assert site.between.puts() == []
        assert site.cloud.status(PG_DATA) == "Deleted"
    else:
        assert (listed.code, ran.code) == (0, 0), (listed, ran)
        doubtful = "the server names no VM for" in listed.err and "the server names no VM for" in ran.err
        assert doubtful is (site.expected.last_vm == "maybe"), (listed, ran)
        found = site.outcomes(ran)
        assert found.keys() == set(listed.out.split()) >= {PG_DATA, PG_WAL}
        assert set(found.values()) == {"recovered"}


def doctor(site: Site) -> None:
    """It says which server this is and how that is known; nothing is wrong with an older one."""
    ran = site.zvol("doctor", "--json")
    found = {one["check"]: one["found"] for one in ran.json()}
    assert ran.code == 0, ran
    assert site.expected.product in found["version"], ran
    assert site.expected.known in found["version"], ran
    assert found["policy"] == f"Delay: a deleted volume is safe for {site.expected.days}d", ran
    assert not site.between.puts()
    assert site.cloud.events() == []


def _safe_until(changed: str, days: int) -> str:
    """Return the time that an lastOpDate of the server means, and the period later."""
    local = datetime.strptime(changed, "%b %d, %Y %I:%M:%S %p").replace(tzinfo=ZoneInfo(ZONE))
    return (local.astimezone(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
