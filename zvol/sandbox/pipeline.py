"""Stage B: what is checked of an asynchronous call after its 202, in the server's order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zvol.sandbox.names import ADMIN
from zvol.sandbox.node import Call, Node
from zvol.sandbox.resources import RESOURCES

if TYPE_CHECKING:
    from zvol.sandbox.store import Tx

DRY_RUN: Final = "ephemeral::validationOnly"
SESSION_SECONDS: Final = 7200
_RENEW_STEP: Final = 60
_UUID: Final = re.compile(r"[0-9a-f]{12}[1-5][0-9a-f]{3}[89ab][0-9a-f]{15}")


class Settled(Exception):
    """The call is answered with an empty success before anything is executed."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What an asynchronous API checks and does.

    `run` changes the database and returns the job's body.  `check` is the service's own interceptor (B6).
    `targets` are parameters and the resources they must name, `missing_ok` makes a missing one a success.
    `seconds` is the default API timeout.  `slow` calls take the job time, others a tenth of it.
    """

    run: Callable[[Node, Tx, Call], dict[str, Any]]
    check: Callable[[Node, Tx, Call], None] | None = None
    targets: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()
    missing_ok: bool = False
    admin: bool = False
    quota: bool = False
    seconds: int = 1800
    slow: bool = True


def screen(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    """Check B1 to B6; raises Fault, or Settled when nothing remains to be done."""
    _parameters(node, tx, call, operation)
    call.account = session_account(node, tx, call.token)
    renew(tx, call.token)
    if call.account != ADMIN:
        if operation.admin:
            raise node.texts.refuse("SYS.1006", "denied", call.api.java)
        _ownership(node, tx, call, operation)
        if operation.quota:
            _quota(node, tx, call)
    if operation.check is not None:
        operation.check(node, tx, call)
    if DRY_RUN in call.system_tags:
        raise Settled


def _parameters(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    for name in operation.required:
        if call.params.get(name) is None:
            raise node.texts.mandatory(name, call.api.java)
    for name, kind in operation.targets:
        uuid = call.text(name)
        resource = RESOURCES[kind]
        if tx.value(f"SELECT 1 FROM {resource.table} WHERE uuid = ?", uuid) is not None:  # noqa: S608  (ours)
            continue
        if not operation.missing_ok:
            raise node.texts.missing(name, uuid, resource.vo)
        if _UUID.fullmatch(uuid):
            raise Settled
        raise node.texts.fault("SYS.1003", f"invalid value[{uuid}] of field [{name}]")


def session_account(node: Node, tx: Tx, token: str) -> str:
    """Return the account of a living session; raises Fault ID.1001."""
    account = tx.value("SELECT accountUuid FROM sessions WHERE uuid = ? AND expires > ?", token, tx.now)
    if account is None:
        raise node.texts.session()
    return str(account)


def renew(tx: Tx, token: str) -> None:
    """Slide the end of a session, in steps, so that not every call writes."""
    tx.run(
        "UPDATE sessions SET expires = ? + duration WHERE uuid = ? AND expires < ? + duration - ?",
        tx.now,
        token,
        tx.now,
        _RENEW_STEP,
    )


def stale(tx: Tx, token: str) -> bool:
    """Return whether a session has moved enough to be renewed."""
    sql = "SELECT 1 FROM sessions WHERE uuid = ? AND expires < ? + duration - ?"
    return tx.value(sql, token, tx.now, _RENEW_STEP) is not None


def _ownership(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    for name, kind in operation.targets:
        resource, uuid = RESOURCES[kind], call.text(name)
        if not resource.owned or owner(tx, uuid) == call.account:
            continue
        shared = tx.value(
            "SELECT max(permission) FROM shares WHERE resourceUuid = ? AND (accountUuid = ? OR accountUuid IS NULL)",
            uuid,
            call.account,
        )
        if (shared or 0) < 2:
            raise node.texts.refuse("SYS.1006", "not-owner", call.account, uuid, resource.vo)


def owner(tx: Tx, uuid: str) -> str | None:
    """Return the account a resource belongs to."""
    found = tx.value("SELECT accountUuid FROM owners WHERE resourceUuid = ?", uuid)
    return None if found is None else str(found)


DEFAULT_QUOTAS: Final = {
    "volume.data.num": 40,
    "snapshot.volume.num": 200,
    "volume.capacity": 10995116277760,
    "vm.num": 20,
    "vm.totalNum": 20,
    "vm.cpuNum": 80,
    "vm.memorySize": 85899345920,
    "image.num": 20,
    "image.size": 10995116277760,
}

_OWN: Final = "uuid IN (SELECT resourceUuid FROM owners WHERE accountUuid = ?)"
_USED: Final = {
    "volume.data.num": f"SELECT count(*) FROM volumes WHERE type = 'Data' AND status != 'Deleted' AND {_OWN}",  # noqa: S608
    "snapshot.volume.num": f"SELECT count(*) FROM snapshots WHERE {_OWN}",  # noqa: S608
    "volume.capacity": f"SELECT coalesce(sum(size), 0) FROM volumes WHERE {_OWN}",  # noqa: S608
}


def quota_usage(tx: Tx, account: str) -> list[dict[str, Any]]:
    """Return name, total and used of every quota of an account; deleted volumes count for capacity only."""
    return [
        {"name": name, "total": quota_limit(tx, account, name), "used": quota_used(tx, account, name)}
        for name in DEFAULT_QUOTAS
    ]


def quota_limit(tx: Tx, account: str, name: str) -> int:
    set_to = tx.value("SELECT value FROM quotas WHERE identityUuid = ? AND name = ?", account, name)
    return DEFAULT_QUOTAS[name] if set_to is None else int(set_to)


def quota_used(tx: Tx, account: str, name: str) -> int:
    return int(tx.value(_USED[name], account)) if name in _USED else 0


def _quota(node: Node, tx: Tx, call: Call) -> None:
    """Check the session account's quotas; the snapshots of a deleted volume are counted twice, as the server does."""
    snapshots = tx.value("SELECT count(*) FROM snapshots WHERE volumeUuid = ?", call.text("uuid"))
    for name, asked in (("volume.data.num", 1), ("snapshot.volume.num", int(snapshots))):
        limit, used = quota_limit(tx, call.account, name), quota_used(tx, call.account, name)
        if asked and used + asked > limit:
            shown = tx.value("SELECT name FROM accounts WHERE uuid = ?", call.account)
            raise node.texts.fault(
                "ID.1003",
                f"quota exceeding.The resource owner(or target resource owner) account[uuid: {call.account} name:"
                f" {shown}] exceeds a quota[name: {name}, value: {limit}], Current used:{used}, Request:{asked}."
                " Please contact the administrator.",
            )
