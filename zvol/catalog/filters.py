"""Selects deleted volumes by filters, which must all match; zvol applies them, not the query language of the server.

A filter matches, does not match, or cannot be decided. An undecided filter ends the command; only the alarm counts it
as a match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, TypeVar

from zvol.catalog.lookups import MAX_NAMED, Fact, first_named, undecided_rows, unknown_facts
from zvol.catalog.retention import expires_within
from zvol.catalog.when import TimeBound, ambiguous, parse_when
from zvol.errors import CannotTell, Refused, Unreachable, ZvolError
from zvol.row import AnyRow
from zvol.text import escape_terminal, fold_uuid, one_form, stamp
from zvol.zstack.dates import parse_server_date
from zvol.zstack.last_vm import MAYBE_NO_LAST_VM
from zvol.zstack.query import condition
from zvol.zstack.versions import NO_LAST_VM
from zvol.zstack.zones import Zone

if TYPE_CHECKING:
    from zvol.catalog.listing import RetentionContext
    from zvol.zstack.client import Client

__all__ = ["FilterFacts", "Filters", "TimeBound", "parse_when", "select"]

T = TypeVar("T")
R = TypeVar("R", bound=AnyRow)

OPTIONS: Final = {
    "name": "--name",
    "since": "--deleted-since",
    "before": "--deleted-before",
    "last_vm": "--last-vm",
    "storage": "--primary-storage",
    "tagged": "--tagged",
    "expiring_within": "--expiring-within",
}
REQUIRED_FACTS: Final = {
    "since": (Fact.CLOCK, Fact.ZONE),
    "before": (Fact.CLOCK, Fact.ZONE),
    "expiring_within": (Fact.POLICY, Fact.VM_POLICY, Fact.CLOCK, Fact.ZONE),
}


@dataclass(frozen=True, slots=True)
class FilterFacts:
    """The facts that filters depend on: the server's clock and zone, the UUIDs of a name, and tags by volume.

    None if unknown. For an `alarm`, facts that the server may not remember are unknown too.
    """

    now: float | None = None
    vms: frozenset[str] | None = None
    storages: frozenset[str] | None = None
    tags: Mapping[str, Sequence[str]] | None = None
    zone: Zone = field(default_factory=Zone)
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """The given filters, which must all match; None for the others."""

    name: str | None = None
    since: TimeBound | None = None
    before: TimeBound | None = None
    last_vm: str | None = None
    storage: str | None = None
    tagged: str | None = None
    expiring_within: float | None = None

    @property
    def any(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__slots__)

    @property
    def timed(self) -> bool:
        """Tell whether one of them depends on the server's clock and zone."""
        return any(getattr(self, name) is not None for name in REQUIRED_FACTS)

    @property
    def timeless(self) -> Filters:
        """Return those that do not depend on the server's clock and zone."""
        return replace(self, **dict.fromkeys(REQUIRED_FACTS))

    def explain(self, zone: Zone) -> list[str]:
        """Return how dates without a zone were read; `zone` is the server's."""
        bounds = [bound for bound in (self.since, self.before) if bound is not None]
        return [text for text in dict.fromkeys(bound.explain(zone) for bound in bounds) if text]

    def impossible(self, now: float | None, zone: Zone) -> Iterator[str]:
        """Yield why the dates match no volume; `now` and `zone` are the server's."""
        since, before = (bound and bound.between(now, zone) for bound in (self.since, self.before))
        if since and now is not None and since[0] > now:
            yield f"--deleted-since is in the future: on the server it is {stamp(now)}"
        if since and before and since[0] >= before[1]:
            yield "--deleted-since is not before --deleted-before, so no volume can match"

    def match(self, row: AnyRow, facts: FilterFacts) -> bool | None:
        """Tell whether all filters match a volume; None if that cannot be decided."""
        matches = [match for _, match in self.evaluate(row, facts)]
        return False if False in matches else None if None in matches else True

    def evaluate(self, row: AnyRow, facts: FilterFacts) -> Iterator[tuple[str, bool | None]]:
        """Yield each given filter, and whether it matches a volume; None if that cannot be decided."""
        resource = row.resource
        if self.name is not None:
            yield "name", fnmatchcase(one_form(resource.name), one_form(self.name))
        if self.since is not None:
            yield "since", _is_deleted(row, self.since, facts, since=True)
        if self.before is not None:
            yield "before", _is_deleted(row, self.before, facts, since=False)
        if self.last_vm is not None:
            yield "last_vm", _was_last_on(row, facts)
        if self.storage is not None:
            yield "storage", _is_one_of(resource.text("primaryStorageUuid"), facts.storages)
        if self.tagged is not None:
            yield "tagged", None if facts.tags is None else self.tagged in facts.tags.get(resource.uuid, ())
        if self.expiring_within is not None:
            yield "expiring_within", expires_within(row.retention, self.expiring_within)


