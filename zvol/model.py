"""The vocabulary of zvol: volumes, targets, outcomes and results.  Pure data, no I/O; `errors.py` has the errors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from zvol.dataclass import dataclass, field
from zvol.errors import Exit, ZvolError, most_severe
from zvol.resource import Resource
from zvol.row import AnyRow, Row

INVENTORY_FIELDS: tuple[str, ...] = (
    "uuid",
    "name",
    "description",
    "primaryStorageUuid",
    "vmInstanceUuid",
    "diskOfferingUuid",
    "rootImageUuid",
    "installPath",
    "type",
    "format",
    "size",
    "actualSize",
    "deviceId",
    "state",
    "status",
    "createDate",
    "lastOpDate",
    "isShareable",
)
"""The documented fields of a VolumeInventory and isShareable: always in zvol's JSON, null when the server sent none."""


READY: Final = "Ready"
DELETED: Final = "Deleted"
"""The status of a volume in the recycle bin."""

LEFT_ALONE: Final = "was left alone:"
"""What a warning says of a volume that was on a VM and is not attached to it again; the reason follows."""

VOLUME: Final = "volume"
VM: Final = "vm"
"""The kinds of a target, also in the journal."""


class Volume(Resource):
    """A VolumeInventory."""

    __slots__ = ()

    @property
    def status(self) -> str | None:
        return self.text("status")

    @property
    def type(self) -> str | None:
        return self.text("type")

    @property
    def size(self) -> int | None:
        return self.number("size")

    @property
    def deleted(self) -> bool:
        return self.status == DELETED

    @property
    def shown(self) -> str:
        return "deleted" if self.deleted else f"status {self.status}"

    @property
    def half_expunged(self) -> bool:
        """An installPath without a primaryStorageUuid: what an interrupted expunge leaves behind (contract §1.4)."""
        return bool(self.text("installPath")) and not self.text("primaryStorageUuid")

    def inventory(self) -> dict[str, Any]:
        return self._inventory(INVENTORY_FIELDS)


@dataclass(frozen=True, slots=True)
class VolumeRow(Row[Volume]):
    """A row of a volume; `on_vm` is the name of the VM that it is on, None when that is not known."""

    on_vm: str | None = None

    @property
    def volume(self) -> Volume:
        return self.resource

    def names(self) -> dict[str, Any]:
        certain = None if self.last_vm_doubt is None else not self.last_vm_doubt
        named = self.last_vm if self.volume.text("lastVmInstanceUuid") else None
        return {"lastVm": named, "lastVmCertain": certain, "vm": self.on_vm, **Row.names(self)}


LINE: Final = "line "
"""What the place of a VOLUME of standard input begins with."""


@dataclass(frozen=True, slots=True)
class VolumeArgument:
    """A VOLUME argument: as typed, and its UUID unless it is a name.

    `shown` is the lastOpDate that it had in the list that chose it, `place` where it was given, such as `line 3`.
    """

    text: str
    uuid: str | None = None
    shown: str | None = None
    place: str = field(default="", compare=False)

    @property
    def listed(self) -> bool:
        """Tell whether it is a line of standard input."""
        return self.place.startswith(LINE)


@dataclass(frozen=True, slots=True)
class Target:
    """A resource to recover; `kind` is the name of its ResourceKind, VOLUME or VM.

    `asked` is the argument as typed, `order` its position among the arguments.
    `shown` is the lastOpDate that the user saw before confirming, None when nothing was shown.
    `vm` is the VM that a volume is attached to once both are back; None when it was asked for by itself.
    """

    asked: str
    uuid: str
    order: int = 0
    shown: str | None = None
    kind: str = VOLUME
    vm: str | None = None


class Outcome(StrEnum):
    """What zvol can say about one target; `unknown` is an answer of its own."""

    RECOVERED = "recovered"
    ALREADY = "already"
    WOULD_RECOVER = "would-recover"
    FAILED = "failed"
    GONE = "gone"
    UNKNOWN = "unknown"
    CONTRADICTED = "contradicted"
    BUSY = "busy"
    NOT_SENT = "not-sent"

    @property
    def success(self) -> bool:
        """Tell whether it is as the user wants it; of a dry run, whether it would be."""
        return OUTCOME_EXITS.get(self) is Exit.OK

    @property
    def is_back(self) -> bool:
        """Tell whether it is not deleted any more, whoever recovered it."""
        return self in (Outcome.RECOVERED, Outcome.ALREADY)


