"""The query language of a ZStack: how it reads `q`, with all its pitfalls, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zvol.sandbox.texts import Fault

OPERATORS: Final = ("!=", ">=", "<=", "!?=", "!~=", "~=", "?=", "=", ">", "<", "is null", "not null")

# fmt: off
FIELDS: Final = {
    "volume": (
        "uuid name description primaryStorageUuid vmInstanceUuid diskOfferingUuid rootImageUuid installPath type "
        "format size actualSize deviceId state status createDate lastOpDate isShareable volumeQos lastDetachDate "
        "lastVmInstanceUuid lastAttachDate protocol"
    ).split(),
    "vm": (
        "uuid name description zoneUuid clusterUuid imageUuid hostUuid lastHostUuid instanceOfferingUuid "
        "rootVolumeUuid platform defaultL3NetworkUuid type hypervisorType memorySize cpuNum cpuSpeed createDate "
        "lastOpDate state vmNics allVolumes vmCdRoms architecture guestOsType reservedMemorySize allocatorStrategy"
    ).split(),
    "storage": (
        "uuid zoneUuid name url description totalCapacity availableCapacity totalPhysicalCapacity "
        "availablePhysicalCapacity systemUsedCapacity type state status mountPath createDate lastOpDate "
        "attachedClusterUuids"
    ).split(),
    "config": "id name category description defaultValue value".split(),
    "snapshot": "uuid name volumeUuid status state size createDate lastOpDate".split(),
    "tag": "uuid resourceUuid resourceType tag type createDate lastOpDate".split(),
    "node": "uuid hostName joinDate heartBeat".split(),
}
# fmt: on
NESTED: Final = {"primaryStorage": ("storage", "primaryStorageUuid"), "vmInstance": ("vm", "vmInstanceUuid")}
CLASSES: Final = {
    "volume": "header.volume.VolumeInventory",
    "vm": "header.vm.VmInstanceInventory",
    "storage": "header.storage.primary.PrimaryStorageInventory",
    "tag": "header.tag.UserTagInventory",
    "snapshot": "header.storage.snapshot.VolumeSnapshotInventory",
    "node": "header.managementnode.ManagementNodeInventory",
    "config": "core.config.GlobalConfigInventory",
}


class BadQuery(Exception):
    """The REST layer refuses the query with 400 and this text."""


@dataclass(frozen=True, slots=True)
class Condition:
    name: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Query:
    conditions: tuple[Condition, ...]
    limit: int
    start: int
    count: bool
    with_count: bool
    sort: str | None
    fields: tuple[str, ...] | None


def parse(parameters: Mapping[str, Sequence[str]]) -> Query:
    """Read the parameters of a query; raises BadQuery in the server's words."""
    return Query(
        tuple(_condition(text) for text in dict.fromkeys(parameters.get("q", ()))),
        _integer(parameters, "limit", 1000),
        _integer(parameters, "start", 0),
        _last(parameters, "count") == "true",
        _last(parameters, "replyWithCount") == "true",
        _last(parameters, "sort"),
        tuple((_last(parameters, "fields") or "").split(",")) if _last(parameters, "fields") else None,
    )


def _last(parameters: Mapping[str, Sequence[str]], name: str) -> str | None:
    return parameters[name][-1] if parameters.get(name) else None


