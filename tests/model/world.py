"""The world around one volume: network, proxy, management nodes, other people, and zvol itself.

zvol's part is the product's own transition table; everything else is here.  Times do not exist: a quiet time is over
exactly when nothing of ours is in the network (A1) or in the server (A2), which is all that waiting can buy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zvol.model import Outcome
from zvol.recovery.protocol import TRANSITIONS, advance, resumed
from zvol.recovery.states import (
    Answered,
    Do,
    Event,
    Job,
    Look,
    Phase,
    Put,
    Renewed,
    Say,
    Sight,
    State,
    Written,
)

Label = str
DELIVERED = ("queued", "checked")
"""Stages in which a submission may still be executed."""


@dataclass(frozen=True)
class Setting:
    """How much may go wrong, and what kind of server it is."""

    sends: int = 3
    crashes: int = 1
    lost_saves: int = 1
    faults: int = 1
    helpers: int = 1  # somebody else recovers the volume
    deletions: int = 1  # somebody deletes it again on purpose
    kills: int = 1
    doubles: int = 0  # a proxy doubles a PUT
    expiries: int = 0  # the session expires before a job is checked
    later: int = 0  # somebody runs `zvol recover` again later
    guard: bool = True  # the server refuses a job id that has a row
    nodes: int = 1
    fences: int = 0


@dataclass(frozen=True)
class Rules:
    """The product's rules; a weaker one changes something."""

    table: Mapping[Any, Any] = field(default_factory=lambda: TRANSITIONS)
    quiet: Callable[[World], bool] = lambda world: world.nothing_of_ours
    intent_first: bool = True
    settles: bool = True  # a later run settles what an earlier one left open


@dataclass(frozen=True)
class World:
    """Everything there is.  Sends are numbered; `ids[k]` is the job of send k; `rows[job]` is what the server noted."""

    deleted: bool = True
    episode: int = 0
    executed: frozenset[int] = frozenset()
    net: tuple[int, ...] = ()
    server: tuple[tuple[int, int, str], ...] = ()  # (send, node, stage)
    rows: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ("up",)
    left: tuple[tuple[str, int], ...] = ()
    zvol: str = "running"  # running, dead, over
    state: State = field(default_factory=State)
    todo: str = "look"  # look, sending, renew, exhausted (the model has no more sends)
    durable: tuple[int, str | None] | None = None  # the last intent: send, episode
    first: int | None = None  # the episode in which this request first sent
    word: str = ""

    @property
    def nothing_of_ours(self) -> bool:
        return not self.net and not self.server

    def budget(self, name: str) -> int:
        return dict(self.left)[name]

    def spend(self, name: str) -> tuple[tuple[str, int], ...]:
        return tuple((key, count - (key == name)) for key, count in self.left)


BUDGETS = ("crashes", "lost_saves", "faults", "helpers", "deletions", "kills", "doubles", "expiries", "later", "fences")


def beginning(setting: Setting) -> World:
    left = tuple((name, getattr(setting, name)) for name in BUDGETS)
    return World(left=left, nodes=("up",) * setting.nodes)


