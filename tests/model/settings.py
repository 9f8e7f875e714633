"""The worlds in which the protocol must hold, and those beyond its assumptions, in which it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.model.world import Setting

FAULTS: Final = Setting(crashes=2, lost_saves=1, faults=1, helpers=1, deletions=1, kills=1)
NODES: Final = Setting(nodes=2, sends=2, fences=1, crashes=2, lost_saves=1, faults=1, helpers=1, kills=1)
PEOPLE: Final = Setting(sends=2, helpers=1, deletions=1, kills=1)

HOLDS: Final[Mapping[str, Setting]] = {
    "one quiet period": FAULTS,
    "one quiet period, a server without the duplicate check": replace(FAULTS, guard=False, crashes=1),
    "two nodes, nobody deletes the volume again": NODES,
    "two nodes, somebody deletes the volume again": replace(PEOPLE, nodes=2, fences=1, crashes=1),
    "a proxy duplicates a PUT, nobody deletes the volume again": replace(FAULTS, doubles=1, deletions=0, sends=2),
    "a duplicated PUT, no duplicate check": replace(FAULTS, doubles=1, deletions=0, sends=2, crashes=1, guard=False),
    "three PUTs have no effect": Setting(sends=4, crashes=1, helpers=1, giveups=1),
    "the session ends": replace(PEOPLE, expiries=1, crashes=1),
    "the session ends twice": Setting(sends=4, expiries=2, giveups=1, expunges=1),
    "zvol gives up, somebody recovers the volume later": replace(PEOPLE, later=1, giveups=1, crashes=1),
    "a later run without a session": Setting(sends=2, later=1, expiries=1, giveups=1, helpers=1, expunges=1),
    "a later run cannot read": Setting(sends=2, later=1, giveups=1, helpers=1, expunges=1, kills=1, changes=1),
    "unexpected answers": replace(PEOPLE, refusals=1, redirects=1, nowhere=1, lies=1),
    "unexpected answers, and zvol gives up": Setting(refusals=1, redirects=1, nowhere=1, lies=1, giveups=1),
    "unexpected answers, and the session ends": Setting(sends=2, refusals=1, lies=1, expiries=1, giveups=1, expunges=1),
    "changed or destroyed": replace(PEOPLE, changes=1, expunges=1, lies=1, crashes=1),
    "killed while it settles an earlier run": Setting(sends=2, helpers=1, deletions=1, kills=2, later=1),
    "another account has sent": Setting(foreign=True, helpers=1, deletions=1, kills=1, crashes=1),
    "another account has sent, and unexpected answers": Setting(
        foreign=True, sends=3, refusals=1, nowhere=1, expunges=1, lies=1
    ),
    "another account has sent, and the session ends": Setting(
        foreign=True, sends=3, expiries=1, giveups=1, later=1, expunges=1, changes=1
    ),
    "a synchronous server": replace(PEOPLE, synchronous=True, expiries=1, refusals=1, lies=1, crashes=1),
    "a synchronous server, the session ends twice": Setting(synchronous=True, expiries=2, giveups=1, expunges=1),
    "a VM": replace(FAULTS, vm=True, sends=2, crashes=1),
    "a VM, and a later run": replace(PEOPLE, vm=True, later=1, giveups=1),
    "a VM, unexpected answers, and somebody destroys it": Setting(
        vm=True, sends=2, helpers=1, deletions=1, refusals=1, lies=1, expunges=1, crashes=1
    ),
}

LARGE: Final[Mapping[str, Setting]] = {
    "large: everything once": replace(
        FAULTS, sends=2, crashes=1, refusals=1, redirects=1, nowhere=1, lies=1, expiries=1, changes=1, expunges=1
    ),
    "large: four PUTs, three crashes, two kills": replace(FAULTS, sends=4, crashes=3, kills=2),
    "large: two others, two deletions, two kills": replace(FAULTS, helpers=2, deletions=2, kills=2, faults=0),
    "large: a VM, and everything once": replace(
        PEOPLE, vm=True, refusals=1, lies=1, changes=1, expunges=1, crashes=1, faults=1
    ),
    "large: a VM, and later runs": replace(PEOPLE, vm=True, later=1, giveups=1, crashes=1, faults=1),
    "large: two later runs": replace(PEOPLE, sends=3, later=2, giveups=1, crashes=1),
    "large: two nodes, three PUTs": replace(NODES, sends=3),
    "large: a duplicated PUT and later runs": replace(
        PEOPLE, deletions=0, doubles=1, later=1, giveups=1, crashes=1, lost_saves=1, guard=False
    ),
}

TWICE: Final = Setting(sends=2, doubles=1, helpers=1, kills=1)

BEYOND: Final[Mapping[str, tuple[Setting, str]]] = {
    "a proxy duplicates a PUT, and somebody deletes the volume again": (replace(TWICE, deletions=1), "I6"),
    "the session ends between the copies of a duplicated PUT": (replace(TWICE, expiries=1), "I3"),
    "the server refuses one copy of a duplicated PUT for certain": (replace(TWICE, refusals=1), "I3"),
    "one copy of a duplicated PUT is redirected": (replace(TWICE, redirects=1), "I3"),
    "the server reports one copy as done and executes the other": (replace(TWICE, lies=1), "I3"),
}
"""One thing goes wrong with one copy of a doubled PUT and not with the other: zvol cannot know of the other."""
