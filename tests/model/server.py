"""The network, the management nodes and other people.

The server is the one that was read and tried (5.2.1).  The handler of a PUT looks for the job's row, saves it, queues
the message and answers 202, in two steps and without a lock; an error in the save is swallowed.  The interceptor lets
only a deleted volume pass; after it the message may hop to another node.  The worker sets the volume back without
looking again, and writes the row after that.  For a VM it first sends a message for the root volume, which waits for
as long again, and then sets the VM back; meanwhile nothing else changes the VM.  A crash takes what is in the process;
rows and volumes stay.  A message may vanish from a queue without a word and leave its row as it is: from 3.7 on that is
what becomes of one that waited for longer than its timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.model.world import LIVE, Setting, Step, World, bag, put, unbag
from zvol.recovery.states import PutResult

Receive = Callable[[World, int, PutResult], World]
Item = tuple[int, int, str]


class Server:
    """All that may happen outside zvol.  `receive` gives it an answer, if it still waits for one."""

    def __init__(self, setting: Setting, receive: Receive) -> None:
        self.setting, self.receive = setting, receive

    def steps(self, w: World) -> Iterator[Step]:
        for number in dict.fromkeys(w.net):
            yield from self.network(w, number, w._replace(net=unbag(w.net, number)))
        for item in dict.fromkeys(w.server):
            yield from self.serve(w, item)
        yield from machines(w)
        yield from people(w)

    def network(self, w: World, number: int, there: World) -> Iterator[Step]:
        """One PUT on its way; `there` is the world without it."""
        yield f"PUT {number} is lost", there
        if w.may("doubles"):
            yield f"a proxy doubles PUT {number}", w.spend("doubles")._replace(net=bag(w.net, number))
        if w.may("redirects"):
            for after in self.answer(there, there.spend("redirects"), number, PutResult.REDIRECTED):
                yield f"something redirects PUT {number}", after
        for node, status in enumerate(w.nodes):
            if status != "up":
                continue
            if w.may("refusals"):
                for after in self.answer(there, there.spend("refusals"), number, PutResult.REFUSED):
                    yield f"PUT {number} is refused at the door", after
            if self.setting.guard and w.rows[number] != "-":
                for after in self.answer(there, there, number, PutResult.DUPLICATE):
                    yield f"PUT {number} is a duplicate", after
            else:
                yield f"PUT {number} arrives at node {node}", enter(there, (number, node, "arrived"))

    def answer(self, rest: World, after: World, number: int, result: PutResult) -> Iterator[World]:
        """The answer is lost, or arrives; `rest` is the world without the PUT, to see whether it has a copy (A3)."""
        yield after
        if result is PutResult.DUPLICATE or not (self.setting.alone and rest.copies(number)):
            received = self.receive(after, number, result)
            if received != after:
                yield received

    # ---- inside a node -------------------------------------------------------------------------------------------
    def serve(self, w: World, item: Item) -> Iterator[Step]:
        number, node, stage = item
        rest = w.without(item)
        if stage == "arrived":
            yield from self.synchronous(rest, item) if self.setting.synchronous else self.save(rest, item)
            return
        yield f"PUT {number} vanishes", rest
        if stage in LIVE and w.may("faults"):
            failed = rest.spend("faults").note(number, "soft")
            yield f"PUT {number} fails on a passing fault", failed
            if stage == "inner":
                yield f"PUT {number} waits in vain for its message", enter(failed, (number, node, "orphan"))
        match stage:
            case "queued":
                yield from self.check(w, rest, item)
            case "checked" if w.volume == "absent":
                yield f"PUT {number} finds no volume", rest.note(number, "soft")
            case "checked" if self.setting.vm:
                yield f"PUT {number} sends a message for the root volume", enter(rest, (number, node, "inner"))
            case "inner" | "orphan":
                after = enter(rest, (number, node, "half")) if stage == "inner" else rest
                yield f"PUT {number} RECOVERS THE ROOT VOLUME", after._replace(root="back")
            case "checked" | "half":
                executed = tuple(sorted({*w.executed, number}))
                done = enter(rest, (number, node, "written"))._replace(volume="back", executed=executed)
                yield f"PUT {number} EXECUTES", done
            case "written" if self.setting.synchronous:
                for after in self.answer(rest, rest, number, PutResult.DONE):
                    yield f"PUT {number} is answered", after
            case _:
                yield f"PUT {number} writes its row", rest.note(number, "done")

    def save(self, rest: World, item: Item) -> Iterator[Step]:
        """The row is saved, or is not, and the message is queued."""
        number, node, _ = item
        queued = enter(rest, (number, node, "queued"))
        fresh = rest.rows[number] == "-"
        kept = queued._replace(rows=put(queued.rows, number, "processing")) if fresh else queued
        for after in self.answer(rest, kept, number, PutResult.ACCEPTED):
            yield f"PUT {number} is queued", after
        if fresh and rest.may("lost_saves"):
            for after in self.answer(rest, queued.spend("lost_saves"), number, PutResult.ACCEPTED):
                yield f"PUT {number} is queued without a row", after

    def check(self, w: World, rest: World, item: Item) -> Iterator[Step]:
        """Look at the session, the permission and the volume; then the message may hop."""
        number, node, _ = item
        if not w.session:
            yield f"PUT {number} has no session", rest.note(number, "session")
            return
        if w.may("refusals"):
            yield f"PUT {number} is refused for certain", rest.spend("refusals").note(number, "refused")
        if w.may("lies"):
            yield f"PUT {number} is done, they say", rest.spend("lies").note(number, "done")
        if w.volume != "deleted":
            yield f"PUT {number} is refused: the volume is not deleted", rest.note(number, "refused")
            return
        for other, status in enumerate(w.nodes):
            if other == node or status == "up":
                passed = enter(rest, (number, other, "checked"))
                yield f"PUT {number} passes" + f", and hops to node {other}" * (other != node), passed
                if other != node and w.may("doubles"):
                    yield f"PUT {number} hops twice", enter(passed.spend("doubles"), (number, other, "checked"))

    def synchronous(self, rest: World, item: Item) -> Iterator[Step]:
        """A server as the vendor's page has it: no job, everything is done before the answer."""
        number, node, _ = item
        if not rest.session:
            for after in self.answer(rest, rest, number, PutResult.SESSION):
                yield f"PUT {number} has no session", after
            return
        if rest.may("lies"):
            for after in self.answer(rest, rest.spend("lies"), number, PutResult.DONE):
                yield f"PUT {number} is done, they say", after
        if rest.volume == "deleted":
            yield f"PUT {number} passes", enter(rest, (number, node, "checked"))
            return
        for after in self.answer(rest, rest, number, PutResult.REFUSED):
            yield f"PUT {number} is refused: the volume is not deleted", after


