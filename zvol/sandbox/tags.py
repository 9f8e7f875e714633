"""User tags."""

# ruff: noqa: ARG001  (all handlers have the same parameters)

from __future__ import annotations

from typing import Final

from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.names import new_uuid
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx

REQUIRED: Final = ("resourceType", "resourceUuid", "tag")


def _check(node: Node, tx: Tx, call: Call) -> None:
    same = tx.value(
        "SELECT 1 FROM tags WHERE resourceUuid = ? AND tag = ? AND type = 'User'",
        call.text("resourceUuid"),
        call.text("tag"),
    )
    if same is not None:
        where = call.text("resourceType"), call.text("resourceUuid")
        raise node.texts.refuse("SYS.1006", "duplicate-tag", call.text("tag"), "User", *where)


def create(node: Node, tx: Tx, call: Call, kind: str = "User") -> Body:
    """Insert a tag of this kind, `User` or `System`."""
    uuid = new_uuid()
    tag = {"uuid": uuid, "inherent": 0, "type": kind}
    tag |= {name: call.text(name) for name in REQUIRED}
    tx.insert("tags", tag | {"createDate": tx.now, "lastOpDate": tx.now})
    return {"inventory": node.reader.one(tx, f"{kind.lower()}tag", uuid)}


def _delete(node: Node, tx: Tx, call: Call) -> Body:
    tx.run("DELETE FROM tags WHERE uuid = ?", call.text("uuid"))
    return {}


APIS: Final = (
    query("queryUserTag", "/v1/user-tags", "usertag"),
    query("querySystemTag", "/v1/system-tags", "systemtag"),
    Api(
        "createUserTag",
        "POST",
        "/v1/user-tags",
        Operation(create, _check, required=REQUIRED, slow=False),
        "org.zstack.header.tag.APICreateUserTagMsg",
    ),
    Api("deleteTag", "DELETE", "/v1/tags/{uuid}", Operation(_delete), "org.zstack.header.tag.APIDeleteTagMsg"),
)
