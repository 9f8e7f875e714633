"""The zone of a server before 4.1: fresh heartbeats of its management nodes show it to an administrator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_server import SESSION
from tests.support.old_server import HOUR, NOW, VM, VOLUME, OldServer, old_server
from tests.support.process import Ran, environment
from tests.support.profiles import fast
from tests.support.warm import run
from zvol.text import stamp

NODES, ZONE, VERSION = "/management-nodes ", "/platform-timezone", "getVersion"
QUARTER = 900
KEPT = 72 * HOUR
COMMAND = fast(6)
WITHIN = ["recover", "--expiring-within", "9d", "--dry-run", "--json"]


def fault(code: str) -> tuple[int, Any]:
    return 503, {"error": {"code": code, "description": "no"}}


def zvol(server: OldServer, home: Path, *arguments: str, zone: str | None = None) -> Ran:
    """Run zvol on a fast clock; `zone` is the one of its profile, and the server has seen nothing before."""
    server.seen.clear()
    file = home / ".config" / "zvol" / "config.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    lines = [f"host: {server.host}", f"session: '{SESSION}'", *([f"timezone: '{zone}'"] if zone else [])]
    file.write_text("profiles:\n  it:\n" + "".join(f"    {line}\n" for line in lines))
    return run(arguments, environment(home), command=COMMAND)


def shown(server: OldServer, home: Path, zone: str | None = None) -> tuple[str, str | None]:
    """Return where the zone is from, and how long the volume is safe."""
    [row] = zvol(server, home, "list", "--json", zone=zone).json()
    return row["recycle"]["clock"], row["recycle"]["expungesAfter"]


def until(east: float = 8 * HOUR) -> str | None:
    """Return how long a volume is safe that a server in this zone deleted at the same local time as one in +08:00."""
    return stamp(NOW - 2 * HOUR + 8 * HOUR - east + KEPT)


@pytest.mark.parametrize("east", [8 * HOUR, 5.75 * HOUR, 0, -3.5 * HOUR])
def test_a_heartbeat_that_was_written_between_two_reads(east: float, tmp_path: Path) -> None:
    with old_server() as server:
        server.east = east
        deleted = server.local(2 * HOUR)
        server.stored[0] |= {"lastOpDate": deleted, "lastDetachDate": deleted, "lastVmInstanceUuid": VM}
        assert shown(server, tmp_path) == ("server", stamp(NOW - 2 * HOUR + KEPT))
        assert (server.asked(ZONE), server.asked(NODES), server.asked(VERSION)) == (1, 2, 0)


def test_the_time_that_it_took_is_not_left_any_more(tmp_path: Path) -> None:
    with old_server() as server:
        [row] = zvol(server, tmp_path, "list", "--json").json()
        assert row["recycle"]["secondsLeft"] <= KEPT - 2 * HOUR - 3


@pytest.mark.parametrize(
    "beats",
    [
        [[2.0], [2.0], [1.0]],
        [[2.0, 5000.0], [0.0, 5000.0]],
        [[QUARTER, 2.0], [QUARTER, 0.0]],
        [[1000.0, 2.0], [995.0, 0.0]],
        [[QUARTER, 3.0, QUARTER + 3], [QUARTER, 1.0, QUARTER + 3]],
        [[-1.0], [-3.0]],
        [[100.0], [95.0]],
    ],
)
def test_the_newest_of_several_nodes_counts(beats: list[list[float]], tmp_path: Path) -> None:
    with old_server() as server:
        server.beats = beats
        assert shown(server, tmp_path) == ("server", until())


@pytest.mark.parametrize(
    "beats",
    [[[age]] for age in (0.0, 2.0, QUARTER, QUARTER + 2, 2 * QUARTER, 8 * HOUR, 200.0, -QUARTER)]
    + [[[QUARTER, QUARTER + 4]], [[4 * QUARTER], [4 * QUARTER, 2 * QUARTER]], [[QUARTER], [QUARTER + 5]]]
    + [[[]], [[QUARTER], []], [[300.0], [295.0]], [[4 * QUARTER + 300], [4 * QUARTER + 295]]],
)
def test_a_node_that_has_stopped_shows_no_zone(beats: list[list[float]], tmp_path: Path) -> None:
    """Its last heartbeat may be exactly as old as another zone is away, and every deadline would be later."""
    with old_server() as server:
        server.beats = beats
        assert shown(server, tmp_path) == ("unknown", None)
        assert shown(server, tmp_path, "Asia/Tokyo") == ("profile", until(9 * HOUR))
        assert server.asked(NODES) <= 5


def test_a_selector_says_what_to_do_when_no_node_shows_the_zone(tmp_path: Path) -> None:
    with old_server() as server:
        server.beats = [[QUARTER]]
        ran = zvol(server, tmp_path, *WITHIN)
        assert (ran.code, ran.out, "Set `timezone` in the profile" in ran.err) == (2, "", True)


def test_a_zone_of_the_profile_that_fits_saves_the_wait(tmp_path: Path) -> None:
    with old_server() as server:
        assert shown(server, tmp_path, "Asia/Shanghai") == ("profile", until())
        assert server.asked(NODES) == 1
        assert shown(server, tmp_path, "Asia/Tokyo") == ("server", until())
        assert server.asked(NODES) == 2


@pytest.mark.parametrize("zone", [(200, {"inventories": []}), fault("ID.1001"), fault("SYS.1006")])
@pytest.mark.parametrize(
    ("nodes", "code"),
    [(fault("SYS.1006"), 2), (fault("ID.1001"), 2), (fault("SYS.1000"), 5), ((502, "bad gateway"), 5)],
)
def test_a_server_that_does_not_tell_its_nodes(
    zone: tuple[int, Any], nodes: tuple[int, Any], code: int, tmp_path: Path
) -> None:
    with old_server() as server:
        server.zone, server.nodes = zone, nodes
        assert shown(server, tmp_path) == ("unknown", None)
        ran = zvol(server, tmp_path, *WITHIN)
        assert (ran.code, ran.out) == (code, "")
        assert shown(server, tmp_path, "Asia/Shanghai") == ("profile", until())
        ran = zvol(server, tmp_path, *WITHIN, zone="Asia/Shanghai")
        assert (ran.code, [one["outcome"] for one in ran.json()]) == (0, ["would-recover"])


def test_heartbeats_are_only_read_where_they_are_needed(tmp_path: Path) -> None:
    password = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    with old_server() as server:
        server.zone = (200, {"timezone": "Asia/Shanghai", "offset": "+08:00", "success": True})
        assert (*shown(server, tmp_path), server.asked(NODES)) == ("server", until(), 0)
        server.zone = (502, "bad gateway")
        assert (*shown(server, tmp_path, "Asia/Shanghai"), server.asked(NODES)) == ("unknown", None, 0)
        server.zone = (200, {"inventories": []})
        env = environment(tmp_path / "other", password | {"ZVOL_HOST": server.host})
        [row] = run(["list", "--json"], env, command=COMMAND).json()
        assert (row["recycle"]["clock"], row["recycle"]["expungesAfter"]) == ("login", until())
        assert server.asked(NODES) == 0
        for command in (["recover", "--name", "data", "--dry-run"], ["recover", "--all", "--dry-run"]):
            assert (zvol(server, tmp_path, *command).code, server.asked(NODES)) == (0, 0)
        for option in (["--deleted-since", "9h"], ["--deleted-before", "1h"], ["--expiring-within", "9d"]):
            ran = zvol(server, tmp_path, "recover", *option, "--dry-run", "-o", "name")
            assert (ran.code, ran.out.split(), server.asked(NODES)) == (0, [VOLUME], 2)
        server.clock = False
        [row] = zvol(server, tmp_path, "list", "--json").json()
        assert (row["recycle"]["clock"], server.asked(NODES)) == ("unknown", 0)
        server.clock = True
        server.stored.clear()
        assert zvol(server, tmp_path, "list", "--json").json() == []
        assert server.asked(NODES) == 0


# ---- doctor says the same ----------------------------------------------------------------------------------------
def doctor(server: OldServer, home: Path, zone: str | None = None) -> tuple[bool, str]:
    found = {one["check"]: one for one in zvol(server, home, "doctor", "--json", zone=zone).json()}
    return found["zone"]["ok"], found["zone"]["found"]


def test_doctor_says_what_the_list_says(tmp_path: Path) -> None:
    never = "the server does not tell its time zone"
    with old_server() as server:
        well, text = doctor(server, tmp_path)
        assert (well, text[:54]) == (True, "UTC+08:00, from the heartbeats of its management nodes")
        assert "does not count" in doctor(server, tmp_path, "Asia/Tokyo")[1]
        assert doctor(server, tmp_path, "Asia/Shanghai") == (True, f"{never}; the profile says Asia/Shanghai")
        server.beats = [[QUARTER]]
        assert doctor(server, tmp_path) == (False, f"{never}; the profile says nothing")
        assert doctor(server, tmp_path, "Asia/Tokyo") == (True, f"{never}; the profile says Asia/Tokyo")
        server.nodes = fault("SYS.1000")
        well, text = doctor(server, tmp_path)
        assert (well, text[:11]) == (False, "not known: ")
        assert doctor(server, tmp_path, "Asia/Tokyo")[0]


def test_doctor_does_not_log_in_for_it(tmp_path: Path) -> None:
    login = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    with old_server() as server:
        env = environment(tmp_path, login | {"ZVOL_HOST": server.host})
        found = {one["check"]: one["found"] for one in run(["doctor", "--json"], env, command=COMMAND).json()}
        assert found["zone"] == "the server does not tell its time zone; each run reads it from its login"
        assert (server.asked("/accounts"), server.asked(NODES)) == (0, 0)
        server.zone = (200, {"timezone": "Asia/Shanghai", "offset": "+08:00", "success": True})
        found = {one["check"]: one["found"] for one in run(["doctor", "--json"], env, command=COMMAND).json()}
        assert found["zone"] == "Asia/Shanghai, from the server"


# ---- where nothing needs the zone, nothing is waited for ---------------------------------------------------------
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["list", "--name", "nosuch"], 0),
        (["list", "--status", "Ready", "--name", "nosuch"], 0),
        (["list", "--name", "nosuch", "--deleted-since", "9d"], 0),
        (["list", "--name", "nosuch", "--expiring-within", "9d"], 0),
        (["list", "--tagged", "nosuch"], 0),
        (["list", "--primary-storage", "f" * 32], 0),
        (["recover", "--name", "nosuch", "--expiring-within", "9d", "--yes"], 0),
        (["list", "--last-vm", VM], 2),
        (["recover", "--last-vm", VM, "--yes"], 2),
        (["list", "--last-vm", VM, "--name", "nosuch"], 0),
        (["list", "--last-vm", VM, "--name", "nosuch", "--deleted-since", "9d"], 0),
        (["list", "--vms", "--name", "nosuch"], 0),
    ],
)
def test_no_heartbeat_is_waited_for(command: list[str], code: int, tmp_path: Path) -> None:
    with old_server() as server:
        ran = zvol(server, tmp_path, *command)
        assert (ran.code, server.asked(NODES)) == (code, 0), ran


@pytest.mark.parametrize("more", [[], ["--deleted-since", "9d"], ["--expiring-within", "9d"]])
def test_a_heartbeat_is_waited_for_where_a_volume_is_left(more: list[str], tmp_path: Path) -> None:
    with old_server() as server:
        ran = zvol(server, tmp_path, "list", "--name", "data", *more, "--json")
        assert (ran.code, len(ran.json()), server.asked(NODES)) == (0, 1, 2)
        ran = zvol(server, tmp_path, "list", "--last-vm", VM, "--deleted-before", "9d", "--json")
        assert (ran.code, ran.json(), server.asked(NODES)) == (0, [], 2), "the date alone excludes it"
        ran = zvol(server, tmp_path, "list", "--last-vm", VM, *more, "--json")
        assert (ran.code, server.asked(NODES)) == (2, 2 if more else 0)
