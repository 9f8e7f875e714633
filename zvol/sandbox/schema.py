"""The tables of the sandbox's database; those of RESOURCES follow from their fields."""

from __future__ import annotations

from typing import Final

from zvol.sandbox.resources import ADDRESSES, RESOURCES

VERSION: Final = 6
"""The version of the schema; a database of another version is created anew instead of migrated."""

_KINDS: Final = {
    "text": "TEXT COLLATE NOCASE",
    "int": "INTEGER",
    "date": "INTEGER",
    "flag": "INTEGER",
    "json": "TEXT",
}

_OWN: Final = (
    "CREATE TABLE control (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE owners (resourceUuid TEXT PRIMARY KEY, accountUuid TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE shares (resourceUuid TEXT NOT NULL, accountUuid TEXT, permission INTEGER NOT NULL)",
    "CREATE TABLE passwords (accountUuid TEXT PRIMARY KEY, password TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE roles (accountUuid TEXT PRIMARY KEY, role TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE users (uuid TEXT PRIMARY KEY, accountUuid TEXT NOT NULL, name TEXT NOT NULL,"
    " password TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE sessions (uuid TEXT PRIMARY KEY, accountUuid TEXT NOT NULL, userUuid TEXT NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL, duration INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE jobs (uuid TEXT PRIMARY KEY, status INTEGER NOT NULL, body BLOB NOT NULL,"
    " created INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL)",
    "CREATE INDEX volumes_by_status ON volumes (status, type)",
    "CREATE INDEX volumes_by_name ON volumes (name)",
    "CREATE INDEX volumes_by_vm ON volumes (vmInstanceUuid)",
    "CREATE INDEX owners_by_account ON owners (accountUuid)",
    "CREATE INDEX tags_by_resource ON tags (resourceUuid)",
    "CREATE INDEX snapshots_by_volume ON snapshots (volumeUuid)",
)


def statements() -> list[str]:
    """Return the statements that create an empty database."""
    made: dict[str, str] = {}
    for resource in RESOURCES.values():
        key = resource.order
        columns = ", ".join(
            f"{name} {_KINDS[kind]}{' PRIMARY KEY' if name == key else ''}"
            for name, kind in resource.fields.items()
            if kind in _KINDS
        )
        made[resource.table] = f"CREATE TABLE {resource.table} ({columns})"
    del made[ADDRESSES]
    return [*made.values(), *_OWN, _addresses()]


def _addresses() -> str:
    """Return what creates the view of the addresses of NICs, which the rows of their VMs hold."""
    fields = next(one for one in RESOURCES.values() if one.table == ADDRESSES).fields
    columns = ", ".join(f"json_extract(ip.value, '$.{name}') AS {name}" for name in fields)
    source = "vms, json_each(vms.vmNics) AS nic, json_each(nic.value, '$.usedIps') AS ip"
    return f"CREATE VIEW {ADDRESSES} AS SELECT {columns} FROM {source}"  # noqa: S608  (ours)
