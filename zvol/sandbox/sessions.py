"""Sessions: logging in and out, and how long they are valid."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

from typing import Final

from zvol.sandbox.api import Api, Body, Call, Reply
from zvol.sandbox.names import new_uuid
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx

SESSION_SECONDS: Final = 7200
_JAVA: Final = "org.zstack.header.identity."
_RENEW_STEP: Final = 60


def open_session(tx: Tx, account: str, duration: int = SESSION_SECONDS, uuid: str = "", user: str = "") -> str:
    """Insert a session, or make a known one valid again; returns its UUID."""
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


def account_of(node: Node, tx: Tx, token: str) -> str:
    """Return the account of a valid session; raises Fault ID.1001."""
    account = tx.value("SELECT accountUuid FROM sessions WHERE uuid = ? AND expires > ?", token, tx.now)
    if account is None:
        raise node.texts.session()
    return str(account)


def renew(node: Node, tx: Tx, token: str) -> None:
    """Extend a session, in steps, so that not every call writes; before 3.0 it ends two hours after the login."""
    if not node.release.sliding_sessions:
        return
    tx.run(
        "UPDATE sessions SET expires = ? + duration WHERE uuid = ? AND expires < ? + duration - ?",
        tx.now,
        token,
        tx.now,
        _RENEW_STEP,
    )


def enter(node: Node, call: Call) -> None:
    """Check the session of a call that is no job, and extend it; raises Fault ID.1001."""
    sql = "SELECT 1 FROM sessions WHERE uuid = ? AND expires < ? + duration - ?"
    with node.store.read() as tx:
        call.account = account_of(node, tx, call.token)
        due = tx.value(sql, call.token, tx.now, _RENEW_STEP) is not None
    if due:
        with node.store.write() as tx:
            renew(node, tx, call.token)


def inventory(node: Node, tx: Tx, uuid: str) -> Body | None:
    """Return a session as the server shows it, None when there is none."""
    row = tx.get("sessions", uuid)
    if row is None:
        return None
    shown = {
        "uuid": uuid,
        "accountUuid": row["accountUuid"],
        "userUuid": row["userUuid"],
        "expiredDate": node.reader.date(row["expires"]),
        "createDate": node.reader.date(row["created"]),
    }
    return (
        shown if "session.noSessionEvaluation" in node.release.absent_fields else shown | {"noSessionEvaluation": False}
    )


def log_in(node: Node, tx: Tx, call: Call, name: str = "accountName") -> Body:
    """Log in with the parameter `name` and a password; raises Fault."""
    _require(node, call, "password", name)
    account = tx.value(
        "SELECT uuid FROM accounts JOIN passwords ON accountUuid = uuid WHERE name = ? AND password = ?",
        call.text(name),
        call.text("password"),
    )
    if account is None:
        raise node.texts.login()
    return {"inventory": inventory(node, tx, open_session(tx, account))}


def _log_in_by_user(node: Node, tx: Tx, call: Call) -> Body:
    _require(node, call, "password", "userName")
    sql = (
        "SELECT users.uuid, accounts.uuid AS account FROM users JOIN accounts ON accounts.uuid = accountUuid"
        " WHERE users.name = ? AND password = ? AND ? IN (accounts.name, accounts.uuid)"
    )
    account = call.text("accountName") or call.text("accountUuid")
    found = tx.row(sql, call.text("userName"), call.text("password"), account)
    if found is None:
        raise node.texts.login("wrong account or username or password")
    session = open_session(tx, found["account"], user=found["uuid"])
    return {"inventory": inventory(node, tx, session)}


def _require(node: Node, call: Call, *fields: str) -> None:
    for field in fields:
        if call.params.get(field) is None:
            raise node.texts.mandatory(field, node.release.login_message or call.api.java)


def _log_out(node: Node, tx: Tx, call: Call) -> Body:
    tx.run("DELETE FROM sessions WHERE uuid = ?", call.text("sessionUuid"))
    return {}


def _validate(node: Node, tx: Tx, call: Call) -> Body:
    sql = "SELECT 1 FROM sessions WHERE uuid = ? AND expires > ?"
    return {"valid": tx.value(sql, call.text("sessionUuid"), tx.now) is not None}


_WRITES: Final = {"session": False, "writes": True}

APIS: Final = (
    Api(
        "logInByAccount",
        "PUT",
        "/v1/accounts/login",
        Reply(log_in, **_WRITES),
        _JAVA + "APILogInByAccountMsg",
        auth=False,
    ),
    Api(
        "logInByUser",
        "PUT",
        "/v1/accounts/users/login",
        Reply(_log_in_by_user, **_WRITES),
        _JAVA + "APILogInByUserMsg",
        auth=False,
        known=lambda release: release.users,
    ),
    Api("logOut", "DELETE", "/v1/accounts/sessions/{sessionUuid}", Reply(_log_out, **_WRITES), auth=False),
    Api(
        "validateSession",
        "GET",
        "/v1/accounts/sessions/{sessionUuid}/valid",
        Reply(_validate, session=False),
        auth=False,
    ),
)
