"""Runs the engine for `recover` and `resume`, with progress, signals and final hints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from zvol.catalog.resolve import resolve_targets
from zvol.cli.app_context import AppContext
from zvol.cli.progress import ProgressReporter
from zvol.cli.selectors import check_resolved
from zvol.config.layers import Layer
from zvol.errors import Exit, ZvolError, most_severe
from zvol.journal.request import DEFAULT_REQUEST, Request
from zvol.model import Outcome, Result, Target, Volume, VolumeArgument
from zvol.recovery.engine import Engine
from zvol.recovery.task import Options
from zvol.recovery.window_size import LARGEST
from zvol.render.values import Described, Recovery
from zvol.vm_instance import VmInstance

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.journal.records import Run
    from zvol.zstack.client import Client


def recover(
    context: AppContext,
    volumes: Sequence[VolumeArgument],
    request: Request,
    *,
    single: bool,
    expect: int | None = None,
) -> Exit:
    """Recover volumes, print each outcome, and return the exit code.

    Raises UsageProblem unless there are exactly `expect` distinct volumes.
    """
    client = context.server.client
    found = resolve_targets(client, volumes, context.server.volume_rows)
    check_resolved(found, expect)
    targets, roots = _refuse_roots(client, found.targets) if request.allow_root else (found.targets, [])
    order = [one.text for one in volumes]
    return run_engine(
        context,
        targets,
        request,
        order,
        lambda results: _explain_roots(client, chain(found.refused, roots, results)),
        single=single and not request.dry_run,
    )


def _refuse_roots(client: Client, targets: Sequence[Target]) -> tuple[Sequence[Target], Sequence[Result]]:
    from zvol.catalog.roots import refuse_roots

    return refuse_roots(client, targets)


def _explain_roots(client: Client, results: Iterable[Result]) -> Iterator[Result]:
    """Yield results, from the first refused root volume on through `explain_roots`."""
    results = iter(results)
    for result in results:
        if result.error is not None and result.error.kind == "root":
            from zvol.catalog.roots import explain_roots

            yield from explain_roots(client, chain((result,), results))
        else:
            yield result


def run_engine(
    context: AppContext,
    targets: Sequence[Target],
    request: Request,
    order: Sequence[str],
    completed: Callable[[Iterator[Result]], Iterable[Result]],
    *,
    single: bool = False,
) -> Exit:
    """Recover targets, print each outcome, and return the exit code.

    `completed` returns the results of the engine together with those known before the run.
    """
    began = context.server.deadline.began
    context.server.deadline.lift()
    reporter = ProgressReporter(context, len(order))
    engine = _engine(context, reporter, began)
    results = completed(engine.recover(targets, request))
    if len(order) == 1:
        results = _with_last_vm(context, results)
    recovery = Recovery(
        reporter.follow(results),
        order,
        single=single,
        advice=lambda ended: _advice(context, ended, engine.run_id, request),
        describe=lambda ended: _describe(context, ended, engine.run_id, dry_run=request.dry_run),
    )
    return _run(context, engine, recovery)


def resume(context: AppContext, journal: Journal, runs: Sequence[Run], *, run_id: str | None, send_stale: bool) -> Exit:
    """Finish runs, print each outcome, and return the exit code; `run_id` is the run that the user named."""
    from zvol.recovery.resume import resume as resume_runs

    context.server.deadline.lift()
    context.journal.prune_at_end(journal)
    reporter = ProgressReporter(context, sum(run.unfinished for run in runs))
    engine = _engine(context, reporter)
    results: Iterable[Result] = resume_runs(engine, journal, runs, send_stale=send_stale, warn=reporter.warn)
    if sum(run.unfinished for run in runs) == 1:
        results = _with_last_vm(context, results)

    def advice(ended: Sequence[Result]) -> Iterator[str]:
        return _advice(context, ended, run_id or "", stopped=context.signals.first is not None)

    recovery = Recovery(reporter.follow(results), advice=advice, describe=partial(_describe, context))
    return _run(context, engine, recovery)


def _engine(context: AppContext, reporter: ProgressReporter, began: float | None = None) -> Engine:
    """Return an engine; its timeout counts from `began` (monotonic), the start of the command."""
    server, journal, settings = context.server, context.journal, context.settings
    options = Options(
        concurrency=settings.concurrency,
        timeout=settings.timeout,
        settle_wait=settings.settle_wait,
        api_timeout=settings.api_timeout,
        most_under_way=LARGEST if settings.sources["concurrency"] == Layer.DEFAULT else settings.concurrency,
    )
    return Engine(
        server.client,
        options,
        journal.open,
        context.clock,
        identity=server.identity,
        renew=server.sessions.renew,
        elsewhere=partial(journal.sent_elsewhere, server.identity),
        observer=reporter,
        began=began,
    )


def _run(context: AppContext, engine: Engine, recovery: Recovery) -> Exit:
    """Print the results as the engine yields them; on a signal, ask it for an orderly end."""
    with context.signals.graceful(engine.stop):
        code = context.output.recovery(recovery)
    return most_severe((code, engine.lost.exit if engine.lost else Exit.OK))


def _with_last_vm(context: AppContext, results: Iterable[Result]) -> Iterator[Result]:
    """Yield results; those of recovered volumes get the doubt about the VM that they were last on."""
    from zvol.zstack.last_vm import find_doubts

    for result in results:
        shown = context.output.for_people and not context.output.on_screen and not context.options.quiet
        shown = shown and context.signals.first is None
        volume = result.volume
        if shown and volume is not None and result.outcome.is_back:
            doubts = find_doubts([volume], context.server.client.version, partial(_deletion, context, result))
            result = result._replace(last_vm_doubt=doubts[volume.uuid])
        yield result


def _describe(
    context: AppContext, results: Sequence[Result], run: str | None = None, *, dry_run: bool = False
) -> Described:
    """Look up the names that a terminal shows of recovered volumes; UUIDs only if the server does not answer soon."""
    known = Described(dry_run=dry_run, sandbox=context.options.sandbox, command=context.options.command)
    known = known._replace(took=context.elapsed, run=run)
    back = [result for result in results if result.outcome.is_back and result.resource is not None]
    in_trouble = any(result.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT) for result in results)
    if not back or dry_run or in_trouble or context.signals.first is not None:
        return known
    try:
        return _look_up(context, back, known)
    except ZvolError:
        return known


def _look_up(context: AppContext, back: Sequence[Result], known: Described) -> Described:
    """Add names and doubts for recovered volumes, in short requests; raises what the client raises."""
    from zvol.catalog.listing import STORAGES, names_soon, unique_names, vms_soon
    from zvol.zstack.last_vm import find_doubts

    client = context.server.client
    volumes = {result.volume.uuid: result for result in back if result.volume is not None}
    data = [result.volume for result in volumes.values() if result.volume is not None]
    roots = [vm.root for result in back if isinstance(vm := result.resource, VmInstance) and vm.root is not None]
    vms = [volume.text(key) for volume in data for key in ("vmInstanceUuid", "lastVmInstanceUuid")]
    storages = [volume.text("primaryStorageUuid") for volume in (*data, *roots)] if len(back) == 1 else []
    names, stopped = vms_soon(client, vms)
    return known._replace(
        vms=names,
        stopped=stopped,
        storages=names_soon(client, STORAGES, storages),
        unique=unique_names(client, [volume for volume in data if not volume.text("vmInstanceUuid")]),
        doubts=find_doubts(data, client.version, lambda volume: _deletion(context, volumes[volume.uuid], volume)),
    )


def _deletion(context: AppContext, result: Result, volume: Volume) -> str | None:
    """Return the lastOpDate of the deletion that this run, or an earlier one, undid."""
    return result.deletion or context.undone_deletion(volume)


def _advice(
    context: AppContext,
    results: Sequence[Result],
    run_id: str | None,
    request: Request = DEFAULT_REQUEST,
    *,
    stopped: bool = False,
) -> Iterator[str]:
    """Yield the next steps; `run_id` is the run to resume, empty for all, None for none."""
    if run_id is not None and (stopped or any(result.left_open for result in results)):
        yield f"finish with: {context.options.command} resume {run_id}".rstrip()
    if context.output.for_people:
        from zvol.cli.vm_advice import vm_advice

        yield from vm_advice(results, request)
    piped = context.output.for_people and not context.output.on_screen
    if len(results) != 1 or not piped or results[0].outcome is not Outcome.RECOVERED:
        return
    from zvol.render.results import names_attach
    from zvol.zstack.last_vm import CERTAIN

    volume, doubt = results[0].volume, results[0].last_vm_doubt
    if volume is None or volume.text("vmInstanceUuid") or names_attach(results[0]):
        return
    vm, attach = volume.text("lastVmInstanceUuid"), f"{context.options.command} attach {volume.uuid}"
    if vm and doubt != CERTAIN:
        yield f"it is not attached to a VM; the server remembers that it was on {vm}: {attach} {vm}"
    elif vm:
        yield f"it is not attached to a VM; it was last on {vm}: {attach}"
    elif doubt:
        yield f"it is not attached to a VM: {attach} VM"
