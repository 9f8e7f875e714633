"""The values of the journal: runs, intents, follow-ups, and the results of a claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from zvol.journal.request import DEFAULT_REQUEST, Request, Waits
from zvol.model import VOLUME

UNFINISHED: Final = ("planned", "open", "followups")
"""States of a volume that a resumed run works on: never sent, a PUT may act, recovered without its follow-ups."""

ATTACH: Final = "attach"
"""The kind of a follow-up that attaches a volume to a VM."""

SESSION: Final = "session "
"""Prefix of an account of which only a digest of its session is known."""


class Identity(NamedTuple):
    """The server (`base` URL) and the account of a run; `account` is None for runs of a zvol that did not record it."""

    base: str
    account: str | None

    def same(self, other: Identity) -> bool:
        """Tell whether both are certainly the same; an unknown account counts as a different one."""
        return self.account is not None and self == other

    @property
    def known(self) -> bool:
        """Tell whether the account has a name: the digest of a session only shows that it is the same session."""
        return self.account is not None and not self.account.startswith(SESSION)


def named_account(account: str, user: str | None) -> str:
    """Return the journal's text for an account, or for a user of one."""
    return "account " + "/".join(part.replace("%", "%25").replace("/", "%2F") for part in (account, user) if part)


class Claim(NamedTuple):
    """A resource that a run will work on, with its lastOpDate; `asked` is the argument as typed.

    `holds` are the UUIDs of the volumes that come back with it: while it is unfinished, they are this run's too.
    `follow_ups` are (kind, value) of the changes to make once it is back.  `vm`: it is only claimed with this VM.
    `outcome`: that of a volume that was not deleted at all, but has follow-ups.
    """

    uuid: str
    asked: str
    last_op: str | None
    target: str = VOLUME
    holds: tuple[str, ...] = ()
    follow_ups: tuple[tuple[str, str], ...] = ()
    vm: str | None = None
    outcome: str | None = None


class Intent(NamedTuple):
    """A PUT that may have been sent: its job id, and the lastOpDate that the volume had before it.

    `inherited`: another run sent it, which is dead or finished.
    """

    job: str
    last_op: str | None
    inherited: bool = False


class FollowUp(NamedTuple):
    """A step after the recovery of a volume: `kind` is `tag` or ATTACH; `state` is planned, sent, done or failed."""

    kind: str
    value: str
    state: str = "planned"
    job: str | None = None


class Holder(NamedTuple):
    """A living run that works on a resource."""

    run: str
    base: str


@dataclass(frozen=True, slots=True)
class Claims:
    """The result of a claim, by UUID.

    `busy` volumes are not claimed; `prior` are open intents of earlier runs, which this run settles from now on;
    `foreign` are volumes for which a run of another server or account sent a request that may still act.
    `waits`: how long the requests of those runs, and of earlier ones, may act.
    """

    busy: Mapping[str, Holder]
    prior: Mapping[str, list[Intent]]
    foreign: frozenset[str]
    waits: Mapping[str, Waits | None] = field(default_factory=dict, compare=False)


class UnfinishedVolume(NamedTuple):
    """An unfinished volume of a run, see `UNFINISHED` for its `state`.

    `last_op` is its lastOpDate when it was claimed, which identifies the deletion to undo.  `holder` is another living
    run that works on it; `foreign`: an intent of a run of another server or account may still act; `read_only`: it is
    read, and no request is sent.  `outcome` is the recorded one, None when there is none;
    `target` the kind of resource that it is.  `foreign_waits`: how long the intents of others may act.
    """

    run: str
    uuid: str
    asked: str
    state: str
    last_op: str | None
    intents: tuple[Intent, ...] = ()
    request: Request = DEFAULT_REQUEST
    follow_ups: tuple[FollowUp, ...] = ()
    holder: Holder | None = None
    foreign: bool = False
    outcome: str | None = None
    read_only: bool = False
    target: str = VOLUME
    foreign_waits: Waits | None = None

    @property
    def waits(self) -> Waits | None:
        """How long the requests sent for it may act; None if none was sent."""
        sent = self.intents or any(one.state == "sent" for one in self.follow_ups)
        own, foreign = self.request.waits if sent else None, self.foreign_waits
        return own.longer(foreign) if own and foreign else own or foreign

    @property
    def never_sent(self) -> bool:
        return self.state == "planned" and not self.intents

    @property
    def vm(self) -> str | None:
        """The VM that a volume is attached to once both are back; None when it was requested by itself."""
        attached = (one.value for one in self.follow_ups if one.kind == ATTACH)
        return next(attached, None) if self.request.vms else None


class Adopted(NamedTuple):
    """The unfinished volumes of the dead runs that were taken over, and the runs that turned out to be alive."""

    volumes: tuple[UnfinishedVolume, ...]
    living: tuple[str, ...]


class ClosedVolume(NamedTuple):
    """A target of a run that was closed by hand: its state, and the job id of a PUT that may still act, if any."""

    uuid: str
    state: str
    job: str | None
    target: str = VOLUME


class RunTarget(NamedTuple):
    """A target of a run as the journal has it: its `state`, its `outcome` if one was recorded, its last job."""

    run: str
    uuid: str
    asked: str
    target: str
    state: str
    outcome: str | None
    job: str | None = None
    follow_ups: tuple[FollowUp, ...] = ()


class Run(NamedTuple):
    """A run; times are seconds since 1970.

    `counts` is the number of its volumes and VMs by state, `outcomes` that of the finished ones by outcome.
    """

    id: str
    identity: Identity
    started: float
    ended: float | None
    alive: bool
    request: Request = DEFAULT_REQUEST
    counts: Mapping[str, int] = MappingProxyType({})
    outcomes: Mapping[str, int] = MappingProxyType({})

    @property
    def unfinished(self) -> int:
        return sum(self.counts.get(state, 0) for state in UNFINISHED)
