"""Runs the state machine for long: `python -m tests.sim [--examples 20000] [--steps 50] [--mutants [NAME...]]`.

It fails when a promise is broken; with `--mutants` it tries wrong versions, and ends with 1 when one is not found.
"""

from __future__ import annotations

import argparse
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sim.machine import Machine
from tests.sim.mutants import MUTANTS


class Counted(Machine):
    """Counts its examples."""

    examples = 0

    def __init__(self) -> None:
        super().__init__()
        Counted.examples += 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("names", nargs="*", help="parts of the names of those wrong versions to try, all without any")
    options = parser.parse_args()
    chosen = settings(
        max_examples=options.examples,
        stateful_step_count=options.steps,
        deadline=None,
        suppress_health_check=[*HealthCheck],
        print_blob=False,
    )
    if options.mutants:
        names = [name for name in MUTANTS if not options.names or any(part in name for part in options.names)]
        missed = [name for name in names if not found(name, chosen)]
        return 1 if missed else 0
    began = time.monotonic()
    run_state_machine_as_test(Counted, settings=chosen)
    print(f"{Counted.examples} examples in {time.monotonic() - began:.0f} s, nothing broken")
    return 0


def found(name: str, chosen: settings) -> bool:
    """Tell whether the machine finds what is wrong with this version."""
    Counted.examples, began = 0, time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        MUTANTS[name](patch)
        try:
            run_state_machine_as_test(
                Counted, settings=settings(chosen, phases=[Phase.generate], derandomize=True, database=None)
            )
        except (AssertionError, BaseExceptionGroup) as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            print(f"found: {name}, after {Counted.examples} examples, {time.monotonic() - began:.0f} s: {why[:80]}")
            return True
    print(f"NOT found: {name}, in {Counted.examples} examples, {time.monotonic() - began:.0f} s")
    return False


if __name__ == "__main__":
    sys.exit(main())
