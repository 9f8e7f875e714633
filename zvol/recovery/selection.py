"""From what was asked to volumes: UUIDs as they are, names to the one deleted data volume that bears them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zvol.errors import Exit, Weather, ZvolError
from zvol.model import Outcome, Result, Trouble, Volume
from zvol.recovery import words
from zvol.recovery.track import Wanted

if TYPE_CHECKING:
    from zvol.zstack.client import Client


@dataclass(frozen=True, slots=True)
class Chosen:
    """The volumes to work on, and the arguments that are none."""

    wanted: tuple[Wanted, ...]
    refused: tuple[Result, ...]


def choose(client: Client, asked: Sequence[tuple[str, str | None]]) -> Chosen:
    """Resolve (text, uuid or None) arguments; a name that is refused never stops the others.

    A name is compared here, not by the server: its query language cannot carry every name.
    """
    names = [text for text, uuid in asked if uuid is None]
    volumes: list[Volume] = []
    trouble: Trouble | None = None
    if names:
        try:
            volumes = client.deleted()
        except (Weather, ZvolError) as exc:
            trouble = words.from_error(exc)
    wanted: dict[str, Wanted] = {}
    refused: list[Result] = []
    for order, (text, uuid) in enumerate(asked):
        if uuid is None and trouble is not None:
            refused.append(Result(text, None, Outcome.NOT_SENT, trouble=trouble))
            continue
        found = uuid or _named(text, volumes, refused)
        if found is not None:
            wanted.setdefault(found, Wanted(text, found, order))
    return Chosen(tuple(wanted.values()), tuple(refused))


def _named(name: str, volumes: Sequence[Volume], refused: list[Result]) -> str | None:
    matches = tuple(volume for volume in volumes if volume.name == name)
    if len(matches) == 1:
        return matches[0].uuid
    if matches:
        text = f"{len(matches)} deleted data volumes have this name"
        hint = "Give the UUID of the one you mean."
    else:
        text = "no deleted data volume has this name"
        hint = "`zvol list` shows what can be recovered."
    trouble = Trouble("ambiguous" if matches else "not-found", text, hint, Exit.FAILED)
    refused.append(Result(name, None, Outcome.FAILED, trouble=trouble, candidates=matches))
    return None