OUTCOME_EXITS: Mapping[Outcome, Exit] = {
    Outcome.RECOVERED: Exit.OK,
    Outcome.ALREADY: Exit.OK,
    Outcome.WOULD_RECOVER: Exit.OK,
    Outcome.UNKNOWN: Exit.UNKNOWN,
    Outcome.CONTRADICTED: Exit.CONTRADICTED,
    Outcome.BUSY: Exit.BUSY,
}
"""The exit code of an outcome by itself; the others (failed, gone, not-sent) take the one of their error."""


RECOVERY: Final = ("outcome", "changed", "by", "jobUuid", "warnings")
"""The keys of a result that are told of the only VOLUME, too, whose JSON is its inventory."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one argument.

    `asked` is the argument as typed, `target` the kind of what it names, `changed` whether zvol's call changed the
    cloud (None: not known), `by` who brought it back: `zvol`, or `unknown` when that cannot be proved.  `resource` is
    what was read last.
    """

    asked: str
    uuid: str | None
    outcome: Outcome
    changed: bool | None = False
    by: str | None = None
    resource: Resource | None = None
    error: ZvolError | None = None
    job_uuid: str | None = None
    warnings: tuple[str, ...] = ()
    candidates: tuple[AnyRow | Resource, ...] = ()
    extra_exit: Exit = Exit.OK
    """The exit code of a later step that was refused or is not known (attach, tags), with the volume recovered."""
    unfinished: bool = False
    """The journal keeps such a step for `zvol resume`."""
    target: str = VOLUME
    deletion: str | None = None
    """The lastOpDate of the deletion that was undone, None when that is not known."""
    last_vm_doubt: str | None = None
    """See `Row`."""

    @property
    def volume(self) -> Volume | None:
        """The resource, if it is a volume."""
        return self.resource if isinstance(self.resource, Volume) else None

    @property
    def exit(self) -> Exit:
        own = OUTCOME_EXITS.get(self.outcome)
        if own is None:
            own = self.error.exit if self.error else Exit.FAILED
        return most_severe((own, self.extra_exit))

    def json(self) -> dict[str, Any]:
        """Return the result object of `-o json` and `-o ndjson`; its key set is a contract."""
        error = None
        if self.error is not None:
            error = self.error.error_code() | {"kind": self.error.kind, "hint": self.error.hint}
        return {
            "asked": self.asked,
            "uuid": self.uuid,
            "target": self.target,
            "outcome": self.outcome.value,
            "changed": self.changed,
            "by": self.by,
            "inventory": self.resource.inventory() if self.resource else None,
            "error": error,
            "jobUuid": self.job_uuid,
            "warnings": list(self.warnings),
        }

    def recovery(self) -> dict[str, Any]:
        """Return the key `recovery` of the inventory that stands for the only VOLUME; its key set is a contract."""
        return {key: value for key, value in self.json().items() if key in RECOVERY}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a ZStack listens: `prefix` is the context path, `/zstack` or empty."""

    scheme: str
    host: str
    port: int
    prefix: str = "/zstack"

    @property
    def origin(self) -> str:
        """Return `scheme://host:port`, the IPv6 host in brackets; credentials and journals are bound to it."""
        return f"{self.scheme}://{self.address}"

    @property
    def address(self) -> str:
        """Return `host:port`, the IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def base(self) -> str:
        """Return the URL that every path of the API (`/v1/...`) is appended to."""
        return self.origin + self.prefix


class Check(NamedTuple):
    """What one check of `zvol doctor` found; `hint`: what to do when it is not `ok`; `notes`: what else to know."""

    name: str
    ok: bool
    found: str
    hint: str = ""
    notes: tuple[str, ...] = ()
