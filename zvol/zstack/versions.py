"""The differences between releases of ZStack that zvol depends on; no other module compares versions.

getVersion returns the newest version of the server's database schema, two to four numbers.  For some releases that is
the number of an earlier one (4.7.16 reports 4.7.13), or a longer one (3.5.0 reports 3.5.0.1).  A ZSphere reports the
number of the Cloud it is based on.  Sources are files of ZStack's public history, read in all branches from 2.3 to 5.3;
nothing newer than October 2024 was read, and no closed module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final, NamedTuple

Numbers = tuple[int, ...]

OLDEST: Final = (2, 3)
NEWEST: Final = (5, 3)
"""The first two numbers of the oldest and the newest release that was read."""
ZSPHERE: Final = (4, 10)
"""The first two numbers of ZSphere 4.10: there is no Cloud 4.10."""
TRIED: Final = ((3, 10, 40), (4, 4, 65), (4, 10, 0), (5, 2, 1))
"""The releases of the running servers that zvol was tried with."""
ZSPHERE_BASES: Final[Mapping[Numbers, str]] = {
    (4, 7, 0, 4): "4.0",
    **dict.fromkeys([(4, 8, 0, 1), (4, 8, 0, 2)], "4.1"),
    **dict.fromkeys([(4, 8, 0, 3), (4, 8, 0, 4), (4, 8, 0, 5)], "4.2"),
    **dict.fromkeys([(4, 8, 0, 6), (4, 8, 0, 7)], "4.3"),
}
"""The numbers that older releases of ZSphere report; no release of Cloud has them."""
NEWEST_READ: Final[tuple[Numbers, ...]] = tuple(
    tuple(map(int, text.split(".")))
    for text in (
        "2.3.2 2.4.0.1 2.5.1 2.6.2 3.0.1 3.1.3 3.2.1 3.3.1 3.4.2 3.5.3 3.6.0.2 3.7.3 3.8.22 3.9.1 3.10.40"
        " 4.0.0 4.1.8 4.2.40 4.3.36 4.4.65 4.5.11 4.6.32 4.7.24 4.8.22 4.10.0 5.0.0 5.1.20 5.2.1 5.3.0"
    ).split()
)
"""The newest number whose source was read in each line, such as 4.4; ZSPHERE_BASES has those of ZSphere before 4.10."""
_NEWEST_OF: Final[Mapping[Numbers, Numbers]] = {
    **{numbers[:2]: numbers for numbers in NEWEST_READ},
    **{numbers[:3]: numbers for numbers in ZSPHERE_BASES},
}
_NUMBERS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,3}")

NO_LAST_VM: Final = "this server does not remember the VM a volume was last on (ZStack before 4.4)"


class Evidence(StrEnum):
    """How the behaviour of a release is known."""

    TRIED = "tried"
    READ = "read in source"
    INFERRED = "inferred"
    """For single facts only: concluded from the public source, because the rest is in a closed module."""
    UNKNOWN = "unknown"


class Effect(StrEnum):
    """What a user notices when a feature is missing."""

    SLOWER = "slower"
    MISSING = "missing"


class Feature(Enum):
    """Something that some releases lack; the value is its name in docs/compatibility.md."""

    SLIDING_SESSIONS = "sessions that stay valid while they are used"
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


class Fact(NamedTuple):
    """A feature, the release it came with, and what a user notices without it.

    `since`: the first release that has it; `gone`: the first two numbers of the first release that no longer has it.
    `kept`: releases newer than those that were read are assumed to have it.  `without`: what follows where it is
    missing, from the release `noted_from` on; earlier releases also lack something that the feature needs.
    `evidence`: TRIED if running servers were seen on both sides of the change.  `source`: where the change was read.
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
        "A session ends two hours after its login, even while it is used.",
    ),
    Fact(
        Feature.API_TIMEOUT,
        (3, 2),
        "RestServer.java, 684648df0d",
        Effect.MISSING,
        "The server ignores `api_timeout`, the time limit that zvol sends with a recovery.",
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
        "A lost answer takes 32 minutes to settle instead of 3: use --timeout 1h, or run `zvol resume` afterwards,"
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
        "The server does not report its time zone. zvol finds it with a login, or with the session of an administrator;"
        " otherwise set `timezone` in the profile, or the time left is unknown. Access keys always need `timezone`."
        " `list` and `show` take up to 5 seconds longer for an administrator whose profile has no `timezone`.",
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
        "If a proxy sends a request twice, the server executes the later copy, too.",
        Evidence.TRIED,
        noted_from=(3, 1),
    ),
    Fact(
        Feature.LAST_VM_AFTER_DESTROY,
        (4, 8),
        "VmDeleteVolumeFlow.java, a134f2fb93",
        Effect.MISSING,
        "The VM that the server remembers may not be the last one that a volume was on. Where that is"
        " possible, zvol does not attach the volume and prints the command instead. `recover --vm --reattach` only"
        " names the data volumes of a VM, and does not attach them.",
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
    "Its differences are unknown, so zvol assumes the worst case: a lost answer can take 32 minutes to settle"
    " instead of 3; use --timeout 1h, or run `zvol resume` afterwards, which waits that long."
)
"""The note on a release that is older than what was read, or that the server does not report."""

