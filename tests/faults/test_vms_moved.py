"""zvol is killed, and others move the volumes of the VM before the run is resumed: they are left as they are."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import accident
from tests.support.accident import ASSETS, UPLOADS, WEB_1, WEB_2, WHOLE, state
from tests.support.fault_proxy import Rule, proxy
from tests.support.process import Sandbox, environment, sandbox, wait_for
from tests.support.profiles import fast, profile
from tests.support.warm import run, start
from zvol.sandbox import advance

FAST = fast(50)
"""A run waits 621 seconds for a request that nothing is known of."""
ASKED = ["recover", "--vm", WEB_2, "--reattach", "-o", "ndjson", "--timeout", "5h"]
RESUME = ["resume", "-o", "ndjson", "--timeout", "5h"]


def resumed(
    path: Path, rule: Rule, between: Callable[[Sandbox], object]
) -> tuple[int, dict[str, str], dict[str, str | None]]:
    """Kill a run where `rule` holds, let others do something, and resume it: exit code, warnings, and what is left."""
    assert rule.file is not None
    with sandbox(path / "cloud") as cloud, proxy(cloud.host, rule) as (host, seen):
        env = profile(path / "home", host, cloud.session, settle_wait=6, api_timeout=12)
        process = start(ASKED, env, command=FAST)
        assert seen.held.wait(60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        between(cloud)
        rule.file.touch()
        ran = run(RESUME, env, command=FAST)
        told = {one["uuid"]: " ".join(one["warnings"]) for one in map(json.loads, ran.out.splitlines())}
        return ran.code, told, state(cloud)


def attach(cloud: Sandbox, vm: str) -> None:
    cloud.job(cloud.call("POST", f"/v1/volumes/{ASSETS}/vm-instances/{vm}", {}))


def detach(cloud: Sandbox) -> None:
    cloud.job(cloud.call("DELETE", f"/v1/volumes/{ASSETS}/vm-instances"))


@pytest.mark.parametrize(
    ("vm", "why"), [(WEB_2, "it was detached from that VM since"), (WEB_1, f"on VM {WEB_1} since")]
)
def test_a_volume_that_was_detached_on_purpose_meanwhile(vm: str, why: str, tmp_path: Path) -> None:
    def others(cloud: Sandbox) -> None:
        wait_for(lambda: accident.vm(cloud)["state"] == "Stopped")
        attach(cloud, vm)
        advance(accident.folder(cloud), 3600)
        detach(cloud)

    held = Rule("any", "hold-answer", file=tmp_path / "go", action_key="recoverVmInstance")
    code, told, left = resumed(tmp_path, held, others)
    assert (code, left) == (1, WHOLE | {"assets": None})
    assert f"{why}, and was left alone" in told[ASSETS]
    assert told[UPLOADS] == ""


def test_an_attachment_that_went_through_and_a_vm_that_was_destroyed_again(tmp_path: Path) -> None:
    def others(cloud: Sandbox) -> None:
        wait_for(lambda: state(cloud)["assets"] == WEB_2)
        advance(accident.folder(cloud), 60)
        accident.destroy(cloud)

    held = Rule("any", "hold-answer", file=tmp_path / "go", path=f"{ASSETS}/vm-instances/{WEB_2}$")
    code, told, left = resumed(tmp_path, held, others)
    assert (code, left["assets"]) == (1, None)
    assert "it was attached and taken off again since" in told[ASSETS]


def test_zvol_attach_does_not_look_at_claims_and_wins(tmp_path: Path) -> None:
    """The volume is claimed in the journal that both commands share; the server decides."""

    def others(cloud: Sandbox) -> None:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
        [claimed] = run(["runs", "--json"], env).json()
        assert claimed["pending"]
        assert run(["attach", ASSETS, WEB_1], env).code == 0

    held = Rule("any", "hold-answer", file=tmp_path / "go", action_key="recoverVmInstance")
    code, told, left = resumed(tmp_path, held, others)
    assert (code, left) == (1, WHOLE | {"assets": WEB_1})
    assert f"not attached to VM {WEB_2}" in told[ASSETS]
