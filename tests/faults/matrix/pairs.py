"""Faults that come together: for any two faults at different steps there is a case that has both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from tests.faults.matrix.case import Case
from tests.support.fault_proxy import Rule
from tests.support.pages import DUPLICATE, EMPTY, EXPIRED, PAGES, REDIRECTS, RUNNING

Fault = tuple[str, Rule | str | None]
"""A name, and a rule, a fault or nothing."""

FINE: Fault = ("fine", None)
PUTS: tuple[Fault, ...] = (
    FINE,
    ("lost", Rule("put", "drop")),
    ("unheard", Rule("put", "lose")),
    ("unsent", "unsent"),
    ("502 page", Rule("put", "page", page=PAGES["502 page"])),
    ("broken answer", Rule("put", "cut", size="middle")),
    ("unsaved", "unsaved"),
    ("passing fault", "fail:SYS.1000"),
    ("broken request", Rule("put", "cut-request", size="middle")),
    ("reset", Rule("put", "reset")),
    ("reset after it", Rule("put", "lose-reset")),
    ("502 page, done", Rule("put", "lose-page", page=PAGES["502 page"])),
    ("503 json", Rule("put", "page", page=PAGES["503 json"])),
    ("404 page", Rule("put", "page", page=PAGES["404 page"])),
    ("no http", Rule("put", "page", page=PAGES["no http"])),
    ("hangs", Rule("put", "hang")),
    ("hangs after it", Rule("put", "lose-hang")),
    ("broken status line", Rule("put", "cut-reset", size="line")),
    ("duplicate, never seen", Rule("put", "page", page=DUPLICATE)),
    ("error after saving", "unsent-500"),
    ("stuck", "stuck"),
    ("slow", "slow"),
    ("forgotten", "forgotten"),
    ("flip", "flip"),
    ("foreign", "foreign"),
    ("refused", "fail:ID.1003"),
    ("fails after it", "fail-after:SYS.1001"),
    ("redirect", Rule("put", "page", page=REDIRECTS["302"])),
    ("lost twice", Rule("put", "drop", 1, 2)),
)
JOBS: tuple[Fault, ...] = (
    FINE,
    ("lost", Rule("job", "drop", 1, 2)),
    ("502 page", Rule("job", "page", 1, 3, page=PAGES["502 page"])),
    ("no record", Rule("job", "page", 1, 9999, page=EXPIRED)),
    ("running for ever", Rule("job", "page", 1, 9999, page=RUNNING)),
    ("503 json", Rule("job", "page", 1, 3, page=PAGES["503 json"])),
    ("404 page", Rule("job", "page", 1, 3, page=PAGES["404 page"])),
    ("broken", Rule("job", "cut", 1, 2, size="middle")),
    ("reset", Rule("job", "lose-reset", 1, 2)),
    ("hangs", Rule("job", "hang")),
    ("redirect", Rule("job", "page", 1, 2, page=REDIRECTS["301"])),
    ("no http", Rule("job", "page", page=PAGES["no http"])),
    ("portal", Rule("job", "page", 1, 3, page=PAGES["200 portal"])),
    ("drips", Rule("job", "drip")),
    ("stale", Rule("job", "stale", 1, 9999)),
    ("lost for ever", Rule("job", "drop", 1, 9999)),
)
BACKS: tuple[Fault, ...] = (
    FINE,
    ("lost", Rule("back", "drop", 1, 3)),
    ("503 json", Rule("back", "page", 1, 3, page=PAGES["503 json"])),
    ("hangs", Rule("back", "hang")),
    ("empty 200", Rule("back", "page", 1, 3, page=EMPTY)),
    ("502 page", Rule("back", "page", 1, 4, page=PAGES["502 page"])),
    ("broken", Rule("back", "cut", 1, 2, size="middle")),
    ("old answer", Rule("back", "replay", 1, 2)),
    ("redirect", Rule("back", "page", 1, 2, page=REDIRECTS["307"])),
    ("reset", Rule("back", "reset", 1, 3)),
    ("half a json", Rule("back", "page", 1, 3, page=PAGES["200 half a json"])),
    ("stale", Rule("back", "stale", 1, 9999)),
)
WORLDS: tuple[Fault, ...] = (
    FINE,
    ("crash after the PUT", Rule("put", "after", act="crash")),
    ("crash at the read back", Rule("back", "", act="crash")),
    ("away after the PUT", Rule("put", "after", act="down")),
    ("crash at the PUT", Rule("put", "", act="crash")),
    ("crash after the work", Rule("put", "after", act="crash-done")),
    ("handover after the PUT", Rule("put", "after", act="handover")),
    ("crash at the job", Rule("job", "", act="crash")),
    ("crash at the second PUT", Rule("put", "after", 2, 2, act="crash")),
)
FEW = (7, 4, 4, 4)
"""So many of each are in the normal tests."""


def all_pairs(factors: Sequence[Sequence[Fault]]) -> Iterator[tuple[Fault, ...]]:
    """Yield rows such that any two values of two factors are in one of them: greedy, always the same."""
    names = [[fault[0] for fault in factor] for factor in factors]
    open_pairs = {
        (a, x, b, y): None for a, b in combinations(range(len(factors)), 2) for x, y in product(names[a], names[b])
    }
    while open_pairs:
        a, x, b, y = next(iter(open_pairs))
        row: dict[int, str] = {a: x, b: y}
        for factor in range(len(factors)):
            if factor not in row:
                row[factor] = max(names[factor], key=lambda name: _new(open_pairs, row, factor, name))
        for one, other in combinations(sorted(row), 2):
            open_pairs.pop((one, row[one], other, row[other]), None)
        yield tuple(next(f for f in factors[number] if f[0] == row[number]) for number in sorted(row))


def _new(open_pairs: dict[tuple[int, str, int, str], None], row: dict[int, str], factor: int, name: str) -> int:
    """Count the pairs that a value would add to a row."""
    pairs = ((one, row[one], factor, name) if one < factor else (factor, name, one, row[one]) for one in row)
    return sum(pair in open_pairs for pair in pairs)


def doubles(limits: Sequence[int] = (99, 99, 99, 99)) -> Iterator[Case]:
    """Yield a case for each row; what the world does comes first, then what breaks the same request."""
    factors = [f[:limit] for f, limit in zip((PUTS, JOBS, BACKS, WORLDS), limits, strict=True)]
    for row in all_pairs(factors):
        *faults, world = row
        rules = merged([fault[1] for fault in faults if isinstance(fault[1], Rule)], world[1])
        odd = tuple(fault[1] for fault in faults if isinstance(fault[1], str))
        yield Case(" + ".join(fault[0] for fault in row), rules, odd, says=outcomes(row))


def merged(rules: list[Rule], world: Rule | str | None) -> tuple[Rule, ...]:
    """Put what the world does into the rule that breaks the same request, or beside the rules."""
    from dataclasses import replace

    if not isinstance(world, Rule):
        return tuple(rules)
    same = [rule for rule in rules if (rule.kind, rule.first) == (world.kind, world.first) and world.action]
    if not same:
        return (world, *rules)
    return tuple(replace(rule, act=world.act) if rule in same else rule for rule in rules)


def outcomes(row: tuple[Fault, ...]) -> tuple[str, ...]:
    """Return what may be reported: a refusal and a redirect are failures, all else comes back or is not known."""
    names = [fault[0] for fault in row]
    if names[0] in ("refused", "redirect"):
        return ("failed", "recovered", "unknown")
    return ("recovered", "unknown")
