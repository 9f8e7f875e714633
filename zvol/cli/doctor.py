"""`zvol doctor`: is everything as a recovery needs it; every request only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from zvol.cli.options import global_options, pass_state
from zvol.cli.state import State
from zvol.errors import Exit, Weather, ZvolError

CLOCK_SECONDS = 60.0
Finding = tuple[str, bool, str, str]
"""Check, whether it is well, what was found, what to do."""


@click.command("doctor", short_help="Check host, session, clock, policy and files.", epilog="Example: zvol doctor")
@global_options
@pass_state
def command(state: State) -> Exit:
    """Check what a recovery needs: one line each, and what to do where something is wrong. Nothing is changed."""
    findings = list(_findings(state))
    if state.output.for_programs:
        keys = ("check", "ok", "found", "hint")
        state.output.documents([dict(zip(keys, finding, strict=True)) for finding in findings])
    else:
        cells = [[name, "ok" if ok else "WRONG", found, "" if ok else hint] for name, ok, found, hint in findings]
        state.output.rows(["CHECK", "IS", "FOUND", "WHAT TO DO"], cells)
    return Exit.OK if all(ok for _, ok, _, _ in findings) else Exit.FAILED


def _findings(state: State) -> Iterator[Finding]:
    """Yield the findings; without a server there is no use in asking it for more."""
    settings = state.settings
    yield "configuration", True, f"profile {settings.profile or 'none'}, {settings.endpoint.base}", ""
    yield from _files(state)
    server = _server(state)
    yield server
    if not server[1]:
        return
    yield _clock(state)
    yield _session(state)
    yield _policy(state)


def _files(state: State) -> Iterator[Finding]:
    if not state.journal_path.exists():
        yield "journal", True, "none yet", ""
        return
    found, problem = _tried(lambda: state.open_journal(looking=True).runs())
    if problem:
        yield "journal", False, problem, "Make room, or set XDG_STATE_HOME to a folder of your own."
        return
    runs = found if isinstance(found, list) else []
    open_runs = [run for run in runs if run.unfinished and not run.alive]
    yield "journal", not open_runs, f"{len(runs)} runs, {len(open_runs)} with something open", "Run `zvol resume`."


def _server(state: State) -> Finding:
    version, problem = _tried(lambda: state.client.version())
    if problem:
        return "session", False, problem, "Run `zvol login`, or give another session."
    if version is None and state.client.server_time() is None:
        hint = "Check host, port, certificate and network; `zvol config show` has the values."
        return "server", False, "it does not answer as a ZStack", hint
    tried = isinstance(version, str) and version.startswith("5.2.")
    note = "" if tried else " (not one that zvol was tried with: it waits longer for lost answers)"
    return "server", True, f"ZStack {version or 'of an unknown version'}{note}", ""


def _clock(state: State) -> Finding:
    server = state.client.server_time()
    zone = state.client.timezone()
    if server is None:
        return "clock", True, "the server does not tell its time", ""
    apart = server - state.clock.wall()
    named = (zone[0] or zone[1]) if zone else f"unknown, the profile says {state.settings.timezone or 'nothing'}"
    hint = "Set the clock of this machine or of the server: access keys fail, and ages are wrong."
    return "clock", abs(apart) < CLOCK_SECONDS, f"{round(apart):+d} s from this machine, zone {named}", hint


def _session(state: State) -> Finding:
    from zvol.zstack.login import valid

    known, problem = _tried(lambda: valid(state.transport, state.logins.current))
    said = {True: "valid", False: "not valid", None: "the server did not say"}
    text = problem or f"{said[known if isinstance(known, bool) else None]} ({state.logins.source})"
    return "session", known is True, text, "Run `zvol login`, or give another session."


def _policy(state: State) -> Finding:
    from zvol.recovery.deadline import Policy, parse_policy
    from zvol.text import human_duration

    path, condition = "/v1/global-configurations", "category=volume"
    found, problem = _tried(lambda: parse_policy(state.client.all(path, [condition], key="name")))
    if not isinstance(found, Policy):
        return "policy", False, problem, "The time left cannot be told; see the session above."
    period = human_duration(found.period_seconds) if found.period_seconds else "an unknown time"
    text = f"{found.deletion_policy}, safe for {period} after a deletion"
    hint = "What is deleted now is gone at once: ask the administrator for Delay."
    return "policy", found.deletion_policy != "Direct", text, hint


def _tried(call: Callable[[], object]) -> tuple[object, str]:
    """Return what a look brought, or why it brought nothing."""
    try:
        return call(), ""
    except (ZvolError, Weather) as exc:
        return None, exc.message
