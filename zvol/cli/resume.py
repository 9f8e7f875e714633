"""`zvol resume`: settle and finish what interrupted runs left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit, LocalState, UsageProblem, most_severe
from zvol.recovery.records import Holder
from zvol.text import safe

if TYPE_CHECKING:
    from zvol.model import Outcome, Result, Trouble
    from zvol.recovery.engine import Engine
    from zvol.recovery.journal import Journal, Left, Run

STALE: Final = 24 * 3600


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
    from zvol.cli.running import advice, new_engine, run_options
    from zvol.cli.watchman import Told, Watchman

    journal = state.open_journal(looking=True) if state.journal_path.exists() else None
    runs = _open_runs(state, journal.runs() if journal is not None else [], run)
    if journal is None or not runs:
        state.output.hint("nothing is open")
        return state.output.results([], [], single=False) if state.output.for_programs else Exit.OK
    state.limit.lift()
    watchman = Watchman(state, sum(one.unfinished for one in runs))
    engine = new_engine(state, run_options(state), watchman)
    told = Told(_results(state, journal, engine, runs, yes=yes), watchman)
    with state.signals.graceful(engine.stop):
        code = state.output.results(
            told,
            [],
            single=False,
            advice=lambda: advice(state, told.results, run or "", stopped=state.signals.first is not None),
        )
    return most_severe((code, engine.lost.exit if engine.lost else Exit.OK))


def _open_runs(state: State, runs: Sequence[Run], named: str | None) -> list[Run]:
    """Return the runs to finish, oldest first; raises UsageProblem for a named one that cannot be."""
    if named is not None:
        runs = [one for one in runs if one.id == named]
        if not runs:
            raise UsageProblem(f"there is no run {safe(named)}", hint="`zvol runs` lists them.")
    left = [one for one in reversed(runs) if one.unfinished]
    here = [one for one in left if one.identity.base == state.base and one.identity.same(state.identity)]
    elsewhere = sorted({one.identity.base for one in left} - {one.identity.base for one in here})
    if elsewhere and named is not None:
        raise UsageProblem(f"run {named} is on {elsewhere[0]}", hint="Choose that server with -p or --host.")
    if elsewhere:
        state.output.hint(f"there are open runs on other servers too: {', '.join(elsewhere)}")
    return here


def _results(state: State, journal: Journal, engine: Engine, runs: Sequence[Run], *, yes: bool) -> Iterator[Result]:
    """Finish the runs, all together."""
    from zvol.model import Outcome, Trouble
    from zvol.recovery.words import busy

    try:
        adopted = journal.adopt_all([one.id for one in runs])
    except LocalState as error:
        trouble = Trouble(error.kind, error.message, error.hint, error.exit)
        for one in runs:
            yield from _not_done(journal.left(one.id), Outcome.NOT_SENT, trouble)
        return
    for run in adopted.living:
        yield from _not_done(journal.left(run), Outcome.BUSY, busy(Holder(run, state.base), state.identity))
    old = {one.id for one in runs if abs(state.clock.wall() - one.started) > STALE and not yes}
    stale = [one for one in adopted.left if one.run in old and one.state == "planned" and not one.intents]
    text = "this run is older than 24 hours and never sent this"
    yield from _not_done(stale, Outcome.NOT_SENT, Trouble("stale", text, "Pass --yes to send it.", Exit.USAGE))
    yield from engine.resume(journal, [one for one in adopted.left if one not in stale])


def _not_done(left: Sequence[Left], outcome: Outcome, trouble: Trouble) -> Iterator[Result]:
    from zvol.model import Result

    for volume in left:
        yield Result(volume.asked, volume.uuid, outcome, trouble=trouble)
