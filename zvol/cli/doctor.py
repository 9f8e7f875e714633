"""`zvol doctor`: is everything as a recovery needs it.

Nothing is sent that could change anything: on some paths of a ZStack a GET deletes or logs out, so each request is one
of those that the tests list.  It never logs in, for a login may end the other sessions of an account.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.errors import AuthError, CannotTell, ConfigError, Exit, UsageProblem, ZvolError
from zvol.files import exposure_on_disk
from zvol.render.values import Column, Report, Table, text_column

if TYPE_CHECKING:
    from pathlib import Path

    from zvol.zstack.auth import Auth
    from zvol.zstack.client import Client

CLOCK_SECONDS = 60.0
NODE = "/v1/management-nodes/actions"


class Finding(NamedTuple):
    """What one check found; `hint` says what to do about it, and is shown when it is not well."""

    check: str
    ok: bool
    found: str
    hint: str = ""


COLUMNS: Final[Sequence[Column[Finding]]] = [
    text_column("CHECK", lambda one: one.check),
    text_column("STATUS", lambda one: "ok" if one.ok else "WRONG"),
    text_column("FOUND", lambda one: one.found),
    text_column("WHAT TO DO", lambda one: "" if one.ok else one.hint),
]


@click.command("doctor", short_help="Check host, session, clock, policy and files.", epilog="Example: zvol doctor")
@global_options
@pass_context
def command(context: AppContext) -> Report:
    """Check what a recovery needs: one line each, and what to do where something is wrong. Nothing is changed."""
    findings = list(_findings(context))
    table = Table(findings, COLUMNS, Finding._asdict, lambda one: one.check)
    return Report(table, exit=Exit.OK if all(one.ok for one in findings) else Exit.FAILED)


def _findings(context: AppContext) -> Iterator[Finding]:
    """Yield the findings; without a server there is no use in asking it for more."""
    settings = context.settings
    yield Finding(
        "configuration",
        True,
        f"profile {settings.profile or 'none'}; {settings.endpoint.base}, from {settings.sources['host']}",
    )
    yield _files(context)
    yield _runs(context)
    for finding in _server(context):
        yield finding
        if not finding.ok:
            return
    yield from _clock(context)
    session, auth = _session(context)
    yield session
    if auth is not None and session.ok:
        yield _policy(context, auth)


# ---- on this machine ---------------------------------------------------------------------------------------------
def _files(context: AppContext) -> Finding:
    """Look whether others can use what zvol keeps; nothing is repaired here."""
    from zvol.config.paths import state_dir

    folder = state_dir(os.environ)
    kept = [folder, folder / "sessions", *folder.glob("sessions/*"), *folder.glob("journal.db*")]
    if context.settings.config is not None and context.settings.credential.session is not None:
        kept.append(context.settings.config)
    present = [path for path in kept if os.path.lexists(path)]
    for path in present:
        problem = exposure_on_disk(path)
        if problem:
            return Finding("files", False, *problem)
    with context.signals.held():
        problem = _unwritable(context.journal.path)
    if problem:
        return Finding("files", False, *problem)
    return Finding("files", True, f"{len(present)} of zvol's own, all private")


def _unwritable(journal: Path) -> tuple[str, str] | None:
    """Say why a recovery could not write its journal; the folder that is made to find out is gone at once."""
    there = next(path for path in (journal.parent, *journal.parents) if os.path.lexists(path))
    hint = "No recovery can begin without its journal: set XDG_STATE_HOME to a folder of your own."
    spare = there / f".zvol.{os.urandom(6).hex()}"
    try:
        spare.mkdir(mode=0o700)
        spare.rmdir()
    except OSError as exc:
        return f"the journal cannot be written in {journal.parent}: {exc.strerror}", hint
    if journal.exists() and not os.access(journal, os.W_OK):
        return f"the journal {journal} cannot be written", hint
    return None


def _runs(context: AppContext) -> Finding:
    if not context.journal.exists:
        return Finding("runs", True, "none yet")
    try:
        here = (context.server.base, context.server.origin)
        runs = [run for run in context.journal.view.runs() if run.identity.base in here]
    except ZvolError as exc:
        return Finding("runs", False, exc.message, exc.hint or "Set XDG_STATE_HOME to a folder of your own.")
    left = [run for run in runs if run.unfinished and not run.alive]
    return Finding("runs", not left, f"{len(runs)} here, {len(left)} with something open", "Run: zvol resume")


# ---- the server, without a session -------------------------------------------------------------------------------
def _server(context: AppContext) -> Iterator[Finding]:
    from zvol.errors import Untrusted
    from zvol.zstack.answers import document_of
    from zvol.zstack.request import ask

    endpoint = context.settings.endpoint
    place, problem, answer = f"{endpoint.host}:{endpoint.port}", None, None
    try:
        answer = ask(context.server.transport, "PUT", NODE, {"getVersion": {}})
    except Untrusted as exc:
        problem = exc
    except ConfigError as exc:
        yield Finding("tls", False, exc.message, f"{exc.hint} It is from {context.settings.sources['ca_file']}.")
        return
    except ZvolError as exc:
        hint = "Check host, port, proxy and network; `zvol config show` says where each value is from."
        yield Finding("host", False, exc.message, hint)
        return
    yield Finding("host", True, f"{place} answers")
    yield _tls(context, problem)
    if answer is None:
        return
    version = (document_of(answer) or {}).get("version")
    if not isinstance(version, str):
        hint = "Check the port and the path of `host`: a management node listens on 8080, below /zstack."
        yield Finding("version", False, f"it does not answer as a ZStack (HTTP {answer.status})", hint)
        return
    tried = version.startswith("5.2.")
    note = "" if tried else " (not one that zvol was tried with: it waits longer for lost answers)"
    yield Finding("version", True, f"ZStack {version}{note}")


def _tls(context: AppContext, problem: ZvolError | None) -> Finding:
    settings = context.settings
    if problem is not None:
        return Finding("tls", False, problem.message, problem.hint)
    if settings.endpoint.scheme == "https":
        return Finding("tls", True, f"verified with {settings.ca_file or 'the usual authorities'}")
    return Finding("tls", True, "none: plain http, as the configuration allows")


def _clock(context: AppContext) -> Iterator[Finding]:
    from zvol.zstack.client import Client
    from zvol.zstack.server_clock import ANYBODY

    client = Client(context.server.transport, ANYBODY)
    before = context.clock.wall()
    server: float | None = None
    try:
        server = client.server_time()
        apart = server - (before + context.clock.wall()) / 2
        hint = "Set the clock of this machine or of the management node: one of them is wrong."
        yield Finding("clock", abs(apart) < CLOCK_SECONDS, f"{round(apart):+d} s from this machine", hint)
    except ZvolError as exc:
        hint = "Without it no time left and no age can be told; filters by time and the alarm do not work."
        yield Finding("clock", False, f"not known: {exc.message}", hint)
    yield _zone(context, client, server)


def _zone(context: AppContext, client: Client, now: float | None) -> Finding:
    from zvol.zstack.server_facts import PROFILE
    from zvol.zstack.zones import Zone

    own = context.settings.timezone
    try:
        zone = Zone.from_server(*client.timezone(), now)
    except CannotTell as exc:
        zone, why = Zone(), exc.message
    except ZvolError as exc:
        hint = "Without it no time left and no date can be told; filters by time and the alarm do not work."
        return Finding("zone", False, f"not known: {exc.message}", hint)
    else:
        why = "the server's time zone is not known here"
    if zone.tz is None:
        return Finding("zone", own is not None, f"{why}; the profile says {own or 'nothing'}", PROFILE)
    ignored = f"; `timezone: {own}` of the profile does not count" if own else ""
    only = " at this moment (it does not tell its summer time: the earlier deadline counts)" if zone.offset else ""
    return Finding("zone", True, f"{zone.tz}, as the server says{only}{ignored}")


# ---- the session, and what can be read with it -------------------------------------------------------------------
def _session(context: AppContext) -> tuple[Finding, Auth | None]:
    """Look at what a run would use, short of logging in."""
    given, logins = context.settings.credential, context.server.sessions
    try:
        if not given.gives_session and not logins.uses_access_key and given.gives_password and logins.stored() is None:
            text = f"none is kept: zvol logs in for each run, as {given.account or 'nobody'} (not tried here)"
            return Finding("session", given.account is not None, text, "Name the account."), None
        return _valid(context)
    except ZvolError as exc:
        blamed = isinstance(exc, AuthError | UsageProblem)
        other = "Run `zvol login`, or give another session." if blamed else "It is not known to be bad: try again."
        return Finding("session", False, exc.message, getattr(exc, "hint", "") or other), None


def _valid(context: AppContext) -> tuple[Finding, Auth | None]:
    from zvol.zstack.client import Client
    from zvol.zstack.login import valid

    logins, given = context.server.sessions, context.settings.credential
    auth = logins.auth
    if logins.uses_access_key:
        Client(context.server.transport, auth).query("/v1/volumes", [("limit", "1"), ("fields", "uuid")])
        return Finding("session", True, f"access key {given.access_key_id} is accepted"), auth
    known = valid(context.server.transport, logins.session.secret)
    said = {True: "valid", False: "it has ended", None: "the server did not say whether it is valid"}[known]
    whom = f"of {logins.account}" + (f"/{logins.user}" if logins.user else "") if logins.account else "of an account"
    again = known is False and given.gives_password and not given.gives_session
    text = f"{whom}, {logins.source}: {said}" + ("; the next run logs in again" if again else "")
    hint = logins.session.advice("")
    return Finding("session", known is True or again, text, hint), auth if known else None


def _policy(context: AppContext, auth: Auth) -> Finding:
    from zvol.catalog.retention import parse_policy
    from zvol.text import human_duration
    from zvol.zstack.client import Client

    try:
        found = parse_policy(
            Client(context.server.transport, auth).all("/v1/global-configurations", ["category=volume"], key="name")
        )
    except ZvolError as exc:
        hint = "Without it no time left can be told; `--expiring-within` and the alarm do not work."
        return Finding("policy", False, f"not known: {exc.message}", hint)
    if not found.whole:
        hint = "Without deletionPolicy and expungePeriod no time left can be told."
        return Finding("policy", False, "the server does not say how long it keeps deleted volumes", hint)
    period = human_duration(found.period_seconds) if found.period_seconds else "an unknown time"
    if found.deletion_policy == "Never":
        return Finding("policy", True, "Never: what is deleted stays until somebody expunges it")
    text = f"{found.deletion_policy}, safe for {period} after a deletion"
    hint = "What is deleted from now on is gone at once: ask the administrator for the policy Delay."
    return Finding("policy", found.deletion_policy != "Direct", text, hint)
