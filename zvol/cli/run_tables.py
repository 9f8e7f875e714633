"""The tables of `zvol runs`: runs, the volumes and VMs of one run, and pending ones that were closed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from zvol.journal.records import ATTACH, ClosedVolume, FollowUp, Run, RunTarget
from zvol.model import Outcome
from zvol.render.values import DOUBT, Column, Fit, Table, text_column
from zvol.text import escape_terminal, fold_uuid, human_age, stamp

STATES: Final = {
    "planned": ("planned",),
    "pending": ("open",),
    "followUps": ("followups",),
    "finished": ("recorded", "forgotten"),
}
"""The counts in the JSON of a run, and the states in the journal that each includes."""

NAMED: Final = 2
"""Maximum number of outcomes of a run on a terminal."""

LABELS: Final = {
    "planned": "not sent",
    "open": "pending",
    "followups": "with follow-ups pending",
    "forgotten": "forgotten",
    "taken": "taken over by a later run",
}
"""States without an outcome, as tables show them."""
SHORT_LABELS: Final = LABELS | {"followups": "to finish", "taken": "taken over"}
"""The same for narrow columns."""

TARGET_STATES: Final = {
    "planned": "planned",
    "open": "pending",
    "followups": "followUps",
    "recorded": "finished",
    "forgotten": "forgotten",
    "taken": "takenOver",
}
"""The same in JSON."""


# ---- runs ------------------------------------------------------------------------------------------------------------
def runs_table(runs: Sequence[Run], now: float) -> Table[Run]:
    """Return the table of runs; `now` is the time from which ages count."""
    state = text_column("STATE", _state)
    command = Column("command", "COMMAND", "", _command, tty=_arguments, fit=Fit.CUT)
    results: Column[Run] = Column("results", "RESULTS", "", _results, fit=Fit.WRAP)
    started: Column[Run] = Column(
        "started", "STARTED", "", _started, tty=lambda run: human_age(max(0.0, now - run.started))
    )
    account: Column[Run] = text_column("ACCOUNT", lambda run: run.identity.account or "-")
    server: Column[Run] = text_column("SERVER", lambda run: run.identity.base)
    numbers = (
        _number("NOT SENT", "planned"),
        _number("PENDING", "pending"),
        _number("FOLLOW UPS", "followUps"),
        _number("FINISHED", "finished"),
    )
    return Table(
        runs,
        (RUN, started, account, state, *numbers, server, command),
        _run_object,
        lambda run: run.id,
        people=(RUN, started, state, results, server, account, command),
        screen=(RUN, started, SHORT, command),
        wide=(RUN, started, account, state, *numbers, results, server, command),
    )


def about(run: Run, now: float) -> Iterator[str]:
    """Yield sentences about a run."""
    yield f"run {run.id}: {_command(run) or 'the command is not known'}"
    ended = f", ended {stamp(run.ended)}" if run.ended is not None else ""
    yield f"It is {_state(run)}; started {stamp(run.started)} ({human_age(max(0.0, now - run.started))}){ended}."
    yield f"Server {run.identity.base}, {run.identity.account or 'account not known'}. {_results(run)}."


def _run_object(run: Run) -> dict[str, Any]:
    """Return the JSON object of a run."""
    return {
        "run": run.id,
        "origin": _origin(run.identity.base),
        "base": run.identity.base,
        "account": run.identity.account,
        "started": _started(run),
        "ended": stamp(run.ended),
        "alive": run.alive,
        **{key: _count(run, key) for key in STATES},
        "state": _state(run),
        "outcomes": {one.value: run.outcomes[one.value] for one in Outcome if run.outcomes.get(one.value)},
        "command": _command(run) or None,
    }


def _origin(base: str) -> str:
    """Return the server of a base URL without the prefix of its API."""
    scheme, mark, rest = base.partition("://")
    return scheme + mark + rest.partition("/")[0]


def _state(run: Run) -> str:
    if run.alive:
        return "running"
    if run.unfinished:
        return "pending"
    return "forgotten" if run.counts.get("forgotten") else "finished"


def _results(run: Run) -> str:
    """Return the number of volumes and VMs by outcome, such as `1 pending, 12 recovered`; pending ones first."""
    return ", ".join(f"{count:,} {word}" for count, word in _counted(run, LABELS, Outcome)) or "nothing"


def _short_results(run: Run) -> str:
    """Return the same for a terminal: only the first two, failures before successes."""
    counts = _counted(run, SHORT_LABELS, sorted(Outcome, key=lambda one: one.success))
    rest = sum(count for count, _ in counts[NAMED:])
    counts = [*counts[:NAMED], (rest, "more")] if rest else counts
    text = ", ".join(f"{count:,} {word}" for count, word in counts) or "nothing"
    return f"running: {text}" if run.alive else text


def _counted(run: Run, words: Mapping[str, str], outcomes: Iterable[Outcome]) -> list[tuple[int, str]]:
    counts = [(run.counts.get(state, 0), word) for state, word in words.items()]
    counts += [(run.outcomes.get(one.value, 0), one.value) for one in outcomes]
    return [(count, word) for count, word in counts if count]


def _command(run: Run) -> str:
    return run.request.command


def _arguments(run: Run) -> str:
    """Return the command for a terminal, without what all runs have in common."""
    return escape_terminal(_command(run).removeprefix("zvol ").removeprefix("--sandbox ")) or "-"


def _started(run: Run) -> str:
    return stamp(run.started) or ""


def _count(run: Run, key: str) -> int:
    return sum(run.counts.get(state, 0) for state in STATES[key])


def _number(header: str, key: str) -> Column[Run]:
    return text_column(header, lambda run: str(_count(run, key)))


RUN: Final[Column[Run]] = text_column("RUN", lambda run: run.id)
SHORT: Final[Column[Run]] = Column(
    "results",
    "RESULTS",
    "",
    _results,
    tty=_short_results,
    style=lambda run: DOUBT if run.unfinished else "",
    fit=Fit.CUT,
)


# ---- volumes and VMs of one run ----------------------------------------------------------------------------------
def targets_table(targets: Sequence[RunTarget]) -> Table[RunTarget]:
    """Return the table of the volumes and VMs of a run."""
    asked: Column[RunTarget] = Column("asked", "ASKED", "", lambda one: one.asked, tty=_name, fit=Fit.CUT)
    outcome: Column[RunTarget] = Column("outcome", "OUTCOME", "", lambda one: one.outcome, _outcome)
    names = {one.uuid: one.asked for one in targets if _name(one)}
    shown = partial(_shown_follow_ups, names)
    after: Column[RunTarget] = Column(
        "follow-ups", "AFTER RECOVERY", "", partial(_follow_ups, {}), tty=shown, fit=Fit.WRAP
    )
    return Table(
        targets,
        (
            text_column("RUN", lambda one: one.run),
            asked,
            UUID,
            TARGET,
            text_column("STATE", _target_state),
            outcome,
            Column("job-uuid", "JOB UUID", "", lambda one: one.job),
            after,
        ),
        _target_object,
        lambda one: one.uuid,
        people=(asked, UUID, TARGET, outcome, after),
        screen=(
            *([asked] if names else []),
            UUID,
            TARGET,
            outcome,
            *([after] if any(map(shown, targets)) else []),
        ),
    )


def _name(one: RunTarget) -> str:
    """Return the argument for a terminal, empty if it was the UUID: the journal has no other names."""
    return "" if fold_uuid(one.asked) == one.uuid else escape_terminal(one.asked)


def _target_object(one: RunTarget) -> dict[str, Any]:
    return {
        "run": one.run,
        "asked": one.asked,
        "uuid": one.uuid,
        "target": one.target,
        "state": _target_state(one),
        "outcome": None if one.state == "forgotten" else one.outcome,
        "jobUuid": one.job,
        "followUps": [{"kind": step.kind, "value": step.value, "state": step.state} for step in one.follow_ups],
    }


def _target_state(one: RunTarget) -> str:
    return TARGET_STATES.get(one.state, one.state)


def _outcome(one: RunTarget) -> str:
    """Return the outcome of a target, and what is still pending."""
    words = [one.outcome if one.outcome and one.state != "forgotten" else "", LABELS.get(one.state, "")]
    return escape_terminal(", ".join(filter(None, words))) or "-"


def _follow_ups(names: Mapping[str, str], one: RunTarget) -> str:
    return "; ".join(_follow_up(step, names) for step in one.follow_ups)


def _shown_follow_ups(names: Mapping[str, str], one: RunTarget) -> str:
    return escape_terminal(_follow_ups(names, one))


def _follow_up(step: FollowUp, names: Mapping[str, str]) -> str:
    what = f"attach to VM {names.get(step.value) or step.value}" if step.kind == ATTACH else f"tag {step.value}"
    return f"{what.rstrip()}: {'not sent' if step.state == 'planned' else step.state}"


UUID: Final[Column[RunTarget]] = Column("uuid", "UUID", "", lambda one: one.uuid)
TARGET: Final[Column[RunTarget]] = Column("target", "KIND", "", lambda one: one.target)


# ---- closed by hand --------------------------------------------------------------------------------------------------
def closed_table(closed: Sequence[ClosedVolume]) -> Table[ClosedVolume]:
    """Return the table of what was pending in a run, with the job that may still act."""
    columns: Sequence[Column[ClosedVolume]] = [
        text_column("UUID", lambda one: one.uuid),
        text_column("TARGET", lambda one: one.target),
        text_column("STATE", lambda one: LABELS.get(one.state, one.state)),
        Column("job-uuid", "JOB UUID", "", lambda one: one.job),
    ]
    return Table(closed, columns, _closed_object, lambda one: one.uuid)


def _closed_object(one: ClosedVolume) -> dict[str, Any]:
    state = TARGET_STATES.get(one.state, one.state)
    return {"uuid": one.uuid, "target": one.target, "state": state, "jobUuid": one.job}
