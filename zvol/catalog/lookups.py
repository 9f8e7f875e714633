"""The facts that decisions about volumes depend on, and the errors for failed look-ups.

A failed look-up is neither yes nor no: a filter that needs the fact cannot be decided, and its error gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from zvol.errors import SEVERITY, Unreachable, ZvolError
from zvol.resource import Resource
from zvol.zstack.resource_kinds import kind_of

T = TypeVar("T")

MAX_NAMED: Final = 12
"""Maximum number of resources in a message."""


class Fact(StrEnum):
    """A fact that the time left depends on, with its name for messages."""

    POLICY = "how long the server keeps deleted volumes"
    VM_POLICY = "how long the server keeps destroyed VMs"
    CLOCK = "the server's clock"
    ZONE = "the server's time zone"


def look_up(fact: Fact, query: Callable[[], T], missing: dict[Fact, ZvolError]) -> T | None:
    """Return the result of a query; if it fails, return None and add the error to `missing`."""
    try:
        return query()
    except ZvolError as exc:
        missing[fact] = exc
        return None


def unknown_facts(option: str, reasons: Mapping[str, ZvolError]) -> ZvolError:
    """Return the error for an option that cannot be decided; `reasons` are the failed look-ups by subject."""
    worst = min(reasons.values(), key=lambda error: SEVERITY.index(error.exit))
    why = "; ".join(f"{subject} is not known ({error.message})" for subject, error in reasons.items())
    hint = next((error.hint for error in reasons.values() if error.hint), "")
    again = f"Nothing was sent. Try again, or do without {option}."
    text = f"{option} cannot be decided: {why}"
    return ZvolError(text, hint=hint or again, kind=worst.kind, exit=worst.exit, fault=worst.fault)


def undecided_rows(option: str, resources: Sequence[Resource]) -> ZvolError:
    """Return the error for an option that cannot be decided for resources of one kind with an unreadable date."""
    kind = kind_of(resources[0])
    text = f"{option} cannot be decided: the time left or the date of a {kind.noun} cannot be told"
    hint = f"Nothing was sent. `{kind.listing}` shows them; give the UUIDs of those you mean."
    uuids = [one.uuid for one in resources]
    return Unreachable(f"{text}: {first_named(uuids)}", hint=hint, kind="undecided")


def first_named(names: Sequence[str]) -> str:
    """Return the first names as an enumeration."""
    return ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