class Model:
    """All that can happen next."""

    def __init__(self, setting: Setting, rules: Rules | None = None) -> None:
        self.setting, self.rules = setting, rules or Rules()
        self.fired: set[tuple[Phase, type[Event]]] = set()

    def next(self, w: World) -> Iterator[tuple[Label, World]]:
        if w.todo == "renew":  # one step with the look before it: without a session nobody could look again
            yield from self.zvol(w)
            return
        yield from self.people(w)
        yield from self.network(w)
        for item in dict.fromkeys(w.server):
            yield from self.serve(w, item)
        yield from self.machines(w)
        yield from self.zvol(w)

    # ---- zvol ----------------------------------------------------------------------------------------------------
    def zvol(self, w: World) -> Iterator[tuple[Label, World]]:
        if w.zvol == "dead":
            yield "zvol resumes", self.resume(w)
        if w.zvol != "running" and w.budget("later"):
            yield "somebody runs zvol recover again", self.recover_again(w)
        if w.zvol != "running":
            return
        if w.budget("kills"):
            yield "zvol is killed", replace(w, zvol="dead", left=w.spend("kills"))
        if w.todo == "exhausted":
            return
        if w.todo == "sending":
            yield "zvol gets no answer", self.feed(w, Answered(Put.UNCLEAR))
        elif w.todo == "renew":
            yield "zvol logs in again", self.feed(w, Renewed(True))
            yield "zvol cannot log in again", self.feed(w, Renewed(False))
        elif "up" in w.nodes:
            for event in self.looks(w):
                yield f"zvol looks: {event.job}, {event.sight}", self.feed(w, event)

    def looks(self, w: World) -> Iterator[Look]:
        sight = Sight.DELETED if w.deleted else Sight.BACK
        quiet = self.rules.quiet(w)
        seen = {Job.NOT_ASKED}
        if w.durable is not None and w.state.phase in (Phase.WATCH, Phase.SETTLE, Phase.OPEN):
            seen.add(JOBS[w.rows[w.durable[0]]])
        for job in seen:
            for patience in (False, True) if w.state.phase is Phase.CLAIMED else (False,):
                yield Look(sight, last_op(w), job, quiet, patience)

    def feed(self, w: World, event: Event) -> World:
        self.fired.add((w.state.phase, type(event)))
        state, command = advance(w.state, event, self.rules.table)
        w = replace(w, state=state)
        match command:
            case Say():
                return replace(w, zvol="over", word=command.outcome.value, todo="look")
            case Do.WRITE:  # the look and the PUT are one step: what happens between them, no client can know
                return self.send(w) if len(w.rows) < self.setting.sends else replace(w, todo="exhausted")
            case Do.RENEW:
                return replace(w, todo="renew")
            case _:
                return replace(w, todo="look")

    def send(self, w: World) -> World:
        """The intent is durable (or not, in a weaker rule) and the PUT leaves."""
        number = len(w.rows)
        w = self.feed(w, Written())
        durable = (number, w.state.episode) if self.rules.intent_first else w.durable
        first = w.episode if w.first is None else w.first
        return replace(w, todo="sending", rows=(*w.rows, "-"), net=bag(w.net, number), durable=durable, first=first)

    def answered(self, w: World, number: int, put: Put) -> World:
        """An answer comes back, if zvol still waits for this one."""
        if w.zvol == "running" and w.todo == "sending" and number == len(w.rows) - 1:
            durable = w.durable if self.rules.intent_first else (number, w.state.episode)
            return self.feed(replace(w, durable=durable), Answered(put))
        return w

    def resume(self, w: World) -> World:
        state = State() if w.durable is None else resumed(w.durable[1])
        return replace(w, zvol="running", state=state, todo="look", word="")

    def recover_again(self, w: World) -> World:
        """A new request by a person: what is open is settled first; they mean the deletion that is there now."""
        open_intent = w.durable is not None and (w.zvol == "dead" or w.state.phase in (Phase.OPEN, Phase.LEFT))
        state = State(phase=Phase.SETTLE) if open_intent and self.rules.settles else State()
        return replace(w, zvol="running", state=state, todo="look", word="", first=None, left=w.spend("later"))

    # ---- network and server --------------------------------------------------------------------------------------
    def network(self, w: World) -> Iterator[tuple[Label, World]]:
        for number in dict.fromkeys(w.net):
            there = replace(w, net=unbag(w.net, number))
            yield f"PUT {number} is lost", there
            if w.budget("doubles"):
                yield f"PUT {number} is doubled", replace(w, net=bag(w.net, number), left=w.spend("doubles"))
            for node, status in enumerate(w.nodes):
                if status != "up":
                    continue
                if self.setting.guard and w.rows[number] != "-":
                    yield f"PUT {number} is a duplicate", self.answered(there, number, Put.DUPLICATE)
                    yield f"PUT {number} is a duplicate, the answer is lost", there
                else:
                    yield f"PUT {number} arrives", replace(there, server=bag(w.server, (number, node, "arrived")))

    def serve(self, w: World, item: tuple[int, int, str]) -> Iterator[tuple[Label, World]]:
        number, node, stage = item
        rest = unbag(w.server, item)
        if stage == "arrived":
            yield from self.save(w, number, node, rest)
            return
        yield f"PUT {number} vanishes", replace(w, server=rest)
        if stage == "queued":
            yield from self.check(w, number, node, rest)
        if stage in DELIVERED and w.budget("faults"):
            gone = replace(w, server=rest, left=w.spend("faults"))
            yield f"PUT {number} fails on a passing fault", note(gone, number, "soft")
        if stage == "checked":
            done = replace(w, server=bag(rest, (number, node, "done")), deleted=False, executed=w.executed | {number})
            yield f"PUT {number} EXECUTES", done
        if stage == "done":
            yield f"PUT {number} writes its row", note(replace(w, server=rest), number, "done")

    def save(self, w: World, number: int, node: int, rest: Any) -> Iterator[tuple[Label, World]]:
        queued = replace(w, server=bag(rest, (number, node, "queued")))
        fresh = w.rows[number] == "-"
        kept = note(queued, number, "processing", create=True) if fresh else queued
        yield f"PUT {number} is queued, the answer is lost", kept
        copies = number in w.net or any(other[0] == number for other in rest)
        if not copies:
            yield f"PUT {number} is queued, 202", self.answered(kept, number, Put.ACCEPTED)
        if fresh and w.budget("lost_saves"):
            lost = replace(queued, left=w.spend("lost_saves"))
            yield f"PUT {number} is queued without a row", lost
            if not copies:
                yield f"PUT {number} is queued without a row, 202", self.answered(lost, number, Put.ACCEPTED)

    def check(self, w: World, number: int, node: int, rest: Any) -> Iterator[tuple[Label, World]]:
        if w.budget("expiries"):
            gone = replace(w, server=rest, left=w.spend("expiries"))
            yield f"PUT {number} has no session", note(gone, number, "session")
        if not w.deleted:
            yield f"PUT {number} is refused", note(replace(w, server=rest), number, "refused")
            return
        for other, status in enumerate(w.nodes):
            if other == node or status == "up":
                yield f"PUT {number} passes", replace(w, server=bag(rest, (number, other, "checked")))

    def machines(self, w: World) -> Iterator[tuple[Label, World]]:
        for node, status in enumerate(w.nodes):
            if status == "fenced" or (status == "up" and w.budget("crashes")):
                left = w.spend("crashes") if status == "up" else w.left
                server = tuple(item for item in w.server if item[1] != node)
                yield f"node {node} dies", replace(w, nodes=put(w.nodes, node, "down"), server=server, left=left)
            if status == "down":
                yield f"node {node} is back", replace(w, nodes=put(w.nodes, node, "up"))
            if status == "up" and w.budget("fences") and w.nodes.count("up") > 1:
                yield f"node {node} is fenced", replace(w, nodes=put(w.nodes, node, "fenced"), left=w.spend("fences"))

    def people(self, w: World) -> Iterator[tuple[Label, World]]:
        if w.deleted and w.budget("helpers"):
            yield "somebody else recovers it", replace(w, deleted=False, left=w.spend("helpers"))
        if not w.deleted and w.budget("deletions"):
            left = w.spend("deletions")
            yield (
                "somebody deletes it again",
                replace(w, deleted=True, episode=w.episode + 1, executed=frozenset(), left=left),
            )


