"""The completion of profiles, runs, volumes and VMs; imported only for a completion.

Only names without characters special to a shell are offered. The server is asked with an existing session, for at most
one second; no program of the profile is run, and no login happens. Any error means no suggestions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from zvol.errors import ZvolError
from zvol.render.row_columns import LEFT
from zvol.resource import Resource
from zvol.text import human_size

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext
    from zvol.row import AnyRow
    from zvol.session.server import Server
    from zvol.zstack.resource_kinds import ResourceKind

R = TypeVar("R", bound=Resource)

SECONDS: Final = 1.0
MOST: Final = 500
"""Maximum number of resources requested; a longer list is not useful."""
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]*")
Suggestions = Iterator[tuple[str, str]]
"""Values with their descriptions."""


def profiles(context: AppContext, _word: str) -> Suggestions:
    for name in context.layers.load().profiles if context.layers.path else ():
        yield name, ""


def runs(context: AppContext, _word: str) -> Suggestions:
    if context.journal.exists:
        for run in context.journal.view.runs():
            yield run.id, "pending" if run.unfinished and not run.alive else ""


def deleted_volumes(context: AppContext, word: str) -> Suggestions:
    from zvol.catalog.retention import volume_row
    from zvol.zstack.resource_kinds import DATA_VOLUME

    server = _server(context)
    volumes = _query(server, DATA_VOLUME, ["status=Deleted", "type=Data"])
    known = server.retention_context(dated=False)
    policy = known.policy(DATA_VOLUME)
    return _named([volume_row(one, policy, known.zone, known.now, {}, {}) for one in volumes], word)


def destroyed_vms(context: AppContext, word: str) -> Suggestions:
    from zvol.catalog.retention import vm_row
    from zvol.catalog.vms import IN_BIN
    from zvol.zstack.resource_kinds import VM_INSTANCE

    server = _server(context)
    vms = _query(server, VM_INSTANCE, [IN_BIN])
    known = server.retention_context(dated=False, kinds=(VM_INSTANCE,))
    policy = known.policy(VM_INSTANCE)
    return _named([vm_row(one, policy, known.zone, known.now, {}) for one in vms], word)


def detached_volumes(context: AppContext, word: str) -> Suggestions:
    """Yield the data volumes that are on no VM, which can be attached."""
    from zvol.row import UNDATED
    from zvol.rows import VolumeRow
    from zvol.zstack.resource_kinds import DATA_VOLUME

    volumes = _query(_server(context), DATA_VOLUME, ["status=Ready", "type=Data"])
    return _named([VolumeRow(one, UNDATED) for one in volumes if one.text("vmInstanceUuid") is None], word)


SOURCES: Final[Mapping[str, Callable[[AppContext, str], Suggestions]]] = {
    one.__name__: one for one in (profiles, runs, deleted_volumes, destroyed_vms, detached_volumes)
}


def suggest(source: str, context: AppContext, word: str, given: Iterable[str]) -> Suggestions:
    """Yield the values of a source that begin with a word, except those that were given already."""
    given = set(given)
    try:
        for value, text in SOURCES[source](context, word):
            if PLAIN.fullmatch(value) and value.startswith(word) and value not in given:
                yield value, text
    except ZvolError:
        return


def _server(context: AppContext) -> Server:
    """Return the server with a timeout of one second, without programs of the profile and without login."""
    settings = context.settings
    at_hand = settings.credential._replace(
        session_command=None,
        password=None,
        password_file=None,
        password_command=None,
        access_key_secret_command=None,
    )
    return context.connect(settings._replace(credential=at_hand, timeout=SECONDS))


def _query(server: Server, kind: ResourceKind[R], conditions: Iterable[str]) -> list[R]:
    query = [*(("q", one) for one in conditions), ("limit", str(MOST)), ("sort", "-lastOpDate")]
    found = server.client.query_page(kind.path, query, SECONDS).inventories
    return [one for one in map(kind.parse, found) if one is not None]


def _named(rows: Iterable[AnyRow], word: str) -> Suggestions:
    """Yield the names of resources, the last deleted first, and the UUIDs of those whose name is ambiguous.

    If the user has typed something, all UUIDs are yielded.
    """
    rows = sorted(rows, key=lambda row: -(row.deleted_at or 0.0))
    count = Counter(row.resource.name for row in rows)
    named = [row for row in rows if count[row.resource.name] == 1 and PLAIN.fullmatch(row.resource.name)]
    for row in named:
        yield row.resource.name, _about(row)
    for row in rows:
        if word or row not in named:
            yield row.resource.uuid, f"{row.resource.name}, {_about(row)}"


def _about(row: AnyRow) -> str:
    size, left = row.resource.number("size"), LEFT.text(row)
    parts = [] if size is None else [human_size(size)]
    if row.resource.deleted:
        parts.append(f"{left} left" if row.retention.seconds_left else f"time left: {left}")
    return ", ".join(parts)
