"""Everything there is around one volume, as values, and how much of it may go wrong.

Times do not exist here.  Waiting is modelled by its effect: a quiet period can be over only when nothing of ours is in
the network (A1) and in the server (A2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from zvol.model import Outcome
from zvol.recovery.protocol import TRANSITIONS, Rule
from zvol.recovery.states import Event, JobStatus, Phase, ProtocolState

T = TypeVar("T")

Label = str
Step = tuple[Label, "World"]
Table = Mapping[tuple[Phase, type[Event]], Rule]
Intent = tuple[int, str | None]
"""What the journal keeps of a PUT: its number and the lastOpDate that the volume had."""

LIVE = ("queued", "checked", "inner", "half", "orphan")
"""Stages of a message that the server may still execute; before them it has `arrived`, after them it is `written`.

That of a VM sends an `inner` message for its root volume, and is done by `half` when that is back.  When the answer to
the inner message does not come in time, this one goes on as an `orphan`.
"""

BUDGETS = (
    "crashes",  # a management node dies
    "fences",  # a node hangs and its peers take it for dead; it may live on for a while
    "lost_saves",  # the server swallows an error and queues a message whose job has no row
    "faults",  # a message fails on something that passes
    "refusals",  # the server refuses for certain: 400 or 403 to the PUT, or a job that failed with a quota
    "redirects",  # something else answers the PUT
    "nowhere",  # a PUT does not leave: refused connection, certificate
    "doubles",  # a proxy sends a PUT twice
    "lies",  # the server says done and does nothing
    "expiries",  # the session ends
    "helpers",  # somebody else recovers the volume
    "deletions",  # somebody deletes it again, on purpose
    "changes",  # somebody changes the deleted volume: its lastOpDate moves
    "expunges",  # somebody destroys it
    "kills",  # zvol is killed
    "giveups",  # the deadline passes, or zvol is told to stop
    "later",  # somebody runs `zvol recover` again
)

PLACES = {name: at for at, name in enumerate(BUDGETS)}


@dataclass(frozen=True)
class Setting:
    """How often each thing may happen, and what kind of server it is."""

    sends: int = 3
    nodes: int = 1
    crashes: int = 0
    fences: int = 0
    lost_saves: int = 0
    faults: int = 0
    refusals: int = 0
    redirects: int = 0
    nowhere: int = 0
    doubles: int = 0
    lies: int = 0
    expiries: int = 0
    helpers: int = 0
    deletions: int = 0
    changes: int = 0
    expunges: int = 0
    kills: int = 0
    giveups: int = 0
    later: int = 0
    foreign: bool = False  # a dead run of another server or account has sent the first PUT, and its intent is not ours
    guard: bool = True  # a job id that has a row is refused
    synchronous: bool = False  # the PUT is answered when all is done, as the vendor's page says; there are no jobs
    alone: bool = True  # a PUT that was answered has no copy elsewhere (A3)
    vm: bool = False  # it is a VM, whose recovery brings its root volume back first


class Values(NamedTuple):
    """PUTs are numbered from 0, each with a job id of its own; `rows[number]` is what the server noted of that job."""

    left: tuple[int, ...]
    nodes: tuple[str, ...]
    volume: str = "deleted"  # deleted, back, absent; the VM where it is one
    root: str | None = None  # the same of the root volume of a VM
    deletions: int = 0  # how often it was deleted again
    moved: int = 0  # how often its lastOpDate moved while it was deleted
    executed: tuple[int, ...] = ()  # in this deletion
    net: tuple[int, ...] = ()
    server: tuple[tuple[int, int, str], ...] = ()  # (PUT, node, stage)
    rows: tuple[str, ...] = ()
    session: bool = True
    zvol: str = "running"  # running, dead, over
    state: ProtocolState = ProtocolState()
    step: str = "read"  # read, write, send, answer, renew, exhausted (the model has no more PUTs to give)
    seen: JobStatus = JobStatus.NOT_POLLED
    prior: tuple[int, ...] = ()  # PUTs of earlier runs that are being settled
    others: tuple[int, ...] = ()  # PUTs of other servers or accounts, whose intents are never closed by us
    claimed: bool = False
    meant: str | None = None  # the lastOpDate of the deletion that this run is to undo, as it is on the disk
    inherited: tuple[int, ...] = ()  # PUTs of earlier runs whose intents this run has taken over, as it is on the disk
    journal: tuple[Intent, ...] = ()  # the open intents, as they are on the disk
    kept: tuple[Intent, ...] = ()  # the open intents, as they will be when zvol has recorded the outcome
    first: int | None = None  # the deletion for which this request first sent
    outcome: Outcome | None = None
    after_read: bool = False  # the outcome was concluded from a read of the volume
    changed: bool = False  # the outcome was that somebody had deleted or changed the volume


FIELDS = {name: at for at, name in enumerate(Values._fields)}


class World(Values):
    """The values at one moment, and what is asked of them."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def _replace(self, **changed: Any) -> World:
            """Do what that of a named tuple does, in two thirds of its time: it is called a million times a setting."""
            values = list(self)
            for name, value in changed.items():
                values[FIELDS[name]] = value
            return tuple.__new__(World, values)

    @property
    def shown(self) -> str:
        """What a read shows: a VM is back when its root volume is, too."""
        return self.volume if self.root is None or self.volume == self.root else "deleted"

    @property
    def busy(self) -> bool:
        """The server is in the middle of a VM's recovery: nothing else can change the VM."""
        return any(stage in ("inner", "half") for _, _, stage in self.server)

    @property
    def last_op(self) -> str:
        return f"{self.deletions}.{self.moved}"

    def may(self, budget: str) -> bool:
        return self.left[PLACES[budget]] > 0

    def spend(self, budget: str) -> World:
        at = PLACES[budget]
        return self._replace(left=put(self.left, at, self.left[at] - 1))

    def without(self, item: tuple[int, int, str]) -> World:
        """Return the world without one message in the server."""
        return self._replace(server=unbag(self.server, item))

    def become(self, state: str) -> World:
        """Return the world with the volume in a state, or the VM with its root volume."""
        return self._replace(volume=state, root=None if self.root is None else state)

    def note(self, number: int, row: str) -> World:
        """The server writes the end of a job; a row that was never saved cannot be updated."""
        return self if self.rows[number] == "-" else self._replace(rows=put(self.rows, number, row))

    def copies(self, number: int) -> bool:
        """Tell whether this PUT is anywhere else (called without the copy in question)."""
        return number in self.net or any(item[0] == number for item in self.server)