def _is_deleted(row: AnyRow, bound: TimeBound, facts: FilterFacts, *, since: bool) -> bool | None:
    """Tell whether a volume was deleted at or after a bound, or before it; None if that is unknown.

    When clocks change, a date can mean two instants; if they give different answers, the result is unknown.
    """
    if not row.resource.deleted:
        return False
    limits = bound.between(facts.now, facts.zone)
    if row.deleted_at is None or limits is None:
        return None
    local = parse_server_date(row.resource.last_op_date or "")
    readings = None if local is None else facts.zone.instants(local)
    latest = row.deleted_at if readings is None else max(row.deleted_at, readings[1])
    if row.deleted_at >= limits[1]:
        return since
    return not since if latest < limits[0] else None


def _is_one_of(uuid: str | None, uuids: frozenset[str] | None) -> bool | None:
    """Tell whether a volume's VM or storage is one of those with the name; None if these are unknown."""
    return False if uuid is None else None if uuids is None else uuid in uuids


def _was_last_on(row: AnyRow, facts: FilterFacts) -> bool | None:
    """Tell whether a volume was last on one of the VMs; None if no VM is named and the server may not remember it."""
    match = _is_one_of(row.resource.text("lastVmInstanceUuid"), facts.vms)
    undecided = row.last_vm_doubt in (NO_LAST_VM, MAYBE_NO_LAST_VM) or (facts.alarm and bool(row.last_vm_doubt))
    return None if undecided and not match else match


def select(
    rows: Sequence[R], filters: Filters, client: Client, context: RetentionContext, *, alarm: bool = False
) -> list[R]:
    """Return the rows that match; for an `alarm` also those that cannot be decided.

    Raises ZvolError if a row cannot be decided, Refused if there is no VM or storage with the name.
    """
    return decide(rows, filters, look_up(filters, client, alarm=alarm), context)


def without_times(rows: Sequence[R], filters: Filters, facts: FilterFacts) -> list[R]:
    """Return the rows that may match before the server's clock and zone are known; raises what `select` raises."""
    if filters.timed:
        return [row for row in rows if filters.timeless.match(row, facts) is not False]
    return decide(rows, filters, facts)


def decide(rows: Sequence[R], filters: Filters, facts: FilterFacts, context: RetentionContext | None = None) -> list[R]:
    """Return the rows that match, from the facts that were looked up and the server's clock and zone in `context`."""
    alarm = facts.alarm
    if context is not None:
        facts = replace(facts, now=context.now, zone=context.zone)
    missing = context.missing if context is not None else {}
    selected: list[R] = []
    undecided: list[R] = []
    for row in rows:
        match = filters.match(row, facts)
        if match or (match is None and alarm):
            selected.append(row)
        elif match is None:
            undecided.append(row)
    if undecided:
        raise _undecided_error(undecided, filters, facts, missing)
    return selected


