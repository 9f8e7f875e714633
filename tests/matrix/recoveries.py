"""Recoveries that nothing disturbs: one, again, many, and those that the server refuses."""

from __future__ import annotations

from tests.matrix.site import Site
from tests.support.process import PG_DATA, READY
from zvol.sandbox.names import TENANT, VIEWER_NAME, extra_uuid

MANY = 20
NOWHERE = "f" * 32


def recover(site: Site) -> None:
    """One PUT, executed once; the version is not asked before it."""
    ran = site.zvol("recover", "pg-data", "--json")
    assert ran.code == 0, ran
    assert (ran.json()["uuid"], ran.json()["status"]) == (PG_DATA, "Ready")
    assert (site.puts(PG_DATA), site.ledger(PG_DATA), site.cloud.status(PG_DATA)) == (1, (1, 1), "Ready")
    before = [one.action for one in site.between.seen[: site.between.seen.index(site.between.puts()[0])]]
    assert "getVersion" not in before


def again(site: Site) -> None:
    """What is back is `already`, and nothing is sent."""
    site.cloud.recover(PG_DATA)
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson")
    assert (ran.code, site.outcomes(ran), site.puts(PG_DATA)) == (0, {PG_DATA: "already"}, 0), ran
    strict = site.zvol("recover", PG_DATA, "--strict")
    assert (strict.code, site.puts(PG_DATA)) == (1, 0), strict


def batch(site: Site) -> None:
    """Each of many once; the one that is not there fails the run and nothing else."""
    volumes = [extra_uuid(number) for number in range(1, MANY + 1)]
    ran = site.zvol("recover", *volumes, READY, NOWHERE, "-o", "ndjson")
    assert ran.code == 1, ran
    assert site.outcomes(ran) == dict.fromkeys(volumes, "recovered") | {READY: "already", NOWHERE: "gone"}
    assert [(site.puts(one), site.ledger(one)) for one in volumes] == [(1, (1, 1))] * MANY
    assert len(site.between.puts()) == MANY


def refused(site: Site) -> None:
    """A volume that may be seen and not be changed: the server's own refusal, after one PUT."""
    site.share(PG_DATA, TENANT)
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson", env=site.env(site.session_of("dev-team")))
    assert (ran.code, site.outcomes(ran)) == (1, {PG_DATA: "failed"}), ran
    assert (site.puts(PG_DATA), site.ledger(PG_DATA)) == (1, (1, 0)), ran
    assert ran.error()["error"]["code"] == site.expected.refusal, ran


def viewer(site: Site) -> None:
    """An account that shares the volume: it may recover it, unless it has a role that only allows to look."""
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson", env=site.env(site.session_of(VIEWER_NAME)))
    if site.expected.roles:
        assert (ran.code, site.outcomes(ran)) == (1, {PG_DATA: "failed"}), ran
        assert (site.puts(PG_DATA), site.ledger(PG_DATA)) == (1, (1, 0)), ran
        assert ran.error()["error"]["code"] == "SYS.1019", ran
    else:
        site.recovered(ran, PG_DATA)


def other_account(site: Site) -> None:
    """A volume of another account is not there for this one, and nothing is sent."""
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson", env=site.env(site.session_of("dev-team")))
    assert (ran.code, site.outcomes(ran), site.puts(PG_DATA)) == (1, {PG_DATA: "gone"}, 0), ran
