"""Errors of what the server says, or does not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.docs.troubleshooting.row import Row, World
from tests.support.fault_proxy import Rule, answer
from tests.support.pages import document
from tests.support.process import PG_DATA, PG_WAL
from zvol.sandbox.names import extra_uuid

DB_1, WEB_1, OLD_APP, WEB_2 = (f"50e70000c0de4b1e8a5efeedbead000{number}" for number in range(1, 5))
SHARED = "d0a7a5e0c0de4b1e8a5efeedbead000e"
NOBODY = "f" * 32
TAGGED = extra_uuid(1)
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


def version(number: str | None) -> Rule:
    return always("other", says("200 OK", {"version": number}), NODES, action_key="getVersion")


@contextmanager
def logged_in(world: World) -> Iterator[None]:
    del world.env["ZVOL_SESSION"]
    ran = world.run("login --account admin --password-stdin", stdin="password\n")
    assert ran.code == 0, ran.err
    yield


NO_HEARTBEATS = always("any", rows(), r"/management-nodes(\?|$)")
REFUSAL = answer("400 Bad Request", b"Invalid query parameter. 'limit' must be an integer", kind="text/plain")
MOVED = answer("302 Found", b"", "Location: http://127.0.0.1:9/")
PAGE = answer("200 OK", b"<html>hello</html>", kind="text/html")
BUSY = answer("429 Too Many Requests", b"", "Retry-After: 300")

ROWS = (
    # ---- filters that cannot be decided
    Row("{option} cannot be decided: {", "list --last-vm db-1", 5, rules=[always("any", fails("SYS.1000"), VMS)]),
    Row(
        "the time left or the date of a",
        "recover --expiring-within 1d --yes",
        5,
        rules=[always("list", rows(volume(lastOpDate="x")))],
    ),
    Row(
        "cannot be decided for {names}",
        "recover --deleted-since 2026-10-25T02:30 --yes",
        2,
        env={"TZ": "Europe/Berlin"},
        rules=[always("list", rows(volume(lastOpDate="Oct 25, 2026 1:00:00 AM")))],
    ),
    Row("the server's answer lacks", "recover --expiring-within 1d --yes", 5, rules=[always("any", rows(), CONFIGS)]),
    Row(
        "the server's time zone is not known here",
        "recover --expiring-within 1d --yes",
        2,
        rules=[always("any", says("200 OK", {"timezone": "Mars/Base"}), ZONE), NO_HEARTBEATS],
    ),
    Row(
        "the server does not tell its time zone",
        "recover --expiring-within 1d --yes",
        2,
        rules=[always("any", says("200 OK", {"success": True}), ZONE), NO_HEARTBEATS],
    ),
    Row(
        "the server's answer has no time zone",
        "recover --expiring-within 1d --yes",
        5,
        rules=[always("any", says("200 OK", {}), ZONE)],
    ),
    Row(
        "the server's answer has no time",
        "recover --expiring-within 1d --yes",
        5,
        rules=[always("any", says("200 OK", {}), NODES)],
    ),
    Row(
        "the server does not tell {what}",
        "recover --expiring-within 1d --yes",
        2,
        rules=[always("any", REFUSAL, NODES)],
    ),
    Row(
        "the server failed to tell",
        "recover --expiring-within 1d --yes",
        5,
        rules=[always("any", fails("SYS.1000"), NODES)],
    ),
    # ---- refusals and failures
    Row("the server does not accept the session", "list", 4, env={"ZVOL_SESSION": "b" * 32}),
    Row("the server does not accept this account", "list", 4, rules=[always("any", fails("ID.1007"))]),
    Row("the server refused[ …]", "list", 1, rules=[always("any", fails("ID.1002"))]),
    Row("the server failed[ at", "list", 5, rules=[always("any", fails("SYS.1000"))]),
    Row(
        "the server refused the request",
        "list",
        4,
        env=KEY,
        rules=[always("any", answer("403 Forbidden", b"wrong accessKey signature", kind="text/plain"), "/volumes")],
    ),
    Row("(HTTP {status}): {text}", "list", 1, rules=[always("any", REFUSAL)]),
    Row("the server redirects to", "list", 9, rules=[always("any", MOVED)]),
    Row(
        "{host} answered {reason}",
        "list",
        5,
        "Something else than ZStack is at this address.",
        rules=[always("any", PAGE)],
    ),
    # ---- answers that cannot be right
    Row(
        "the answer does not cover all VMs",
        f"recover --vm {WEB_2} --reattach",
        5,
        rules=[always("any", rows({"uuid": WEB_2}), VMS)],
    ),
    Row(
        "the answer contains tags that were not",
        f"recover {TAGGED} --user-tag x",
        0,
        rate=20,
        rules=[always("any", rows({"uuid": NOBODY, "resourceUuid": NOBODY, "tag": "x"}), "/user-tags")],
    ),
    Row(
        "the list changed each time it was read",
        "list",
        5,
        rate=20,
        rules=[
            always("list", rows(volume(f"{1:032x}"), total=1001), "start=1000"),
            always("list", rows(*(volume(f"{number:032x}") for number in range(1000, 0, -1)), total=1001)),
        ],
    ),
    Row("the server's answer has no version", "doctor", 1, rules=[version(None)]),
    Row("the answer has no {", f"show {PG_DATA}", 0, rules=[always("any", says("200 OK", {}), "/resources/accounts")]),
    Row(
        "an inventory that does not describe a",
        f"attach {PG_DATA} web-1",
        5,
        rules=[always("read", rows({"uuid": PG_DATA}))],
    ),
    Row(
        "the answer does not cover all requested",
        f"show {PG_DATA}",
        5,
        rules=[always("read", rows({"uuid": PG_DATA}))],
    ),
    Row("the answer contains {volume or VM}s that", f"show {PG_DATA}", 5, rules=[always("read", rows(volume(PG_WAL)))]),
    Row("the list contains an item twice", "list", 5, rules=[always("list", rows(volume(), volume()))]),
    Row("the list has no total", "list", 5, rules=[always("list", rows(volume(), total=None))]),
    Row("the list and its total do not agree", "list", 5, rate=20, rules=[always("list", rows(volume(), total=2))]),
    # ---- logging in and out
    Row(
        "this server has no users below accounts",
        "login --account a --user b --password-stdin",
        4,
        stdin="password\n",
        rules=[
            always("login", answer("404 Not Found", b"no api mapping to /v1/accounts/users/login", kind="text/plain"))
        ],
    ),
    Row(
        "the login was not answered by a ZStack",
        "login --account a --password-stdin",
        5,
        stdin="password\n",
        rules=[always("login", PAGE)],
    ),
    Row("the server refused the login", "login --account admin --password-stdin", 4, stdin="wrong\n"),
    Row(
        "the server failed at the login",
        "login --account a --password-stdin",
        5,
        stdin="password\n",
        rules=[always("login", fails("SYS.1000"))],
    ),
    Row(
        "the logout was not answered by a ZStack",
        "logout",
        5,
        around=logged_in,
        rules=[always("any", PAGE, "/accounts/sessions/")],
    ),
    Row(
        "the server refused to end the session",
        "logout",
        4,
        around=logged_in,
        rules=[always("any", fails("ID.1002"), "/accounts/sessions/")],
    ),
    Row(
        "the server failed at the logout",
        "logout",
        5,
        around=logged_in,
        rules=[always("any", fails("SYS.1000"), "/accounts/sessions/")],
    ),
    Row("the session could not be checked", "whoami", 5, rules=[always("any", PAGE)]),
    Row("the server failed to check the session", "whoami", 5, rules=[always("any", fails("SYS.1000"), "/valid")]),
    Row("asks for fewer requests", "whoami", 5, rules=[always("any", BUSY)]),
    # ---- access keys
    Row("the server does not tell its time, and", "list", 4, env=KEY, rules=[always("any", REFUSAL, NODES)]),
    Row(
        "the server does not tell its time zone, and",
        "list",
        4,
        env=KEY,
        rules=[always("any", says("200 OK", {"success": True}), ZONE)],
    ),
    Row("which an access key's signature needs", "list", 5, env=KEY, rules=[always("any", fails("SYS.1000"), NODES)]),
)
