"""`zvol recover`: the main job."""

from __future__ import annotations

import dataclasses

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.params import CONCURRENCY, TAG, read_volumes
from zvol.cli.state import State
from zvol.errors import Exit


@click.command(
    "recover",
    short_help="Bring deleted data volumes back.",
    epilog="Example: zvol recover d0a7a5e0c0de4b1e8a5efeedbead0001 --json | jq -r .installPath",
)
@click.argument("volumes", nargs=-1, required=True, metavar="VOLUME...")
@click.option("--system-tag", "system_tags", multiple=True, type=TAG, help="Send this system tag; repeatable.")
@click.option("--user-tag", "user_tags", multiple=True, type=TAG, help="Send this user tag; repeatable.")
@click.option("--dry-run", is_flag=True, help="Read only: say what would happen.")
@click.option("--strict", is_flag=True, help="A volume that is back already is a failure.")
@click.option("--allow-root", is_flag=True, help="Recover root volumes too; their VM stays destroyed.")
@click.option("--concurrency", type=CONCURRENCY, help="So many requests at the same time (16).", metavar="N")
@global_options
@pass_state
def command(
    state: State,
    volumes: tuple[str, ...],
    system_tags: tuple[str, ...],
    user_tags: tuple[str, ...],
    dry_run: bool,
    strict: bool,
    allow_root: bool,
    concurrency: int | None,
) -> Exit:
    """Bring deleted data volumes back, each exactly once, and prove it by reading them back.

    VOLUME is a UUID, or the exact name of a deleted data volume; `-` reads them from standard input, one a line. A
    volume that is back already is a success. Each volume is reported once, and one that fails does not stop the others.
    """
    asked = read_volumes(volumes, state.stdin)
    state.concurrency = concurrency
    if not asked:
        return state.output.results([], [], single=False)
    from zvol.cli.running import recover, run_options

    options = dataclasses.replace(
        run_options(state),
        system_tags=system_tags,
        user_tags=user_tags,
        dry_run=dry_run,
        allow_root=allow_root,
    )
    single = len(volumes) == 1 and volumes[0] != "-"
    return recover(state, asked, options, single=single, strict=strict)
