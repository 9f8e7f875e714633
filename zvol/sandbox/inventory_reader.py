"""Rows as inventories: the replies to queries with their `schema`, and single rows for the results of jobs."""

from __future__ import annotations

import json
from typing import Any, Final

from zvol.sandbox import query as queries
from zvol.sandbox import wire
from zvol.sandbox.resources import Resource, resources_of
from zvol.sandbox.store import Row, Tx
from zvol.sandbox.switches import Switches
from zvol.sandbox.texts import Texts
from zvol.sandbox.versions import Behaviour

_NESTED: Final = {
    "vmCdRoms": "org.zstack.header.vm.cdrom.VmCdRomInventory",
    "allVolumes": "org.zstack.header.volume.VolumeInventory",
    "vmNics": "org.zstack.header.vm.VmNicInventory",
    "usedIps": "org.zstack.header.network.l3.UsedIpInventory",
}


class InventoryReader:
    """Writes inventories with the fields of a release, in the server's zone, and answers queries."""

    def __init__(self, switches: Switches, texts: Texts, release: Behaviour) -> None:
        self.switches = switches
        self.texts = texts
        self.release = release
        self.resources = resources_of(release)

    def date(self, seconds: int) -> str:
        return wire.date_text(seconds, self.switches.zone, self.switches.dates)

    def one(self, tx: Tx, kind: str, uuid: str) -> dict[str, Any] | None:
        """Return one inventory, None when the row is gone."""
        resource = self.resources[kind]
        sql = f"SELECT * FROM {resource.table} WHERE {resource.order} = ?"  # noqa: S608  (a name of ours)
        row = tx.row(sql, uuid)
        return None if row is None else self.inventory(tx, resource, row)

    def inventory(self, tx: Tx, resource: Resource, row: Row, only: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return a row as the server writes it, fields in its order, nulls left out; `only` limits the fields."""
        made: dict[str, Any] = {}
        for name, kind in resource.fields.items():
            if only and name not in only:
                continue
            value: Any = self._nested(tx, row) if kind == "volumes" else row[name]
            if value is None:
                continue
            if kind == "date":
                value = self.date(value)
            elif kind == "flag":
                value = bool(value)
            elif kind == "json":
                value = self._json(value)
            made[name] = value
        return made

    def _nested(self, tx: Tx, row: Row) -> list[dict[str, Any]]:
        resource = self.resources["volume"]
        rows = tx.rows("SELECT * FROM volumes WHERE vmInstanceUuid = ? ORDER BY deviceId", row["uuid"])
        return [self.inventory(tx, resource, item) for item in rows]

    def _json(self, text: str) -> Any:
        """Return a stored list.  Of lists of rows, only NICs have a state."""
        value = self._dated(json.loads(text))
        if "nic.state" in self.release.absent_fields:
            for item in value:
                if isinstance(item, dict):
                    item.pop("state", None)
        return value

    def _dated(self, value: Any) -> Any:
        """Return a stored list or row with its dates, which are seconds as in columns, as text."""
        if isinstance(value, list):
            return [self._dated(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self.date(item) if name in ("createDate", "lastOpDate") else self._dated(item)
            for name, item in value.items()
        }

    def query(self, tx: Tx, kind: str, query: queries.Query, account: str, *, admin: bool) -> dict[str, Any]:
        """Return the reply to a query of one account; raises Fault."""
        resource = self.resources[kind]
        queries.check_fields(resource, query, self.release)
        compiler = queries.Compiler(self.resources, self.switches.zone, self.texts.details)
        where = compiler.where(resource, query)
        if resource.owned and not admin:
            where += (
                " AND (uuid IN (SELECT resourceUuid FROM owners WHERE accountUuid = ?) OR uuid IN"
                " (SELECT resourceUuid FROM shares WHERE accountUuid = ? OR accountUuid IS NULL))"
            )
            compiler.values += [account, account]
        order = compiler.order(resource, query)
        if not self.release.negative_limits:
            queries.check_range(query)
        source = f"FROM {resource.table} WHERE {where}"
        reply: dict[str, Any] = {"schema": {}}
        if query.count or query.with_count:
            reply["total"] = tx.value(f"SELECT count(*) {source}", *compiler.values)
        if query.count:
            return reply
        sql = f"SELECT * {source} ORDER BY {order} LIMIT ? OFFSET ?"
        found = tx.rows(sql, *compiler.values, query.limit, query.start)
        reply["inventories"] = [self.inventory(tx, resource, row, query.fields) for row in found]
        reply["schema"] = schema(resource, reply["inventories"])
        return reply


def schema(resource: Resource, inventories: list[dict[str, Any]]) -> dict[str, str]:
    """Return the class names of what is in `inventories`, the last first."""
    made: dict[str, str] = {}
    _classes(made, "inventories", resource.java, inventories)
    return made


def _classes(made: dict[str, str], name: str, java: str, items: list[dict[str, Any]]) -> None:
    for index in range(len(items) - 1, -1, -1):
        place = f"{name}[{index}]"
        made[place] = java
        for nested, inner in _NESTED.items():
            _classes(made, f"{place}.{nested}", inner, items[index].get(nested, []))
