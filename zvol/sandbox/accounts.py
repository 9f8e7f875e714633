"""The resources of accounts, and their quotas."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

from typing import Any, Final

from zvol.sandbox.api import Api, Body, Call, Reply
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx

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
    "vm.num": f"SELECT count(*) FROM vms WHERE state NOT IN ('Stopped', 'Destroyed') AND {_OWN}",  # noqa: S608
    "vm.totalNum": f"SELECT count(*) FROM vms WHERE state != 'Destroyed' AND {_OWN}",  # noqa: S608
    "volume.capacity": f"SELECT coalesce(sum(size), 0) FROM volumes WHERE {_OWN}",  # noqa: S608
}


FULL: Final = "full"
"""The role that allows every change; the role `query` allows none, nor does an account without a role."""


def may_change(tx: Tx, account: str) -> bool:
    """Tell whether an account has a role that allows changes."""
    return tx.value("SELECT 1 FROM roles WHERE accountUuid = ? AND role = ?", account, FULL) is not None


def owner(tx: Tx, uuid: str) -> str | None:
    """Return the account a resource belongs to."""
    found = tx.value("SELECT accountUuid FROM owners WHERE resourceUuid = ?", uuid)
    return None if found is None else str(found)


def quota_limit(tx: Tx, account: str, name: str) -> int:
    changed = tx.value("SELECT value FROM quotas WHERE identityUuid = ? AND name = ?", account, name)
    return DEFAULT_QUOTAS[name] if changed is None else int(changed)


def quota_used(tx: Tx, account: str, name: str) -> int:
    """Return how much of a quota is used; deleted volumes count for the capacity only."""
    return int(tx.value(_USED[name], account)) if name in _USED else 0


def check_quota(node: Node, tx: Tx, call: Call, added: dict[str, int]) -> None:
    """Check the quotas of the session's account for what a recovery adds to them; raises Fault ID.1003."""
    user = (owner(tx, call.text("uuid")) if node.release.quota_of_owner else None) or call.account
    for name, requested in added.items():
        limit, used = quota_limit(tx, call.account, name), quota_used(tx, user, name)
        if requested and used + requested > limit:
            shown = tx.value("SELECT name FROM accounts WHERE uuid = ?", call.account)
            raise node.texts.fault(
                "ID.1003",
                f"quota exceeding.The resource owner(or target resource owner) account[uuid: {call.account} name:"
                f" {shown}] exceeds a quota[name: {name}, value: {limit}], Current used:{used}, Request:{requested}."
                " Please contact the administrator.",
            )


def _quota_usage(node: Node, tx: Tx, call: Call) -> Body:
    account = call.text("uuid")
    usages: list[dict[str, Any]] = [
        {"name": name, "total": quota_limit(tx, account, name), "used": quota_used(tx, account, name)}
        for name in DEFAULT_QUOTAS
    ]
    return {"usages": usages}


def _resource_accounts(node: Node, tx: Tx, call: Call) -> Body:
    found: Body = {}
    for uuid in call.params.get("resourceUuids") or ():
        account = owner(tx, uuid)
        if account is not None:
            found[uuid] = node.reader.one(tx, "account", account)
    return {"inventories": found}


APIS: Final = (
    Api("getAccountQuotaUsage", "GET", "/v1/accounts/quota/{uuid}/usages", Reply(_quota_usage)),
    Api("getResourceAccount", "GET", "/v1/resources/accounts", Reply(_resource_accounts), lists=("resourceUuids",)),
)
