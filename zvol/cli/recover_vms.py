"""Recovers VMs, with `--reattach` also the volumes that were on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from zvol.catalog.reattach import Reattachment, find_reattached
from zvol.catalog.vm_names import resolve_vms
from zvol.cli.recover_runner import run_engine
from zvol.errors import Exit

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext
    from zvol.journal.request import Request
    from zvol.model import VolumeArgument


def recover_vms(context: AppContext, vms: Sequence[VolumeArgument], request: Request) -> Exit:
    """Recover VMs, with `reattach` also the volumes that were on them, and return the exit code."""
    client = context.server.client
    found = resolve_vms(client, vms, context.server.vm_rows)
    again = (
        find_reattached(client, found.targets, context.destruction) if request.reattach else Reattachment(found.targets)
    )
    with_it: dict[str, list[str]] = {one.text: [one.text] for one in vms}
    whose = {target.uuid: target.asked for target in found.targets}
    for target in again.targets:
        if target.vm is not None:
            with_it[whose[target.vm]].append(target.asked)
    order = [text for texts in with_it.values() for text in texts]
    return run_engine(
        context, again.targets, request, order, lambda results: again.annotated(chain(found.refused, results))
    )
