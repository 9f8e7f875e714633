"""The query language: conditions as the REST layer parses them, and as the query engine reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zvol.sandbox import wire
from zvol.sandbox.resources import Resource
from zvol.sandbox.texts import Fault, internal
from zvol.sandbox.versions import Behaviour

OPERATORS: Final = ("!=", ">=", "<=", "!?=", "!~=", "~=", "?=", "=", ">", "<", "is null", "not null")
DEFAULT_LIMIT: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_CLOUD: Final = "org.zstack.header.exception.CloudRuntimeException: "
_SYNTAX: Final = "org.antlr.v4.runtime.misc.ParseCancellationException: "
_TAGS: Final = {"__userTag__": "User", "__systemTag__": "System"}


class BadRequest(Exception):
    """The HTTP layer refuses with a text; `status` is 400 or 500."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


@dataclass(frozen=True, slots=True)
class Condition:
    """One `q`, split as the server does it."""

    name: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Query:
    """One query; `sort` is a field and whether it descends."""

    conditions: tuple[Condition, ...] = ()
    limit: int = DEFAULT_LIMIT
    start: int = 0
    count: bool = False
    with_count: bool = False
    sort: tuple[str, bool] | None = None
    fields: tuple[str, ...] = ()
    filter_name: str = ""


def parse(pairs: Iterable[tuple[str, str]]) -> Query:
    """Return the query in a query string; raises BadRequest as the HTTP layer does."""
    conditions: dict[Condition, None] = {}
    single: dict[str, str] = {}
    for name, value in pairs:
        if name == "q":
            conditions[condition(value)] = None
        else:
            single[name] = value
    sort = single.get("sort", "").strip()
    return Query(
        conditions=tuple(conditions),
        limit=_integer(single, "limit", DEFAULT_LIMIT),
        start=_integer(single, "start", 0),
        count=single.get("count", "").lower() == "true",
        with_count=single.get("replyWithCount", "").lower() == "true",
        sort=(sort.lstrip("+-"), sort.startswith("-")) if sort else None,
        fields=tuple(part.strip() for part in single.get("fields", "").split(",") if part.strip()),
        filter_name=single.get("filterName", ""),
    )


def _integer(single: dict[str, str], name: str, default: int) -> int:
    if name not in single:
        return default
    if not re.fullmatch(r"[+-]?\d{1,10}", single[name]):
        raise BadRequest(f"Invalid query parameter. '{name}' must be an integer")
    return int(single[name])


def condition(text: str) -> Condition:
    """Split one condition at the first operator, in the server's order, that it contains anywhere."""
    operator = next((mark for mark in OPERATORS if mark in text), None)
    if operator is None:
        raise BadRequest(
            f"Invalid query parameter. The '{text}' in the parameter[q] doesn't contain any query operator."
            f" Valid query operators are [[{', '.join(OPERATORS)}]]"
        )
    name, _, value = text.partition(operator)
    if operator.endswith("null"):
        if not name.strip():
            raise BadRequest("0", 500)
        return Condition(name.strip(), operator, "")
    if not name or not value:
        raise BadRequest(
            f"Invalid query parameter. The '{text}' in parameter[q] is not a key-value pair split by {operator}"
        )
    return Condition(name.strip(), operator, value)


