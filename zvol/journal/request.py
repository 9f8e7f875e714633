"""The options of a run that the journal keeps, so that a resumed run does the same."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NamedTuple

DEFAULT_API_TIMEOUT: Final = 1800.0
"""Seconds a server allows a recovery when it does not honour the requested timeout."""
DEFAULT_SETTLE_WAIT: Final = 75.0


class Waits(NamedTuple):
    """How long a request may act, in seconds: the timeout that it requests, and how long a proxy may hold it."""

    api_timeout: float
    settle_wait: float

    def longer(self, other: Waits) -> Waits:
        """Return the longer of each pair of waits."""
        return Waits(max(self.api_timeout, other.api_timeout), max(self.settle_wait, other.settle_wait))

    def longest(self, messages: int) -> float:
        """Return the seconds after which no request acts any more, with some minutes for differences of clocks."""
        return self.settle_wait + max(DEFAULT_API_TIMEOUT, self.api_timeout) * messages + 225.0


class Request(NamedTuple):
    """The options of a run; `command` is the command line, to be shown to people.

    User tags are sent with the PUT; with `ensure_tags` those that are still missing after the recovery are created.
    `vms`: VMs were requested, and the volumes of the run are those to attach to them again.
    `api_timeout` and `settle_wait` are the longest with which the run sent something; 0 is unknown.
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
    api_timeout: float = 0.0
    settle_wait: float = 0.0

    @property
    def waits(self) -> Waits:
        """How long its requests may act; the server's default if that was not recorded."""
        return Waits(
            self.api_timeout if 0 < self.api_timeout < math.inf else DEFAULT_API_TIMEOUT,
            self.settle_wait if 0 < self.settle_wait < math.inf else DEFAULT_SETTLE_WAIT,
        )

    @property
    def has_follow_ups(self) -> bool:
        """Tell whether recovered volumes may have to be changed: tagged, or attached."""
        return not self.dry_run and (self.reattach or (self.ensure_tags and bool(self.user_tags)))

    def with_waits(self, waits: Waits) -> Request:
        """Return the same options with other waits."""
        return self._replace(api_timeout=waits.api_timeout, settle_wait=waits.settle_wait)

    def to_json(self) -> str:
        return json.dumps(self._asdict(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read the JSON of this or another version of zvol: unknown values become the defaults."""
        try:
            found = json.loads(text)
        except ValueError:
            return cls()
        if not isinstance(found, dict):
            return cls()
        known = {name: _value(found.get(name), default) for name, default in cls._field_defaults.items()}
        return cls(**known)


DEFAULT_REQUEST: Final = Request()


def _value(found: object, default: Any) -> Any:
    if isinstance(default, tuple):
        good = isinstance(found, list) and all(isinstance(one, str) for one in found)
        return tuple(found) if good and isinstance(found, list) else default
    return found if type(found) is type(default) else default
