"""zvol in the model: the product's transition table, and what the engine and the journal do around it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.world import Rules, Setting, Step, World, bag
from zvol.recovery.protocol import advance, resumed
from zvol.recovery.states import (
    ENDED,
    Command,
    Conclude,
    Event,
    GiveUp,
    IntentRecorded,
    JobStatus,
    Observation,
    Observed,
    Phase,
    ProtocolState,
    PutAnswered,
    PutResult,
    ReadExpired,
    Reason,
    SessionRenewed,
)

OBSERVATIONS = {"deleted": Observation.DELETED, "back": Observation.BACK, "absent": Observation.ABSENT}

Move = tuple[Phase, type[Event], Phase, str]
"""A phase, an event, and what came of it: the next phase, and the outcome or the command."""


class Client:
    """All that zvol may do next.  `moves` remembers what of the table was used."""

    def __init__(self, setting: Setting, rules: Rules) -> None:
        self.setting, self.rules = setting, rules
        self.moves: set[Move] = set()

    def steps(self, w: World) -> Iterator[Step]:
        if w.zvol == "running":
            yield from self.running(w)
        else:
            yield from self.gone(w)

    # ---- a run ---------------------------------------------------------------------------------------------------
    def running(self, w: World) -> Iterator[Step]:
        if w.may("kills"):
            yield "zvol is killed", dead(w.spend("kills"))
        if w.step == "exhausted":
            return
        if w.may("giveups"):
            yield "zvol gives up", self.feed(w.spend("giveups"), GiveUp())
        match w.step:
            case "read":
                if "up" in w.nodes:
                    yield from self.reads(w)
            case "write":
                yield "zvol writes its intent down", self.write(w)
                if w.may("nowhere"):
                    yield "zvol waited for too long", self.feed(w.spend("nowhere"), ReadExpired())
            case "send":
                number = len(w.rows) - 1
                yield f"PUT {number} leaves", w._replace(net=bag(w.net, number), step="answer")
                if w.may("nowhere"):
                    yield f"PUT {number} cannot leave", self.feed(w.spend("nowhere"), PutAnswered(PutResult.NEVER_SENT))
                    yield f"PUT {number} waited for too long", self.void(w.spend("nowhere"))
            case "answer":
                yield "zvol gets no answer", self.answered(w, PutResult.UNCLEAR)
            case _:
                yield "zvol gets a new session", self.feed(w._replace(session=True), SessionRenewed(True))
                yield "zvol gets no new session", self.feed(w, SessionRenewed(False))

    def reads(self, w: World) -> Iterator[Step]:
        """The job is polled, and the volume is read after that: two steps."""
        polled = self.poll_job(w)
        if polled != w:
            yield "zvol polls the job", polled
        claims = w.state.phase is Phase.REPORTED_DONE or (w.state.phase is Phase.POLL and w.seen is JobStatus.DONE)
        seen = OBSERVATIONS[self.rules.judge(w)] if w.session else Observation.DENIED
        last_op = w.last_op if seen is Observation.DELETED else None
        for quiet in {False, self.rules.quiet(w)}:
            for grace_elapsed in (False, True) if claims else (False,):
                event = Observed(seen, last_op, w.seen, quiet, grace_elapsed)
                label = f"zvol reads: {seen}, job {w.seen}" + ", quiet" * quiet + ", after a while" * grace_elapsed
                yield label, self.feed(w, event)

    def poll_job(self, w: World) -> World:
        """Poll the job, as the engine does: one that has ended is not polled again."""
        if w.state.phase is Phase.SETTLE and w.prior:
            if self.rules.jobs[w.rows[w.prior[0]]] not in ENDED:
                return w
            rest = w.prior[1:]
            return w._replace(prior=rest, seen=JobStatus.NOT_POLLED if rest else JobStatus.DONE)
        if w.state.phase is Phase.POLL and w.seen not in ENDED and w.journal:
            return w._replace(seen=self.rules.jobs[w.rows[w.journal[-1][0]]])
        return w

    def feed(self, w: World, event: Event) -> World:
        """Tell the protocol, and obey."""
        state, command = advance(w.state, event, self.rules.table)
        self.moves.add((w.state.phase, type(event), state.phase, str(getattr(command, "outcome", command))))
        w = w._replace(state=state)
        match command:
            case Conclude(outcome=outcome):
                keeps = not w.claimed or state.phase in (Phase.UNSETTLED, Phase.UNRESOLVED)
                after_read = isinstance(event, Observed) and event.observation is not Observation.DENIED
                kept = w.journal if keeps else ()
                over = w._replace(zvol="over", step="read", prior=(), outcome=outcome, kept=kept, after_read=after_read)
                return over._replace(changed=command.why is Reason.CHANGED, seen=JobStatus.NOT_POLLED)
            case Command.WRITE:
                return self.claim(w)
            case Command.SEND:
                return w._replace(step="send")
            case Command.RENEW:
                return w._replace(step="renew")
            case _:
                return w._replace(step="read")

    def claim(self, w: World) -> World:
        """The journal is read before the first intent: what earlier runs left open is settled first.

        What runs of other servers or accounts left open is not ours: it can only be waited for.
        """
        if w.claimed:
            return w._replace(step="write" if len(w.rows) < self.setting.sends else "exhausted")
        prior = tuple(number for number, _ in w.journal)
        foreign = bool(w.others) and self.rules.waits_for_others
        w = w._replace(claimed=True, meant=w.state.expected_last_op_date, inherited=prior)
        if not prior and not foreign:
            return self.claim(w)
        state = ProtocolState(phase=Phase.SETTLE, expected_last_op_date=w.state.expected_last_op_date, foreign=foreign)
        return w._replace(state=state, prior=() if foreign else prior, step="read")

    def write(self, w: World) -> World:
        w = self.feed(w, IntentRecorded())
        number = len(w.rows)
        first = int((w.state.expected_last_op_date or "").partition(".")[0]) if w.first is None else w.first
        w = w._replace(rows=(*w.rows, "-"), seen=JobStatus.NOT_POLLED, first=first)
        return self.intend(w, number) if self.rules.intent_first else w

    def intend(self, w: World, number: int) -> World:
        """An intent is on the disk."""
        journal = (*w.journal, (number, w.state.expected_last_op_date))
        return w._replace(journal=journal, kept=journal)

    def void(self, w: World) -> World:
        """The PUT of the last intent never leaves: it is taken back, and so is what was remembered of it."""
        after = self.feed(w, ReadExpired())
        first = w.first if after.state.sends else None
        return after._replace(journal=w.journal[:-1], kept=w.kept[:-1], first=first)

    def answered(self, w: World, answer: PutResult) -> World:
        if not self.rules.intent_first:
            w = self.intend(w, len(w.rows) - 1)
        return self.feed(w, PutAnswered(answer))

    def receive(self, w: World, number: int, answer: PutResult) -> World:
        """An answer has come, which matters only while zvol waits for this one."""
        waits = w.zvol == "running" and w.step == "answer" and number == len(w.rows) - 1
        return self.answered(w, answer) if waits else w

    # ---- after a run ---------------------------------------------------------------------------------------------
    def gone(self, w: World) -> Iterator[Step]:
        noted = w.journal == w.kept
        if w.zvol == "over" and not noted:
            yield "zvol records the outcome", w._replace(journal=w.kept)
            if w.may("kills"):
                yield "zvol is killed before it recorded the outcome", dead(w.spend("kills"))
        if w.zvol == "dead" or (w.state.phase is Phase.UNRESOLVED and noted):
            yield "zvol resume", resume(w, settles=self.rules.settles_inherited)
        if (w.zvol == "dead" or noted) and w.may("later"):
            yield "zvol recover, once more", again(w.spend("later"))


def dead(w: World) -> World:
    """Only the journal is left (and what the server thinks of the session)."""
    return fresh(w)._replace(zvol="dead", kept=w.journal, session=w.session)


def resume(w: World, *, settles: bool) -> World:
    """A resumed run takes up its own last intent where it was written; those of earlier runs it settles first."""
    own = [last_op for number, last_op in w.journal if number not in w.inherited or not settles]
    state = ProtocolState(expected_last_op_date=w.meant, foreign=bool(w.others))
    if own:
        return fresh(w)._replace(state=resumed(own[-1])._replace(foreign=bool(w.others)), claimed=True)
    run = fresh(w)._replace(state=state, first=None, claimed=w.meant is not None)
    if not w.journal and not w.others:
        return run
    prior = () if w.others else tuple(number for number, _ in w.journal)
    return run._replace(state=state._replace(phase=Phase.SETTLE), prior=prior)


def again(w: World) -> World:
    """A new request by a person, who means the deletion that is there now."""
    return fresh(w)._replace(first=None)


def fresh(w: World) -> World:
    """A process that knows nothing yet, started by somebody with a session."""
    return w._replace(
        zvol="running",
        state=ProtocolState(),
        step="read",
        seen=JobStatus.NOT_POLLED,
        prior=(),
        claimed=False,
        session=True,
        outcome=None,
        after_read=False,
        changed=False,
    )