NEWER: Final = "It is newer than any release that zvol knows, so its differences are unknown."
"""The note on a release that is newer than what was read."""

LATER: Final = "zvol does not know this number and assumes that it behaves like the release before it."
"""The note on a later patch of a line that was read, and on a line that was not read."""


class Release(NamedTuple):
    """A release of ZStack: the text that the server reports, and its numbers; None unless it is two to four numbers."""

    text: str
    numbers: Numbers | None = None

    @staticmethod
    def parse(text: str | None) -> Release:
        """Return the release that a getVersion answer reports; any text is accepted."""
        if text is None or _NUMBERS.fullmatch(text) is None:
            return Release(text or "")
        return Release(text, tuple(int(number) for number in text.split(".")))

    def has(self, feature: Feature) -> bool | None:
        """Return whether this release has a feature; None when that is unknown: the caller must assume the worst case.

        ZSphere 4.0.0 and 4.0.1 report the same number; LAST_VM_AFTER_DESTROY came with 4.0.1, and is False for both.
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
        """How the behaviour of this release is known."""
        if self.numbers is None or self._older or self._newer:
            return Evidence.UNKNOWN
        if self.numbers in TRIED:
            return Evidence.TRIED
        newest = _NEWEST_OF.get(self.numbers[:3]) or _NEWEST_OF.get(self.numbers[:2], ())
        return Evidence.READ if self.numbers <= newest else Evidence.UNKNOWN

    @property
    def name(self) -> str:
        """Its name in messages: the product, its version, and the number that it reports if that differs."""
        if self.zsphere is None:
            return f"ZStack {self.text or 'without a version'}"
        return f"ZSphere {self.zsphere}" + (f" (reports {self.text})" if self.zsphere != self.text else "")

    @property
    def zsphere(self) -> str | None:
        """The version of ZSphere, such as 4.2 or `4.3 or later`; None for Cloud, or when it is unknown."""
        if self.numbers is None:
            return None
        if self.numbers[:2] == ZSPHERE:
            return self.text
        same = [base for base in ZSPHERE_BASES if base[:3] == self.numbers[:3] and base <= self.numbers]
        return ZSPHERE_BASES[same[-1]] + ("" if same[-1] == self.numbers else " or later") if same else None

    def notes(self) -> list[str]:
        """Return a sentence for each feature that is slower, missing or unknown on this release."""
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
        """Whether it is newer than the releases of Cloud or of ZSphere that were read; those of ZSphere end at 4.10."""
        return self.numbers is not None and (self.numbers[:2] > NEWEST or ZSPHERE < self.numbers[:2] < (5,))


UNKNOWN_RELEASE: Final = Release("")