def nothing_acts(world: World) -> bool:
    """The product's quiet period: an answered PUT needs A2 only, for it has no copy in the network (A3)."""
    return not world.server and (world.state.answered or not world.net)


JOBS: Mapping[str, JobStatus] = {
    "-": JobStatus.UNCLEAR,
    "processing": JobStatus.RUNNING,
    "done": JobStatus.DONE,
    "refused": JobStatus.REFUSED,
    "session": JobStatus.SESSION,
    "soft": JobStatus.UNCLEAR,
}
"""What a look at a job shows."""


@dataclass(frozen=True)
class Rules:
    """The product's rules; a weaker one changes something."""

    table: Table = field(default_factory=lambda: TRANSITIONS)
    quiet: Callable[[World], bool] = nothing_acts
    judge: Callable[[World], str] = attrgetter("shown")
    jobs: Mapping[str, JobStatus] = field(default_factory=lambda: JOBS)
    intent_first: bool = True
    waits_for_others: bool = True
    settles_inherited: bool = True


def beginning(setting: Setting) -> World:
    world = World(left=tuple(getattr(setting, name) for name in BUDGETS), nodes=("up",) * setting.nodes)
    world = world._replace(root="deleted") if setting.vm else world
    return world._replace(rows=("-",), net=(0,), others=(0,)) if setting.foreign else world


def bag(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    return tuple(sorted((*items, item)))  # type: ignore[type-var]


def unbag(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    at = items.index(item)
    return items[:at] + items[at + 1 :]


def put(items: tuple[T, ...], at: int, item: T) -> tuple[T, ...]:
    return (*items[:at], item, *items[at + 1 :])
