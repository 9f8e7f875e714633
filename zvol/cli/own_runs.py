"""Which of the runs in the journal are those of this server and account; the others are left alone, and named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zvol.errors import UsageProblem
from zvol.text import escape_terminal

if TYPE_CHECKING:
    from zvol.cli.app_context import AppContext
    from zvol.journal.records import Run

NAMED: Final = 10
"""The most runs that are named one by one when they are left alone."""


def find(runs: Sequence[Run], named: str) -> Run:
    """Return the run of this id; raises UsageProblem when there is none."""
    for one in runs:
        if one.id == named:
            return one
    raise UsageProblem(f"there is no run {escape_terminal(named)}", hint="`zvol runs` lists them.")


def all_open(context: AppContext, runs: Sequence[Run]) -> list[Run]:
    """Return the open runs of this server and account, oldest first, and say which others are left alone, and why."""
    left = [one for one in reversed(runs) if one.unfinished]
    ours = [one for one in left if _here(context, one) and one.identity.same(context.server.identity)]
    alone = [one for one in left if one not in ours]
    for one in alone[:NAMED]:
        ours_perhaps = _here(context, one) and not (one.identity.known and context.server.identity.known)
        say = context.output.warn if ours_perhaps else context.output.hint
        say(f"run {one.id} is {'going on' if one.alive else 'left alone'}: {_why_not(context, one)}")
    if len(alone) > NAMED:
        context.output.warn(f"{len(alone) - NAMED} more runs are left alone: {context.options.command} runs")
    return ours


def one_open(context: AppContext, runs: Sequence[Run], named: str, *, vouched: bool) -> Run:
    """Return the run of this id; raises UsageProblem when it is not of this server and account.

    `vouched`: somebody says that it is of this account, which counts where the journal does not know better.
    """
    one = find(runs, named)
    if not one.unfinished:
        return one
    text = f"run {named} is not finished here: {_why_not(context, one)}"
    if not _here(context, one):
        raise UsageProblem(text, hint="Choose that server with -p or --host.")
    if one.identity.same(context.server.identity) or (vouched and not one.identity.known):
        return one
    hint = f"Log in to that account, or close the run with `zvol runs forget {named}`."
    raise UsageProblem(text, hint=hint if one.identity.known and context.server.identity.known else "")


def _here(context: AppContext, run: Run) -> bool:
    """Tell whether a run is on this server; that of a zvol that noted no account noted no prefix either."""
    return run.identity.base == context.server.base or (
        run.identity.account is None and run.identity.base == context.server.origin
    )


def _why_not(context: AppContext, run: Run) -> str:
    return "; ".join(_reasons(context, run))


def _reasons(context: AppContext, run: Run) -> Iterator[str]:
    """Say why a run is not ours."""
    who = run.identity
    if not _here(context, run):
        yield f"it is on another server ({who.base})"
    elif who.known and context.server.identity.known:
        yield f"it is for another account ({who.account})"
    elif who.known:
        yield f"it is for {who.account}, and the account of this session is not known"
        yield "name it: `account` beside the session in the profile, or ZSTACK_ACCOUNT_NAME"
    else:
        known = "" if who.account is None else f", only its {who.account}"
        yield f"its account is not known{known}"
        yield f"if it is this one, finish it with: {context.options.command} resume {run.id} --same-account"
