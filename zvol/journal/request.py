"""The options of a run that the journal keeps, so that a resumed run does the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Request:
    """The options of a run; `command` is the command line, to be shown to people.

    User tags are sent with the PUT; with `ensure_tags` those that are still missing after the recovery are created.
    `vms`: VMs were asked for, and the volumes of the run are those that are attached to them again.
    """

    system_tags: tuple[str, ...] = ()
    user_tags: tuple[str, ...] = ()
    ensure_tags: bool = True
    reattach: bool = False
    allow_root: bool = False
    strict: bool = False
    dry_run: bool = False
    command: str = ""
    vms: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read the JSON of this or another version of zvol: what it does not understand takes its default."""
        try:
            found = json.loads(text)
        except ValueError:
            return cls()
        if not isinstance(found, dict):
            return cls()
        known = {one.name: _value(found.get(one.name), one.default) for one in fields(cls)}
        return cls(**known)


DEFAULT_REQUEST: Final = Request()


def _value(found: object, default: Any) -> Any:
    if isinstance(default, tuple):
        good = isinstance(found, list) and all(isinstance(one, str) for one in found)
        return tuple(found) if good and isinstance(found, list) else default
    return found if type(found) is type(default) else default
