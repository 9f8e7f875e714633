"""`zvol list`: the recycle bin."""

from __future__ import annotations

from typing import Any

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.cli.params import Count
from zvol.cli.selectors import filter_options, parse_filters, select_volumes
from zvol.errors import Exit
from zvol.render.values import Report

SORTS = ("left", "name", "size", "deleted")


@click.command("list", epilog="Example: zvol list --deleted-since 2h")
@filter_options
@click.option("--type", "type", metavar="TYPE", default="Data", show_default=True, help="Data, Root or any.")
@click.option("--status", default="Deleted", show_default=True, help="Volumes of this status; `any` for all.")
@click.option("--sort", type=click.Choice(SORTS), default="left", show_default=True, help="What comes first.")
@click.option("--limit", type=Count(1), metavar="N", help="At most so many.")
@click.option("--exit-code", is_flag=True, help="Exit 10 when something matches, or may match.")
@click.option("--fail-if-empty", is_flag=True, help="Exit 1 when nothing matches.")
@global_options
@pass_context
def command(
    context: AppContext,
    /,
    type: str,
    status: str,
    sort: str,
    limit: int | None,
    exit_code: bool,
    fail_if_empty: bool,
    **options: Any,
) -> Report:
    """Show the deleted data volumes, the one that is destroyed first at the top.

    SAFE UNTIL is a promise of the server's own settings: nothing is destroyed before it. All filters must match.
    """
    from zvol.render import columns

    if context.options.columns == "help":
        return Report(columns.column_help())
    if exit_code and options["expiring"] is None:
        raise click.UsageError("--exit-code needs --expiring-within.")
    filters = parse_filters(options)
    deleted = status.lower() == "deleted"
    shown = columns.pick(context.options.columns, columns.LIST if deleted else columns.ANY_STATUS)
    last_vms = context.output.for_people and any(column.key.startswith("last-vm") for column in shown)
    rows = select_volumes(context, filters, status, type, alarm=exit_code, last_vms=last_vms)
    if sort != "left":
        rows.sort(key=SORT_KEYS[sort], reverse=sort != "name")
    rows = rows[:limit]
    table = columns.listing(rows, shown)
    if not rows:
        whole_bin = deleted and not filters.any and type.lower() in ("data", "any")
        hint = "the recycle bin is empty" if whole_bin else "no volume matches"
        return Report(table, hints=[hint], exit=Exit.FAILED if fail_if_empty else Exit.OK)
    return Report(table, exit=Exit.EXPIRING if exit_code else Exit.OK)


SORT_KEYS: dict[str, Any] = {
    "name": lambda row: (row.volume.name, row.volume.uuid),
    "size": lambda row: (row.volume.size or 0, row.volume.uuid),
    "deleted": lambda row: (row.deleted_at or 0.0, row.volume.uuid),
}
