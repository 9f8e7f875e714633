"""The filters of `list` and `recover`, and the prompt before the selected volumes are recovered."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import FILTERS, option
from zvol.cli.params import SettingType
from zvol.config import kinds
from zvol.errors import UsageProblem

if TYPE_CHECKING:
    from zvol.catalog.filters import Filters
    from zvol.catalog.listing import RetentionContext
    from zvol.catalog.resolve import Resolution
    from zvol.rows import VmRow, VolumeRow
    from zvol.zstack.zones import Zone

F = TypeVar("F", bound=Callable[..., Any])

WHEN_HELP: Final = "Only volumes deleted at or after WHEN: 2h (ago), or a date; see `zvol help times`."
ANSWER: Final = " [y/N]: y"
"""The text after the prompt."""

_filter = partial(option, group=FILTERS)
_OPTIONS = (
    _filter("--name", "name", metavar="GLOB", help="Only volumes whose name matches, such as 'pg-*'."),
    _filter(
        "--deleted-since",
        "since",
        metavar="WHEN",
        help=WHEN_HELP,
    ),
    _filter("--deleted-before", "before", metavar="WHEN", help="Only volumes deleted before WHEN."),
    _filter("--last-vm", "last_vm", metavar="VM", help="Only volumes last on this VM (name or UUID)."),
    _filter("--primary-storage", "storage", metavar="PS", help="Only volumes on this primary storage (name or UUID)."),
    _filter("--tagged", "tagged", metavar="TAG", help="Only volumes with this user tag."),
    _filter(
        "--expiring-within",
        "expiring",
        type=SettingType(kinds.AGE),
        metavar="D",
        help="Only volumes that may be destroyed within D.",
    ),
)


_KEYS: Final = ("name", "since", "before", "last_vm", "storage", "tagged", "expiring")
_NAMES: Final = {"last_vm": "last-vm", "storage": "primary-storage"}


def filter_options(command: F) -> F:
    """Add the filter options to a command."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def filters_given(options: dict[str, Any]) -> bool:
    """Tell whether there is a filter among the options."""
    return any(options[key] is not None for key in _KEYS)


def parse_filters(options: dict[str, Any]) -> Filters:
    """Return the filters of the options; raises UsageProblem for an invalid date or a control character."""
    from zvol.catalog.filters import Filters
    from zvol.catalog.when import parse_when
    from zvol.text import has_control

    for name in ("name", "last_vm", "storage", "tagged"):
        if options[name] is not None and has_control(options[name]):
            hint = "A line end of Windows, perhaps? In a pattern, ? stands for any character."
            raise UsageProblem(f"--{_NAMES.get(name, name)} has a control character in it; nothing was sent", hint=hint)
    return Filters(
        name=options["name"],
        since=parse_when(options["since"], os.environ) if options["since"] is not None else None,
        before=parse_when(options["before"], os.environ) if options["before"] is not None else None,
        last_vm=options["last_vm"],
        storage=options["storage"],
        tagged=options["tagged"],
        expiring_within=options["expiring"],
    )


class Selection(NamedTuple):
    """The volumes that filters select, most urgent first, and the context of their time left.

    `total`: the number without filters.
    """

    rows: list[VolumeRow]
    known: RetentionContext
    total: int


def select_volumes(
    context: AppContext,
    filters: Filters,
    status: str = "Deleted",
    type: str = "Data",
    *,
    alarm: bool = False,
    shown: bool = True,
    last_vms: bool = False,
    vms: bool = False,
) -> Selection:
    """Return the volumes that the filters select, most urgent first; raises what `catalog.filters.select` raises.

    `shown`: the time left is shown. `last_vms`: the last VMs are shown. `vms`: the context of destroyed VMs is looked
    up too.
    """
    from zvol.catalog import filters as catalog
    from zvol.catalog.listing import clocks, find_volumes, volume_rows, with_doubts
    from zvol.row import UNDATED
    from zvol.rows import VolumeRow
    from zvol.zstack.last_vm import find_doubts, shows_last_vm
    from zvol.zstack.resource_kinds import KINDS

    server, client = context.server, context.server.client
    volumes = find_volumes(client, status, type)
    remembers = any(map(shows_last_vm, volumes))
    doubts = partial(find_doubts, ask=client.version, deletion=context.undone_deletion, remembers=remembers)
    rows = [VolumeRow(volume, UNDATED) for volume in volumes]
    facts = catalog.look_up(filters, client, alarm=alarm)
    last = doubts(volumes) if filters.last_vm is not None else {}
    rows = catalog.without_times(with_doubts(rows, last), filters, facts)
    kinds = tuple(KINDS.values()) if vms else clocks(row.volume for row in rows)
    known = server.retention_context(dated=vms or (bool(rows) and (shown or filters.timed)), kinds=kinds)
    explain_dates(context, filters, known.zone, known.now)
    rows = with_doubts(volume_rows(client, (row.volume for row in rows), known), last)
    selected = catalog.decide(rows, filters, facts, known)
    _warn_of_last_vms(context, list(last.values()))
    if last_vms and not last:
        selected = with_doubts(selected, doubts(row.volume for row in selected))
    return Selection(selected, known, len(volumes))


