"""The clouds that exchanges were captured on: a value for each server, and its database before the first exchange."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract import capture
from tests.contract.capture import Exchange
from zvol.sandbox import names
from zvol.sandbox.configs import CONFIGS
from zvol.sandbox.resources import RESOURCES, Resource
from zvol.sandbox.store import Row, Store, Tx
from zvol.sandbox.wire import date_seconds

ZONE = "Etc/UTC"


@dataclass(frozen=True)
class Done:
    """A request that was not captured; `session` is None for the admin's, `job` for one that no captured poll names."""

    method: str
    path: str
    body: Any = None
    session: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class World:
    """One captured server.

    `wire` is the directory of its exchanges, `version` what a sandbox of it is started with.  `there` are inventories
    by their kind that were there at first, and `shown` the label of an exchange that shows a VM with its volumes, where
    the queries for everything were not captured.  `before` is what was done before an exchange and not captured,
    `sessions` the sessions that were opened without being captured, by their account.  `created` are UUIDs that the
    server chose and that no captured poll tells.  `held` are exchanges after which jobs stand still until the next one
    is answered.  `apart` are exchanges whose values are not compared: they sort by a date that the repeated creations
    share, or the sandbox has fewer quotas.
    """

    wire: str
    version: str
    there: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    shown: str = ""
    before: Mapping[str, Sequence[Done]] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict)
    created: Mapping[str, str] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()

    def exchanges(self) -> list[Exchange]:
        return [capture.exchange(self.wire, name) for name in capture.names(self.wire)]


def found(exchanges: Sequence[Exchange], label: str) -> Exchange | None:
    """Return the first exchange with this label, which is its name without the number; None when there is none."""
    return next((item for item in exchanges if item.name.partition("-")[2] == label), None)


def clock_offset(exchanges: Sequence[Exchange]) -> float:
    """Return how far the server's clock, told by its first login, was from the present; 0 without a login."""
    login = found(exchanges, "login-ok")
    if login is None:
        return 0.0
    at = date_seconds(login.answer.json["inventory"]["createDate"], ZONE)
    assert at is not None
    return at - time.time()


def prepare(directory: Path, world: World, exchanges: Sequence[Exchange], offset: float) -> None:
    """Make a database that holds what the first queries showed, and what was not shown but is in every cloud."""
    store = Store(directory, offset=offset)
    store.prepare(lambda tx: _fill(tx, world, exchanges))
    store.close()


def _fill(tx: Tx, world: World, exchanges: Sequence[Exchange]) -> None:
    dates = {"createDate": tx.now, "lastOpDate": tx.now}
    tx.insert("accounts", {"uuid": names.ADMIN, "name": "admin", "type": "SystemAdmin"} | dates)
    login = found(exchanges, "login-ok")
    if login is not None:
        password = json.loads(login.body)["logInByAccount"]["password"]
        tx.insert("passwords", {"accountUuid": names.ADMIN, "password": password})
    for entry in CONFIGS:
        tx.insert("configs", dict(entry))
    tx.insert("nodes", {"uuid": names.NODE, "hostName": "127.0.0.1", "joinDate": tx.now, "heartBeat": tx.now})
    for kind, inventory in _inventories(world, exchanges):
        resource = RESOURCES[kind]
        tx.insert(resource.table, _row(resource, inventory))
        if resource.owned:
            tx.insert("owners", {"resourceUuid": inventory["uuid"], "accountUuid": names.ADMIN})


def _inventories(world: World, exchanges: Sequence[Exchange]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what was there at first, each with its kind."""
    for kind, label in _QUERIES.items():
        query = found(exchanges, label)
        for inventory in query.answer.json["inventories"] if query is not None else world.there.get(kind, ()):
            yield kind, inventory
    shown = found(exchanges, world.shown)
    for vm in shown.answer.json["inventories"] if shown is not None else ():
        yield "vm", vm
        for volume in vm["allVolumes"]:
            yield "volume", volume


_QUERIES = {
    "offering": "query-disk-offerings",
    "storage": "query-ps",
    "volume": "query-volumes",
    "vm": "query-vms",
}


def _row(resource: Resource, inventory: Mapping[str, Any]) -> Row:
    """Return an inventory as it is stored; what a server did not show yet is there all the same."""
    row: Row = {}
    for name, kind in resource.fields.items():
        value = inventory.get(name, _LATER.get(name))
        if kind == "date" and isinstance(value, str):
            value = date_seconds(value, ZONE)
        elif name == "vmNics":
            value = json.dumps([{"state": "enable"} | nic for nic in _with_seconds(value)])
        elif kind == "json" and value is not None:
            value = json.dumps(_with_seconds(value))
        if kind != "volumes":
            row[name] = value
    return row


def _with_seconds(value: Any) -> Any:
    """Return a nested list with its dates as seconds."""
    if isinstance(value, list):
        return [_with_seconds(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: date_seconds(item, ZONE) if key in ("createDate", "lastOpDate") else _with_seconds(item)
        for key, item in value.items()
    }


_LATER = {"architecture": "x86_64", "guestOsType": "Linux", "reservedMemorySize": 0}
"""Columns that old servers do not have: a sandbox of them must not show what is in its table."""
