"""What `attach` works on: a volume that is not deleted, and a VM; each by its UUID or its exact name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zvol.catalog.listing import find
from zvol.errors import Refused, UsageProblem
from zvol.model import Volume
from zvol.text import fold_uuid, has_control
from zvol.zstack.volumes import last_op_date_of

if TYPE_CHECKING:
    from zvol.zstack.client import Client

MOST: Final = 12
"""How many candidates a message names."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A VM: its UUID, and the name that it was asked for by."""

    uuid: str
    name: str | None = None


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


def vm(client: Client, asked: str) -> Machine:
    """Return the VM that was given by UUID, or by the name that only one VM has which is not destroyed.

    Raises UsageProblem for what is no name, Refused for none or several, and what the client raises.
    """
    uuid = fold_uuid(asked)
    if uuid is not None:
        return Machine(uuid)
    if not asked.strip() or has_control(asked):
        raise UsageProblem("VM is empty or holds a control character; nothing was sent")
    found = [
        one for one in client.query_all("/v1/vm-instances", fields="uuid,name,state") if one.get("state") != "Destroyed"
    ]
    matches = [one["uuid"] for one in found if one.get("name") == asked and isinstance(one.get("uuid"), str)]
    names = sorted({str(one.get("name")) for one in found})
    more = ", ..." if len(names) > MOST else ""
    return Machine(_only(matches, asked, "VM", f"There is: {', '.join(names[:MOST]) or 'none'}{more}."), asked)


def still(client: Client, shown: Volume, machine: Machine) -> Volume:
    """Return the volume as it is now; raises Refused when a name does not mean any more what it meant.

    Between the look-up of a name and the change that follows from it, somebody may have done something else.
    """
    if machine.name is not None:
        found = client.query_all("/v1/vm-instances", [f"uuid={machine.uuid}"])
        if [one.get("name") for one in found if one.get("state") != "Destroyed"] != [machine.name]:
            raise Refused(f"VM {machine.name} was renamed or destroyed meanwhile", uuid=shown.uuid, kind="changed")
    now = client.volume(shown.uuid)
    if now is None or last_op_date_of(now) != last_op_date_of(shown):
        raise Refused(
            "the volume was deleted or changed meanwhile; it was left as it is",
            uuid=shown.uuid,
            kind="changed",
            hint=f"Look at it with `zvol show {shown.uuid}`, then run the command again if you still want it.",
        )
    return now


def _only(uuids: Sequence[str], name: str, what: str, hint: str) -> str:
    if len(uuids) == 1:
        return uuids[0]
    if not uuids:
        raise Refused(f"there is no {what} {name}", kind="not-found", hint=hint)
    more = ", ..." if len(uuids) > MOST else ""
    hint = f"Give the UUID of the one you mean: {', '.join(uuids[:MOST])}{more}"
    raise Refused(f"{len(uuids)} {what}s are called {name}", kind="ambiguous", hint=hint)
