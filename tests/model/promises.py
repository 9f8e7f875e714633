"""What must hold on every step, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.world import LIVE, Label, World
from zvol.model import Outcome
from zvol.recovery.states import Phase

PROMISES = {
    "I1": "no two submissions of ours are active at the same time",
    "I2": "no two submissions of ours are executed for one deletion",
    "I3": "failed is never reported for a volume that is back, or that a request of ours still brings back",
    "I4": "recovered and already are never reported for a volume that is not back, nor gone for one that is not absent",
    "I5": "an outcome can always be reached",
    "I6": "after the outcome no request of ours undoes a deletion, unless its intent was left open",
    "I7": "no submission is decided on after the volume was deleted again",
    "I8": '"deleted again" is never reported for the deletion that the run was asked to undo',
}

FAILED = (Outcome.FAILED, Outcome.CONTRADICTED)
TRUE_OF = {Outcome.RECOVERED: "back", Outcome.ALREADY: "back", Outcome.GONE: "absent"}


def broken(before: World, label: Label, after: World) -> Iterator[str]:
    """Yield the promises (I5 apart) that a step breaks."""
    if len(after.server) > 1 and len({number for number, _, stage in after.server if stage in LIVE}) > 1:
        yield "I1"
    if len(after.executed) > 1:
        yield "I2"
    if after.outcome is not None and before.outcome is None:
        yield from concluded(after)
    if label.endswith("EXECUTES") and before.zvol == "over":
        yield from undone(before, {*after.executed} - {*before.executed})
    if label.endswith("THE ROOT VOLUME") and before.zvol == "over" and before.root == "deleted":
        yield from undone(before, {number for number, _, stage in before.server if stage in ("inner", "orphan")})
    if after.step == "write" and before.step == "read" and not meant(after):
        yield "I7"


def meant(w: World) -> bool:
    """Tell whether the deletion that is there now is the one that zvol may undo."""
    return w.first in (None, w.deletions) and w.meant in (None, w.last_op)


def concluded(w: World) -> Iterator[str]:
    """The outcome.  One that follows an answer, not a read, concerns our own requests only."""
    if w.outcome in FAILED and w.shown == "back" and (w.after_read or w.executed):
        yield "I3"
    if w.outcome in TRUE_OF and w.shown != TRUE_OF[w.outcome]:
        yield "I4"
    if w.changed and w.last_op == w.meant:
        yield "I8"


def undone(before: World, executed: set[int]) -> Iterator[str]:
    """A submission is executed after the outcome; `executed` are the numbers that are new in this deletion."""
    remembered = executed <= {number for number, _ in before.kept} | {*before.others}
    if before.outcome in FAILED:
        yield "I3"
    if before.shown != "deleted" or remembered:
        return
    if before.outcome is Outcome.NOT_SENT:
        yield "I3"
    if before.state.phase is Phase.DONE:
        yield "I6"
