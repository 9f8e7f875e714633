"""The global configurations of category `volume`: names, numbers and defaults of 5.2.1, and how they are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx

POLICIES: Final = ("Direct", "Delay", "Never")

_ROWS: Final = (
    (19, "auto.snapshot.before.change", "false", "take a snapshot by itself before a volume is changed"),
    (37, "deletionPolicy", "Delay", "what deleting a data volume does: one of [Direct, Delay, Never]"),
    (98, "refreshVolumeSizeInterval", "3600", "seconds between two readings of the sizes of volumes"),
    (135, "expungeInterval", "3600", "seconds between two runs that destroy deleted volumes whose period is over"),
    (380, "expungePeriod", "259200", "seconds a deleted data volume is kept before it is destroyed"),
    (412, "diskOffering.setNullWhenDeleting", "true", "forget a deleted disk offering in its volumes"),
    (453, "refreshVolumeSize.scope", "AllActive", "whose sizes are read: one of [AllActive, Monitored, None]"),
    (491, "refreshVolumeSize.hostCountPerBatch", "10", "hosts queried together for sizes"),
    (675, "physical.block.size", "0", "block size of the storage below; '0' means its own"),
)

CONFIGS: Final[tuple[dict[str, Any], ...]] = tuple(
    {
        "id": number,
        "name": name,
        "category": "volume",
        "description": description,
        "defaultValue": value,
        "value": value,
    }
    for number, name, value, description in _ROWS
)


def _above(least: int) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            return int(value) > least
        except ValueError:
            return False

    return check


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "deletionPolicy": lambda value: value in POLICIES,
    "expungePeriod": _above(0),
    "expungeInterval": _above(1),
}
"""What a value must satisfy; other names accept any value."""


def _check(node: Node, tx: Tx, call: Call) -> None:
    category, name, value = call.text("category"), call.text("name"), call.text("value")
    known = tx.value("SELECT 1 FROM configs WHERE category = ? AND name = ?", category, name)
    check = _CHECKS.get(name)
    if known is None or (check is not None and not check(value)):
        raise node.texts.refuse("SYS.1007", "config-value", value, category, name)


def _update(node: Node, tx: Tx, call: Call) -> Body:
    category, name = call.text("category"), call.text("name")
    tx.run("UPDATE configs SET value = ? WHERE category = ? AND name = ?", call.text("value"), category, name)
    number = tx.value("SELECT id FROM configs WHERE category = ? AND name = ?", category, name)
    return {"inventory": node.reader.one(tx, "config", number)}


APIS: Final = (
    query("queryGlobalConfig", "/v1/global-configurations", "config"),
    Api(
        "updateGlobalConfig",
        "PUT",
        "/v1/global-configurations/{category}/{name}/actions",
        Operation(_update, _check, required=("value",), admin=True, slow=False),
        "org.zstack.core.config.APIUpdateGlobalConfigMsg",
    ),
)
