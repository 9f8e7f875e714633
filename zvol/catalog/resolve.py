"""Resolves arguments to volumes: UUIDs as they are, a name to the only deleted data volume that has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from zvol.errors import ZvolError, nothing_sent
from zvol.model import Outcome, Result, Target, Volume, VolumeArgument
from zvol.resource import Resource
from zvol.zstack.query import MAX_NAMES, condition
from zvol.zstack.resource_kinds import DATA_VOLUME, ResourceKind

if TYPE_CHECKING:
    from zvol.catalog.unresolved import MakeRows
    from zvol.zstack.client import Client

R = TypeVar("R", bound=Resource)


class Resolution(NamedTuple):
    """The targets, and a failed result for each argument that names none."""

    targets: tuple[Target, ...]
    refused: tuple[Result, ...]


def resolve(
    arguments: Sequence[VolumeArgument],
    kind: ResourceKind[R],
    find: Callable[[], Sequence[R]],
    refuse: Callable[[Sequence[str], Mapping[str, Sequence[R]]], Sequence[Result]],
) -> Resolution:
    """Resolve arguments of one kind; a refused name does not stop the others.

    A name means the deletion that is found, and no later one. `find` returns deleted resources, and is called only for
    names, which are compared here because the query language of the server cannot express every name. `refuse` returns
    the results for names without exactly one match, if there are any; it gets them with their matches.
    """
    names = list(dict.fromkeys(one.text for one in arguments if one.uuid is None))
    by_name: dict[str, list[R]] = {name: [] for name in names}
    error: ZvolError | None = None
    try:
        for resource in find() if names else ():
            by_name.get(resource.name, []).append(resource)
    except ZvolError as exc:
        error = nothing_sent(exc)
    targets: dict[str, Target] = {}
    for order, one in enumerate(arguments):
        if one.uuid is not None:
            targets.setdefault(one.uuid, Target(one.text, one.uuid, order, one.shown, kind.name))
        elif len(by_name[one.text]) == 1:
            [found] = by_name[one.text]
            targets.setdefault(found.uuid, Target(one.text, found.uuid, order, found.last_op_date, kind.name))
    refused = [name for name in names if len(by_name[name]) != 1]
    results = [Result(name, None, Outcome.NOT_SENT, error=error, target=kind.name) for name in refused if error]
    return Resolution(tuple(targets.values()), tuple(results or (refuse(refused, by_name) if refused else ())))


def resolve_targets(client: Client, arguments: Sequence[VolumeArgument], make_rows: MakeRows) -> Resolution:
    """Resolve VOLUME arguments; `make_rows` makes rows of the candidates for a name.

    Raises UsageProblem for a line of standard input that is not a name and looks like something else, such as a UUID in
    quotes.
    """
    volumes: list[Volume] = []

    def find() -> list[Volume]:
        volumes.extend(client.list_volumes())
        return volumes

    def refuse(names: Sequence[str], by_name: Mapping[str, Sequence[Volume]]) -> list[Result]:
        from zvol.catalog.unresolved import refuse_deleted

        return refuse_deleted(client, arguments, names, by_name, volumes, make_rows)

    return resolve(arguments, DATA_VOLUME, find, refuse)


def resolve_any(client: Client, arguments: Sequence[VolumeArgument], make_rows: MakeRows) -> Resolution:
    """Resolve VOLUME arguments; a name may be that of any volume: deleted or not, data or root."""

    def find() -> list[Volume]:
        names = list(dict.fromkeys(one.text for one in arguments if one.uuid is None))
        conditions = [text for name in names if (text := condition("name", "=", name)) is not None]
        if len(conditions) < len(names) or len(names) > MAX_NAMES:
            return client.list_volumes([])
        return [volume for text in conditions for volume in client.list_volumes([text])]

    def refuse(names: Sequence[str], by_name: Mapping[str, Sequence[Volume]]) -> list[Result]:
        from zvol.catalog.unresolved import refuse_any

        return refuse_any(client, arguments, names, by_name, make_rows)

    return resolve(arguments, DATA_VOLUME, find, refuse)
