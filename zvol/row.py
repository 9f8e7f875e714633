"""A resource as `list` and `show` present it, and what is known of its time in the recycle bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

from zvol.dataclass import dataclass, field
from zvol.resource import Resource
from zvol.text import stamp

R_co = TypeVar("R_co", bound=Resource, covariant=True)


@dataclass(frozen=True, slots=True)
class Retention:
    """What is known of the time of a resource in the recycle bin; times are seconds since 1970 UTC, None when unknown.

    `recoverable` is None when it cannot be known; `clock_from` is `deleted` or `changed`;
    `policy` is Delay, Never or Direct; `clock` says where the server's zone is from: server, login, profile, unknown.
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
"""Nothing was looked up yet."""


@dataclass(frozen=True, slots=True)
class Row(Generic[R_co]):
    """A resource as `list` and `show` present it: with its time left and the names of what its UUIDs point to.

    `deleted_at` is the instant (seconds since 1970 UTC) of the last change, None when the server's zone is unknown;
    `facts` are labels and texts that its columns do not have, `notes` sentences about it;
    `next` is what to type after `zvol`, empty when there is nothing to do; `dates` holds the instants of the server's
    dates by field, without those that cannot be told; `server_now` is the server's clock, None when it is not known;
    `last_vm_doubt` says what is not known of the VM that a volume was last on, empty when it is certain, None when that
    was not looked up.
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
        """Return the names of what its UUIDs point to, for JSON."""
        return {"primaryStorage": self.storage}


AnyRow = Row[Resource]
