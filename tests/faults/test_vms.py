"""A VM and its volumes when answers are lost, the server dies or zvol does: all is finished, nothing is done twice."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import accident
from tests.support.accident import ASSETS, DESTROYED, ROOT_2, UPLOADS, WEB_2, WHOLE, state
from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.process import Ran, Sandbox, sandbox, wait_for
from tests.support.profiles import fast, profile
from tests.support.sandbox_faults import plant
from tests.support.warm import run, start
from zvol.sandbox import advance

RATE = 50
"""A run waits 621 seconds for a request of a VM that nothing is known of."""
FAST = fast(RATE)
RESUME = ["resume", "-o", "ndjson", "--timeout", "5h"]
"""A slow machine makes such a wait longer: it begins again when the server did not answer for 10 seconds, here 0.2."""
ASKED = ["recover", "--vm", WEB_2, "--reattach", "-o", "ndjson", "--timeout", "5h"]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


def home(path: Path, host: str, cloud: Sandbox) -> dict[str, str]:
    return profile(path / "home", host, cloud.session, settle_wait=6, api_timeout=12)


def sent(between: Proxy) -> Counter[str]:
    """Return how often each change was sent."""
    paths = [(one.action, one.path) for one in between.seen if one.method in ("PUT", "POST")]
    return Counter(action or "/".join(path.split("/")[-3:]) for action, path in paths if action != "getVersion")


ONCE = Counter(
    {
        "recoverVmInstance": 1,
        "recoverDataVolume": 1,
        f"{ASSETS}/vm-instances/{WEB_2}": 1,
        f"{UPLOADS}/vm-instances/{WEB_2}": 1,
    }
)


def results(ran: Ran) -> dict[str, str]:
    return {one["uuid"]: one["outcome"] for one in map(json.loads, ran.out.splitlines())}


# ---- an answer is lost -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", ["lose", "lose-reset", "lose-page"])
def test_the_answer_of_the_put_is_lost(action: str, tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("any", action, action_key="recoverVmInstance")) as (host, between):
        ran = run(ASKED, home(tmp_path, host, cloud), command=FAST)
        assert (ran.code, state(cloud)) == (0, WHOLE), ran
        assert sent(between) == ONCE
    assert results(ran) == {WEB_2: "recovered", ASSETS: "already", UPLOADS: "recovered"}


def test_a_put_that_never_arrived_is_sent_again(tmp_path: Path, cloud: Sandbox) -> None:
    with proxy(cloud.host, Rule("any", "drop", action_key="recoverVmInstance")) as (host, between):
        ran = run(ASKED, home(tmp_path, host, cloud), command=FAST)
        assert (ran.code, state(cloud)) == (0, WHOLE), ran
        assert sent(between) == ONCE + Counter(["recoverVmInstance"])
        first, second = (one.time for one in between.seen if one.action == "recoverVmInstance")
    assert second - first >= (6 + 615) / RATE, "the first one could still act"


# ---- the server dies -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("root", "fault"), [("Deleted", "unsent"), ("Ready", "half")])
def test_the_server_is_killed_after_its_202(root: str, fault: str, tmp_path: Path) -> None:
    """Before it has begun, and between its two steps: the root volume is back, and the VM is not."""
    left: list[dict[str, str | None]] = []
    with sandbox(tmp_path / "cloud", "--faults") as cloud, proxy(cloud.host) as (host, between):
        plant(cloud.directory, WEB_2, fault)

        def crash() -> None:
            wait_for(lambda: sent(between)["recoverVmInstance"] == 1 and between.idle())
            wait_for(lambda: state(cloud)["root"] == root)
            cloud.end()
            cloud.start()
            left.append(state(cloud))

        other = threading.Thread(target=crash)
        other.start()
        ran = run(ASKED, home(tmp_path, host, cloud), command=FAST)
        other.join()
        assert (left[0]["vm"], left[0]["root"]) == ("Destroyed", root)
        assert (ran.code, state(cloud)) == (0, WHOLE), ran
        assert sent(between)["recoverVmInstance"] == 2
        assert [sent(between)[f"{one}/vm-instances/{WEB_2}"] for one in (ASSETS, UPLOADS)] == [1, 1]


# ---- zvol dies -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("hold", ["recoverVmInstance", "recoverDataVolume", "attach"])
@pytest.mark.parametrize("action", ["hold", "hold-answer"])
def test_killed_while_a_request_is_out_then_resumed(action: str, hold: str, tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    rule = Rule("any", action, file=release_file, action_key=hold)
    if hold == "attach":
        rule = Rule("any", action, file=release_file, path=f"{ASSETS}/vm-instances/{WEB_2}$")
    with proxy(cloud.host, rule) as (host, between):
        env = home(tmp_path, host, cloud)
        process = start(ASKED, env, command=FAST)
        assert between.held.wait(60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        release_file.touch()
        ran = run(RESUME, env, command=FAST)
        assert (ran.code, state(cloud)) == (0, WHOLE), ran
        assert sent(between) == ONCE
        again = run(["resume"], env, command=FAST)
        assert (again.code, again.err) == (0, "zvol: nothing to resume\n")


def test_killed_once_the_vm_is_back_then_typed_again(tmp_path: Path, cloud: Sandbox) -> None:
    """Without `resume`: the journal still knows which volume was deleted with the VM."""
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("any", "hold", file=release_file, action_key="recoverDataVolume")) as (host, between):
        env = home(tmp_path, host, cloud)
        process = start(ASKED, env, command=FAST)
        assert between.held.wait(60)
        wait_for(lambda: (state(cloud)["vm"], state(cloud)["assets"]) == ("Stopped", WEB_2))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        release_file.touch()
        ran = run(ASKED, env, command=FAST)
        assert (ran.code, state(cloud)) == (0, WHOLE), ran
        assert run(RESUME, env, command=FAST).code == 0, "what the first run left open is closed"
        assert (state(cloud), sent(between)) == (WHOLE, ONCE)


# ---- others are at work, too -----------------------------------------------------------------------------------------
def test_a_vm_that_is_destroyed_again_meanwhile_is_left_as_it_is(tmp_path: Path, cloud: Sandbox) -> None:
    def again(_act: str) -> None:
        accident.recover(cloud)
        advance(accident.folder(cloud), 5)
        accident.destroy(cloud)

    rule = Rule("any", "", path=f"vm-instances/{WEB_2}$", act="again")
    with proxy(cloud.host, rule, perform=again) as (host, between):
        ran = run(ASKED, home(tmp_path, host, cloud))
        assert (ran.code, sent(between)["recoverVmInstance"]) == (1, 0)
    assert results(ran) == {WEB_2: "failed", ASSETS: "already", UPLOADS: "recovered"}
    assert '"kind":"changed"' in ran.out
    assert state(cloud) == DESTROYED | {"uploads": None}


def test_they_are_attached_also_when_somebody_has_started_the_vm(tmp_path: Path, cloud: Sandbox) -> None:
    def started(_act: str) -> None:
        accident.database(cloud, f"UPDATE vms SET state = 'Running' WHERE uuid = '{WEB_2}'")

    rule = Rule("any", "", path=f"volumes/[0-9a-f]+/vm-instances/{WEB_2}$", act="start")
    with proxy(cloud.host, rule, perform=started) as (host, _):
        ran = run(ASKED, home(tmp_path, host, cloud))
    assert (ran.code, state(cloud)) == (0, WHOLE | {"vm": "Running"}), ran


def test_a_second_zvol_is_told_that_the_first_is_on_all_of_it(tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("any", "hold", file=release_file, action_key="recoverVmInstance")) as (host, between):
        env = home(tmp_path, host, cloud)
        process = start(ASKED, env, command=FAST)
        assert between.held.wait(60)
        second = run(ASKED, env, command=FAST)
        assert second.code == 6, second
        assert (results(second)[WEB_2], results(second)[ASSETS]) == ("busy", "busy")
        root = run(["recover", ROOT_2], env, command=FAST)
        assert (root.code, sent(between)["recoverVmInstance"]) == (1, 1)
        release_file.touch()
        process.communicate(timeout=60)
    assert (process.returncode, state(cloud)) == (0, WHOLE)


# ---- what a run says of itself ---------------------------------------------------------------------------------------
def test_the_runs_of_a_vm_and_what_may_still_act_of_one_that_is_forgotten(tmp_path: Path, cloud: Sandbox) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.host, Rule("any", "hold", file=release_file, action_key="recoverVmInstance")) as (host, between):
        env = home(tmp_path, host, cloud)
        process = start(ASKED, env, command=FAST)
        assert between.held.wait(60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        [job] = [one.job for one in between.seen if one.action == "recoverVmInstance"]
        [row] = run(["runs", "--json"], env, command=FAST).json()
        assert row["pending"] + row["planned"] + row["followUps"] + row["finished"] == 3
        assert row["followUps"] >= 1
        forgotten = run(["runs", "forget", row["run"], "--json"], env, command=FAST)
        closed = {one["uuid"]: one for one in forgotten.json()}
        assert (closed[WEB_2]["target"], closed[WEB_2]["jobUuid"]) == ("vm", job)
        assert {one["target"] for uuid, one in closed.items() if uuid != WEB_2} == {"volume"}
        assert "may still act" in forgotten.err
        release_file.touch()
