"""Logging in and out, and sessions that end."""

from __future__ import annotations

import json
from pathlib import Path

from tests.matrix.site import PASSWORD, Site
from tests.support.fault_proxy import Rule
from tests.support.process import PG_DATA, Ran


def _log_in(site: Site, *who: str) -> Ran:
    return site.zvol("login", *who, "--password-stdin", env=site.env(""), stdin=f"{PASSWORD}\n")


def _stored(site: Site) -> list[Path]:
    return sorted((site.home / ".local/state/zvol/sessions").glob("*"))


def _session(site: Site) -> str:
    [path] = _stored(site)
    return str(json.loads(path.read_text())["session"])


def login(site: Site) -> None:
    """It is stored, and it works."""
    assert site.zvol("list", env=site.env("")).code == 4
    ran = _log_in(site, "--account", "dev-team")
    assert ran.code == 0, ran
    assert site.valid(_session(site))
    listed = site.zvol("list", "--columns", "name", env=site.env(""))
    assert (listed.code, listed.out.split()) == (0, ["NAME", "scratch"]), listed
    [row] = site.zvol("list", "--json", env=site.env("")).json()
    assert row["recycle"]["clock"] == ("server" if site.expected.zone else "login"), row


def login_user(site: Site) -> None:
    ran = _log_in(site, "--account", "dev-team", "--user", "operator")
    if site.expected.users:
        assert ran.code == 0, ran
        assert site.valid(_session(site))
    else:
        assert (ran.code, "this server has no users below accounts" in ran.err) == (4, True), ran
        assert _stored(site) == []


def logout(site: Site) -> None:
    """The session ends on the server, too."""
    assert _log_in(site, "--account", "admin").code == 0
    session = _session(site)
    assert site.valid(session)
    ran = site.zvol("logout", env=site.env(""))
    assert (ran.code, "logged out of" in ran.err) == (0, True), ran
    assert (site.valid(session), _stored(site)) == (False, [])


def expired(site: Site) -> None:
    """A session that was given and has ended: nothing is sent."""
    session = site.session_of("admin")
    site.cloud.call("DELETE", f"/v1/accounts/sessions/{session}")
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson", env=site.env(session))
    assert ran.code == 4, ran
    assert set(site.outcomes(ran).values()) <= {"not-sent"}, ran
    assert (site.puts(PG_DATA), site.cloud.status(PG_DATA)) == (0, "Deleted")


def renewed(site: Site) -> None:
    """It ends when the PUT is on its way: refused for certain, one new login, a new PUT, executed once."""
    site.break_(Rule("put", "", act="end session"))
    ran = site.zvol("recover", PG_DATA, "-o", "ndjson", env=site.env_of("admin"))
    site.recovered(ran, PG_DATA, puts=2, accepted=2)
    assert site.between.count_sessions()[0] == 2


def end_session(site: Site, _act: str) -> None:
    site.cloud.call("DELETE", f"/v1/accounts/sessions/{site.between.session}")