def enter(w: World, item: Item) -> World:
    return w._replace(server=bag(w.server, item))


def machines(w: World) -> Iterator[Step]:
    for node, status in enumerate(w.nodes):
        if status == "fenced" or (status == "up" and w.may("crashes")):
            less = w.spend("crashes") if status == "up" else w
            server = tuple(item for item in w.server if item[1] != node)
            yield f"node {node} dies", less._replace(nodes=put(w.nodes, node, "down"), server=server)
        if status == "down":
            yield f"node {node} is back", w._replace(nodes=put(w.nodes, node, "up"))
        if status == "up" and w.may("fences") and w.nodes.count("up") > 1:
            yield f"node {node} hangs and is fenced", w.spend("fences")._replace(nodes=put(w.nodes, node, "fenced"))


def people(w: World) -> Iterator[Step]:
    if w.session and w.may("expiries"):
        yield "the session ends", w.spend("expiries")._replace(session=False)
    if w.busy:
        return
    is_vm = w.root is not None
    if w.shown == "back" and w.may("deletions"):
        again = w.spend("deletions")._replace(deletions=w.deletions + 1, executed=())
        yield "somebody deletes it again", again.become("deleted")
        if is_vm:
            yield "a destroy deletes its root volume, and is interrupted", again._replace(root="deleted")
    if w.volume != "deleted":
        return
    if w.may("helpers"):
        yield "somebody else recovers it", w.spend("helpers").become("back")
        if is_vm:
            yield "somebody else recovers its root volume only", w.spend("helpers")._replace(root="back")
    if w.may("changes"):
        yield "somebody changes it", w.spend("changes")._replace(moved=w.moved + 1)
    if w.may("expunges"):
        yield "somebody destroys it", w.spend("expunges").become("absent")
