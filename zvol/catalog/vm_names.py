"""Resolves arguments to destroyed VMs: UUIDs as they are, a name to the only destroyed VM that has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from zvol.catalog.lookalikes import as_glob, explained
from zvol.catalog.resolve import Resolution, resolve
from zvol.catalog.similar import difference, similar, some_names
from zvol.catalog.unresolved import GIVE_UUID, candidates, that_fit
from zvol.errors import UsageProblem, ZvolError
from zvol.model import VM, Outcome, Result, VolumeArgument
from zvol.rows import VmRow
from zvol.text import fold_uuid
from zvol.vm_instance import DESTROYED, VmInstance
from zvol.zstack.query import condition
from zvol.zstack.resource_kinds import VM_INSTANCE

if TYPE_CHECKING:
    from zvol.zstack.client import Client

MakeVmRows = Callable[[Sequence[VmInstance]], Sequence[VmRow]]
FIELDS: Final = "uuid,name,state,createDate,lastOpDate"


def resolve_vms(client: Client, arguments: Sequence[VolumeArgument], make_rows: MakeVmRows) -> Resolution:
    """Resolve VMs; `make_rows` makes rows of the candidates for a name.

    Raises UsageProblem for a pattern, unless a destroyed VM has exactly that name.
    """

    destroyed: list[VmInstance] = []

    def find() -> list[VmInstance]:
        destroyed.extend(_vms(client.query_all(VM_INSTANCE.path, [f"state={DESTROYED}"], fields=FIELDS)))
        return destroyed

    def refuse(names: Sequence[str], by_name: Mapping[str, Sequence[VmInstance]]) -> list[Result]:
        unknown = [name for name in names if not by_name[name]]
        _check_patterns(unknown)
        others = _not_destroyed(client, unknown)
        rows = candidates(names, by_name, make_rows)
        close = similar(unknown, destroyed)
        return [
            _refusal(name, [row for row in rows if row.vm.name == name], others.get(name, []), close.get(name, []))
            for name in names
        ]

    return resolve(arguments, VM_INSTANCE, find, refuse)


def _vms(found: Sequence[Mapping[str, Any]]) -> list[VmInstance]:
    uuids = (one.get("uuid") for one in found)
    return [VmInstance(uuid, one) for uuid, one in zip(uuids, found, strict=True) if _is_uuid(uuid)]


def _is_uuid(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and fold_uuid(text) == text


def _check_patterns(names: Sequence[str]) -> None:
    for name in names:
        if (glob := as_glob(name)) is not None:
            text = f"--vm takes a UUID or the exact name of a destroyed VM, and none is called {name}; nothing was sent"
            raise UsageProblem(text, hint=f"See which match with `zvol list --vms --name {glob}`, then name them.")


def _not_destroyed(client: Client, names: Sequence[str]) -> dict[str, list[VmInstance]]:
    """Return the VMs with one of the names that are not destroyed, in one request; empty if it fails."""
    names = that_fit([name for name in names if condition("name", "?=", name)])
    if not names:
        return {}
    query = [("q", f"name?={','.join(names)}"), ("q", f"state!={DESTROYED}"), ("fields", FIELDS), ("limit", "100")]
    try:
        found = _vms(client.query_page(VM_INSTANCE.path, query).inventories)
    except ZvolError:
        return {}
    return {name: [vm for vm in found if vm.name == name and vm.state != DESTROYED] for name in names}


def _refusal(
    name: str, destroyed: Sequence[VmRow], others: Sequence[VmInstance], close: Sequence[VmInstance]
) -> Result:
    """Return why a name is refused, with all VMs that have it, or only the destroyed ones if there are any.

    `close` are destroyed VMs with similar names.
    """
    kind, text, hint = "not-found", "no destroyed VM has this name", "`zvol list --vms` shows what can be recovered."
    if destroyed:
        kind, text = "ambiguous", f"{len(destroyed)} destroyed VMs have this name"
        hint = GIVE_UUID
    elif others:
        many = f"{len(others)} that are not destroyed do" if len(others) > 1 else "one that is not destroyed does"
        text = f"{text}, but {many}"
        uuid = others[0].uuid if len(others) == 1 else "UUID"
        hint = f"See it: `zvol show --vm {uuid}`"
    elif len(close) == 1:
        text += difference(name, close[0].name)
        hint = f"If you mean that one: `zvol recover --vm {close[0].uuid}`"
    elif close:
        text += f"; similar names: {some_names(close)}"
    else:
        text += explained(name)
    error = ZvolError(text, kind=kind, hint=hint)
    return Result(name, None, Outcome.FAILED, error=error, candidates=tuple(destroyed or others), target=VM)