def _warn_of_last_vms(context: AppContext, doubts: Sequence[str]) -> None:
    """Warn for how many volumes the decision of `--last-vm` may be wrong."""
    from zvol.zstack.last_vm import ANOTHER_SINCE, NONE_NAMED

    for doubt, text in (
        (ANOTHER_SINCE, "the server may name an older VM for {} of {} volumes (ZStack before 4.8)"),
        (NONE_NAMED, "the server names no VM for {} of {} volumes; each may have been on one that was destroyed"),
    ):
        if count := doubts.count(doubt):
            context.output.warn(f"--last-vm: {text.format(count, len(doubts))}")


def select_vms(context: AppContext, filters: Filters, *, alarm: bool = False) -> list[VmRow]:
    """Return the destroyed VMs that the filters select, most urgent first; raises as `select_volumes` does."""
    from zvol.catalog import filters as catalog
    from zvol.catalog.vms import find_destroyed, vm_rows
    from zvol.row import UNDATED
    from zvol.rows import VmRow
    from zvol.zstack.resource_kinds import VM_INSTANCE

    server = context.server
    facts = catalog.look_up(filters, server.client, alarm=alarm)
    rows = catalog.without_times([VmRow(vm, UNDATED) for vm in find_destroyed(server.client)], filters, facts)
    known = server.retention_context(dated=bool(rows), kinds=(VM_INSTANCE,))
    explain_dates(context, filters, known.zone, known.now)
    return catalog.decide(vm_rows(server.client, [row.vm for row in rows], known), filters, facts, known)


def explain_dates(context: AppContext, filters: Filters, zone: Zone, now: float | None) -> None:
    """Print the zone in which dates without a zone were read; `zone` and `now` are the server's.

    Also prints why the dates can match no volume.
    """
    bounds = [bound for bound in (filters.since, filters.before) if bound is not None]
    if any(bound.zone for bound in bounds):
        from zvol.catalog.when import machine_zone

        if problem := machine_zone(os.environ).problem:
            context.output.warn(problem)
    if notes := filters.explain(zone):
        context.output.hint("; ".join(notes))
    for warning in filters.impossible(now, zone):
        context.output.warn(warning)


def no_match(total: int) -> str:
    """Return why none of `total` deleted volumes was selected."""
    if not total:
        return "the recycle bin is empty"
    many = "there is 1 deleted volume" if total == 1 else f"there are {total:,} deleted volumes"
    return f"no volume matches; {many} in all"


def check_expected(count: int, expect: int | None, done: str, hint: str = "") -> None:
    """Raise UsageProblem unless there are `expect` volumes; `done` is the verb for the message, such as `match`."""
    if expect is not None and count != expect:
        many = "1 volume" if count == 1 else f"{count:,} volumes"
        raise UsageProblem(f"{many} {done}, and {expect:,} were expected; nothing was sent", hint=hint)


def check_resolved(found: Resolution, expect: int | None) -> None:
    """Raise UsageProblem if VOLUMEs do not name `expect` volumes, or with the reason why that is unknown."""
    from zvol.model import Outcome

    if expect is None:
        return
    refused = [(result, result.error) for result in found.refused if result.error is not None]
    for result, error in refused:
        if result.outcome is Outcome.NOT_SENT:
            raise error
    hint = next((f"{result.asked}: {error.message}" for result, error in refused), "")
    count = len(found.targets)
    check_expected(count, expect, "is named" if count == 1 else "are named", hint)


def confirm_selection(context: AppContext, rows: Sequence[VolumeRow], *, yes: bool, expect: int | None) -> bool:
    """Show the selected volumes, ask for confirmation, and return the answer.

    Raises UsageProblem if their number is not the expected one, or without `yes` and without a terminal.
    """
    check_expected(len(rows), expect, "matches" if len(rows) == 1 else "match")
    if yes or not rows:
        return True
    from zvol.cli.prompts import can_prompt, prompting
    from zvol.render.summaries import selection_summary

    if not can_prompt(no_input=context.settings.no_input, stderr=True):
        many = "1 volume matches" if len(rows) == 1 else f"{len(rows):,} volumes match"
        text = f"{many}; pass --yes to confirm when there is no terminal"
        raise UsageProblem(
            text, hint="Nothing was sent. Look with --dry-run first; --expect N makes sure of the number."
        )
    from zvol.cli.signals import Interrupted
    from zvol.cli.streams import write_message
    from zvol.render.prose import fold
    from zvol.render.terminal import terminal_width

    width = terminal_width(sys.stderr.fileno())
    context.output.preview(rows, width)
    where = "in the sandbox" if context.options.sandbox else f"on {context.settings.endpoint.origin}"
    question = "\n".join(fold(f"Recover {selection_summary(rows)} {where}?", width - len(ANSWER)))
    try:
        with context.server.deadline.paused(), prompting():
            return click.confirm(question, err=True)
    except Interrupted:
        write_message("cancelled; nothing was sent", context.options.prefix)
        raise
