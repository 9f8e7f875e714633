"""Which deleted volumes are meant: filters that all must agree, decided here and not by the server's query language.

Each is a yes, a no, or not known.  What is not known is never taken for one of them: the command ends, but for the
alarm, which rings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, TypeVar

from zvol.catalog.lookups import MOST, Fact, not_decided, not_known
from zvol.catalog.retention import expires_within
from zvol.errors import Refused, UsageProblem, ZvolError
from zvol.model import VolumeRow
from zvol.text import escape_terminal, fold_uuid, not_a_duration, parse_duration
from zvol.zstack.query import condition

if TYPE_CHECKING:
    from zvol.catalog.listing import Calendar
    from zvol.zstack.client import Client

T = TypeVar("T")

OPTIONS: Final = {
    "name": "--name",
    "since": "--deleted-since",
    "before": "--deleted-before",
    "last_vm": "--last-vm",
    "storage": "--primary-storage",
    "tagged": "--tagged",
    "expiring_within": "--expiring-within",
}
RESTS_ON: Final = {
    "since": (Fact.CLOCK, Fact.ZONE),
    "before": (Fact.CLOCK, Fact.ZONE),
    "expiring_within": (Fact.POLICY, Fact.CLOCK, Fact.ZONE),
}


@dataclass(frozen=True, slots=True)
class When:
    """A date (seconds since 1970 UTC), or a number of seconds ago on the server's clock."""

    instant: float | None = None
    ago: float = 0.0

    def at(self, now: float | None) -> float | None:
        if self.instant is not None:
            return self.instant
        return None if now is None else now - self.ago


@dataclass(frozen=True, slots=True)
class Known:
    """What filters rest on: the server's clock, the UUIDs that a name means, and tags; None where it is not known."""

    now: float | None = None
    vms: frozenset[str] | None = None
    stores: frozenset[str] | None = None
    tags: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """All given filters must match; None where a filter was not given."""

    name: str | None = None
    since: When | None = None
    before: When | None = None
    last_vm: str | None = None
    storage: str | None = None
    tagged: str | None = None
    expiring_within: float | None = None

    @property
    def any(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__slots__)

    def match(self, row: VolumeRow, known: Known) -> bool | None:
        """Tell whether a volume is meant; None when that is not known."""
        found = [verdict for _, verdict in self.verdicts(row, known)]
        return False if False in found else None if None in found else True

    def verdicts(self, row: VolumeRow, known: Known) -> Iterator[tuple[str, bool | None]]:
        """Yield what each filter that was given says of a volume."""
        volume = row.volume
        if self.name is not None:
            yield "name", fnmatchcase(volume.name, self.name)
        if self.since is not None:
            yield "since", _deleted(row, self.since.at(known.now), lambda deleted, when: deleted >= when)
        if self.before is not None:
            yield "before", _deleted(row, self.before.at(known.now), lambda deleted, when: deleted < when)
        if self.last_vm is not None:
            yield "last_vm", _among(volume.text("lastVmInstanceUuid"), known.vms)
        if self.storage is not None:
            yield "storage", _among(volume.text("primaryStorageUuid"), known.stores)
        if self.tagged is not None:
            yield "tagged", None if known.tags is None else self.tagged in known.tags.get(volume.uuid, ())
        if self.expiring_within is not None:
            yield "expiring_within", expires_within(row.recycle, self.expiring_within)


def _deleted(row: VolumeRow, when: float | None, agrees: Callable[[float, float], bool]) -> bool | None:
    if not row.volume.deleted:
        return False
    return None if row.deleted_at is None or when is None else agrees(row.deleted_at, when)


def _among(uuid: str | None, meant: frozenset[str] | None) -> bool | None:
    """Tell whether a volume's resource is one of those that are meant; a volume without one has none of them."""
    return False if uuid is None else None if meant is None else uuid in meant


def select(
    rows: Sequence[VolumeRow], filters: Filters, client: Client, calendar: Calendar, *, alarm: bool = False
) -> list[VolumeRow]:
    """Return the rows that match; for an `alarm` those that may match, too.

    Raises ZvolError when it is not known which match, Refused when there is no VM or storage of the name.
    """
    known = _look_up(filters, client, calendar.now, alarm=alarm)
    chosen, unsure = [], []
    for row in rows:
        match = filters.match(row, known)
        if match or (match is None and alarm):
            chosen.append(row)
        elif match is None:
            unsure.append(row)
    if unsure:
        raise _undecided(unsure, filters, known, calendar)
    return chosen


