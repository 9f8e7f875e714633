"""Stage B: the checks of an asynchronous call after its 202, in the server's order."""

from __future__ import annotations

import re
from typing import Final

from zvol.sandbox import accounts, sessions
from zvol.sandbox.api import Call, Operation
from zvol.sandbox.names import ADMIN
from zvol.sandbox.node import Node
from zvol.sandbox.resources import RESOURCES
from zvol.sandbox.store import Tx

DRY_RUN: Final = "ephemeral::validationOnly"
_UUID: Final = re.compile(r"[0-9a-f]{12}[1-5][0-9a-f]{3}[89ab][0-9a-f]{15}")


class EmptySuccess(Exception):
    """The call is answered with an empty success before anything is executed."""


def check(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    """Check B1 to B6; raises Fault, or EmptySuccess when nothing remains to be done."""
    _check_parameters(node, tx, call, operation)
    call.account = sessions.account_of(node, tx, call.token)
    sessions.renew(node, tx, call.token)
    if call.account != ADMIN:
        if operation.admin or (node.release.roles and not accounts.may_change(tx, call.account)):
            raise node.texts.denied(call.api.java)
        _check_owner(node, tx, call, operation)
    checks = [_check_quota, _check_state]
    for each in reversed(checks) if node.release.status_before_quota else checks:
        each(node, tx, call, operation)
    if DRY_RUN in call.system_tags:
        raise EmptySuccess


def _check_quota(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    if operation.quota is not None and call.account != ADMIN:
        accounts.check_quota(node, tx, call, operation.quota(node, tx, call))


def _check_state(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    if operation.check is not None:
        operation.check(node, tx, call)


def _check_parameters(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    for name in operation.required:
        if call.params.get(name) is None:
            raise node.texts.mandatory(name, call.api.java)
    for name, kind in operation.targets:
        uuid = call.text(name)
        resource = RESOURCES[kind]
        if tx.value(f"SELECT 1 FROM {resource.table} WHERE uuid = ?", uuid) is not None:  # noqa: S608  (ours)
            continue
        if node.release.names_message and not _UUID.fullmatch(uuid):
            raise node.texts.fault("SYS.1003", f"invalid value[{uuid}] of field[{name}]")
        if not operation.missing_ok:
            raise node.texts.missing(name, uuid, resource.vo, call.api.java)
        if _UUID.fullmatch(uuid):
            raise EmptySuccess
        raise node.texts.fault("SYS.1003", f"invalid value[{uuid}] of field [{name}]")


def _check_owner(node: Node, tx: Tx, call: Call, operation: Operation) -> None:
    for name, kind in operation.targets:
        resource, uuid = RESOURCES[kind], call.text(name)
        if not resource.owned or accounts.owner(tx, uuid) == call.account:
            continue
        shared = tx.value(
            "SELECT max(permission) FROM shares WHERE resourceUuid = ? AND (accountUuid = ? OR accountUuid IS NULL)",
            uuid,
            call.account,
        )
        if (shared or 0) < 2:
            raise node.texts.foreign(call.account, uuid, resource.vo)
