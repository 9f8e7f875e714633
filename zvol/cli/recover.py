"""`zvol recover`: recovers deleted volumes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import AFTER, FILTERS, OUTPUT, SAFETY, Command, option
from zvol.cli.options import global_options, own_settings, pass_context
from zvol.cli.params import DELETED_VOLUME, DESTROYED_VM, TAG, Count, read_volumes
from zvol.cli.selectors import (
    check_expected,
    confirm_selection,
    filter_options,
    filters_given,
    no_match,
    parse_filters,
    select_volumes,
)
from zvol.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zvol.catalog.filters import Filters
    from zvol.journal.request import Request
    from zvol.model import VolumeArgument
    from zvol.render.values import Report

FOR_VOLUMES: Final = ("yes", "expect", "fail_if_empty", "system_tags", "user_tags", "no_ensure_tags", "allow_root")
"""Options that cannot be combined with --vm."""


@click.command(
    "recover",
    cls=Command,
    examples=(
        "zvol recover pg-data --reattach",
        "zvol recover --last-vm db-1 --deleted-since 2d --dry-run",
        "zvol recover pg-wal --json | jq -r .installPath",
    ),
)
@click.argument("volumes", nargs=-1, type=DELETED_VOLUME, metavar="[VOLUME...]")
@option(
    "--vm",
    "vms",
    multiple=True,
    type=DESTROYED_VM,
    metavar="VM",
    help="Recover a destroyed VM with its root volume; repeatable.",
)
@filter_options
@option("--all", "everything", is_flag=True, group=FILTERS, help="All deleted data volumes.")
@option("--dry-run", is_flag=True, group=SAFETY, help="Show what would be done; change nothing.")
@option(
    "-y",
    "--yes",
    is_flag=True,
    group=SAFETY,
    help="Do not ask for confirmation; required for filters without a terminal.",
)
@option("--expect", type=Count(0), metavar="N", group=SAFETY, help="Refuse unless there are exactly N volumes.")
@option("--allow-root", is_flag=True, group=SAFETY, help="Also recover root volumes whose VM no longer exists.")
@own_settings("recover", group=SAFETY)
@option("--reattach", is_flag=True, group=AFTER, help="Attach each volume to the VM it was last on.")
@option("--user-tag", "user_tags", multiple=True, type=TAG, group=AFTER, help="Add this user tag; repeatable.")
@option(
    "--no-ensure-tags",
    is_flag=True,
    group=AFTER,
    help="Send user tags, but do not create those that the server ignores.",
)
@option("--system-tag", "system_tags", multiple=True, type=TAG, group=AFTER, help="Send this system tag; repeatable.")
@option("--strict", is_flag=True, group=OUTPUT, help="Fail for volumes and VMs that are already recovered.")
@option("--fail-if-empty", is_flag=True, group=OUTPUT, help="Exit 1 if no volume matches.")
@global_options
@pass_context
def command(context: AppContext, /, volumes: tuple[str, ...], everything: bool, **options: Any) -> Exit | Report:
    """Recover deleted data volumes, each exactly once, and verify each by reading it back.

    VOLUME is a UUID or the exact name of a deleted data volume; `-` reads volumes from standard input, one per line. If
    a line is empty or has a control character, nothing is sent. A volume that is already recovered is a success. Each
    volume has its own result, and a failure does not stop the others.

    Filters select from the deleted data volumes instead; zvol shows the selection and asks for confirmation.

    With --vm, a destroyed VM (UUID or exact name) is recovered with its root volume, and stays stopped.
    """
    filtered, vms = filters_given(options), options["vms"]
    filters = parse_filters(options) if filtered or everything else None
    ways = bool(volumes) + filtered + everything + bool(vms)
    text = "give VOLUMEs, or filters such as --deleted-since, or --all, or --vm; they cannot be combined."
    if ways > 1:
        raise click.UsageError(text)
    if not ways:
        raise _nothing_given(context, text)
    if vms:
        return _recover_vms(context, vms, options)
    if filters is not None:
        return _recover_selected(context, filters, options)
    given = read_volumes(volumes, sys.stdin)
    if not given:
        check_expected(0, options["expect"], "are named")
        return _nothing(context, options)
    return _run(context, given, options, single=len(volumes) == 1 and volumes[0] != "-", expect=options["expect"])


def _recover_selected(context: AppContext, filters: Filters, options: dict[str, Any]) -> Exit | Report:
    """Recover the volumes that the filters select; raises Abort if the user does not confirm."""
    from zvol.model import VolumeArgument

    yes = options["yes"] or options["dry_run"]
    selection = select_volumes(context, filters, shown=not yes)
    if not confirm_selection(context, selection.rows, yes=yes, expect=options["expect"]):
        raise click.Abort
    if not selection.rows:
        return _nothing(context, options, no_match(selection.total))
    volumes = [VolumeArgument(row.volume.uuid, row.volume.uuid, row.volume.last_op_date) for row in selection.rows]
    return _run(context, volumes, options, single=False)


def _nothing(context: AppContext, options: dict[str, Any], why: str = "nothing to do") -> Report:
    """Report that there is nothing to recover, and `why`."""
    from zvol.render.results import several
    from zvol.render.values import Report

    table = None if context.output.for_people else several([])
    return Report(table, hints=[why], exit=Exit.FAILED if options["fail_if_empty"] else Exit.OK)


def _nothing_given(context: AppContext, text: str) -> click.UsageError:
    """Return the usage error, with the volumes that were deleted last as its notes."""
    from zvol.cli.last_deleted import suggestions

    error = click.UsageError(f"nothing to recover: {text}")
    for line in suggestions(context):
        error.add_note(line)
    return error


def _is_given(value: object) -> bool:
    """Tell whether an option was given; 0 is a value."""
    return value not in (None, ()) and value is not False


def _recover_vms(context: AppContext, vms: Sequence[str], options: dict[str, Any]) -> Exit:
    """Recover VMs; raises UsageError for options that apply only to volumes."""
    if any(_is_given(options[name]) for name in FOR_VOLUMES):
        raise click.UsageError(
            "--vm works with --reattach, --dry-run and --strict only; the other options are for volumes."
        )
    if "-" in vms:
        raise click.UsageError("--vm does not read standard input; give it once for each VM.")
    from zvol.cli.recover_vms import recover_vms

    return recover_vms(context, read_volumes(vms, None, what="VM", where="--vm"), _request(context, options))


def _run(
    context: AppContext,
    volumes: list[VolumeArgument],
    options: dict[str, Any],
    *,
    single: bool,
    expect: int | None = None,
) -> Exit:
    from zvol.cli.recover_runner import recover

    return recover(context, volumes, _request(context, options), single=single, expect=expect)


def _request(context: AppContext, options: dict[str, Any]) -> Request:
    from zvol.journal.request import Request

    return Request(
        system_tags=options["system_tags"],
        user_tags=options["user_tags"],
        ensure_tags=not options["no_ensure_tags"],
        reattach=options["reattach"],
        allow_root=options["allow_root"],
        strict=options["strict"],
        dry_run=options["dry_run"],
        command=context.options.typed,
        vms=bool(options["vms"]),
    )
