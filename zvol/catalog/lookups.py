"""What a decision rests on beside the volumes themselves, and what it means that one could not be looked up.

A look-up that fails is neither a yes nor a no: a filter that rests on it cannot be decided, and says so and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from zvol.errors import SEVERITY, Unreachable, ZvolError

T = TypeVar("T")

MOST: Final = 12
"""How many volumes a message names."""


class Fact(StrEnum):
    """A look-up that times rest on, in the words of a message."""

    POLICY = "how long the server keeps deleted volumes"
    CLOCK = "the server's clock"
    ZONE = "the server's time zone"


def tried(look_up: Callable[[], T], fact: Fact, missing: dict[Fact, ZvolError]) -> T | None:
    """Return what a look-up brings; None when it fails, and the reason is noted."""
    try:
        return look_up()
    except ZvolError as exc:
        missing[fact] = exc
        return None


def not_known(option: str, reasons: Mapping[str, ZvolError]) -> ZvolError:
    """Return the error of an option that cannot be decided for these reasons, each under its subject."""
    worst = min(reasons.values(), key=lambda error: SEVERITY.index(error.exit))
    why = "; ".join(f"{subject} is not known ({error.message})" for subject, error in reasons.items())
    hint = next((error.hint for error in reasons.values() if error.hint), "")
    again = f"Nothing was sent. Try again, or do without {option}."
    text = f"{option} cannot be decided: {why}"
    return ZvolError(text, hint=hint or again, kind=worst.kind, exit=worst.exit, fault=worst.fault)


def not_decided(option: str, uuids: Sequence[str]) -> ZvolError:
    """Return the error of an option that cannot be decided for some volumes, whose dates nobody can read."""
    more = ", ..." if len(uuids) > MOST else ""
    text = f"{option} cannot be decided: the time left or the date of a volume cannot be told"
    hint = "Nothing was sent. `zvol list` shows them; give the UUIDs of those you mean."
    return Unreachable(f"{text}: {', '.join(uuids[:MOST])}{more}", hint=hint, kind="undecided")
