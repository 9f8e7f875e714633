"""Which deleted volumes are meant: filters that all must agree, decided here and not by the server's query language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from zvol.errors import UsageProblem
from zvol.model import Listed
from zvol.recovery.deadline import expires_within
from zvol.text import fold_uuid, not_a_duration, parse_duration, safe

if TYPE_CHECKING:
    from zvol.zstack.client import Client


@dataclass(frozen=True, slots=True)
class Filters:
    """All given filters must match.  Instants are seconds since 1970 UTC; None where a filter was not given."""

    name: str | None = None
    since: float | None = None
    before: float | None = None
    last_vm: str | None = None
    storage: str | None = None
    tagged: str | None = None
    expiring_within: float | None = None
    type: str | None = None

    @property
    def any(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__slots__)

    def match(self, row: Listed, tags: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a volume is meant; a time that is not known never matches since or before."""
        volume, deleted = row.volume, row.deleted_at
        checks = (
            self.name is None or fnmatchcase(volume.name, self.name),
            self.since is None or (deleted is not None and deleted >= self.since),
            self.before is None or (deleted is not None and deleted < self.before),
            self.last_vm is None or _named(self.last_vm, volume.text("lastVmInstanceUuid"), row.last_vm),
            self.storage is None or _named(self.storage, volume.text("primaryStorageUuid"), row.storage),
            self.tagged is None or self.tagged in tags.get(volume.uuid, ()),
            self.expiring_within is None or expires_within(row.recycle, self.expiring_within),
            self.type is None or (volume.type or "").lower() == self.type.lower(),
        )
        return all(checks)


def _named(asked: str, uuid: str | None, name: str | None) -> bool:
    """Tell whether a resource is the one that is called so, by UUID or by name."""
    return (uuid is not None and fold_uuid(asked) == uuid) or (name is not None and asked == name)


def select(rows: Sequence[Listed], filters: Filters, client: Client) -> list[Listed]:
    """Return the rows that match; the tags are read only when they are asked for.  Raises what the client raises."""
    tags: dict[str, list[str]] = {}
    if filters.tagged is not None:
        for item in client.all("/v1/user-tags", ["resourceType=VolumeVO"]):
            tags.setdefault(str(item.get("resourceUuid")), []).append(str(item.get("tag")))
    return [row for row in rows if filters.match(row, tags)]


def parse_when(text: str, now: float) -> float:
    """Return the instant of `2h` (ago), `2026-11-23 10:00` (local time) or RFC 3339, as seconds since 1970 UTC.

    Raises UsageProblem for anything else.
    """
    ago = parse_duration(text)
    if ago is not None:
        return now - ago
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        hint = "Use a duration such as 2h, or a date such as 2026-11-23 or 2026-11-23T10:00:00Z."
        why = not_a_duration(text) if text.strip().isdigit() else f"{safe(text)!r} is neither a duration nor a date"
        raise UsageProblem(why, hint=hint) from None
