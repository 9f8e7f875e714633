"""The vocabulary of zvol: volumes, targets, outcomes and results. Pure data without I/O; errors are in `errors.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from zvol.errors import Exit, ZvolError, most_severe
from zvol.resource import Resource

if TYPE_CHECKING:
    from zvol.row import AnyRow

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
"""The start of a warning about a volume that is not attached to its VM again; the reason follows."""

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
        """Whether it has an installPath but no primaryStorageUuid, as after an interrupted expunge."""
        return bool(self.text("installPath")) and not self.text("primaryStorageUuid")

    def inventory(self) -> dict[str, Any]:
        return self._inventory(INVENTORY_FIELDS)


LINE: Final = "line "
"""The start of the place of a VOLUME from standard input."""


@dataclass(frozen=True, slots=True)
class VolumeArgument:
    """A VOLUME argument as typed, and its UUID unless it is a name.

    `shown` is its lastOpDate in the list from which it was selected, `place` where a name was given, such as
    `line 3`; it is empty for a UUID.
    """

    text: str
    uuid: str | None = None
    shown: str | None = None
    place: str = field(default="", compare=False)

    @property
    def listed(self) -> bool:
        """Tell whether it is a line of standard input."""
        return self.place.startswith(LINE)


class Target(NamedTuple):
    """A resource to recover; `kind` is the name of its ResourceKind, VOLUME or VM.

    `asked` is the argument as typed, `order` its position among the arguments. `shown` is the lastOpDate that the user
    saw before confirming, None if nothing was shown. `vm` is the VM to attach a volume to once both are recovered, None
    if the volume was requested by itself.
    """

    asked: str
    uuid: str
    order: int = 0
    shown: str | None = None
    kind: str = VOLUME
    vm: str | None = None


class Outcome(StrEnum):
    """What zvol knows about one target; `unknown` is an outcome of its own."""

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
        """Tell whether the target is as requested, or would be after a dry run."""
        return OUTCOME_EXITS.get(self) is Exit.OK

    @property
    def is_back(self) -> bool:
        """Tell whether it is no longer deleted, whoever recovered it."""
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
"""The keys of a result that are added to the inventory in the JSON of a single VOLUME."""


class Result(NamedTuple):
    """The result of one argument.

    `asked` is the argument as typed, `target` the kind of resource, `changed` whether zvol's request changed the cloud
    (None: unknown), `by` who recovered it: `zvol`, or `unknown` if that cannot be proved. `resource` is the last state
    that was read.
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
    """The exit code of a refused or unknown follow-up (attach, tags) of a recovered volume."""
    unfinished: bool = False
    """The journal keeps a follow-up for `zvol resume`."""
    target: str = VOLUME
    deletion: str | None = None
    """The lastOpDate of the deletion that was undone, None if unknown."""
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

    @property
    def left_open(self) -> bool:
        """Tell whether the journal keeps something of it for `zvol resume`."""
        stopped = self.error is not None and self.error.kind == "stopped"
        return stopped or self.unfinished or self.outcome is Outcome.UNKNOWN

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
        """Return the key `recovery` of the inventory for a single VOLUME; its key set is a contract."""
        return {key: value for key, value in self.json().items() if key in RECOVERY}


class Endpoint(NamedTuple):
    """The address of a ZStack API: `prefix` is the context path, `/zstack` or empty."""

    scheme: str
    host: str
    port: int
    prefix: str = "/zstack"

    @property
    def origin(self) -> str:
        """Return `scheme://host:port`, with an IPv6 host in brackets; credentials and journals are bound to it."""
        return f"{self.scheme}://{self.address}"

    @property
    def address(self) -> str:
        """Return `host:port`, with an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def base(self) -> str:
        """Return the base URL for the paths of the API (`/v1/...`)."""
        return self.origin + self.prefix


class Check(NamedTuple):
    """The result of one check of `zvol doctor`; `hint` is what to do unless it is `ok`, `notes` are further facts."""

    name: str
    ok: bool
    found: str
    hint: str = ""
    notes: tuple[str, ...] = ()
