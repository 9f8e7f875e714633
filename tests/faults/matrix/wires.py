"""Faults of the network and of other software: each at every step, and at every place of a message that matters."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.matrix.case import Case
from tests.support.fault_proxy import Rule
from tests.support.pages import (
    BROKEN,
    CLOSING,
    CONTINUE,
    DUPLICATE,
    EARLY,
    EMPTY,
    EXPIRED,
    PAGES,
    PATIENT,
    REDIRECTS,
    RUNNING,
    failure,
)

STEPS = {"look": "first read", "put": "PUT", "job": "job", "back": "read back", "list": "list", "login": "login"}
PLACES: tuple[int | str, ...] = ("line", "head", "headers", "body", "middle", "last")
LOST = ("drop", "reset", "hang")
UNHEARD = ("lose", "lose-reset", "lose-hang", "drip")
WHOLE = ("trickle", "stale")
EVER = 9999


def faults(kind: str) -> Iterator[tuple[str, Rule]]:
    """Yield every fault that a single request of a kind can meet, by name; redirects are apart."""
    for action in LOST:
        yield f"the request: {action}", Rule(kind, action)
    for place in PLACES if kind in ("put", "login") else PLACES[:3]:
        yield f"the request breaks at {place}", Rule(kind, "cut-request", size=place)
        yield f"the request breaks at {place}, reset", Rule(kind, "cut-request-reset", size=place)
    for action in (*UNHEARD, *WHOLE):
        yield f"the answer: {action}", Rule(kind, action)
    for place in (0, 1, *PLACES):
        yield f"the answer breaks at {place}", Rule(kind, "cut", size=place)
        yield f"the answer breaks at {place}, reset", Rule(kind, "cut-reset", size=place)
    yield "the answer comes after a 100", Rule(kind, "prefix", page=CONTINUE)
    yield "the answer comes after two others", Rule(kind, "prefix", page=EARLY)
    yield "the proxy refuses for a while before it", Rule(kind, "drop", act="down")
    yield "the proxy refuses for a while after it", Rule(kind, "lose", act="down")
    for name, page in PAGES.items():
        close = "-close" if name in CLOSING else ""
        yield f"{name} instead", Rule(kind, f"page{close}", page=page)
        if kind == "put":
            yield f"{name}, and it was done", Rule(kind, f"lose-page{close}", page=page)


def singles() -> Iterator[Case]:
    """Yield each of them at each step of a recovery."""
    for kind in ("look", "put", "job", "back"):
        for name, rule in faults(kind):
            yield Case(f"{STEPS[kind]}: {name}", (rule,))
        for code in PASSING if kind in ("look", "back") else ():
            yield Case(f"{STEPS[kind]}: {code}", (Rule(kind, "page", 1, 3, page=failure(code)),))
        says = {"look": "not-sent", "put": "failed"}.get(kind, "recovered")
        bulk = ("recovered",) if kind == "look" else ()  # a batch that was redirected once is read again in parts
        for name, page in REDIRECTS.items():
            rule = Rule(kind, "page", page=page)
            yield Case(f"{STEPS[kind]}: redirect {name}", (rule,), says=(says,), bulk=bulk)
    yield from specials()
    yield from lasting()


PASSING = ("SYS.1000", "SYS.1001", "SYS.1009", "SYS.1011", "SYS.1012", "NEW.CODE-7")
"""Failures of ZStack itself that may pass; at a read they are transient errors, as a 502 is."""


def specials() -> Iterator[Case]:
    """Yield what only means something at one step."""
    yield Case("PUT: duplicate, and it never arrived", (Rule("put", "page", page=DUPLICATE),))
    yield Case("PUT: duplicate, and it was done", (Rule("put", "lose-page", page=DUPLICATE),))
    for code, outcome in (
        ("SYS.1006", "failed"),
        ("ID.1003", "failed"),
        ("SYS.1000", "recovered"),
        ("VM.7", "recovered"),
    ):
        yield Case(f"PUT: {code} at once", (Rule("put", "page", page=failure(code)),), says=(outcome,))
    yield Case("job: no record, for a while", (Rule("job", "page", 1, 5, page=EXPIRED),))
    yield Case("job: no record, ever", (Rule("job", "page", 1, EVER, page=EXPIRED),))
    yield Case("job: running for ever, and it is done", (Rule("job", "page", 1, EVER, page=RUNNING),))
    yield Case("job: 200 of somebody else", (Rule("job", "page", page=EMPTY),))
    yield Case("connections are reset", (Rule("connect", "reset", 1, 3),))
    yield Case("every second connection is dropped", tuple(Rule("connect", "drop", n, n) for n in (2, 4, 6)))
    yield Case("read back: an old answer for a while", (Rule("back", "replay", 1, 3),))
    yield Case("every connection ends after one answer", (Rule("any", "stale", 1, EVER),))


def lasting() -> Iterator[Case]:
    """Yield faults that stay: zvol ends by its deadline with what it knows."""
    for kind, says in (("look", "not-sent"), ("put", "unknown"), ("job", "recovered"), ("back", "unknown")):
        others = says if kind in ("look", "back") else "recovered"
        for name, action, page in (
            ("lost", "drop", ""),
            ("hangs", "hang", ""),
            ("502", "page", "502 page"),
            ("503 json", "page", "503 json"),
        ):
            rule = Rule(kind, action, 1, EVER, page=PAGES[page] if page else b"")
            yield Case(f"{STEPS[kind]}: for ever {name}", (rule,), says=(says,), others=(others,))
    yield Case("PUT: for ever unheard", (Rule("put", "lose", 1, EVER),))
    away = Rule("look", "page", 1, EVER, page=REDIRECTS["301"])
    yield Case("first read: for ever a redirect", (away,), says=("not-sent",), others=("not-sent",))


def every_byte() -> Iterator[Case]:
    """Yield a break at each byte of the PUT and of its answer, and at every eighth of the other answers."""
    for size in range(500):
        yield Case(f"PUT: the request breaks at byte {size}", (Rule("put", "cut-request", size=size),))
        yield Case(f"PUT: the answer breaks at byte {size}", (Rule("put", "cut", size=size),))
    for kind in ("look", "job", "back"):
        for size in range(0, 1600, 8):
            yield Case(f"{STEPS[kind]}: the answer breaks at byte {size}", (Rule(kind, "cut", size=size),))


def commands() -> Iterator[Case]:
    """Yield each fault of the other two commands that ask for something."""
    for kind in ("list", "login"):
        for name, rule in faults(kind):
            whole = rule.action in WHOLE or (rule.action, rule.page) == ("prefix", CONTINUE)
            whole = whole or name.removesuffix(" instead") in PATIENT or (kind == "list" and asked_again(name, rule))
            yield command(kind, name, rule, *((0,) if whole else (0, 5) if rule.page == EARLY else (5,)))
        for name, page in REDIRECTS.items():
            yield command(kind, f"redirect {name}", Rule(kind, "page", page=page), 9)
        for code, exit_code in (("ID.1000", 4), ("ID.1001", 4), ("SYS.1000", 5)):
            yield command(kind, code, Rule(kind, "page", page=failure(code)), exit_code)


def asked_again(name: str, rule: Rule) -> bool:
    """Tell whether a page of a list is asked for again, with fewer rows: it was silent, or began and broke off."""
    if rule.action.startswith("page"):
        return name.removesuffix(" instead") in BROKEN
    return "hang" in rule.action or rule.action == "drip" or (rule.action.startswith("cut") and broken_off(rule))


def broken_off(rule: Rule) -> bool:
    return "request" not in rule.action and rule.size != 0


def command(kind: str, name: str, rule: Rule, *exits: int) -> Case:
    never = {"vm": "a login is the same whatever is recovered after it"} if kind == "login" else {}
    return Case(f"{kind}: {name}", (rule,), command=kind, exits=exits, sandbox=("--few",), never=never)
