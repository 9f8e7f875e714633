"""The worlds in which the protocol must hold, and those beyond its assumptions, in which it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.model.world import Setting

WEATHER: Final = Setting(crashes=2, lost_saves=1, faults=1, helpers=1, deletions=1, kills=1)
NODES: Final = Setting(nodes=2, sends=2, fences=1, crashes=2, lost_saves=1, faults=1, helpers=1, kills=1)
PEOPLE: Final = Setting(sends=2, helpers=1, deletions=1, kills=1)

HOLDS: Final[Mapping[str, Setting]] = {
    "one wait": WEATHER,
    "one wait, a server without the duplicate check": replace(WEATHER, guard=False, crashes=1),
    "two nodes, nobody deletes it again": NODES,
    "two nodes, somebody deletes it again": replace(PEOPLE, nodes=2, fences=1, crashes=1),
    "a proxy doubles a PUT, nobody deletes it again": replace(WEATHER, doubles=1, deletions=0, sends=2),
    "a doubled PUT, no duplicate check": replace(WEATHER, doubles=1, deletions=0, sends=2, crashes=1, guard=False),
    "three PUTs come to nothing": Setting(sends=4, crashes=1, helpers=1, giveups=1),
    "the session ends": replace(PEOPLE, expiries=1, crashes=1),
    "the session ends twice": Setting(sends=4, expiries=2, giveups=1, expunges=1),
    "zvol gives up, somebody recovers it later": replace(PEOPLE, later=1, giveups=1, crashes=1),
    "a later run without a session": Setting(sends=2, later=1, expiries=1, giveups=1, helpers=1, expunges=1),
    "a later run cannot read": Setting(sends=2, later=1, giveups=1, helpers=1, expunges=1, kills=1, changes=1),
    "odd answers": replace(PEOPLE, refusals=1, redirects=1, nowhere=1, lies=1),
    "odd answers and giving up": Setting(refusals=1, redirects=1, nowhere=1, lies=1, giveups=1),
    "odd answers and a lost session": Setting(sends=2, refusals=1, lies=1, expiries=1, giveups=1, expunges=1),
    "changed or destroyed": replace(PEOPLE, changes=1, expunges=1, lies=1, crashes=1),
    "killed while it settles an earlier run": Setting(sends=2, helpers=1, deletions=1, kills=2, later=1),
    "another account has sent": Setting(foreign=True, helpers=1, deletions=1, kills=1, crashes=1),
    "another account has sent, and odd answers": Setting(
        foreign=True, sends=3, refusals=1, nowhere=1, expunges=1, lies=1
    ),
    "another account has sent, and the session ends": Setting(
        foreign=True, sends=3, expiries=1, giveups=1, later=1, expunges=1, changes=1
    ),
    "a synchronous server": replace(PEOPLE, synchronous=True, expiries=1, refusals=1, lies=1, crashes=1),
    "a synchronous server, the session ends twice": Setting(synchronous=True, expiries=2, giveups=1, expunges=1),
}

LARGE: Final[Mapping[str, Setting]] = {
    "large: everything once": replace(
        WEATHER, sends=2, crashes=1, refusals=1, redirects=1, nowhere=1, lies=1, expiries=1, changes=1, expunges=1
    ),
    "large: four PUTs, three crashes, two kills": replace(WEATHER, sends=4, crashes=3, kills=2),
    "large: two others, two deletions, two kills": replace(WEATHER, helpers=2, deletions=2, kills=2, faults=0),
    "large: two later runs": replace(PEOPLE, sends=3, later=2, giveups=1, crashes=1),
    "large: two nodes, three PUTs": replace(NODES, sends=3),
    "large: a doubled PUT and later runs": replace(
        PEOPLE, deletions=0, doubles=1, later=1, giveups=1, crashes=1, lost_saves=1, guard=False
    ),
}

TWICE: Final = Setting(sends=2, doubles=1, helpers=1, kills=1)

BEYOND: Final[Mapping[str, tuple[Setting, str]]] = {
    "a proxy doubles a PUT, and somebody deletes it again": (replace(TWICE, deletions=1), "I6"),
    "the session ends between the copies of a doubled PUT": (replace(TWICE, expiries=1), "I3"),
    "the server refuses one copy of a doubled PUT for certain": (replace(TWICE, refusals=1), "I3"),
    "one copy of a doubled PUT is redirected": (replace(TWICE, redirects=1), "I3"),
    "the server says done of one copy and does the other": (replace(TWICE, lies=1), "I3"),
}
"""One thing goes wrong with one copy of a doubled PUT and not with the other: zvol cannot know of the other."""
