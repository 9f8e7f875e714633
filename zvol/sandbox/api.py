"""The APIs of a management node, and the calls to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zvol.sandbox.node import Node
from zvol.sandbox.store import Tx
from zvol.sandbox.versions import Behaviour

Body = dict[str, Any]


def always(release: Behaviour) -> bool:  # noqa: ARG001
    """Return True: every release has the API."""
    return True


@dataclass(frozen=True, slots=True)
class Query:
    """Reads rows of one resource, a key of RESOURCES; `admin` names the message class if only the admin may."""

    resource: str
    admin: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers at once.  `session` says whether the session is checked, `writes` whether the database is changed."""

    run: Callable[[Node, Tx, Call], Body]
    session: bool = True
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """Answers 202 and runs as a job.

    `run` changes the database and returns the job's body.  `check` is the service's own interceptor (B6).
    `targets` are parameters and the resources they must name; `missing_ok` makes a missing one a success.
    `quota` returns what a call adds to quotas.  `seconds` is the default API timeout.  `slow` calls take
    the job time, others a tenth of it.  `begin` checks and changes the database when a call's turn has come, which a
    server that is killed before `run` leaves behind.
    """

    run: Callable[[Node, Tx, Call], Body]
    check: Callable[[Node, Tx, Call], None] | None = None
    targets: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()
    missing_ok: bool = False
    admin: bool = False
    quota: Callable[[Node, Tx, Call], dict[str, int]] | None = None
    seconds: int = 1800
    slow: bool = True
    begin: Callable[[Node, Tx, Call], None] | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """One API: its route and its handler.

    `java` is the message class that error texts name.  `auth` is false where no Authorization header is looked at.
    `lists` may come several times in a query string, `ints` are whole numbers.  `known`: whether a release has it.
    """

    name: str
    method: str
    path: str
    handler: Query | Reply | Operation
    java: str = ""
    auth: bool = True
    lists: tuple[str, ...] = ()
    ints: tuple[str, ...] = ()
    known: Callable[[Behaviour], bool] = always


def query(name: str, path: str, resource: str, admin: str = "", **more: Any) -> Api:
    """Return the API that queries a resource; `admin` is that of Query, `more` are fields of Api."""
    return Api(name, "GET", path, Query(resource, admin), **more)


@dataclass(slots=True)
class Call:
    """One API call that the HTTP layer accepted.

    `timeout` is in milliseconds, 0 is none.  `account` is known once the session was checked; `queued` is when, by the
    server's clock, the call entered its queue.
    """

    api: Api
    params: dict[str, Any]
    token: str = ""
    job: str = ""
    timeout: int = 0
    system_tags: list[Any] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    account: str = ""
    queued: float = 0.0

    def text(self, name: str) -> str:
        """Return a parameter as text, empty when it is absent."""
        value = self.params.get(name)
        return "" if value is None else str(value).strip()
