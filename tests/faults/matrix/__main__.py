"""Runs the whole matrix; `python -m tests.faults.matrix TEXT...` runs cases whose names contain one of the texts."""

from __future__ import annotations

import argparse
import queue
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.matrix.case import Case
from tests.faults.matrix.cases import blocks
from tests.faults.matrix.checks import check
from tests.faults.matrix.runner import RATE, Runner
from tests.faults.matrix.wires import every_byte
from tests.support.kinds import KINDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("texts", nargs="*", help="only cases with one of these in their name or block")
    parser.add_argument("-n", "--runners", type=int, default=4, help="cases that run at the same time")
    parser.add_argument("--real", type=int, default=10, metavar="N", help="every N-th case starts Python anew")
    parser.add_argument("--rate", type=float, default=RATE, help="how fast zvol's clock is; less on a busy machine")
    parser.add_argument("--kind", choices=KINDS, default="volume")
    parser.add_argument("--every-byte", action="store_true", help="instead, a break at each byte")
    given = parser.parse_args()
    kind = KINDS[given.kind]
    every = {"every byte": [replace(case, kind=kind) for case in every_byte()]}
    found = every if given.every_byte else blocks(kind)
    cases = [Todo(block, case) for block, some in found.items() for case in some]
    cases = [one for one in cases if not given.texts or any(text in one.name for text in given.texts)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run(cases, [Runner(Path(folder, str(number)), rate=given.rate) for number in range(given.runners)], given.real)
    for block in found:
        tried = [one for one in cases if one.block == block]
        if tried:
            print(f"{block}: {len(tried)} cases, {sum(one.failed for one in tried)} failed")
    failed = sum(one.failed for one in cases)
    print(f"{len(cases)} cases, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


@dataclass
class Todo:
    """A case that is to be run; one that nobody ran has failed."""

    block: str
    case: Case
    failed: bool = True

    @property
    def name(self) -> str:
        return f"{self.block}: {self.case.name}"


def run(cases: list[Todo], runners: Sequence[Runner], real: int) -> None:
    todo: queue.SimpleQueue[tuple[int, Todo] | None] = queue.SimpleQueue()
    for numbered in enumerate(cases):
        todo.put(numbered)
    threads = [threading.Thread(target=work, args=(runner, todo, real)) for runner in runners]
    for thread in threads:
        todo.put(None)
        thread.start()
    for thread in threads:
        thread.join()


def work(runner: Runner, todo: queue.SimpleQueue[tuple[int, Todo] | None], real: int) -> None:
    """Run cases until there is none left."""
    try:
        while (numbered := todo.get()) is not None:
            number, one = numbered
            try:
                runner.prepare(one.case, real=number % real == real - 1).execute(check)
                one.failed = False
            except Exception:
                print(f"FAILED {one.name}\n{traceback.format_exc(limit=-2)}", flush=True)
    finally:
        runner.close()


if __name__ == "__main__":
    raise SystemExit(main())
