"""Errors of what the server says, or does not say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.docs.troubleshooting.row import Row, World
from tests.support.fault_proxy import Rule, answer
from tests.support.pages import document
from tests.support.process import HOSTILE, PG_DATA, READY, ROOT
from tests.support.process import PG_WAL as WAL

DB_1, WEB_1, OLD_APP, WEB_2 = (f"50e70000c0de4b1e8a5efeedbead000{number}" for number in range(1, 5))
SHARED = "d0a7a5e0c0de4b1e8a5efeedbead000e"
NOBODY = "f" * 32
LISTED = "status%3DDeleted"
CONFIGS, VMS, NODES, ZONE = "global-configurations", "/vm-instances", "management-nodes/actions", "platform-timezone"
KEY = {"ZVOL_SESSION": "", "ZSTACK_ACCESS_KEY_ID": "abc", "ZSTACK_ACCESS_KEY_SECRET": "def"}
PASSWORD = {"ZVOL_SESSION": "", "ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}


def says(status: str, value: object) -> bytes:
    return document(status, value)


def fails(code: str) -> bytes:
    return document("503 Service Unavailable", {"error": {"code": code, "description": "no", "details": "no"}})


def rows(*inventories: dict[str, Any], total: int | None = -1) -> bytes:
    """Return the answer of a query; without a total when that is None."""
    counted = {} if total is None else {"total": len(inventories) if total < 0 else total}
    return document("200 OK", {"inventories": list(inventories), **counted})


def volume(uuid: str = PG_DATA, **fields: Any) -> dict[str, Any]:
    deleted = {"uuid": uuid, "name": "pg-data", "type": "Data", "status": "Deleted", "size": 1}
    dates = {"createDate": "Nov 1, 2026 1:00:00 AM", "lastOpDate": "Nov 20, 2026 1:00:00 AM"}
    return deleted | dates | {"primaryStorageUuid": NOBODY, "installPath": "/x"} | fields


def always(kind: str, page: bytes, path: str = "", first: int = 1, **more: Any) -> Rule:
    return Rule(kind, "page", first, 999, page=page, path=path, **more)


def version(number: str) -> Rule:
    return always("other", says("200 OK", {"version": number}), NODES, action_key="getVersion")


@contextmanager
def logged_in(world: World) -> Iterator[None]:
    from tests.support.warm import run

    del world.env["ZVOL_SESSION"]
    ran = run(["login", "--account", "admin", "--password-stdin"], world.env, stdin="password\n")
    assert ran.code == 0, ran.err
    yield


NO_HEARTBEATS = always("any", rows(), r"/management-nodes(\?|$)")
REFUSAL = answer("400 Bad Request", b"Invalid query parameter. 'limit' must be an integer", kind="text/plain")
MOVED = answer("302 Found", b"", "Location: http://127.0.0.1:9/")
PAGE = answer("200 OK", b"<html>hello</html>", kind="text/html")
BUSY = answer("429 Too Many Requests", b"", "Retry-After: 300")

ROWS = (
    # ---- what was named is not there
    Row("there is no such volume", f"attach {NOBODY} web-1", 1),
    Row("there is no {data volume | VM}", f"attach {READY} db-9", 1),
    Row("s are called {name}", f"attach {READY} twin", 1,
        rules=[always("any", rows({"uuid": DB_1, "name": "twin"}, {"uuid": WEB_1, "name": "twin"}), VMS)]),
    Row("there is no {what} {name}", "list --last-vm db-9", 1),
    Row("no deleted data volume has this name; did you mean", "recover pg-dota", 1),
    Row("no deleted data volume has this name", "recover nobody", 1),
    Row("no deleted data volume has this name[…]", "recover '\"nobody\"'", 1, "The name is in quotes, for example."),
    Row("deleted data volumes have this name", "recover backup", 1),
    Row("is not deleted ({{status} | of unknown status}): nothing to recover", "recover shared-home", 1),
    Row("volumes that are not deleted", "recover twin", 1, rules=[
        always("list", rows()), always("read", rows(*(volume(uuid, name="twin", status="Ready") for uuid in (PG_DATA, WAL)))),
    ]),
    Row("deleted root volumes do", "recover twin", 1, rules=[
        always("list", rows()), always("read", rows(*(volume(uuid, name="twin", type="Root") for uuid in (PG_DATA, WAL)))),
    ]),
    Row("and it is no UUID", f"recover {PG_DATA[:31]}", 1),
    Row("a VOLUME is a UUID or an exact name", "recover 'pg-*'", 1),
    Row("no destroyed VM has this name", "recover --vm nobody", 1),
    Row("no destroyed VM has this name[…]", "recover --vm '\"web-2\"'", 1),
    Row("destroyed VMs have this name", "recover --vm twin", 1, rules=[always("any", rows(
        *({"uuid": uuid, "name": "twin", "state": "Destroyed"} for uuid in (OLD_APP, WEB_2))), VMS)]),
    Row("that are not destroyed do", "recover --vm web-1", 1),
    Row("--vm takes a UUID or the exact name", "recover --vm 'web-*'", 2),
    Row("there is no such {volume or VM}", f"recover {NOBODY}", 1),
    Row("cannot come back: {value}", f"recover --vm {WEB_2}", 1, "The root volume of the VM is destroyed.", rules=[
        always("any", rows({"uuid": WEB_2, "name": "web-2", "state": "Destroyed", "allVolumes": []}), VMS)]),
    # ---- root volumes
    Row("it is a Root volume", "recover ROOT-for-old-app", 1, rules=[always("any", fails("SYS.1000"), VMS)]),
    Row("alone it would come back while the VM stays destroyed", f"recover {ROOT}", 1),
    Row("its VM is gone: nothing can start", f"recover {ROOT}", 1, rules=[always("any", rows(), VMS)]),
    Row("a root volume comes back only together", f"recover {ROOT}", 1, rules=[
        always("any", rows({"uuid": OLD_APP, "name": "old-app", "state": "Stopped"}), VMS)]),
    Row("it would come back while its VM stays destroyed", f"recover {ROOT}", 1, rules=[
        always("any", fails("SYS.1000"), VMS)]),
    Row("its destruction has begun", f"recover {PG_DATA}", 1, rules=[
        always("read", rows(volume(primaryStorageUuid=None)))]),
    # ---- attaching
    Row("it was never on a VM", f"attach {SHARED}", 2),
    Row("the volume was on VM", f"attach {SHARED}", 1, rules=[version("4.5.0"), always("read", rows(volume(
        SHARED, status="Ready", lastVmInstanceUuid=DB_1, lastDetachDate="Nov 2, 2026 1:00:00 AM")))]),
    Row("was renamed or destroyed meanwhile", f"attach {SHARED} web-1", 1, rules=[always("any", rows(), VMS, 2)]),
    Row("the volume was deleted or changed meanwhile", "attach team-data web-1", 1, rules=[
        always("read", rows(), "d0a7a5e0c0de4b1e8a5efeedbead0010")]),
    Row("not attached to VM", f"attach {READY} web-1", 1),
    # ---- filters that cannot be decided
    Row("{option} cannot be decided: {", "list --last-vm db-1", 5, rules=[always("any", fails("SYS.1000"), VMS)]),
    Row("the time left or the date of a", "recover --expiring-within 1d --yes", 5, rules=[
        always("list", rows(volume(lastOpDate="x")))]),
    Row("cannot be decided for {names}", "recover --deleted-since 2026-10-25T02:30 --yes", 2,
        env={"TZ": "Europe/Berlin"}, rules=[always("list", rows(volume(lastOpDate="Oct 25, 2026 1:00:00 AM")))]),
    Row("the server's answer lacks", "recover --expiring-within 1d --yes", 5, rules=[always("any", rows(), CONFIGS)]),
    Row("the server's time zone is not known here", "recover --expiring-within 1d --yes", 2, rules=[
        always("any", says("200 OK", {"timezone": "Mars/Base"}), ZONE), NO_HEARTBEATS]),
    Row("the server does not tell its time zone", "recover --expiring-within 1d --yes", 2, rules=[
        always("any", says("200 OK", {"success": True}), ZONE), NO_HEARTBEATS]),
    Row("the answer about the server's time zone has none", "recover --expiring-within 1d --yes", 5, rules=[
        always("any", says("200 OK", {}), ZONE)]),
    Row("the answer about the server's clock has no time", "recover --expiring-within 1d --yes", 5, rules=[
        always("any", says("200 OK", {}), NODES)]),
    Row("the server does not tell {what}", "recover --expiring-within 1d --yes", 2, rules=[
        always("any", REFUSAL, NODES)]),
    Row("the server failed to tell", "recover --expiring-within 1d --yes", 5, rules=[
        always("any", fails("SYS.1000"), NODES)]),
    # ---- refusals and failures
    Row("the server does not accept the session", "list", 4, env={"ZVOL_SESSION": "b" * 32}),
    Row("the server does not accept this account", "list", 4, rules=[always("any", fails("ID.1007"))]),
    Row("the server refused[ [the query]]", "list", 1, rules=[always("any", fails("ID.1002"))]),
    Row("the server failed[ at [the query]]", "list", 5, rules=[always("any", fails("SYS.1000"))]),
    Row("the server refused the request", "list", 4, env=KEY, rules=[always("any", answer(
        "403 Forbidden", b"wrong accessKey signature", kind="text/plain"), "/volumes")]),
    Row("(HTTP {status}): {text}", "list", 1, rules=[always("any", REFUSAL)]),
    Row("the server redirects to", "list", 9, rules=[always("any", MOVED)]),
    Row("{host} answered {reason}", "list", 5, "Something else than ZStack is at this address.",
        rules=[always("any", PAGE)]),
    # ---- answers that cannot be right
    Row("an inventory that is not a", f"attach {PG_DATA} web-1", 5, rules=[always("read", rows({"uuid": PG_DATA}))]),
    Row("the answer does not tell about all requested", f"show {PG_DATA}", 5, rules=[
        always("read", rows({"uuid": PG_DATA}))]),
    Row("the answer contains {volume or VM}s that", f"show {PG_DATA}", 5, rules=[always("read", rows(volume(WAL)))]),
    Row("the list contains an item twice", "list", 5, rules=[always("list", rows(volume(), volume()))]),
    Row("the list has no total", "list", 5, rules=[always("list", rows(volume(), total=None))]),
    Row("the list and its total do not agree", "list", 5, rate=20, rules=[always("list", rows(volume(), total=2))]),
    # ---- logging in and out
    Row("this server has no users below accounts", "login --account a --user b --password-stdin", 4,
        stdin="password\n", rules=[always("login", answer(
            "404 Not Found", b"no api mapping to /v1/accounts/users/login", kind="text/plain"))]),
    Row("the login was not answered by a ZStack", "login --account a --password-stdin", 5, stdin="password\n",
        rules=[always("login", PAGE)]),
    Row("the server did not log in", "login --account admin --password-stdin", 4, stdin="wrong\n"),
    Row("the server failed at the login", "login --account a --password-stdin", 5, stdin="password\n",
        rules=[always("login", fails("SYS.1000"))]),
    Row("the logout was not answered by a ZStack", "logout", 5, around=logged_in, rules=[
        always("any", PAGE, "/accounts/sessions/")]),
    Row("the server did not end the session", "logout", 4, around=logged_in, rules=[
        always("any", fails("ID.1002"), "/accounts/sessions/")]),
    Row("the server failed at the logout", "logout", 5, around=logged_in, rules=[
        always("any", fails("SYS.1000"), "/accounts/sessions/")]),
    Row("the session could not be looked at", "whoami", 5, rules=[always("any", PAGE)]),
    Row("the server failed to look at the session", "whoami", 5, rules=[always("any", fails("SYS.1000"), "/valid")]),
    Row("asks for fewer requests", "whoami", 5, rules=[always("any", BUSY)]),
    # ---- access keys
    Row("the server does not tell its time, and", "list", 4, env=KEY, rules=[always("any", REFUSAL, NODES)]),
    Row("the server does not tell its time zone, and", "list", 4, env=KEY, rules=[
        always("any", says("200 OK", {"success": True}), ZONE)]),
    Row("which an access key's signature needs", "list", 5, env=KEY, rules=[always("any", fails("SYS.1000"), NODES)]),
)
