"""What follows a recovery: tags, and the way back to the VM."""

from __future__ import annotations

import json

from tests.matrix.expectations import DOUBTFUL, FORGETS
from tests.matrix.site import Site
from tests.support.process import PG_DATA, Ran
from zvol.sandbox.names import DB_1, volume_uuid

DB_TEMP = volume_uuid(11)


def tags(site: Site) -> None:
    """No version keeps a tag that comes with a recovery: zvol creates it, once."""
    ran = site.zvol("recover", PG_DATA, "--user-tag", "incident-42", "-o", "ndjson")
    site.recovered(ran, PG_DATA)
    path = f"/v1/user-tags?q=resourceUuid={PG_DATA}&q=tag=incident-42"
    assert len(site.cloud.call("GET", path)[1]["inventories"]) == 1


def attach(site: Site) -> None:
    """Somebody else recovered it: to the VM it was last on, where the server is sure of it; to a named VM, everywhere.

    On 4.4 to 4.7 the time of the detachment is compared with that of the deletion, which a recovery overwrites.
    """
    site.cloud.recover(PG_DATA)
    ran = site.zvol("attach", "pg-data")
    if site.expected.last_vm != "yes":
        code, words = (2, FORGETS) if site.expected.last_vm == "never" else (1, DOUBTFUL)
        assert (ran.code, words in ran.err, _vm(site, PG_DATA)) == (code, True, None), ran
        assert not any(one.method == "POST" for one in site.between.seen)
        ran = site.zvol("attach", "pg-data", "db-1")
    assert (ran.code, _vm(site, PG_DATA)) == (0, DB_1), ran


def attach_again(site: Site) -> None:
    """After zvol's own recovery the journal has the date of the deletion."""
    site.recovered(site.zvol("recover", PG_DATA, "-o", "ndjson"), PG_DATA)
    ran = site.zvol("attach", PG_DATA)
    if site.expected.last_vm == "never":
        assert (ran.code, FORGETS in ran.err, _vm(site, PG_DATA)) == (2, True, None), ran
    else:
        assert (ran.code, _vm(site, PG_DATA)) == (0, DB_1), ran


def reattach(site: Site) -> None:
    ran = site.zvol("recover", PG_DATA, "--reattach", "-o", "ndjson")
    _back(site, ran, PG_DATA)
    if site.expected.last_vm == "never":
        assert (ran.code, FORGETS in _warnings(ran)) == (1, True), ran
        assert _vm(site, PG_DATA) is None
    else:
        assert (ran.code, _warnings(ran), _vm(site, PG_DATA)) == (0, "", DB_1), ran


def doubt(site: Site) -> None:
    """Detached long before it was deleted: on 4.4 to 4.7 it may have been on another VM since."""
    site.cloud.job(site.cloud.call("DELETE", f"/v1/volumes/{DB_TEMP}/vm-instances"))
    site.later(600)
    site.cloud.delete(DB_TEMP)
    shown = site.zvol("show", DB_TEMP)
    assert (DOUBTFUL in shown.out) is (site.expected.last_vm == "maybe"), shown
    ran = site.zvol("recover", DB_TEMP, "--reattach", "-o", "ndjson")
    _back(site, ran, DB_TEMP)
    if site.expected.last_vm == "maybe":
        assert (ran.code, DOUBTFUL in _warnings(ran), _vm(site, DB_TEMP)) == (1, True, None), ran
        assert f"zvol attach {DB_TEMP} {DB_1}" in _warnings(ran), ran
        ran = site.zvol("attach", DB_TEMP)
        assert (ran.code, DOUBTFUL in ran.err, _vm(site, DB_TEMP)) == (1, True, None), ran
        assert site.zvol("attach", DB_TEMP, DB_1).code == 0
    elif site.expected.last_vm == "never":
        assert (ran.code, FORGETS in _warnings(ran), _vm(site, DB_TEMP)) == (1, True, None), ran
        assert site.zvol("attach", DB_TEMP, DB_1).code == 0
    assert _vm(site, DB_TEMP) == DB_1, ran


def _back(site: Site, ran: Ran, volume: str) -> None:
    assert site.outcomes(ran) == {volume: "recovered"}, ran
    assert (site.puts(volume), site.ledger(volume)) == (1, (1, 1)), ran


def _vm(site: Site, volume: str) -> str | None:
    return site.volume(volume).get("vmInstanceUuid")


def _warnings(ran: Ran) -> str:
    return "\n".join(json.loads(ran.out)["warnings"])
