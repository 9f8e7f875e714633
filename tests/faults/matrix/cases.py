"""All cases by block, and the selection that the normal tests run."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.matrix.case import Case
from tests.faults.matrix.pairs import FEW, doubles
from tests.faults.matrix.servers import servers
from tests.faults.matrix.wires import commands, singles


def blocks() -> dict[str, list[Case]]:
    """Return every case there is, by block."""
    wire, server = list(singles()), list(servers())
    single = [case for case in (*wire, *server) if not case.sandbox and not case.alone]
    return {
        "single faults on the wire": wire,
        "list and login": list(commands()),
        "servers and people": server,
        "one bad volume among 20": [narrowed(case) for case in single],
        "two and more faults": list(doubles()),
    }


def narrowed(case: Case) -> Case:
    """Return a case among twenty: what breaks a PUT or a job meets the bad volume only, reads are of all together."""
    rules = tuple(replace(r, volume="bad") if r.kind in ("put", "job") else r for r in case.rules)
    return replace(case.in_bulk(), rules=rules)


def selection() -> list[Case]:
    """Return what the normal tests run."""
    found = blocks()
    return [
        *found["single faults on the wire"][::4],
        *found["list and login"][::8],
        *found["servers and people"][::4],
        *found["one bad volume among 20"][::24],
        *doubles(FEW),
    ]
