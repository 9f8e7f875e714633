"""The synchronous APIs: answered at once, 200 or 503."""

# ruff: noqa: ARG001  (all of them are called alike)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zvol.sandbox import pipeline, wire
from zvol.sandbox.names import ADMIN
from zvol.sandbox.node import Call, Node
from zvol.sandbox.resources import RESOURCES

if TYPE_CHECKING:
    from zvol.sandbox.store import Tx

Body = dict[str, Any]
PARAMETERS: Final = "org.zstack.header.message.ApiMessageParamValidator"


@dataclass(frozen=True, slots=True)
class Sync:
    """One synchronous API: `session` says whether it looks at the session, `writes` whether it changes anything."""

    run: Callable[[Node, Tx, Call], Body]
    session: bool = True
    writes: bool = False


def open_session(tx: Tx, account: str, duration: int = pipeline.SESSION_SECONDS, uuid: str = "", user: str = "") -> str:
    """Make a session, or make a known one valid again; returns its uuid."""
    from zvol.sandbox.store import new_uuid

    uuid = uuid or new_uuid()
    tx.run(
        "INSERT OR REPLACE INTO sessions (uuid, accountUuid, userUuid, created, expires, duration)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        uuid,
        account,
        user or account,
        tx.now,
        tx.now + duration,
        duration,
    )
    return uuid


def session_inventory(node: Node, tx: Tx, uuid: str) -> Body | None:
    row = tx.get("sessions", uuid)
    if row is None:
        return None
    return {
        "uuid": uuid,
        "accountUuid": row["accountUuid"],
        "userUuid": row["userUuid"],
        "expiredDate": node.librarian.date(row["expires"]),
        "createDate": node.librarian.date(row["created"]),
        "noSessionEvaluation": False,
    }


def _log_in(node: Node, tx: Tx, call: Call) -> Body:
    name = "username" if call.api.name == "logIn" else "accountName"
    _demand(node, call, "password", name)
    account = tx.value(
        "SELECT uuid FROM accounts JOIN passwords ON accountUuid = uuid WHERE name = ? AND password = ?",
        call.text(name),
        call.text("password"),
    )
    if account is None:
        raise node.texts.login()
    return {"inventory": session_inventory(node, tx, open_session(tx, account))}


def _log_in_by_user(node: Node, tx: Tx, call: Call) -> Body:
    _demand(node, call, "password", "userName")
    sql = (
        "SELECT users.uuid, accounts.uuid AS account FROM users JOIN accounts ON accounts.uuid = accountUuid"
        " WHERE users.name = ? AND password = ? AND ? IN (accounts.name, accounts.uuid)"
    )
    account = call.text("accountName") or call.text("accountUuid")
    found = tx.row(sql, call.text("userName"), call.text("password"), account)
    if found is None:
        raise node.texts.login("wrong account or username or password")
    session = open_session(tx, found["account"], user=found["uuid"])
    return {"inventory": session_inventory(node, tx, session)}


def _demand(node: Node, call: Call, *fields: str) -> None:
    """Refuse a login without what it needs, and any where login control is told to refuse."""
    for field in fields:
        if call.params.get(field) is None:
            raise node.texts.mandatory(field, PARAMETERS)
    if node.switches.login_refusal:
        raise node.texts.control(node.switches.login_refusal)


def _log_out(node: Node, tx: Tx, call: Call) -> Body:
    tx.run("DELETE FROM sessions WHERE uuid = ?", call.text("sessionUuid"))
    return {}


def _validate(node: Node, tx: Tx, call: Call) -> Body:
    sql = "SELECT 1 FROM sessions WHERE uuid = ? AND expires > ?"
    return {"valid": tx.value(sql, call.text("sessionUuid"), tx.now) is not None}


def _ready(node: Node, tx: Tx, call: Call) -> Body:
    return {}


def _time_zone(node: Node, tx: Tx, call: Call) -> Body:
    zone = node.switches.zone
    return {"offset": wire.offset_text(zone, tx.now), "timezone": zone, "success": True}


def _version(node: Node, tx: Tx, call: Call) -> Body:
    return {"success": True, "version": node.switches.version}


