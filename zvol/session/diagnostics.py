"""The checks of `zvol doctor`, in order: this machine, the server, the session, and what it can read.

They never log in, because a login may end other sessions of the account.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from zvol.catalog import diagnostics as server_checks
from zvol.errors import AuthError, UsageProblem, ZvolError
from zvol.files import exposure_on_disk
from zvol.journal import diagnostics as journal_checks
from zvol.model import Check

if TYPE_CHECKING:
    from zvol.journal.journal_file import JournalFile
    from zvol.session.server import Server

DelaySignals = Callable[[], AbstractContextManager[None]]


def checks(server: Server, journal: JournalFile) -> Iterator[Check]:
    """Yield the result of each check; checks that need a server or a session are skipped if there is none."""
    from zvol.zstack.client import Client

    settings = server.settings
    profile = f"profile {settings.profile}, " if settings.profile else ""
    found = f"{profile}host {settings.endpoint.base} ({settings.sources['host']})"
    yield Check("configuration", True, found)
    yield from _own_files(journal, (server.base, server.origin), server.delay_signals)
    ca_file_from = settings.sources["ca_file"]
    for check in server_checks.connection(lambda: server.transport, settings.endpoint, settings.ca_file, ca_file_from):
        yield check
        if not check.ok:
            return
    yield from _clock_and_zone(server)
    check, accepted = _session(server)
    yield check
    if accepted:
        yield server_checks.policy(Client(server.transport, server.sessions.auth))  # this client cannot log in again


def local_checks(problem: ZvolError, journal: JournalFile, delay_signals: DelaySignals) -> Iterator[Check]:
    """Yield the checks that need no server: the `problem` of its configuration, and the files of zvol."""
    found = problem.message.replace("\n", "; ")
    yield Check("configuration", False, found, problem.hint or "Correct it, then run `zvol doctor` again.")
    yield from _own_files(journal, (), delay_signals)


def _own_files(journal: JournalFile, names: Sequence[str], delay_signals: DelaySignals) -> Iterator[Check]:
    """Check the files that zvol stores, or report that HOME is missing; `names` are those of the server."""
    try:
        path = journal.path
    except UsageProblem as exc:
        yield Check("files", False, exc.message, exc.hint)
        return
    with delay_signals():
        files = _files(path)
    yield files
    if names:
        yield journal_checks.open_runs(journal, names)


def _files(journal: Path) -> Check:
    """Check whether others can use the files that zvol stores; repair nothing."""
    from zvol.config.paths import state_dir

    folder = state_dir(os.environ)
    try:
        own = [folder, folder / "sessions", *folder.glob("sessions/*"), *folder.glob("journal.db*")]
        present = [path for path in own if os.path.lexists(path)]
        problems = (problem for path in present if (problem := exposure_on_disk(path)))
        problem = next(problems, None) or journal_checks.unwritable(journal)
    except OSError as exc:
        return Check("files", False, f"cannot use {folder}: {exc.strerror}", journal_checks.PLACE)
    if problem:
        return Check("files", False, *problem)
    return Check("files", True, "only you can read and change zvol's files" if present else "none yet")


def _clock_and_zone(server: Server) -> Iterator[Check]:
    """Check clock and zone with the sources that a run has, except a login."""
    from zvol.zstack.auth import ANONYMOUS
    from zvol.zstack.client import Client

    def with_session() -> Client:
        if server.sessions.must_log_in:
            raise AuthError("there is no session")
        return Client(server.transport, server.sessions.auth)

    try:
        logs_in = server.sessions.must_log_in and server.settings.credential.account is not None
    except ZvolError:
        logs_in = False
    client = Client(server.transport, ANONYMOUS)
    sources, clock = server.zone_sources(client, with_session), server.deadline.clock
    yield from server_checks.clock_and_zone(client, clock, sources, server.settings.timezone, logs_in=logs_in)


def _session(server: Server) -> tuple[Check, bool]:
    """Check the session or access key of a run, without a login; also tell whether it is accepted."""
    credential = server.settings.credential
    try:
        if server.sessions.must_log_in:
            text = f"none is stored; zvol logs in for each run, as {credential.account or 'nobody'} (not tried here)"
            return Check("session", credential.account is not None, text, "Name the account."), False
        return _accepted(server)
    except ZvolError as exc:
        blamed = isinstance(exc, AuthError | UsageProblem)
        other = "Run `zvol login`, or give another session." if blamed else "It is not known to be bad: try again."
        return Check("session", False, exc.message, exc.hint or other), False


def _accepted(server: Server) -> tuple[Check, bool]:
    sessions, credential = server.sessions, server.settings.credential
    accepted = server.accepts_session()
    if sessions.uses_access_key:
        return Check("session", True, f"access key {credential.access_key_id} is accepted"), True
    answer = {True: "valid", False: "expired", None: "not known: the server did not say whether it is valid"}[accepted]
    name = f"{sessions.account}/{sessions.user}" if sessions.user else sessions.account
    again = accepted is False and credential.gives_password and not credential.gives_session
    whose = f"account {name}, " if name else ""
    text = f"{answer} ({whose}{sessions.source})" + ("; the next run logs in again" if again else "")
    return Check("session", accepted is True or again, text, sessions.session.hint("")), accepted is True
