"""Chooses the open runs that `zvol resume` finishes: those of this server and account. It names the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from zvol.errors import LocalState, UsageProblem
from zvol.text import escape_terminal

if TYPE_CHECKING:
    from zvol.journal.journal import Journal
    from zvol.journal.records import Identity, Run

MAX_NAMED: Final = 10
"""Maximum runs, or volumes of a run, that a message names."""


class ServerIdentity(Protocol):
    """The server of this run, as the journal calls it; `origin` is without the prefix of its API.

    `identity` may need requests and raise what they raise, so that it is read only when it decides something.
    """

    @property
    def base(self) -> str: ...

    @property
    def origin(self) -> str: ...

    @property
    def identity(self) -> Identity: ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning or a hint for the user."""

    text: str
    warning: bool = True


@dataclass(frozen=True, slots=True)
class OpenRuns:
    """The runs to finish, oldest first; `notices` name the open runs that are left alone, and why."""

    runs: Sequence[Run] = ()
    notices: Sequence[Notice] = ()


def open_runs(
    journal: Journal | None, server: ServerIdentity, run_id: str | None, *, same_account: bool, wall: float
) -> OpenRuns:
    """Return the open runs of this server and account, or only the run of this id.

    `same_account`: the user says that the run is of this account, which counts if the journal does not record it.
    Raises UsageProblem when there is no such run or it is not of this server and account, LocalState (once) for a
    journal that was emptied while something was open in it.
    """
    runs = [] if journal is None else _complete(journal, wall).runs()
    if run_id is None:
        return _all(runs, server)
    run = find_run(runs, run_id)
    if run.unfinished:
        _check_ours(run, server, same_account=same_account)
    return OpenRuns([run] if run.unfinished else [])


def find_run(runs: Sequence[Run], run_id: str) -> Run:
    """Return the run of this id; raises UsageProblem when there is none."""
    for run in runs:
        if run.id == run_id:
            return run
    raise UsageProblem(f"there is no run {escape_terminal(run_id)}", hint="`zvol runs` lists them.")


def _complete(journal: Journal, wall: float) -> Journal:
    lost = journal.find_lost_runs(wall)
    if lost:
        text = f"the journal {journal.path} was emptied or replaced: what run {lost[0]} left pending is not known"
        hint = "Nothing was sent. See what is deleted with `zvol list`; the next recovery waits for what may still act."
        raise LocalState(text, hint=hint)
    return journal


def _all(runs: Sequence[Run], server: ServerIdentity) -> OpenRuns:
    unfinished = [run for run in reversed(runs) if run.unfinished]
    ours = [run for run in unfinished if _here(run, server) and run.identity.same(server.identity)]
    others = [run for run in unfinished if run not in ours]
    notices = [_left_alone(run, server) for run in others[:MAX_NAMED]]
    if len(others) > MAX_NAMED:
        notices.append(Notice(f"{len(others) - MAX_NAMED} more runs are left alone: `zvol runs`"))
    return OpenRuns(ours, notices)


def _left_alone(run: Run, server: ServerIdentity) -> Notice:
    perhaps_ours = _here(run, server) and not (run.identity.known and server.identity.known)
    text = f"run {run.id} is {'still running' if run.alive else 'left alone'}: {_why_not(run, server)}"
    return Notice(text, warning=perhaps_ours)


def _check_ours(run: Run, server: ServerIdentity, *, same_account: bool) -> None:
    text = f"run {run.id} cannot be finished here: {_why_not(run, server)}"
    if not _here(run, server):
        raise UsageProblem(text, hint="Choose that server with -p or --host.")
    if run.identity.same(server.identity) or (same_account and not run.identity.known):
        return
    hint = f"Log in to that account, or close the run with `zvol runs forget {run.id}`."
    raise UsageProblem(text, hint=hint if run.identity.known and server.identity.known else "")


def _here(run: Run, server: ServerIdentity) -> bool:
    """Tell whether a run is on this server; a zvol that recorded no account recorded no prefix either."""
    base = run.identity.base
    return base == server.base or (run.identity.account is None and base == server.origin)


def _why_not(run: Run, server: ServerIdentity) -> str:
    return "; ".join(_reasons(run, server))


def _reasons(run: Run, server: ServerIdentity) -> Iterator[str]:
    """Yield why a run is not ours, and what the user can do."""
    whose = run.identity
    if not _here(run, server):
        yield f"it is on another server ({whose.base})"
    elif whose.known and server.identity.known:
        yield f"it is for another account ({whose.account})"
    elif whose.known:
        yield f"it is for {whose.account}, and the account of this session is not known"
        yield "name it: `account` beside the session in the profile, or ZSTACK_ACCOUNT_NAME"
    else:
        known = "" if whose.account is None else f", only its {whose.account}"
        yield f"its account is not known{known}"
        yield f"if it is this one, finish it with: `zvol resume {run.id} --same-account`"