class Compiler:
    """Turns conditions into SQL; raises Fault for what the query engine does not understand."""

    def __init__(self, resources: Mapping[str, Resource], zone: str, details: Callable[..., str]) -> None:
        self.resources = resources
        self.zone = zone
        self.details = details
        self.values: list[Any] = []

    def where(self, resource: Resource, query: Query) -> str:
        """Return the WHERE text; its values are appended to `values` in order."""
        if query.filter_name:
            raise internal(f"{_CLOUD}unable to find QueryBelongFilter with type[{query.filter_name}]")
        parts = [resource.where]
        parts += [self._condition(resource, item) for item in query.conditions]
        return " AND ".join(parts)

    def order(self, resource: Resource, query: Query) -> str:
        """Return the ORDER BY text."""
        if query.sort is None:
            return resource.order
        name, descends = query.sort
        if not _NAME.match(name):
            shown = f"{name} {'desc' if descends else 'asc'}"
            at = 22 + len(name.partition(",")[0])
            raise internal(f"{_SYNTAX}error no viable alternative at input '{name[: at - 21]}' at line 1:{at}, {shown}")
        if name not in resource.stored:
            text = self.details("order-by", resource.inventory, name)
            raise internal(f"org.zstack.zql.ast.visitors.ZQLError: {text}")
        return f"{name} {'DESC' if descends else 'ASC'}, {resource.order}"

    def _condition(self, resource: Resource, item: Condition) -> str:
        if not _NAME.match(item.name) or "'" in item.value:
            shown = f"{item.name} {item.operator} '{item.value}'"
            raise internal(f"{_SYNTAX}error mismatched input at line 1:{len(item.name) + 19}, {shown}")
        head, _, rest = item.name.partition(".")
        if rest:
            link = resource.links.get(head)
            if link is None:
                raise internal(
                    f"{_CLOUD}invalid nested query condition[{item.name}] on class {resource.java},"
                    f" the expanded field[{head}] is not found"
                )
            target = self.resources[link.target]
            inner = self._condition(target, Condition(rest, item.operator, item.value))
            return f"{link.local} IN (SELECT {link.foreign} FROM {target.table} WHERE {inner})"  # noqa: S608
        if head in _TAGS:
            return self._tag(resource, item)
        kind = resource.fields.get(head)
        if kind is None or kind in ("json", "volumes"):
            raise internal(f"{_CLOUD}inventory class[class {resource.java}] not having field[{head}]")
        return self._compare(item, kind)

    def _tag(self, resource: Resource, item: Condition) -> str:
        if item.operator not in ("=", "!=", "?=", "!?=", "~=", "!~="):
            raise internal(f"{_CLOUD}invalid operator[{item.operator}] for {item.name}")
        if item.operator in ("~=", "!~=") and "%s" in item.value:
            raise internal(None)
        negative, operator = item.operator.startswith("!"), item.operator.removeprefix("!")
        self.values += [_TAGS[item.name], resource.vo]
        test = self._compare(Condition("tag", operator, item.value), "text")
        tagged = f"SELECT resourceUuid FROM tags WHERE type = ? AND resourceType = ? AND {test}"  # noqa: S608
        return f"uuid {'NOT ' if negative else ''}IN ({tagged})"

    def _compare(self, item: Condition, kind: str) -> str:
        name, operator = item.name, item.operator
        if operator.endswith("null"):
            return f"{name} {'IS' if operator == 'is null' else 'IS NOT'} NULL"
        if operator in ("?=", "!?="):
            found = [self._value(part, kind) for part in item.value.split(",")]
            self.values += found
            return f"{name} {'NOT ' if operator == '!?=' else ''}IN ({', '.join('?' * len(found))})"
        if operator in ("~=", "!~="):
            self.values.append(item.value)
            return f"{name} {'NOT ' if operator == '!~=' else ''}LIKE ? ESCAPE '\\'"
        self.values.append(self._value(item.value, kind))
        return f"{name} {operator} ?"

    def _value(self, text: str, kind: str) -> Any:
        if kind == "date":
            return wire.date_seconds(text, self.zone)
        if kind == "flag":
            return int(text.strip().lower() == "true")
        if kind == "int":
            try:
                return int(text)
            except ValueError:
                raise internal(f'java.lang.NumberFormatException: For input string: "{text}"') from None
        return text


def check_fields(resource: Resource, query: Query, release: Behaviour) -> None:
    """Raise Fault when `fields` names an unknown one; the text has the server's own un-interpolated template.

    ZSphere 4.10.0 was seen to refuse isShareable with SYS.1000; its text was not kept.
    """
    for name in query.fields:
        if name not in resource.fields or (name == "isShareable" and not release.selects_shareable):
            raise internal(f"{_CLOUD}inventory[${{selfInventoryClass}}] has no field[{name}]")


def check_range(query: Query) -> None:
    """Raise Fault for a negative limit or start."""
    for what, value in (("max-results", query.limit), ("first-result value", query.start)):
        if value < 0:
            raise internal(f"java.lang.IllegalArgumentException: {what} cannot be negative")


__all__ = ["BadRequest", "Compiler", "Condition", "Fault", "Query", "check_fields", "check_range", "parse"]