def _integer(parameters: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    text = _last(parameters, name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise BadQuery(f"Invalid query parameter. '{name}' must be an integer") from None


def _condition(text: str) -> Condition:
    """Split at the first operator of the list that stands anywhere, as the server does."""
    operator = next((sign for sign in OPERATORS if sign in text), None)
    if operator is None:
        known = ", ".join(OPERATORS)
        raise BadQuery(
            f"Invalid query parameter. The '{text}' in the parameter[q] doesn't contain any query operator. "
            f"Valid query operators are [[{known}]]"
        )
    name, value = text.split(operator, 1)
    if not value and operator not in ("is null", "not null"):
        raise BadQuery(
            f"Invalid query parameter. The '{text}' in parameter[q] is not a key-value pair split by {operator}"
        )
    return Condition(name.strip(), operator, value)


def answer(
    kind: str,
    query: Query,
    rows: Sequence[dict[str, Any]],
    look: Callable[[str, str], dict[str, Any] | None],
    tags: Callable[[str], Sequence[str]],
) -> dict[str, Any]:
    """Return the reply.  `look(kind, uuid)` finds a related resource, `tags(uuid)` a resource's user tags."""
    if query.limit < 0:
        raise Fault("SYS.1000", "java.lang.IllegalArgumentException: Negative value")
    for condition in query.conditions:
        _check(kind, condition)
    found = [row for row in rows if all(_holds(row, c, look, tags) for c in query.conditions)]
    if query.count:
        return {"schema": {}, "total": len(found)}
    if query.sort:
        found = _sorted(kind, found, query.sort)
    page = found[query.start : query.start + query.limit]
    shown = [{key: row[key] for key in _order(kind, row) if key in row} for row in page]
    if query.fields is not None:
        for name in query.fields:
            if name not in FIELDS[kind]:
                raise Fault("SYS.1000", "inventory[${selfInventoryClass}] has no field[" + name + "]")
        shown = [{key: row[key] for key in query.fields if key in row} for row in shown]
    reply: dict[str, Any] = {}
    if kind in CLASSES:
        number = range(len(shown) - 1, -1, -1)
        reply["schema"] = {f"inventories[{n}]": f"org.zstack.{CLASSES[kind]}" for n in number}
    if query.with_count:
        reply["total"] = len(found)
    return reply | {"inventories": shown}


def _order(kind: str, row: Mapping[str, Any]) -> list[str]:
    return [name for name in FIELDS[kind] if name in row]


def _check(kind: str, condition: Condition) -> None:
    if "'" in condition.value or "\\" in condition.value:
        text = "org.antlr.v4.runtime.misc.ParseCancellationException: error while parsing ZQL at line 1:0"
        raise Fault("SYS.1000", text)
    if condition.name.startswith("__") and condition.name.endswith("__"):
        if "%s" in condition.value and "~" in condition.operator:
            raise Fault("SYS.1000", None)
        return
    head, dot, tail = condition.name.partition(".")
    if dot and head in NESTED:
        _check(NESTED[head][0], Condition(tail, condition.operator, condition.value))
    elif condition.name not in FIELDS[kind]:
        name = CLASSES.get(kind, kind)
        text = "org.zstack.header.exception.CloudRuntimeException: "
        text += f"inventory class[class org.zstack.{name}] not having field[{condition.name}]"
        raise Fault("SYS.1000", text)


def _holds(
    row: Mapping[str, Any],
    condition: Condition,
    look: Callable[[str, str], dict[str, Any] | None],
    tags: Callable[[str], Sequence[str]],
) -> bool:
    name, operator, value = condition.name, condition.operator, condition.value
    if name in ("__userTag__", "__systemTag__", "__tagUuid__"):
        own = tags(str(row.get("uuid"))) if name == "__userTag__" else ()
        positive = operator.removeprefix("!")
        hit = any(_compare(tag, positive if positive != "=" else "=", value) for tag in own)
        return not hit if operator.startswith("!") else hit
    head, dot, tail = name.partition(".")
    if dot:
        kind, key = NESTED[head]
        other = look(kind, str(row.get(key))) if row.get(key) else None
        return other is not None and _holds(other, Condition(tail, operator, value), look, tags)
    return _compare(row.get(name), operator, value)


def _compare(field: Any, operator: str, value: str) -> bool:
    if operator in ("is null", "not null"):
        return (field is None) == (operator == "is null")
    if field is None:
        return False
    if isinstance(field, bool):
        field = str(field).lower()
    if operator in ("?=", "!?="):
        return (str(field) in value.split(",")) == (operator == "?=")
    if operator in ("~=", "!~="):
        pattern = re.escape(value).replace("%", ".*").replace("_", ".")
        return bool(re.fullmatch(pattern, str(field), re.DOTALL | re.IGNORECASE)) == (operator == "~=")
    left, right = _comparable(field, value)
    match operator:
        case "=":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
        case "<":
            return bool(left < right)
        case _:
            return bool(left <= right)


def _comparable(field: Any, value: str) -> tuple[Any, Any]:
    """Return both sides of a comparison; dates compare as instants, written as `2026-11-23 00:00:00` (UTC)."""
    if isinstance(field, int | float):
        try:
            return field, float(value)
        except ValueError:
            from datetime import UTC, datetime

            try:
                return field, datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()
            except ValueError:
                return str(field), value
    return str(field), value


def _sorted(kind: str, rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    name, reverse = text.strip().lstrip("+-"), text.strip().startswith("-")
    if name not in FIELDS[kind]:
        title = CLASSES.get(kind, kind).rpartition(".")[2]
        details = f"invalid order by clause, inventory[{title}] doesn't have field[{name}]"
        raise Fault("SYS.1000", f"org.zstack.zql.ast.visitors.ZQLError: {details}")
    return sorted(rows, key=lambda row: (row.get(name) is not None, row.get(name)), reverse=reverse)
