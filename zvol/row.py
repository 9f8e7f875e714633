"""A resource as `list` and `show` present it, and its time in the recycle bin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

from zvol.resource import Resource
from zvol.text import stamp

R_co = TypeVar("R_co", bound=Resource, covariant=True)


class Retention(NamedTuple):
    """What is known about the time of a resource in the recycle bin; times are seconds since 1970 UTC, None if unknown.

    `recoverable` is None if unknown; `clock_from` is `deleted` or `changed`; `policy` is Delay, Never or Direct;
    `clock` is the source of the server's zone: server, login, profile, unknown.
    """

    recoverable: bool | None
    reason: str | None
    clock_from: str | None = None
    expunges_after: float | None = None
    seconds_left: int | None = None
    policy: str | None = None
    clock: str = "unknown"

    def json(self, deleted_at: float | None = None) -> dict[str, Any]:
        return {
            "recoverable": self.recoverable,
            "reason": self.reason,
            "deletedAt": stamp(deleted_at),
            "clockFrom": self.clock_from,
            "expungesAfter": stamp(self.expunges_after),
            "secondsLeft": self.seconds_left,
            "policy": self.policy,
            "clock": self.clock,
        }


UNDATED: Final = Retention(None, None)
"""The value before any look-up."""


@dataclass(frozen=True, slots=True)
class Row(Generic[R_co]):
    """A resource as `list` and `show` present it, with its time left and the names for its UUIDs.

    `deleted_at` is the instant (seconds since 1970 UTC) of the last change, None if the server's zone is unknown;
    `facts` are labels and texts that have no column, `notes` are sentences about it; `next` is the command to type
    after `zvol`, empty if there is none; `dates` has the instants of the server's dates by field, without unknown ones;
    `server_now` is the server's clock, None if unknown; `last_vm_doubt` is the doubt about the VM that a volume was
    last on, empty if it is certain, None if it was not looked up.
    """

    resource: R_co
    retention: Retention
    deleted_at: float | None = None
    last_vm: str | None = None
    storage: str | None = None
    notes: tuple[str, ...] = ()
    next: str = ""
    dates: Mapping[str, float] = field(default_factory=dict)
    server_now: float | None = None
    last_vm_doubt: str | None = None
    facts: tuple[tuple[str, str], ...] = ()

    def json(self) -> dict[str, Any]:
        return self.resource.inventory() | {"recycle": self.retention.json(self.deleted_at), "names": self.names()}

    def names(self) -> dict[str, Any]:
        """Return the names for its UUIDs, for JSON."""
        return {"primaryStorage": self.storage}


AnyRow = Row[Resource]
