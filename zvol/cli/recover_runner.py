"""Runs the engine for `recover` and `resume`: signals, and what is said at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from zvol.catalog.resolve import resolve_targets
from zvol.cli.app_context import AppContext
from zvol.cli.progress import ProgressReporter, ReportedResults
from zvol.cli.volume_rows import listed
from zvol.errors import Exit, most_severe
from zvol.journal.request import Request
from zvol.model import Outcome, Result
from zvol.recovery.engine import Engine
from zvol.recovery.task import Options
from zvol.render.values import Recovery

if TYPE_CHECKING:
    from zvol.cli.params import VolumeArgument


def run_options(context: AppContext) -> Options:
    """Return the options that settings decide."""
    settings = context.settings
    return Options(
        concurrency=settings.concurrency,
        timeout=settings.timeout,
        settle_wait=settings.settle_wait,
        api_timeout=settings.api_timeout,
    )


def new_engine(context: AppContext, options: Options, reporter: ProgressReporter, began: float | None = None) -> Engine:
    """Return an engine; `began` is when the command did (monotonic), for what it has looked up counts too."""
    return Engine(
        context.server.client,
        options,
        context.journal.open,
        context.clock,
        identity=context.server.identity,
        renew=context.server.renew,
        elsewhere=lambda uuid: context.journal.sent_elsewhere(context.server.identity, uuid),
        observer=reporter,
        began=began,
    )


def recover(context: AppContext, asked: Sequence[VolumeArgument], request: Request, *, single: bool) -> Exit:
    """Recover what was asked for, print it, and return the exit code."""
    chosen = resolve_targets(
        context.server.client, [(one.text, one.uuid, one.shown) for one in asked], partial(listed, context)
    )
    began = context.server.limit.began
    context.server.limit.lift()
    reporter = ProgressReporter(context, len(asked))
    engine = new_engine(context, run_options(context), reporter, began)
    results = _chain(chosen.refused, engine.recover(chosen.wanted, request))
    order = [one.text for one in asked]
    told = ReportedResults(results, reporter)
    with context.signals.graceful(engine.stop):
        code = context.output.recovery(
            Recovery(
                told,
                order,
                single=single and not request.dry_run,
                advice=lambda: advice(context, told.results, engine.run_id),
            )
        )
    return most_severe((code, engine.lost.exit if engine.lost else Exit.OK))


def advice(context: AppContext, results: Sequence[Result], run: str | None, *, stopped: bool = False) -> Iterator[str]:
    """Yield what to do next, where there is something; `run` is the one to resume, empty for all."""
    if run is not None and (stopped or any(is_open(result) for result in results)):
        yield f"finish with: {context.options.command} resume {run}".rstrip()
    back = [result for result in results if result.outcome is Outcome.RECOVERED and result.volume is not None]
    if len(results) == len(back) == 1 and context.output.for_people:
        assert back[0].volume is not None
        vm = back[0].volume.text("lastVmInstanceUuid")
        if vm and not back[0].volume.text("vmInstanceUuid"):
            where = f"it is not attached to a VM; it was last on {vm}"
            yield f"{where}: {context.options.command} attach {back[0].uuid}"


def is_open(result: Result) -> bool:
    """Tell whether the journal keeps something of a volume for `zvol resume`."""
    stopped = result.error is not None and result.error.kind == "stopped"
    return stopped or result.unfinished or result.outcome is Outcome.UNKNOWN


def _chain(first: Iterable[Result], then: Iterable[Result]) -> Iterator[Result]:
    yield from first
    yield from then
