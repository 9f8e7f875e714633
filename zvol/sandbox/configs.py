"""Global configurations: names, numbers and defaults of 5.2.1, and how they are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from zvol.sandbox.api import Api, Body, Call, Operation, query
from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx
from zvol.sandbox.versions import Behaviour

POLICIES: Final = ("Direct", "Delay", "Never")

_VOLUME: Final = (
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

_VM: Final = (
    (88, "dataVolume.deleteOnVmDestroy", "false", "delete the data volumes of a VM with it instead of detaching them"),
    (107, "deletionPolicy", "Delay", "what deleting a VM does: one of [Direct, Delay, Never]"),
    (373, "expungeInterval", "3600", "seconds between two runs that destroy deleted VMs whose period is over"),
    (465, "expungePeriod", "604800", "seconds a deleted VM is kept before it is destroyed"),
)

CONFIGS: Final[tuple[dict[str, Any], ...]] = tuple(
    {
        "id": number,
        "name": name,
        "category": category,
        "description": description,
        "defaultValue": value,
        "value": value,
    }
    for category, rows in (("volume", _VOLUME), ("vm", _VM))
    for number, name, value, description in rows
)


def adapt(tx: Tx, release: Behaviour) -> None:
    """Set the periods of retention to the defaults of a release, unless they were changed, as an upgrade does.

    Where a release does not record which VM was destroyed with a volume on it, the seeded ones forget it.
    Deleted volumes keep the share of the period that they have left: a shorter one would destroy the seeded ones.
    """
    _adapt_period(tx, "vm", release.vm_period)
    if not release.destroy_remembers:
        destroyed = "lastVmInstanceUuid IN (SELECT uuid FROM vms WHERE state = 'Destroyed') AND lastDetachDate IS NULL"
        tx.run(f"UPDATE volumes SET lastVmInstanceUuid = NULL WHERE {destroyed}")  # noqa: S608  (ours)
    old = _adapt_period(tx, "volume", release.volume_period)
    if old is None:
        return
    for row in tx.rows("SELECT * FROM volumes WHERE status = 'Deleted' AND type = 'Data'"):
        dates = {name: row[name] for name in ("lastOpDate", "lastDetachDate") if row[name] is not None}
        moved = {name: tx.now - (tx.now - at) * release.volume_period // old for name, at in dates.items()}
        sets = ", ".join(f"{name} = ?" for name in moved)
        tx.run(f"UPDATE volumes SET {sets} WHERE uuid = ?", *moved.values(), row["uuid"])  # noqa: S608  (ours)


def _adapt_period(tx: Tx, category: str, period: int) -> int | None:
    """Return the old period if it was replaced by another one."""
    where = "category = ? AND name = 'expungePeriod' AND value = defaultValue AND value != ?"
    old = tx.value(f"SELECT value FROM configs WHERE {where}", category, str(period))  # noqa: S608  (ours)
    if old is None:
        return None
    tx.run(f"UPDATE configs SET value = ?, defaultValue = ? WHERE {where}", period, period, category, str(period))  # noqa: S608
    return int(old)


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
"""The check of each value; other names accept any value."""


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
