"""What the server does, what other people do to the volume, the session and the server, and copies of requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.faults.matrix.case import Case
from tests.support.fault_proxy import Rule

CODES = (
    *(f"SYS.{n}" for n in range(1000, 1020)),
    *(f"ID.{n}" for n in range(1000, 1007)),
    "VM.1001",
    "NEW.CODE-7",
    "x",
)
CERTAIN = (
    *(code for code in CODES if code.startswith("ID.")),
    "SYS.1003",
    "SYS.1006",
    "SYS.1007",
    "SYS.1018",
    "SYS.1019",
)
STAGES = {
    "before the first read": Rule("look", ""),
    "after the first read": Rule("look", "after"),
    "before the PUT": Rule("put", ""),
    "after the PUT": Rule("put", "after"),
    "before the job": Rule("job", ""),
    "after the job": Rule("job", "after"),
    "before the read back": Rule("back", ""),
    "after the read back": Rule("back", "after"),
}
PUT_LOST, PUT_UNHEARD = Rule("put", "drop"), Rule("put", "lose")
ONE_STEP = {"volume": "a volume comes back in one step, and has no root volume"}


def at(rule: Rule, act: str) -> Rule:
    return Rule(rule.kind, rule.action, act=act)


def servers() -> Iterator[Case]:
    yield from faults()
    yield from codes()
    yield from crashes()
    yield from people()
    yield from halves()
    yield from sessions()
    yield from copies()
    yield from synchronous()


def faults() -> Iterator[Case]:
    """Yield what goes wrong within one management node."""
    for name, says in (
        ("unsaved", "recovered"),
        ("late-save", "recovered"),
        ("unsent", "recovered"),
        ("unsent-500", "recovered"),
        ("stuck", "recovered"),
        ("slow", "recovered"),
        ("forgotten", "recovered"),
        ("collected", "recovered"),
        ("nothing", "contradicted"),
        ("claimed", "contradicted"),
        ("foreign", "recovered"),
        ("flip", "recovered"),
    ):
        yield Case(f"server: {name}", faults=(name,), says=(says,))
        yield Case(f"server: {name}, and the answer is lost", (PUT_UNHEARD,), (name,), says=(says, "recovered"))
    yield Case("server: unsent, twice", faults=("unsent", "unsent"))
    yield Case("server: unsent, three times", faults=("unsent",) * 3, says=("unknown",))
    yield Case("server: unsent, then unsaved", faults=("unsent", "unsaved"))
    yield Case("server: unsent, then foreign", faults=("unsent", "foreign"))
    yield Case("server: unsent, then a contradiction", faults=("unsent", "claimed"), says=("contradicted",))


def codes() -> Iterator[Case]:
    """Yield every failure that a job can end with, before and after the work."""
    for code in CODES:
        says = "failed" if code in CERTAIN else "recovered"
        yield Case(f"job fails: {code}", faults=(f"fail:{code}",), says=(says,))
        yield Case(f"job fails: {code}, and the answer is lost", (PUT_UNHEARD,), (f"fail:{code}",), says=(says,))
        yield Case(f"job fails after the work: {code}", faults=(f"fail-after:{code}",))
    yield Case("job fails three times: SYS.1000", faults=("fail:SYS.1000",) * 3, says=("unknown",))
    yield Case("job fails: SYS.1001, then SYS.1006", faults=("fail:SYS.1001", "fail:SYS.1006"), says=("failed",))


def crashes() -> Iterator[Case]:
    """Yield the death of the management node, its replacement by another, and a server that is away for a while."""
    for act in ("crash", "handover", "down"):
        for stage, rule in STAGES.items():
            yield Case(f"{act} {stage}", (at(rule, act),))
    yield Case("crash after the work", (Rule("put", "after", act="crash-done"),))
    yield Case("crash after the work, the answer lost", (Rule("put", "lose", act="crash-done"),))
    yield Case("crash after the PUT, the answer lost", (Rule("put", "lose", act="crash"),))
    yield Case("crash after each PUT", (Rule("put", "after", 1, 2, act="crash"),))
    yield Case("handover after the PUT, the answer lost", (Rule("put", "lose", act="handover"),))
    yield Case("a crash of a slow job", (Rule("job", "after", act="crash"),), ("slow",))


def people() -> Iterator[Case]:
    """Yield what another user does to the volume."""
    for stage in ("before the first read", "after the first read", "before the PUT"):
        early = stage == "before the first read"
        yield done(f"another operator recovers it {stage}", stage, "operator", "already" if early else "recovered")
        yield done(f"it is destroyed {stage}", stage, "expunge", "gone")
    for act, word in (
        ("operator", "recovered"),
        ("rename", "failed"),
        ("expunge", "gone"),
        ("recover-and-delete", "failed"),
    ):
        again = act == "recover-and-delete"
        yield Case(f"the PUT is lost, then {act}", (Rule("put", "drop", act=act),), says=(word,), again=again)
    yield Case("the answer is lost, then another operator", (PUT_UNHEARD, Rule("back", "", act="operator")))
    for action in ("after", "lose", "lose-reset", "cut"):
        rule = Rule("put", action, act="delete-again", size="line")
        says = ("failed", "contradicted")
        yield Case(f"it is deleted again before the answer: {action}", (rule,), says=says, again=True)
    deleted = Rule("put", "lose", act="delete-again")
    for fault in ("stuck", "unsaved"):
        yield Case(f"it is deleted again, the job is {fault}", (deleted,), (fault,), says=("failed",), again=True)
    late = Rule("back", "", act="delete-again")
    says = ("failed", "contradicted")
    yield Case("it is deleted again before the read back", (late,), says=says, again=True, alone=True)


def halves() -> Iterator[Case]:
    """Yield a VM without its root volume, and a root volume without its VM."""
    for rule in (Rule("put", "after"), Rule("put", "lose")):
        name = f"the root volume is back and no more: {rule.action}"
        yield Case(name, (rule,), ("half",), never=ONE_STEP)
        yield Case(f"{name}, twice", (rule,), ("half", "half"), never=ONE_STEP)
        yield Case(f"{name}, a crash", (at(rule, "crash-half"),), ("half",), never=ONE_STEP)
        yield Case(f"{name}, then another operator", (at(rule, "operator"),), ("half",), never=ONE_STEP)
    for stage in ("before the first read", "after the first read", "before the PUT"):
        yield done(f"its root volume alone is recovered {stage}", stage, "root-back", "recovered", ONE_STEP)
        yield done(
            f"the VM is not destroyed, its root volume deleted {stage}", stage, "half-destroyed", "failed", ONE_STEP
        )
        yield done(f"its root volume is destroyed {stage}", stage, "root-gone", "gone", ONE_STEP)
    for act, says in (("root-back", "recovered"), ("root-gone", "gone")):
        yield Case(f"the PUT is lost, then {act}", (Rule("put", "drop", act=act),), says=(says,), never=ONE_STEP)


def done(name: str, stage: str, act: str, says: str, never: Mapping[str, str] | None = None) -> Case:
    return Case(name, (at(STAGES[stage], act),), says=(says,), never=never or {})


def sessions() -> Iterator[Case]:
    """Yield the end of the session at each call; in a bulk it meets the others where they are."""
    any_of = ("recovered", "unknown", "failed", "not-sent")
    for stage, says in (
        ("before the first read", ("not-sent",)),
        ("after the first read", ("failed",)),
        ("before the PUT", ("failed",)),
        ("after the PUT", ("unknown", "failed")),
        ("before the job", ("unknown", "failed")),
        ("after the job", ("unknown", "failed")),
        ("before the read back", ("unknown",)),
        ("after the read back", ("recovered", "unknown")),
    ):
        rule = at(STAGES[stage], "logout")
        yield Case(f"the session ends {stage}", (rule,), says=says, bulk=any_of, others=any_of)
    for action, says in (("lose", ("unknown", "failed")), ("drop", ("unknown",))):
        rule = Rule("put", action, act="logout")
        yield Case(f"the session ends at the PUT: {action}", (rule,), says=says, bulk=any_of, others=any_of)


def copies() -> Iterator[Case]:
    """Yield copies of a PUT that a proxy makes; only the reported outcome must be true."""
    for action in ("twice", "twice-late", "again", "again-first"):
        for fault in ("", "late-save", "slow", "unsaved"):
            odd = (fault, fault) if fault else ()
            yield Case(f"PUT: {action} {fault or 'as usual'}", (Rule("put", action),), odd, doubled=True)
    yield Case("job: twice", (Rule("job", "again"),))
    yield Case("every read twice", (Rule("read", "again", 1, 9999),))


def synchronous() -> Iterator[Case]:
    """Yield a server that answers at once, as the vendor's page says, and one that writes doubles."""
    page, doubles = ("--synchronous",), ("--doubles",)
    yield Case("synchronous", sandbox=page)
    for action in ("drop", "lose", "lose-reset", "cut", "again-first"):
        rule = Rule("put", action, size="middle")
        yield Case(f"synchronous: {action}", (rule,), sandbox=page, doubled=action.startswith("again"))
    for act, says in (("operator", "recovered"), ("expunge", "gone")):
        yield Case(f"synchronous: {act} before the PUT", (Rule("put", "", act=act),), says=(says,), sandbox=page)
    yield Case("doubles", sandbox=doubles)
    yield Case("doubles, and the answer is lost", (PUT_UNHEARD,), sandbox=doubles)
