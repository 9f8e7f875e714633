"""What is said about the volumes of VMs that come back."""

from __future__ import annotations

import pytest

from zvol.cli.vm_advice import vm_advice
from zvol.journal.request import Request
from zvol.model import VM, Outcome, Result, Volume

WEB, DB = "1" * 32, "2" * 32
DRY = Request(reattach=True, vms=True, dry_run=True)


def results(outcome: Outcome) -> list[Result]:
    """Return the results of two VMs, one of which is recovered, each with a volume."""
    volumes = [Volume(name * 32, {"lastVmInstanceUuid": vm}) for name, vm in (("a", WEB), ("b", DB))]
    vms = [Result("web", WEB, Outcome.WOULD_RECOVER, target=VM), Result("db", DB, outcome, target=VM)]
    return [*vms, *(Result(one.uuid, one.uuid, Outcome.ALREADY, resource=one) for one in volumes)]


@pytest.mark.parametrize(
    ("outcome", "named"),
    [(Outcome.FAILED, ["a"]), (Outcome.WOULD_RECOVER, ["a", "b"]), (Outcome.ALREADY, ["a", "b"])],
)
def test_a_dry_run_names_the_volumes_whose_vm_comes_back(outcome: Outcome, named: list[str]) -> None:
    said = [text for text in vm_advice(results(outcome), DRY) if "would be attached" in text]
    assert said == [f"would be attached to the VM again: {', '.join(one * 32 for one in named)}"]
