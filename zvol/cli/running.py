"""Runs the engine for `recover` and `resume`: signals, and what is said at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from zvol.cli.looking import listed
from zvol.cli.state import State
from zvol.cli.watchman import Told, Watchman
from zvol.errors import Exit, most_severe
from zvol.model import Outcome, Result
from zvol.recovery.engine import Engine
from zvol.recovery.request import Request
from zvol.recovery.selection import choose
from zvol.recovery.track import Options

if TYPE_CHECKING:
    from zvol.cli.params import Asked


def run_options(state: State) -> Options:
    """Return the options that settings decide."""
    settings = state.settings
    return Options(
        concurrency=settings.concurrency,
        timeout=settings.timeout,
        settle_wait=settings.settle_wait,
        api_timeout=settings.api_timeout,
    )


def new_engine(state: State, options: Options, watchman: Watchman, began: float | None = None) -> Engine:
    """Return an engine; `began` is when the command did (monotonic), for what it has looked up counts too."""
    return Engine(
        state.client,
        options,
        state.open_journal,
        state.clock,
        identity=state.identity,
        renew=state.logins.renew,
        elsewhere=state.sent_elsewhere,
        observer=watchman,
        began=began,
    )


def recover(state: State, asked: Sequence[Asked], request: Request, *, single: bool) -> Exit:
    """Recover what was asked for, print it, and return the exit code."""
    output = state.output
    chosen = choose(state.client, [(one.text, one.uuid, one.shown) for one in asked], partial(listed, state))
    began = state.limit.began
    state.limit.lift()
    watchman = Watchman(state, len(asked))
    engine = new_engine(state, run_options(state), watchman, began)
    results = _chain(chosen.refused, engine.recover(chosen.wanted, request))
    order = [one.text for one in asked]
    told = Told(results, watchman)
    with state.signals.graceful(engine.stop):
        code = output.results(
            told,
            order,
            single=single,
            objects=request.dry_run,
            advice=lambda: advice(state, told.results, engine.run_id),
        )
    return most_severe((code, engine.lost.exit if engine.lost else Exit.OK))


def advice(state: State, results: Sequence[Result], run: str | None, *, stopped: bool = False) -> Iterator[str]:
    """Yield what to do next, where there is something; `run` is the one to resume, empty for all."""
    if run is not None and (stopped or any(is_open(result) for result in results)):
        yield f"finish with: {state.command} resume {run}".rstrip()
    back = [result for result in results if result.outcome is Outcome.RECOVERED and result.volume is not None]
    if len(results) == len(back) == 1 and state.output.format == "table":
        assert back[0].volume is not None
        vm = back[0].volume.text("lastVmInstanceUuid")
        if vm and not back[0].volume.text("vmInstanceUuid"):
            where = f"it is not attached to a VM; it was last on {vm}"
            yield f"{where}: {state.command} attach {back[0].uuid}"


def is_open(result: Result) -> bool:
    """Tell whether the journal keeps something of a volume for `zvol resume`."""
    stopped = result.trouble is not None and result.trouble.kind == "stopped"
    return stopped or result.unfinished or result.outcome is Outcome.UNKNOWN


def _chain(first: Iterable[Result], then: Iterable[Result]) -> Iterator[Result]:
    yield from first
    yield from then