def _current_time(node: Node, tx: Tx, call: Call) -> Body:
    return {"currentTime": {"MillionSeconds": int(tx.time * 1000), "Seconds": tx.now}, "success": True}


def _formats(node: Node, tx: Tx, call: Call) -> Body:
    masters = {"qcow2": "KVM", "raw": "KVM", "vmdk": "KVM"}
    return {"formats": [{"format": name, "masterHypervisorType": kind} for name, kind in masters.items()]}


def _quota_usage(node: Node, tx: Tx, call: Call) -> Body:
    return {"usages": pipeline.quota_usage(tx, call.text("uuid"))}


def _resource_accounts(node: Node, tx: Tx, call: Call) -> Body:
    found: Body = {}
    for uuid in call.params.get("resourceUuids") or ():
        owner = pipeline.owner(tx, uuid)
        if owner is not None:
            found[uuid] = node.librarian.one(tx, "account", owner)
    return {"inventories": found}


def _progress(node: Node, tx: Tx, call: Call) -> Body:
    return {"inventories": []}


def _zql(node: Node, tx: Tx, call: Call) -> Body:
    """Answer the plainest ZQL only: `query NAME where a='b'`."""
    from zvol.sandbox import query as queries
    from zvol.sandbox.texts import internal

    words = call.text("zql").split()
    kinds = {"volume": "volume", "vminstance": "vm", "primarystorage": "storage"}
    kind = kinds.get(words[1].lower()) if len(words) > 1 and words[0] == "query" else None
    if kind is None:
        raise internal(f"org.antlr.v4.runtime.misc.ParseCancellationException: error at line 1:0, {call.text('zql')}")
    text = call.text("zql").partition(" where ")[2]
    parts = [part.strip().replace("'", "") for part in text.split(" and ") if part.strip()]
    query = queries.Query(conditions=tuple(queries.condition(part) for part in parts))
    reply = node.librarian.query(tx, kind, query, call.account, admin=call.account == ADMIN)
    return {"results": [{"inventories": reply["inventories"]}]}


APIS: Final[dict[str, Sync]] = {
    "logInByAccount": Sync(_log_in, session=False, writes=True),
    "logIn": Sync(_log_in, session=False, writes=True),
    "logInByUser": Sync(_log_in_by_user, session=False, writes=True),
    "logOut": Sync(_log_out, session=False, writes=True),
    "validateSession": Sync(_validate, session=False),
    "isManagementNodeReady": Sync(_ready, session=False),
    "getPlatformTimeZone": Sync(_time_zone, session=False),
    "getVersion": Sync(_version, session=False),
    "getCurrentTime": Sync(_current_time, session=False),
    "getVolumeFormat": Sync(_formats),
    "getAccountQuotaUsage": Sync(_quota_usage),
    "getResourceAccount": Sync(_resource_accounts),
    "getTaskProgress": Sync(_progress),
    "zql": Sync(_zql),
}


def answer(node: Node, call: Call) -> Body:
    """Answer a synchronous API or a query; raises Fault."""
    if call.api.kind == "query":
        return _query(node, call)
    api = APIS[call.api.name]
    if api.writes:
        with node.store.write() as tx:
            return api.run(node, tx, call)
    if api.session:
        _enter(node, call)
    with node.store.read() as tx:
        return api.run(node, tx, call)


def _enter(node: Node, call: Call) -> None:
    """Look at the session and slide its end; raises Fault."""
    with node.store.read() as tx:
        call.account = pipeline.session_account(node, tx, call.token)
        old = pipeline.stale(tx, call.token)
    if old:
        with node.store.write() as tx:
            pipeline.renew(tx, call.token)


def _query(node: Node, call: Call) -> Body:
    from zvol.sandbox import query as queries

    one = call.params.get("uuid")
    if one is not None:
        query = queries.Query(conditions=(queries.Condition(RESOURCES[call.api.resource].order, "=", str(one)),))
    else:
        query = queries.parse(call.pairs)
    _enter(node, call)
    with node.store.read() as tx:
        return node.librarian.query(tx, call.api.resource, query, call.account, admin=call.account == ADMIN)
