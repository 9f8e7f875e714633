"""`python -m tests.model`: check the protocol in every setting, and each weaker rule; `--large` takes minutes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from tests.model.ablations import WEAKER
from tests.model.explore import Found, explore
from tests.model.promises import PROMISES
from tests.model.settings import BEYOND, HOLDS, LARGE
from tests.model.world import Rules, Setting

Row = tuple[str, Setting, Rules, str | None]
"""A title, the world, the rules, and the promise that breaks (None: all of them hold)."""


def rows(*, large: bool) -> Iterator[Row]:
    for title, setting in [*HOLDS.items(), *(LARGE.items() if large else ())]:
        yield title, setting, Rules(), None
    for title, weaker in WEAKER.items():
        yield f"weaker: {title}", weaker.setting, weaker.rules, weaker.breaks
    for title, (setting, breaks) in BEYOND.items():
        yield f"beyond: {title}", setting, Rules(), breaks


def show(title: str, found: Found, seconds: float, *, right: bool, steps: bool) -> None:
    mark = "" if right else "   UNEXPECTED"
    print(f"{title:72s} {found.states:9,d} states {seconds:6.1f} s  {found.verdict}{mark}", flush=True)
    for name, trace in found.broken.items() if steps else ():
        print(f"    {name}: {PROMISES[name]}", *(f"\n        {at}. {step}" for at, step in enumerate(trace, 1)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--large", action="store_true", help="also the large settings")
    parser.add_argument("-v", action="store_true", dest="steps", help="print the shortest way to each broken promise")
    parser.add_argument("words", nargs="*", help="only the rows whose title contains one of these")
    args = parser.parse_args()
    wrong = 0
    for title, setting, rules, breaks in rows(large=args.large):
        if args.words and not any(word in title for word in args.words):
            continue
        began = time.perf_counter()
        found = explore(setting, rules, until=breaks)
        right = breaks in found.broken if breaks else not found.broken
        wrong += not right
        show(title, found, time.perf_counter() - began, right=right, steps=args.steps)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
