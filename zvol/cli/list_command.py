"""`zvol list`: lists deleted volumes and destroyed VMs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import FILTERS, OUTPUT, Command, option
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import Count
from zvol.cli.selectors import Selection, filter_options, no_match, parse_filters, select_vms, select_volumes
from zvol.errors import Exit, UsageProblem
from zvol.render.values import Report, Table
from zvol.row import AnyRow

if TYPE_CHECKING:
    from zvol.catalog.filters import Filters

R = TypeVar("R", bound=AnyRow)

SORTS: Final = ("left", "name", "size", "deleted")
"""Values of `--sort`, ascending; a leading minus means descending."""
AROUND: Final = 4
"""Lines besides the rows of a table: its header, the summary and two hints."""
OF_VOLUMES: Final = {
    "last_vm": "--last-vm",
    "storage": "--primary-storage",
    "tagged": "--tagged",
    "type": "--type",
    "status": "--status",
}
"""Options that do not apply to VMs."""


@click.command(
    "list",
    cls=Command,
    context_settings={"allow_extra_args": True},
    examples=(
        "zvol list --deleted-since 2h",
        "zvol list --name 'pg-*' --columns name,uuid,last-vm",
        "zvol list --expiring-within 12h --exit-code",
    ),
)
@filter_options
@option("--vms", is_flag=True, group=FILTERS, help="List destroyed VMs instead of volumes.")
@option("--type", "type", metavar="TYPE", default="Data", show_default=True, group=FILTERS, help="Data, Root or any.")
@option(
    "--status",
    metavar="STATUS",
    default="Deleted",
    show_default=True,
    group=FILTERS,
    help="Only volumes with this status; `any` for all.",
)
@option(
    "--sort",
    type=click.Choice([*SORTS, *(f"-{key}" for key in SORTS)]),
    metavar="[-]KEY",
    default="left",
    show_default=True,
    group=OUTPUT,
    help=f"Sort by {', '.join(SORTS[:-1])} or {SORTS[-1]}; - reverses the order, as in -deleted.",
)
@option("--limit", type=Count(1), metavar="N", group=OUTPUT, help="Maximum number of rows.")
@option("--exit-code", is_flag=True, group=OUTPUT, help="Exit 10 if a volume or VM matches or may match.")
@option("--fail-if-empty", is_flag=True, group=OUTPUT, help="Exit 1 if nothing matches.")
@global_options
@pass_context
def command(context: AppContext, /, type: str, status: str, **options: Any) -> Report:
    """List deleted data volumes, most urgent first.

    LEFT (SAFE UNTIL in a pipe) is computed from the server's own settings: no volume is destroyed earlier. Volumes must
    match all filters. --vms lists destroyed VMs instead; it accepts the filters --name, --deleted-since,
    --deleted-before and --expiring-within.
    """
    from zvol.render import columns

    if names := click.get_current_context().args:
        raise _names_given(names)
    vms = options["vms"]
    if context.options.columns == "help":
        return Report((columns.VMS if vms else columns.VOLUMES).help())
    if options["exit_code"] and options["expiring"] is None:
        raise click.UsageError("--exit-code needs --expiring-within.")
    filters = parse_filters(options)
    if vms:
        _refuse_options_of_volumes(click.get_current_context(), options["sort"])
        found = select_vms(context, filters, alarm=options["exit_code"])
        empty = "no VM matches" if filters.any else "there is no destroyed VM"
        return _report(context, found, partial(columns.VMS.listing, text=context.options.columns), options, empty)
    return _list_volumes(context, filters, status, type, options)


def _names_given(names: Sequence[str]) -> click.UsageError:
    """Return the usage error for names after the options."""
    import shlex

    return click.UsageError(
        f"list takes no names; use --name {shlex.quote(names[0])}, or `zvol show` to see one in full."
    )


def _list_volumes(context: AppContext, filters: Filters, status: str, type: str, options: dict[str, Any]) -> Report:
    from zvol.render.columns import VOLUMES

    alarm, deleted = options["exit_code"], status.lower() == "deleted"
    of_vms = deleted and type.lower() in ("data", "any") and not (filters.last_vm or filters.storage or filters.tagged)
    listing = partial(VOLUMES.listing, text=context.options.columns, any_status=not deleted)
    table, output = listing(()), context.output
    shown = (output.wide and table.wide) or table.columns
    last_vms = output.shows_all or (output.for_people and any(column.key.startswith("last-vm") for column in shown))
    selection = select_volumes(context, filters, status, type, alarm=alarm, last_vms=last_vms, vms=alarm and of_vms)
    hints = []
    if alarm and of_vms:
        hints = _alarm_of_vms(context, filters, selection)
    elif of_vms and not filters.any and context.output.for_people and not context.options.quiet:
        hints = _hint_at_vms(context)
    empty = no_match(selection.total) if deleted and type.lower() == "data" else "no volume matches"
    return _report(context, selection.rows, listing, options, empty, hints)


def _report(
    context: AppContext,
    found: Sequence[R],
    listing: Callable[[Sequence[R]], Table[R]],
    options: dict[str, Any],
    empty: str,
    hints: Sequence[str] = (),
) -> Report:
    """Return the report of the rows; the `hints` of an alarm are about volumes or VMs that are not in the table."""
    from zvol.render.summaries import of_list

    rows = _sorted(found, options["sort"])[: options["limit"]]
    code = Exit.EXPIRING if options["exit_code"] and (rows or hints) else Exit.OK
    if not rows:
        hints = [empty, *hints]
        code = Exit.FAILED if options["fail_if_empty"] and code is Exit.OK else code
    if rows and options["vms"] and context.output.on_screen:
        hints = [*hints, f"Recover one with its volumes: {context.options.command} recover --vm NAME --reattach"]
    if rows and options["sort"] == "left" and len(rows) + AROUND > context.output.height:
        vms = " --vms" if options["vms"] else ""
        hints = [*hints, f"Newest first: {context.options.command} list{vms} --sort -deleted"]
    summary = of_list(found, shown=len(rows), sandbox=context.options.sandbox) if rows else ""
    return Report(listing(rows), hints=hints, summary=summary, exit=code)


def _sorted(rows: Sequence[R], by: str) -> Sequence[R]:
    """Return rows, which are sorted by urgency, in the order of `--sort`."""
    key = by.removeprefix("-")
    found = rows if key == "left" else sorted(rows, key=SORT_KEYS[key])
    return found[::-1] if key != by else found


def _refuse_options_of_volumes(command: click.Context, sort: str) -> None:
    """Raise UsageProblem for options that do not apply to VMs."""
    default = click.core.ParameterSource.DEFAULT
    given = [option for name, option in OF_VOLUMES.items() if command.get_parameter_source(name) is not default]
    if sort.endswith("size"):
        given.append(f"--sort {sort}")
    if given:
        text = f"{', '.join(given)} cannot be used with --vms"
        raise UsageProblem(text, hint="VMs are chosen by --name, --deleted-since, --deleted-before, --expiring-within.")


def _hint_at_vms(context: AppContext) -> list[str]:
    """Return a hint if there are destroyed VMs; empty if there are none or they cannot be counted."""
    from zvol.catalog.vms import count_destroyed
    from zvol.errors import ZvolError

    try:
        count = count_destroyed(context.server.client)
    except ZvolError:
        return []
    many = "1 destroyed VM" if count == 1 else f"{count:,} destroyed VMs"
    return [f"{many} can be brought back too: {context.options.command} list --vms"] if count else []


def _alarm_of_vms(context: AppContext, filters: Filters, selection: Selection) -> list[str]:
    """Return why destroyed VMs raise the alarm: some may expire, or that is unknown; empty if they do not."""
    from zvol.catalog.filters import select
    from zvol.catalog.vms import clocks_of_destroyed
    from zvol.errors import ZvolError

    client = context.server.client
    try:
        vms = clocks_of_destroyed(client, selection.known)
    except ZvolError as exc:
        return [f"whether a destroyed VM is about to be gone for good is not known: {exc.full_text}"]
    count = len(select(vms, filters, client, selection.known, alarm=True))
    many = "1 destroyed VM is, or may be," if count == 1 else f"{count:,} destroyed VMs are, or may be,"
    return [f"{many} about to be gone for good: `zvol list --vms`"] if count else []


SORT_KEYS: dict[str, Any] = {
    "name": lambda row: (row.resource.name, row.resource.uuid),
    "size": lambda row: (row.resource.size or 0, row.resource.uuid),
    "deleted": lambda row: (row.deleted_at or 0.0, row.resource.uuid),
}
