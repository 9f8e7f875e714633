"""`zvol resume`: settle and finish what interrupted runs left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.errors import Exit, LocalState, ZvolError, most_severe
from zvol.journal.records import Holder
from zvol.render.values import Report

if TYPE_CHECKING:
    from zvol.cli.progress import ProgressReporter
    from zvol.journal.journal import Journal
    from zvol.journal.records import Run, UnfinishedVolume
    from zvol.model import Outcome, Result
    from zvol.recovery.engine import Engine
    from zvol.recovery.task import VolumeTask

STALE: Final = 24 * 3600

NAMED: Final = 10
"""The most volumes of a run that a warning names."""


@click.command(
    "resume",
    short_help="Settle and finish what interrupted runs left open.",
    epilog="Example: zvol resume",
)
@click.argument("run", required=False)
@click.option("-y", "--yes", is_flag=True, help="Also send what a run older than 24 hours never sent.")
@click.option("--same-account", is_flag=True, help="RUN is of this account; for one whose account is not known.")
@global_options
@pass_context
def command(context: AppContext, run: str | None, yes: bool, same_account: bool) -> Exit | Report:
    """Find out what became of every request that was left open, and finish the run.

    Without RUN all runs of the same server and account are finished; others are named and left alone. Nothing open is
    a success.
    """
    from zvol.cli.progress import ProgressReporter, ReportedResults
    from zvol.cli.recover_runner import advice, new_engine, run_options
    from zvol.model import Result
    from zvol.render.values import Recovery, Table

    if same_account and run is None:
        raise click.UsageError("--same-account goes with RUN.")
    journal = context.journal.view if context.journal.exists else None
    _whole(context, journal)
    known = journal.runs() if journal is not None else []
    runs = _open_runs(context, known, run, vouched=same_account)
    if journal is None or not runs:
        others = run is None and any(one.unfinished for one in known)
        nothing = Table(list[Result](), (), Result.json, lambda one: one.uuid, programs_only=True)
        return Report(nothing, hints=["nothing else is open" if others else "nothing is open"])
    context.server.limit.lift()
    context.journal.prune_at_end(journal)
    reporter = ProgressReporter(context, sum(one.unfinished for one in runs))
    engine = new_engine(context, run_options(context), reporter)
    told = ReportedResults(_results(context, journal, engine, runs, reporter, yes=yes), reporter)
    with context.signals.graceful(engine.stop):
        recovery = Recovery(
            told, advice=lambda: advice(context, told.results, run or "", stopped=context.signals.first is not None)
        )
        code = context.output.recovery(recovery)
    return most_severe((code, engine.lost.exit if engine.lost else Exit.OK))


def _whole(context: AppContext, journal: Journal | None) -> None:
    """Raise LocalState, once, for a journal that was emptied while something was open in it."""
    lost = journal.find_lost_runs(context.clock.wall()) if journal is not None else []
    if lost:
        text = f"the journal {context.journal.path} was emptied or replaced: what run {lost[0]} left open is not known"
        hint = "Nothing was sent. See what is deleted with `zvol list`; the next recovery waits for what may still act."
        raise LocalState(text, hint=hint)


def _open_runs(context: AppContext, runs: Sequence[Run], named: str | None, *, vouched: bool) -> list[Run]:
    """Return the runs to finish, oldest first; raises UsageProblem for a named one that cannot be."""
    from zvol.cli.own_runs import all_open, one_open

    if named is None:
        return all_open(context, runs)
    one = one_open(context, runs, named, vouched=vouched)
    return [one] if one.unfinished else []


def _results(
    context: AppContext, journal: Journal, engine: Engine, runs: Sequence[Run], reporter: ProgressReporter, *, yes: bool
) -> Iterator[Result]:
    """Finish the runs, all together."""
    from zvol.model import Outcome
    from zvol.recovery.outcomes import busy

    try:
        adopted = journal.adopt([one.id for one in runs], context.server.identity)
    except LocalState as error:
        for one in runs:
            yield from _not_done(journal.unfinished_volumes(one.id), Outcome.NOT_SENT, error)
        return
    for run in adopted.living:
        yield from _not_done(
            journal.unfinished_volumes(run),
            Outcome.BUSY,
            busy(Holder(run, context.server.base), context.server.identity),
        )
    old = {one.id for one in runs if abs(context.clock.wall() - one.started) > STALE and not yes}
    yield from engine.resume(journal, [replace(one, held=one.run in old and one.never_sent) for one in adopted.volumes])
    if engine.left:
        reporter.progress.clear()
        for text in _held(context, engine.left):
            context.output.warn(text)


def _held(context: AppContext, tracks: Sequence[VolumeTask]) -> Iterator[str]:
    """Say what was not sent because it is so long ago that somebody asked for it."""
    for run in dict.fromkeys(track.run for track in tracks):
        uuids = [track.uuid for track in tracks if track.run == run]
        more = f" and {len(uuids) - NAMED} more" if len(uuids) > NAMED else ""
        what = "a volume" if len(uuids) == 1 else f"{len(uuids)} volumes"
        text = (
            f"run {run} is older than 24 hours and never sent {what}; still deleted: {', '.join(uuids[:NAMED])}{more}"
        )
        yield f"{text}. To send now: {context.options.command} resume {run} --yes"


def _not_done(left: Sequence[UnfinishedVolume], outcome: Outcome, error: ZvolError) -> Iterator[Result]:
    from zvol.model import Result

    for volume in left:
        yield Result(volume.asked, volume.uuid, outcome, error=error)
