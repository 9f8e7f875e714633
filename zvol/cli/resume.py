"""`zvol resume`: settle and finish what interrupted runs left open."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit, UsageProblem
from zvol.text import safe

STALE = 24 * 3600


@click.command(
    "resume",
    short_help="Settle and finish what interrupted runs left open.",
    epilog="Example: zvol resume",
)
@click.argument("run", required=False)
@click.option("-y", "--yes", is_flag=True, help="Also send what a run older than 24 hours never sent.")
@global_options
@pass_state
def command(state: State, run: str | None, yes: bool) -> Exit:
    """Find out what became of every request that was left open, and finish the run.

    Without RUN all runs on the same server are finished. Nothing open is a success.
    """
    from zvol.cli.running import Told, Watchman, afterwards, new_engine, run_options
    from zvol.model import Outcome, Result, Trouble

    output, origin = state.output, state.origin
    if not state.journal_path.exists():
        return _nothing(state, run)
    journal = state.open_journal()
    runs = [one for one in journal.runs() if one.origin == origin and one.unfinished]
    if run is not None:
        runs = [one for one in runs if one.id == run]
    if not runs:
        return _nothing(state, run)
    watchman = Watchman(state, sum(one.unfinished for one in runs))
    engine = new_engine(state, run_options(state), watchman)

    def results() -> Iterator[Result]:
        for one in reversed(runs):
            left = journal.adopt(one.id)
            if left is None:
                output.warn(f"run {one.id} is still going on")
                continue
            todo = [volume for volume in left if volume.state in ("planned", "open")]
            if state.clock.wall() - one.started > STALE and not yes:
                stale = [volume for volume in todo if volume.state == "planned"]
                todo = [volume for volume in todo if volume.state == "open"]
                trouble = Trouble(
                    "stale",
                    f"run {one.id} is older than 24 hours and never sent this",
                    "Pass --yes to send it.",
                    Exit.USAGE,
                )
                yield from (Result(volume.asked, volume.uuid, Outcome.NOT_SENT, trouble=trouble) for volume in stale)
            engine.options = engine.options.recalled(one.options)
            yield from engine.resume(journal, one.id, todo)

    told = Told(results(), watchman)
    with state.signals.graceful(engine.stop):
        code = output.results(told, [], single=False)
    afterwards(state, engine, told.results)
    return code


def _nothing(state: State, run: str | None) -> Exit:
    """Nothing is open: that is what the user wanted, unless they named a run that never was."""
    known = {one.id for one in state.open_journal().runs()} if state.journal_path.exists() else set[str]()
    if run is not None and run not in known:
        raise UsageProblem(f"there is no run {safe(run)}", hint="`zvol runs` lists them.")
    state.output.hint("nothing is open")
    return state.output.results([], [], single=False) if state.output.for_programs else Exit.OK
