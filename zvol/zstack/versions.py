"""What the releases of ZStack do differently, as far as zvol depends on it: the only place that compares versions.

A release is known by what getVersion tells: the newest version of the server's database schema, two to four numbers.
For some releases that is the number of an earlier one (4.7.16 tells 4.7.13), or a longer one (3.5.0 tells 3.5.0.1).
A ZSphere tells the number of the Cloud it is based on.  Sources are files of ZStack's public history, read in all
branches from 2.3 to 5.3; nothing newer than October 2024 was read, and no closed module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final

from zvol.dataclass import dataclass

Numbers = tuple[int, ...]

OLDEST: Final = (2, 3)
NEWEST: Final = (5, 3)
"""The first two numbers of the oldest and the newest release that was read."""
ZSPHERE: Final = (4, 10)
"""The first two numbers of ZSphere 4.10: there is no Cloud 4.10."""
TRIED: Final = ((3, 10, 40), (4, 4, 65), (4, 10, 0), (5, 2, 1))
"""The releases that zvol was tried with: running servers."""
ZSPHERE_BASES: Final[Mapping[Numbers, str]] = {
    (4, 7, 0, 4): "4.0",
    **dict.fromkeys([(4, 8, 0, 1), (4, 8, 0, 2)], "4.1"),
    **dict.fromkeys([(4, 8, 0, 3), (4, 8, 0, 4), (4, 8, 0, 5)], "4.2"),
    **dict.fromkeys([(4, 8, 0, 6), (4, 8, 0, 7)], "4.3"),
}
"""What older releases of ZSphere tell; no release of Cloud has these numbers."""
NEWEST_READ: Final[tuple[Numbers, ...]] = tuple(
    tuple(map(int, text.split(".")))
    for text in (
        "2.3.2 2.4.0.1 2.5.1 2.6.2 3.0.1 3.1.3 3.2.1 3.3.1 3.4.2 3.5.3 3.6.0.2 3.7.3 3.8.22 3.9.1 3.10.40"
        " 4.0.0 4.1.8 4.2.40 4.3.36 4.4.65 4.5.11 4.6.32 4.7.24 4.8.22 4.10.0 5.0.0 5.1.20 5.2.1 5.3.0"
    ).split()
)
"""The newest number that was read of each line, such as 4.4; of ZSphere before 4.10, ZSPHERE_BASES has them all."""
_NEWEST_OF: Final[Mapping[Numbers, Numbers]] = {
    **{numbers[:2]: numbers for numbers in NEWEST_READ},
    **{numbers[:3]: numbers for numbers in ZSPHERE_BASES},
}
_NUMBERS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,3}")

NO_LAST_VM: Final = "this server does not remember the VM a volume was last on (ZStack before 4.4)"


class Evidence(StrEnum):
    """How it is known what a release does."""

    TRIED = "tried"
    READ = "read in source"
    INFERRED = "inferred"
    """Said of single facts only: concluded from what was read, where the rest is in a closed module."""
    UNKNOWN = "unknown"


class Effect(StrEnum):
    """What a user notices of a feature that is not there."""

    SLOWER = "slower"
    MISSING = "missing"


class Feature(Enum):
    """Something that not every release has; its value is what docs/compatibility.md calls it."""

    SLIDING_SESSIONS = "sessions that live on while they are used"
    API_TIMEOUT = "`api_timeout`"
    ACCESS_KEYS = "access keys"
    QUEUE_TIMEOUT = "lost answers settled in about 3 minutes"
    ENGLISH_KEY_DATES = "access keys whatever the server's language"
    HALF_EXPUNGED_SHOWN = "volumes whose destruction has begun are refused"
    TIME_ZONE = "time left without a time zone in the profile"
    LAST_VM = "`attach` without a VM, `--reattach`, `--last-vm`"
    DUPLICATE_CHECK = "a copy of a request that arrives later is refused"
    LAST_VM_AFTER_DESTROY = "the last VM also if it was destroyed"
    USERS = "`zvol login --user`"


@dataclass(frozen=True, slots=True)
class Fact:
    """A feature, the release it came with, and what a user notices without it.

    `since` are the first numbers that have it, `gone` the first two numbers that no longer do.  `kept`: releases newer
    than those that were read are taken to have it, too.  `without` says what follows where it is missing, from the
    release `noted_from` on: before that, another feature is missing that it needs.  `evidence` is TRIED where running
    servers showed both sides, `source` where the change was read.
    """

    feature: Feature
    since: Numbers
    source: str
    effect: Effect
    without: str
    evidence: Evidence = Evidence.READ
    noted_from: Numbers = ()
    gone: Numbers | None = None
    kept: bool = False


FACTS: Final = (
    Fact(
        Feature.SLIDING_SESSIONS,
        (3, 0),
        "AuthorizationManager.java",
        Effect.MISSING,
        "A session ends two hours after its login, also while it is used.",
    ),
    Fact(
        Feature.API_TIMEOUT,
        (3, 2),
        "RestServer.java, 684648df0d",
        Effect.MISSING,
        "The server ignores `api_timeout`, the time that zvol gives it for a recovery.",
    ),
    Fact(
        Feature.ACCESS_KEYS,
        (3, 2),
        "RestServer.java",
        Effect.MISSING,
        "Access keys do not work: log in with an account.",
        Evidence.INFERRED,
    ),
    Fact(
        Feature.QUEUE_TIMEOUT,
        (3, 7),
        "DispatchQueueImpl.java, processTimeoutTask, c8de20875c; ChainTaskTimeoutCase.groovy",
        Effect.SLOWER,
        "A lost answer takes 32 minutes to settle instead of 3: use --timeout 1h, or afterwards `zvol resume`,"
        " which waits that long.",
        kept=True,
    ),
    Fact(
        Feature.ENGLISH_KEY_DATES,
        (3, 10),
        "RestServer.java, 50a4f31885",
        Effect.MISSING,
        "Access keys do not work where the server's language is not English: log in with an account.",
        Evidence.INFERRED,
        noted_from=(3, 2),
    ),
    Fact(
        Feature.HALF_EXPUNGED_SHOWN,
        (4, 0),
        "VolumeBase.java, 2cf0c7f88f",
        Effect.MISSING,
        "A volume whose destruction has begun looks complete, so zvol does not refuse to recover it.",
    ),
    Fact(
        Feature.TIME_ZONE,
        (4, 1),
        "ManagementNodeManagerImpl.java, c85abd0f3d",
        Effect.MISSING,
        "The server does not tell its time zone: a login with zvol, or an administrator's session, shows it."
        " Otherwise `timezone` in the profile must say it, or the time left is unknown. Access keys always need"
        " `timezone`. `list` and `show` take up to 5 seconds longer for an administrator whose profile has no"
        " `timezone`.",
        Evidence.TRIED,
    ),
    Fact(
        Feature.LAST_VM,
        (4, 4),
        "VolumeInventory.java, 0189c24af0",
        Effect.MISSING,
        f"{NO_LAST_VM[0].upper()}{NO_LAST_VM[1:]}: `attach` needs the VM, `--reattach` and `--last-vm` do not work.",
        Evidence.TRIED,
    ),
    Fact(
        Feature.DUPLICATE_CHECK,
        (4, 5),
        "RestServer.java, 32640b10b3; DuplicateJobUuidCase.groovy",
        Effect.MISSING,
        "A copy of a request that arrives later, as from a proxy, is executed, too.",
        Evidence.TRIED,
        noted_from=(3, 1),
    ),
    Fact(
        Feature.LAST_VM_AFTER_DESTROY,
        (4, 8),
        "VmDeleteVolumeFlow.java, a134f2fb93",
        Effect.MISSING,
        "A volume may have been on another VM since the one the server remembers: where that is possible,"
        " zvol does not attach by itself, and names the command. `recover --vm --reattach` only names the data volumes"
        " of a VM, and attaches none.",
        noted_from=(4, 4),
    ),
    Fact(
        Feature.USERS,
        (),
        "identity: the API is not in ZSphere 4.10.0",
        Effect.MISSING,
        "The server has no users below accounts: `zvol login --user` does not work.",
        Evidence.TRIED,
        gone=ZSPHERE,
    ),
)
"""In the order of their releases, each feature once."""

_BY_FEATURE: Final = {fact.feature: fact for fact in FACTS}

CAREFUL: Final = (
    "What it does differently is not known, so zvol is careful: a lost answer can take 32 minutes to settle"
    " instead of 3; use --timeout 1h, or afterwards `zvol resume`, which waits that long."
)
"""What follows from a release that is older than what was read, or not told."""

NEWER: Final = "It is newer than any release that was read: what it does differently is not known."
"""What follows from a release that is newer than what was read."""

LATER: Final = "This number was not read; it is taken to do what the release before it does."
"""What follows from a later patch of a line that was read, and from a line of which nothing was."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of ZStack: the text that the server tells, and its numbers, None when it is not two to four numbers."""

    text: str
    numbers: Numbers | None = None

    @staticmethod
    def parse(text: str | None) -> Release:
        """Return the release that a getVersion answer tells; any text is accepted."""
        if text is None or _NUMBERS.fullmatch(text) is None:
            return Release(text or "")
        return Release(text, tuple(int(number) for number in text.split(".")))

    def has(self, feature: Feature) -> bool | None:
        """Return whether this release has a feature, None when that is not known: take the most careful case then.

        ZSphere 4.0.0 and 4.0.1 tell one number; LAST_VM_AFTER_DESTROY came with 4.0.1, and is False for both.
        """
        fact = _BY_FEATURE[feature]
        if self.numbers is None:
            return None
        if self._newer:
            return fact.kept or None
        if self.numbers < fact.since or self.numbers[:2] == fact.gone:
            return False
        return None if self._older else True

    @property
    def evidence(self) -> Evidence:
        """How it is known what this release does."""
        if self.numbers is None or self._older or self._newer:
            return Evidence.UNKNOWN
        if self.numbers in TRIED:
            return Evidence.TRIED
        newest = _NEWEST_OF.get(self.numbers[:3]) or _NEWEST_OF.get(self.numbers[:2], ())
        return Evidence.READ if self.numbers <= newest else Evidence.UNKNOWN

    @property
    def name(self) -> str:
        """What messages call it: the product and its version, and what it tells where that is another number."""
        if self.zsphere is None:
            return f"ZStack {self.text or 'without a version'}"
        return f"ZSphere {self.zsphere}" + (f" (tells {self.text})" if self.zsphere != self.text else "")

    @property
    def zsphere(self) -> str | None:
        """The version of ZSphere, such as 4.2 or `4.3 or later`; None for Cloud and where it is not known."""
        if self.numbers is None:
            return None
        if self.numbers[:2] == ZSPHERE:
            return self.text
        same = [base for base in ZSPHERE_BASES if base[:3] == self.numbers[:3] and base <= self.numbers]
        return ZSPHERE_BASES[same[-1]] + ("" if same[-1] == self.numbers else " or later") if same else None

    def notes(self) -> list[str]:
        """Return a sentence for each thing that is slower or missing on this release, and for what is not known."""
        if self._newer:
            return [NEWER]
        if self.numbers is None or self._older:
            return [CAREFUL]
        later = [LATER] if self.evidence is Evidence.UNKNOWN else []
        return later + [fact.without for fact in FACTS if self.lacks(fact)]

    def lacks(self, fact: Fact) -> bool:
        """Return whether a user of this release notices that a feature is missing."""
        return self.has(fact.feature) is False and self.numbers is not None and self.numbers >= fact.noted_from

    @property
    def _older(self) -> bool:
        return self.numbers is not None and self.numbers[:2] < OLDEST

    @property
    def _newer(self) -> bool:
        """Whether it is newer than what was read of Cloud, or of ZSphere, whose numbers end at 4.10."""
        return self.numbers is not None and (self.numbers[:2] > NEWEST or ZSPHERE < self.numbers[:2] < (5,))


UNKNOWN_RELEASE: Final = Release("")