def _undecided(rows: Sequence[VolumeRow], filters: Filters, known: Known, calendar: Calendar) -> ZvolError:
    """Say which filter cannot be decided, and why: for want of a look-up, or because of single volumes."""
    unsure = {name for row in rows for name, verdict in filters.verdicts(row, known) if verdict is None}
    first = next(name for name in OPTIONS if name in unsure)
    reasons = {fact.value: calendar.missing[fact] for fact in RESTS_ON[first] if fact in calendar.missing}
    if reasons:
        return not_known(OPTIONS[first], reasons)
    return not_decided(OPTIONS[first], [row.volume.uuid for row in rows])


# ---- look-ups that only a filter needs ---------------------------------------------------------------------------
def _look_up(filters: Filters, client: Client, now: float | None, *, alarm: bool) -> Known:
    def looked(option: str, subject: str, look_up: Callable[[], T]) -> T | None:
        try:
            return look_up()
        except ZvolError as exc:
            if alarm:
                return None
            raise not_known(OPTIONS[option], {subject: exc}) from None

    vms = stores = tags = None
    if filters.last_vm is not None:
        vms = _meant(
            client, "/v1/vm-instances", "VM", filters.last_vm, lambda f: looked("last_vm", "which VM it is", f)
        )
    if filters.storage is not None:
        path, what = "/v1/primary-storage", "primary storage"
        stores = _meant(client, path, what, filters.storage, lambda f: looked("storage", "which storage it is", f))
    if filters.tagged is not None:
        tags = looked("tagged", "which volumes have the tag", lambda: _tags(client, str(filters.tagged)))
    return Known(now, vms, stores, tags)


def _tags(client: Client, tag: str) -> dict[str, list[str]]:
    """Return the tags of volumes, by volume: this one and those that the server takes for the same, or all of them."""
    tags: dict[str, list[str]] = {}
    by_tag = condition("tag", "=", tag)
    conditions = ["resourceType=VolumeVO", *([by_tag] if by_tag else [])]
    for item in client.query_all("/v1/user-tags", conditions, fields="uuid,resourceUuid,tag"):
        tags.setdefault(str(item.get("resourceUuid")), []).append(str(item.get("tag")))
    return tags


Looked = Callable[[Callable[[], frozenset[str]]], frozenset[str] | None]


def _meant(client: Client, path: str, what: str, asked: str, looked: Looked) -> frozenset[str] | None:
    """Return the UUIDs of all that have a name, or the one that was given; raises Refused when there is none."""
    uuid = fold_uuid(asked)
    if uuid is not None:
        return frozenset((uuid,))

    def named() -> frozenset[str]:
        by_name = condition("name", "=", asked)
        found = client.query_all(path, [by_name] if by_name else [], fields="uuid,name")
        return frozenset(str(one.get("uuid")) for one in found if one.get("name") == asked)

    found = looked(named)
    if found is not None and not found:
        raise Refused(
            f"there is no {what} {escape_terminal(asked)}", kind="not-found", hint=_what_there_is(client, path)
        )
    return found


def _what_there_is(client: Client, path: str) -> str:
    """Name some of what there is; a look-up that fails costs only that."""
    query = [("fields", "uuid,name"), ("sort", "+name"), ("limit", str(MOST + 1))]
    try:
        found = client.query_page(path, query).inventories
    except ZvolError:
        return "`zvol list` shows what the volumes were on."
    names = list(dict.fromkeys(str(one.get("name")) for one in found))
    more = ", ..." if len(names) > MOST else ""
    return f"There is: {', '.join(names[:MOST]) or 'none'}{more}."


def parse_when(text: str) -> When:
    """Return the instant of `2h` (ago), `2026-11-23 10:00` (local time) or RFC 3339.  Raises UsageProblem otherwise."""
    ago = parse_duration(text)
    if ago is not None:
        return When(ago=ago)
    try:
        return When(datetime.fromisoformat(text.strip()).timestamp())
    except (ValueError, OverflowError, OSError):
        hint = "Use a duration such as 2h, or a date such as 2026-11-23 or 2026-11-23T10:00:00Z."
        why = (
            not_a_duration(text)
            if text.strip().isdigit()
            else f"{escape_terminal(text)!r} is neither a duration nor a date"
        )
        raise UsageProblem(why, hint=hint) from None
