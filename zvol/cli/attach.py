"""`zvol attach`: attaches recovered volumes to VMs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import SAFETY, Command, option
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import DETACHED_VOLUME, Count, read_volumes
from zvol.cli.selectors import check_expected
from zvol.errors import ZvolError, most_severe
from zvol.model import VolumeArgument
from zvol.render.values import Report

if TYPE_CHECKING:
    from zvol.catalog.attachments import Found
    from zvol.recovery.attach import Attached, Attacher


@click.command(
    "attach",
    cls=Command,
    examples=(
        "zvol attach pg-data",
        "zvol attach pg-data db-1",
        "zvol list --status Ready --last-vm db-1 -o name | zvol attach -",
    ),
)
@click.argument("volumes", nargs=-1, type=DETACHED_VOLUME, metavar="VOLUME... [VM]")
@option("--vm", "vm", metavar="VM", help="Attach all volumes to this VM.")
@option("--dry-run", is_flag=True, group=SAFETY, help="Show what would be done; change nothing.")
@option("-y", "--yes", is_flag=True, group=SAFETY, help="Accepted for scripts; attach never asks.")
@option("--expect", type=Count(0), metavar="N", group=SAFETY, help="Refuse unless there are exactly N volumes.")
@global_options
@pass_context
def command(
    context: AppContext, /, volumes: tuple[str, ...], vm: str | None, dry_run: bool, yes: bool, expect: int | None
) -> Report:
    """Attach recovered volumes, each to the VM it was last on or to the given VM.

    VOLUME and VM are UUIDs or unique names; `-` reads volumes from standard input. The second of two arguments is a VM
    if there is one with that name or UUID. A volume that is already on its VM is a success. If an answer is lost, zvol
    reads the volume to find the outcome; if it is still unknown, the exit code is 3.
    """
    del yes
    if not volumes:
        raise click.UsageError("Missing argument 'VOLUME...'.")
    arguments, vm = _arguments(context, volumes, vm)
    if len(arguments) == 1 and "-" not in volumes and not dry_run:
        return _attach_one(context, arguments[0], vm, expect)
    return _attach_many(context, arguments, vm, expect, dry_run=dry_run)


def _arguments(context: AppContext, volumes: Sequence[str], vm: str | None) -> tuple[list[VolumeArgument], str | None]:
    """Return the volumes and the VM; the second of two arguments is a VM if there is one."""
    from zvol.catalog.attachments import is_vm

    if len(volumes) == 2 and vm is None and "-" not in volumes:
        first = read_volumes(volumes[:1], None)
        if is_vm(context.server.client, volumes[1]):
            return first, volumes[1]
    return read_volumes(volumes, sys.stdin), vm


def _attach_one(context: AppContext, argument: VolumeArgument, vm: str | None, expect: int | None) -> Report:
    from zvol.catalog.attachments import find_attachment
    from zvol.cli.attach_tables import Row, attached_one
    from zvol.recovery.attach import AttachOutcome

    found = find_attachment(context.server.client, context.clock, argument, vm, context.undone_deletion)
    check_expected(1, expect, "is named")
    context.server.deadline.lift()
    [done] = _attach(context, [found], dry_run=False)
    if done.error is not None:
        raise done.error
    name = _name_of(context, done.vm or "") if context.output.picks_columns else None
    already = " already" if done.outcome is AttachOutcome.ALREADY else ""
    hints = [] if context.output.on_screen else [f"{found.uuid} is on VM {done.vm}{already}"]
    return Report(attached_one(Row(found, done, name)), hints=hints)


def _name_of(context: AppContext, vm: str) -> str | None:
    """Return the name of a VM; None if the server does not return it soon."""
    from zvol.catalog.listing import names_soon
    from zvol.zstack.resource_kinds import VM_INSTANCE

    names: dict[str, str] = {}
    with suppress(ZvolError):
        names = names_soon(context.server.client, VM_INSTANCE.path, [vm])
    return names.get(vm)


def _attach_many(
    context: AppContext, arguments: Sequence[VolumeArgument], vm: str | None, expect: int | None, *, dry_run: bool
) -> Report:
    """Attach volumes; if one fails, continue with the others."""
    from zvol.catalog.attachments import find_attachments, vm_names
    from zvol.cli.attach_tables import attached_table, failure, row_of, summary

    client = context.server.client
    found = find_attachments(client, context.clock, arguments, vm, context.undone_deletion)
    named = len({one.uuid for one in found if one.uuid is not None})
    check_expected(named, expect, "is named" if named == 1 else "are named")
    names = vm_names(client, found)
    context.server.deadline.lift()
    done = _attach(context, found, dry_run=dry_run)
    command = context.options.command
    rows = [row_of(one, result, names, command) for one, result in zip(found, done, strict=True)]
    bad = [(row, row.result.error) for row in rows if row.result.error is not None]
    code = most_severe(error.exit for _, error in bad)
    if not context.output.for_people or context.options.quiet:
        return Report(attached_table(rows), failures=[failure(row) for row, _ in bad], exit=code)
    hints = list(dict.fromkeys(error.hint for _, error in bad if error.hint))
    ended = summary(rows, dry_run=dry_run)
    if not context.output.on_screen:
        return Report(attached_table(rows), hints=[ended, *hints], exit=code)
    ended = f"{ended[0].upper()}{ended[1:]}" + (f" (exit {int(code)})" if code else "")
    return Report(attached_table(rows), summary=ended, hints=hints, exit=code)


def _attach(context: AppContext, found: Sequence[Found], *, dry_run: bool) -> list[Attached]:
    """Return the outcome for each volume, in their order."""
    from zvol.recovery.attach import Attached, Attachment, AttachOutcome, would_attach

    known: dict[str, Attached] = {}
    wanted: list[Attachment] = []
    for one in found:
        if one.error is not None:
            known[one.asked] = Attached(AttachOutcome.FAILED, one.volume, one.vm, one.error)
        elif one.already:
            known[one.asked] = Attached(AttachOutcome.ALREADY, one.volume, one.vm)
        elif one.volume is not None and one.vm is not None:
            attachment = Attachment(one.volume, one.vm, one.read_at)
            if dry_run:
                known[one.asked] = would_attach(attachment)
            else:
                wanted.append(attachment)
    attacher = _attacher(context, len(wanted))
    with context.signals.graceful(attacher.stop):
        ended = {one.volume.uuid: one for one in attacher.attach(wanted) if one.volume is not None}
    return [known[one.asked] if one.asked in known else ended[one.uuid or ""] for one in found]


def _attacher(context: AppContext, count: int) -> Attacher:
    from zvol.recovery.attach import PLACES, Attacher

    settings = context.settings
    return Attacher(
        context.server.client,
        context.clock,
        timeout=settings.timeout,
        api_timeout=settings.api_timeout,
        places=PLACES if count == 1 else settings.concurrency,
    )
