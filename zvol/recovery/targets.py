"""What `attach` works on: a volume that is not deleted, and a VM; each by its UUID or its exact name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from zvol.errors import Refused, UsageProblem
from zvol.model import Volume
from zvol.recovery.listing import find
from zvol.text import fold_uuid, has_control

if TYPE_CHECKING:
    from zvol.zstack.client import Client

MOST: Final = 12
"""How many candidates a message names."""


def volume(client: Client, name: str, uuid: str | None) -> Volume:
    """Return the volume of a UUID, or the only data volume that has this name and is not deleted.

    Raises Refused for none or several, and what the client raises.
    """
    if uuid is not None:
        found = client.volume(uuid)
        if found is None:
            raise Refused("there is no such volume", uuid=uuid, kind="gone")
        return found
    matches = {one.uuid: one for one in find(client, "any", "Data") if one.name == name and not one.deleted}
    return matches[
        _only(
            list(matches),
            name,
            "data volume",
            "`zvol list --status any` shows all; attach takes one that is not deleted.",
        )
    ]


def vm(client: Client, asked: str) -> str:
    """Return the UUID of a VM that was given by UUID, or by the name that only one VM has which is not destroyed.

    Raises UsageProblem for what is no name, Refused for none or several, and what the client raises.
    """
    uuid = fold_uuid(asked)
    if uuid is not None:
        return uuid
    if not asked.strip() or has_control(asked):
        raise UsageProblem("VM is empty or holds a control character; nothing was sent")
    found = [one for one in client.all("/v1/vm-instances") if one.get("state") != "Destroyed"]
    matches = [one["uuid"] for one in found if one.get("name") == asked and isinstance(one.get("uuid"), str)]
    names = sorted({str(one.get("name")) for one in found})
    more = ", ..." if len(names) > MOST else ""
    return _only(matches, asked, "VM", f"There is: {', '.join(names[:MOST]) or 'none'}{more}.")


def _only(uuids: Sequence[str], name: str, what: str, hint: str) -> str:
    if len(uuids) == 1:
        return uuids[0]
    if not uuids:
        raise Refused(f"there is no {what} {name}", kind="not-found", hint=hint)
    more = ", ..." if len(uuids) > MOST else ""
    hint = f"Give the UUID of the one you mean: {', '.join(uuids[:MOST])}{more}"
    raise Refused(f"{len(uuids)} {what}s are called {name}", kind="ambiguous", hint=hint)