def _undecided_error(
    rows: Sequence[AnyRow], filters: Filters, facts: FilterFacts, missing: Mapping[Fact, ZvolError]
) -> ZvolError:
    """Return the error for an undecided filter, with the reason: a failed look-up, or individual resources."""
    undecided = {name for row in rows for name, match in filters.evaluate(row, facts) if match is None}
    first = next(name for name in OPTIONS if name in undecided)
    doubt = next((row.last_vm_doubt for row in rows if row.last_vm_doubt), None)
    if first == "last_vm" and doubt is not None:
        hint = "Nothing was sent. `zvol list` shows all volumes; give the UUIDs of those you mean."
        error = CannotTell if doubt == NO_LAST_VM else Unreachable
        return error(f"{OPTIONS[first]} cannot be decided: {doubt}", hint=hint)
    reasons = {fact.value: missing[fact] for fact in REQUIRED_FACTS[first] if fact in missing}
    if reasons:
        return unknown_facts(OPTIONS[first], reasons)
    bound = {"since": filters.since, "before": filters.before}.get(first)
    if bound is not None and bound.is_ambiguous(facts.zone):
        return ambiguous(OPTIONS[first], bound, [row.resource.uuid for row in rows], facts.zone)
    return undecided_rows(OPTIONS[first], [row.resource for row in rows])


# ---- look-ups for filters -----------------------------------------------------------------------------------------
def look_up(filters: Filters, client: Client, *, alarm: bool = False) -> FilterFacts:
    """Look up the facts for the filters, except the server's clock and zone; raises what `select` raises."""

    def try_query(option: str, subject: str, query: Callable[[], T]) -> T | None:
        try:
            return query()
        except ZvolError as exc:
            if alarm:
                return None
            raise unknown_facts(OPTIONS[option], {subject: exc}) from None

    vms = storages = tags = None
    if filters.last_vm is not None:
        find = _NameQuery(client, "/v1/vm-instances", "VM", filters.last_vm)
        vms = find.checked(try_query("last_vm", "which VM it is", find.uuids))
    if filters.storage is not None:
        find = _NameQuery(client, "/v1/primary-storage", "primary storage", filters.storage)
        storages = find.checked(try_query("storage", "which storage it is", find.uuids))
    if filters.tagged is not None:
        tags = try_query("tagged", "which volumes have the tag", lambda: _tags(client, str(filters.tagged)))
    return FilterFacts(vms=vms, storages=storages, tags=tags, alarm=alarm)


def _tags(client: Client, tag: str) -> dict[str, list[str]]:
    """Return the tags by volume: those that the server finds equal to this one, or all tags."""
    tags: dict[str, list[str]] = {}
    with_tag = condition("tag", "=", tag)
    conditions = ["resourceType=VolumeVO", *([with_tag] if with_tag else [])]
    for item in client.query_all("/v1/user-tags", conditions, fields="uuid,resourceUuid,tag"):
        tags.setdefault(str(item.get("resourceUuid")), []).append(str(item.get("tag")))
    return tags


@dataclass(frozen=True, slots=True)
class _NameQuery:
    """The VMs, or the primary storages, with a name or a UUID."""

    client: Client
    path: str
    what: str
    asked: str

    def uuids(self) -> frozenset[str]:
        """Return the UUIDs of all resources with the name, or the UUID that was given."""
        uuid = fold_uuid(self.asked)
        if uuid is not None:
            return frozenset((uuid,))
        by_name = condition("name", "=", self.asked)
        found = self.client.query_all(self.path, [by_name] if by_name else [], fields="uuid,name")
        return frozenset(str(one.get("uuid")) for one in found if one.get("name") == self.asked)

    def checked(self, uuids: frozenset[str] | None) -> frozenset[str] | None:
        """Return the UUIDs; raises Refused if there are none."""
        if uuids is not None and not uuids:
            known, hint = self._existing()
            raise Refused(f"there is no {self.what} {escape_terminal(self.asked)}{known}", kind="not-found", hint=hint)
        return uuids

    def _existing(self) -> tuple[str, str]:
        """Return some existing names as the end of a sentence, or a hint if their look-up fails."""
        query = [("fields", "uuid,name"), ("sort", "+name"), ("limit", str(MAX_NAMED + 1))]
        try:
            found = self.client.query_page(self.path, query).inventories
        except ZvolError:
            return "", "`zvol list` shows what the volumes were on."
        names = list(dict.fromkeys(str(one.get("name")) for one in found))
        return f"; known: {first_named(names)}" if names else "", ""
