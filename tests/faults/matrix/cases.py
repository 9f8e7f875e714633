"""All cases by block, and the selection that the normal tests run."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.matrix.case import Case
from tests.faults.matrix.pairs import FEW, doubles
from tests.faults.matrix.servers import servers
from tests.faults.matrix.wires import commands, singles
from tests.support.kinds import VMS, VOLUMES, Kind


def blocks(kind: Kind = VOLUMES) -> dict[str, list[Case]]:
    """Return every case there is for a kind, by block."""
    wire, server = list(singles()), list(servers())
    single = [case for case in (*wire, *server) if not case.sandbox and not case.alone]
    found = {
        "single faults on the wire": wire,
        "list and login": list(commands()),
        "servers and people": server,
        "one bad among 20": [narrowed(case) for case in single],
        "two and more faults": list(doubles()),
    }
    return {
        block: [replace(case, kind=kind) for case in cases if kind.name not in case.never]
        for block, cases in found.items()
    }


def narrowed(case: Case) -> Case:
    """Return a case among twenty: what breaks a PUT or a job meets the bad one only, reads are of all together."""
    rules = tuple(replace(r, volume="bad") if r.kind in ("put", "job") else r for r in case.rules)
    return replace(case.in_bulk(), rules=rules)


def selection() -> list[Case]:
    """Return what the normal tests run: of VMs less, and other cases than of volumes."""
    volumes, vms = blocks(), blocks(VMS)
    return [
        *volumes["single faults on the wire"][::5],
        *volumes["list and login"][::8],
        *volumes["servers and people"][::5],
        *volumes["one bad among 20"][::24],
        *doubles(FEW),
        *vms["single faults on the wire"][2::40],
        *vms["list and login"][4::40],
        *vms["servers and people"][2::16],
        *vms["one bad among 20"][12::240],
    ]
