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

FOR_VOLUMES: Final = ("yes", "expect", "fail_if_empty", "system_tags", "user_tags", "no_ensure_tags", "allow_root")
"""Options that do not go with --vm."""


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
    help="A destroyed VM with its root volume; repeatable.",
)
@filter_options
@option("--all", "everything", is_flag=True, group=FILTERS, help="Every deleted data volume.")
@option("--dry-run", is_flag=True, group=SAFETY, help="Read only: say what would happen.")
@option("-y", "--yes", is_flag=True, group=SAFETY, help="Do not ask; needed with filters when there is no terminal.")
@option("--expect", type=Count(0), metavar="N", group=SAFETY, help="Refuse unless it is exactly N volumes.")
@option("--allow-root", is_flag=True, group=SAFETY, help="Recover root volumes too whose VM is gone.")
@own_settings("recover", group=SAFETY)
@option("--reattach", is_flag=True, group=AFTER, help="Attach volumes to the VM they were last on.")
@option("--user-tag", "user_tags", multiple=True, type=TAG, group=AFTER, help="Give it this user tag; repeatable.")
@option("--no-ensure-tags", is_flag=True, group=AFTER, help="Only send user tags; do not create the missing ones.")
@option("--system-tag", "system_tags", multiple=True, type=TAG, group=AFTER, help="Send this system tag; repeatable.")
@option("--strict", is_flag=True, group=OUTPUT, help="A volume or VM that is back already is a failure.")
@option("--fail-if-empty", is_flag=True, group=OUTPUT, help="Exit 1 when no volume matches.")
@global_options
@pass_context
def command(context: AppContext, /, volumes: tuple[str, ...], everything: bool, **options: Any) -> Exit:
    """Bring deleted data volumes back, each exactly once, and prove it by reading them back.

    VOLUME is a UUID, or the exact name of a deleted data volume; `-` reads them from standard input, one a line. An
    empty line or a control character stops everything before anything is sent. A volume that is back already is a
    success. Each volume is reported once, and one that fails does not stop the others.
    Filters choose among the deleted data volumes instead; they show what they found and ask.
    A destroyed VM (a UUID, or its exact name) comes back stopped, with its root volume; see --vm and --reattach.
    """
    filters, vms = parse_filters(options), options["vms"]
    ways = bool(volumes) + filters.any + everything + bool(vms)
    text = "give VOLUMEs, or filters such as --deleted-since, or --all, or --vm; they cannot be combined."
    if ways > 1:
        raise click.UsageError(text)
    if not ways:
        raise _nothing_given(context, text)
    if vms:
        return _recover_vms(context, vms, options)
    if not volumes:
        return _recover_selected(context, filters, options)
    given = read_volumes(volumes, sys.stdin)
    if not given:
        check_expected(0, options["expect"], "are named")
        return _nothing(context, options)
    return _run(context, given, options, single=len(volumes) == 1 and volumes[0] != "-", expect=options["expect"])


def _recover_selected(context: AppContext, filters: Filters, options: dict[str, Any]) -> Exit:
    """Recover the volumes that the filters select; raises Abort when the user does not confirm them."""
    from zvol.model import VolumeArgument

    yes = options["yes"] or options["dry_run"]
    selection = select_volumes(context, filters, shown=not yes)
    if not confirm_selection(context, selection.rows, yes=yes, expect=options["expect"]):
        raise click.Abort
    if not selection.rows:
        return _nothing(context, options, no_match(selection.total))
    volumes = [VolumeArgument(row.volume.uuid, row.volume.uuid, row.volume.last_op_date) for row in selection.rows]
    return _run(context, volumes, options, single=False)


def _nothing(context: AppContext, options: dict[str, Any], *why: str) -> Exit:
    """Answer that there is nothing to recover, and `why`."""
    from zvol.render.values import Recovery

    code = context.output.recovery(Recovery([], advice=lambda _: why))
    return Exit.FAILED if options["fail_if_empty"] else code


def _nothing_given(context: AppContext, text: str) -> click.UsageError:
    """Return the error, with what was deleted last as its notes."""
    from zvol.cli.last_deleted import suggestions

    error = click.UsageError(f"nothing to recover: {text}")
    for line in suggestions(context):
        error.add_note(line)
    return error


def _is_given(value: object) -> bool:
    """Tell whether an option was given; 0 is a value."""
    return value not in (None, ()) and value is not False


def _recover_vms(context: AppContext, vms: Sequence[str], options: dict[str, Any]) -> Exit:
    """Recover VMs; raises UsageError for options that are for volumes."""
    if any(_is_given(options[name]) for name in FOR_VOLUMES):
        raise click.UsageError(
            "--vm works with --reattach, --dry-run and --strict only; the other options are for volumes."
        )
    if "-" in vms:
        raise click.UsageError("--vm does not read standard input; give it once for each VM.")
    from zvol.cli.recover_runner import recover_vms

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
