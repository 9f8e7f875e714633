"""What the journal speaks of: whose runs there are, what is open in them, and what a claim found.  Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from zvol.journal.request import NOTHING_SPECIAL, Request

UNFINISHED: Final = ("planned", "open", "followups")
"""States of a volume that a resumed run has to do with: never sent, a PUT may act, back but for its follow-ups."""


SESSION: Final = "session "
"""How an account begins that is known by a digest of its session only."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a run works and for whom; `account` is None for the runs of a zvol that did not note it."""

    base: str
    account: str | None

    def same(self, other: Identity) -> bool:
        """Tell whether both are known to be one: an account that is not known counts as another one."""
        return self.account is not None and self == other

    @property
    def known(self) -> bool:
        """Tell whether the account has a name: a session shows only that it is the same as another time."""
        return self.account is not None and not self.account.startswith(SESSION)


def named_account(account: str, user: str | None) -> str:
    """Return how an account, or a user of one, is called in the journal."""
    return "account " + "/".join(one.replace("%", "%25").replace("/", "%2F") for one in (account, user) if one)


@dataclass(frozen=True, slots=True)
class Intent:
    """A PUT that may have been sent: its job id, and the lastOpDate that the volume had before it.

    `inherited`: it was sent by another run, which is dead or over.
    """

    job: str
    last_op: str | None
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is to be done once a volume is back: `kind` is `tag` or `attach`, `state` planned, sent, done or failed."""

    kind: str
    value: str
    state: str = "planned"
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A living run that is on a volume."""

    run: str
    base: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a claim found, by UUID.

    `busy` are not claimed; `prior` are the intents that are ours to settle now; `foreign` are volumes for which runs of
    another server or account have sent something that may still act, and that is theirs.
    """

    busy: Mapping[str, Holder]
    prior: Mapping[str, list[Intent]]
    foreign: frozenset[str]


@dataclass(frozen=True, slots=True)
class UnfinishedVolume:
    """An unfinished volume of a run, see `UNFINISHED` for its `state`.

    `last_op` is its lastOpDate when it was claimed: the deletion that was meant.  `holder` is a living run of somebody
    else that is on it; `foreign`: an intent of another run may act, and is not ours; `held`: it is read, and not sent.
    `outcome` is what was said of it, if anything was.
    """

    run: str
    uuid: str
    asked: str
    state: str
    last_op: str | None
    intents: tuple[Intent, ...] = ()
    request: Request = NOTHING_SPECIAL
    followups: tuple[FollowUp, ...] = ()
    holder: Holder | None = None
    foreign: bool = False
    outcome: str | None = None
    held: bool = False

    @property
    def never_sent(self) -> bool:
        return self.state == "planned" and not self.intents


@dataclass(frozen=True, slots=True)
class Adopted:
    """Dead runs that are ours now: what is left of them, and those that are alive after all."""

    left: tuple[UnfinishedVolume, ...]
    living: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """What was open in a run that was closed by hand: a volume, its state, and a PUT that may act, if any."""

    uuid: str
    state: str
    job: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run of zvol; times are seconds since 1970."""

    id: str
    identity: Identity
    started: float
    ended: float | None
    alive: bool
    request: Request = NOTHING_SPECIAL
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def unfinished(self) -> int:
        return sum(self.counts.get(state, 0) for state in UNFINISHED)
