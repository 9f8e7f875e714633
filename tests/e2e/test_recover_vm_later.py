"""`zvol recover --vm VM --reattach` once the VM is back: what was deleted with it is known where zvol recovered it."""

from __future__ import annotations

from tests.support import accident
from tests.support.accident import ASSETS, UPLOADS, WEB_2, WHOLE, state
from tests.support.process import Sandbox
from tests.support.warm import run

LATER = ["recover", "--vm", WEB_2, "--reattach", "--json"]


def test_once_the_vm_is_back_its_deleted_volume_still_follows(cloud: Sandbox, at: dict[str, str]) -> None:
    """The journal knows when the VM was destroyed; the server does not, least of all once it was started."""
    ran = run(["recover", "--vm", "web-2"], at)
    assert (ran.code, f"`zvol recover --vm {WEB_2} --reattach` attaches those that were on it" in ran.err) == (0, True)
    cloud.job(cloud.call("PUT", f"/v1/vm-instances/{WEB_2}/actions", {"startVmInstance": {}}))
    ran = run(LATER, at)
    assert (ran.code, state(cloud)) == (0, WHOLE | {"vm": "Running"}), ran
    assert [(one["uuid"], one["outcome"]) for one in ran.json()[1:]] == [(ASSETS, "already"), (UPLOADS, "recovered")]


def test_a_deleted_volume_of_a_vm_that_somebody_else_recovered_is_only_named(
    cloud: Sandbox, at: dict[str, str]
) -> None:
    """When the VM was destroyed is not known any more."""
    accident.recover(cloud)
    ran = run(LATER, at)
    assert (ran.code, state(cloud)) == (1, WHOLE | {"uploads": "Deleted"})
    warnings = " ".join(ran.json()[0]["warnings"])
    assert "is not known (the VM is back, and the journal of this zvol has no recovery of it)" in warnings
    assert f"`zvol recover {UPLOADS}`, then `zvol attach {UPLOADS} {WEB_2}`" in warnings


def test_a_vm_that_was_renamed_in_the_recycle_bin_leaves_its_deleted_volume_undecided(
    cloud: Sandbox, at: dict[str, str]
) -> None:
    """The new name has moved the date of its destruction; also later, when only the journal has that date."""
    accident.rename(cloud, "web-3")
    for again in (["recover", "--vm", "web-3", "--reattach", "--json"], LATER):
        ran = run(again, at)
        assert (ran.code, state(cloud)) == (1, WHOLE | {"uploads": "Deleted"})
        assert "or one of them was changed since" in " ".join(ran.json()[0]["warnings"])