JOBS = {
    "-": Job.UNCLEAR,
    "processing": Job.RUNNING,
    "done": Job.DONE,
    "refused": Job.REFUSED,
    "soft": Job.UNCLEAR,
    "session": Job.SESSION,
}


def last_op(w: World) -> str:
    return f"{'deleted' if w.deleted else 'back'} {w.episode}"


def note(w: World, number: int, row: str, *, create: bool = False) -> World:
    """Write a job's row; a row that was never saved cannot be updated."""
    return replace(w, rows=put(w.rows, number, row)) if create or w.rows[number] != "-" else w


def bag(items: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
    return tuple(sorted((*items, item)))


def unbag(items: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
    at = items.index(item)
    return items[:at] + items[at + 1 :]


def put(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])


def broken(before: World, label: Label, after: World) -> Iterator[str]:
    """Yield the promises that a step breaks."""
    alive = {number for number, _, stage in after.server if stage in DELIVERED}
    if len(alive) > 1:
        yield "I1 two submissions alive"
    if len(after.executed) > 1:
        yield "I2 executed twice in one deletion"
    executes = label.endswith("EXECUTES")
    says = after.zvol == "over" and before.zvol != "over"
    failed = after.word in (Outcome.FAILED, Outcome.NOT_SENT)
    if after.zvol == "over" and failed and ((says and not after.deleted) or executes):
        yield "I3 said failed, and it is or comes back"
    if says and after.word in (Outcome.RECOVERED, Outcome.ALREADY) and after.deleted:
        yield "I4 said recovered, and it is not"
    if executes and before.deleted and after.zvol == "over" and after.state.phase is Phase.DONE:
        yield "I6 undoes a deletion after the last word"
    if len(after.rows) > len(before.rows) and before.first is not None and before.first != after.episode:
        yield "I7 sends again although it was deleted again"
