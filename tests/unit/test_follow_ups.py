"""Tags and VMs after a recovery, on simulated time: concurrent, bounded, never in the way, and remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.follow_ups import ATTACH, BOTH, TAG, VM, FollowUpWorld, all_done, exit_code, many
from zvol.errors import Exit
from zvol.journal.request import Request


@pytest.fixture
def world(tmp_path: Path) -> FollowUpWorld:
    return FollowUpWorld(tmp_path)


# ---- what is done --------------------------------------------------------------------------------------------------
def test_tags_are_created_and_the_volume_is_on_its_vm_again(world: FollowUpWorld) -> None:
    [result] = world.follow(BOTH)
    assert (result.outcome, result.exit, result.warnings) == ("recovered", Exit.OK, ())
    assert result.volume is not None
    assert result.volume.text("vmInstanceUuid") == VM
    all_done(world)


def test_what_is_true_already_is_not_sent(world: FollowUpWorld) -> None:
    world.server.tags[world.uuids[0]] = {"incident"}
    world.server.on[world.uuids[0]] = VM
    [result] = world.follow(BOTH)
    assert (result.exit, result.warnings, world.server.posted) == (Exit.OK, (), {})


def test_a_tag_that_was_given_twice_is_created_once(world: FollowUpWorld) -> None:
    [result] = world.follow(Request(user_tags=("a", "b", "a")))
    assert (result.exit, sorted(world.server.made)) == (Exit.OK, [(world.uuids[0], "a"), (world.uuids[0], "b")])


def test_a_dry_run_and_tags_that_are_only_sent_have_no_follow_ups(world: FollowUpWorld) -> None:
    [result] = world.follow(Request(user_tags=("a",), reattach=True, dry_run=True))
    assert result.outcome == "would-recover"
    [result] = world.follow(Request(user_tags=("a",), ensure_tags=False))
    assert (result.outcome, world.server.posted) == ("recovered", {})


def test_a_volume_that_is_back_already_gets_them_too(world: FollowUpWorld) -> None:
    world.server.recover_by_hand(world.uuids[0])
    [result] = world.follow(BOTH)
    assert (result.outcome, result.exit) == ("already", Exit.OK)
    all_done(world)


def test_strict_counts_beside_them(world: FollowUpWorld) -> None:
    world.server.recover_by_hand(world.uuids[0])
    [result] = world.follow(Request(user_tags=("incident",), strict=True))
    assert (result.outcome, result.exit) == ("already", Exit.FAILED)
    assert world.server.tags[world.uuids[0]] == {"incident"}


@pytest.mark.parametrize("request_", [TAG, ATTACH, BOTH])
def test_many_cost_few_requests(request_: Request, tmp_path: Path) -> None:
    """One POST for each change; what comes of them is read 100 volumes at a time."""
    world = many(tmp_path, 100)
    results = world.follow(request_)
    changes = len(request_.user_tags) + request_.reattach
    assert exit_code(results) is Exit.OK
    assert world.server.seen["post"] == changes * 100
    others = sum(number for kind, number in world.server.seen.items() if kind not in ("put", "post"))
    assert others <= 20 + 20 * changes
    assert world.took < 4 + 3 * changes


# ---- never in the way ----------------------------------------------------------------------------------------------
def test_one_attach_without_an_answer_stops_nobody(tmp_path: Path) -> None:
    """B3: it used to be polled for a minute by the thread that drives everything, and 16 ended in "unknown"."""
    world = many(tmp_path)
    odd = world.uuids[3]
    world.server.stuck[odd, VM] = "page"
    results = world.follow(ATTACH, timeout=30.0)
    assert {result.outcome.value for result in results} == {"recovered"}
    warned = [result for result in results if result.warnings]
    assert [(result.uuid, result.exit) for result in warned] == [(odd, Exit.UNKNOWN)]
    assert "it is not known whether it is attached" in warned[0].warnings[0]
    assert set(world.server.on) == set(world.uuids) - {odd}
    assert world.took <= 30 + 5 + 1
    assert world.server.posted[odd, VM] == 1
    assert [result.uuid for result in results][-1] == odd, "the others are reported when they are done"


@pytest.mark.parametrize("concurrency", [1, 2, 4, 16])
def test_hanging_attaches_do_not_keep_others_from_coming_back(concurrency: int, tmp_path: Path) -> None:
    world = many(tmp_path, 40)
    for uuid in world.uuids[:4]:
        world.server.stuck[uuid, VM] = "lost"
    puts: list[float] = []
    world.server.on_submit = lambda _uuid: puts.append(world.clock.now)
    began = world.clock.now
    results = world.follow(ATTACH, concurrency=concurrency)
    assert {result.outcome.value for result in results} == {"recovered"}
    assert sum(bool(result.warnings) for result in results) == 4
    if concurrency > 1:
        assert max(puts) - began < 20, "PUTs waited for attaches"


def test_each_volume_is_told_when_it_is_done(tmp_path: Path) -> None:
    world = many(tmp_path, 8)
    slow = world.uuids[0]
    world.server.stuck[slow, VM] = "never"
    ended: dict[str, float] = {}
    began = world.clock.now
    for result in world.following(ATTACH):
        assert result.uuid is not None
        ended[result.uuid] = world.clock.now - began
    assert max(when for uuid, when in ended.items() if uuid != slow) < 5
    assert 60 <= ended[slow] <= 70


# ---- bounded -------------------------------------------------------------------------------------------------------
def test_a_change_is_watched_for_a_minute(world: FollowUpWorld) -> None:
    world.server.stuck[world.uuids[0], "incident"] = "never"
    [result] = world.follow(BOTH)
    assert (result.outcome, result.exit, len(result.warnings)) == ("recovered", Exit.UNKNOWN, 2)
    assert result.warnings[0] == "user tag 'incident': it is not known whether it was created"
    assert "`zvol resume`" in result.warnings[1]
    assert world.server.on[world.uuids[0]] == VM, "the next change is made nevertheless"
    assert 60 <= world.took <= 68
    assert world.server.seen["job"] < 60


def test_time_is_up_for_what_was_not_sent(world: FollowUpWorld) -> None:
    """The server goes down when the volume is back: nothing was sent, so it is 5, and kept."""
    world.server.fault = lambda kind, _number: "unsent" if kind == "post" else None
    [result] = world.follow(ATTACH, timeout=20.0)
    assert (result.outcome, result.exit, result.unfinished) == ("recovered", Exit.UNREACHABLE, True)
    assert "nothing was sent" in result.warnings[0]
    assert world.took <= 26


def test_the_last_look_counts(world: FollowUpWorld) -> None:
    """The machine slept: time is up, and the volume has long been attached."""
    world.server.change_seconds = 3.0
    world.server.on_post = lambda: world.clock.at(world.clock.now + 1.0, lambda: _sleep(world, 300.0))
    [result] = world.follow(ATTACH, timeout=60.0)
    assert (result.exit, result.warnings) == (Exit.OK, ())


def _sleep(world: FollowUpWorld, seconds: float) -> None:
    """Let everything on the server happen, and the time of this machine jump."""
    world.server.on[world.uuids[0]] = VM
    world.clock.now += seconds


def test_a_refusal_is_said_in_the_servers_words(world: FollowUpWorld) -> None:
    world.server.stuck[world.uuids[0], "incident"] = "refuse"
    [result] = world.follow(BOTH)
    assert (result.exit, result.unfinished) == (Exit.FAILED, False)
    assert result.warnings == ("user tag 'incident': SYS.1006 by the simulation",)
    assert world.server.on[world.uuids[0]] == VM


@pytest.mark.parametrize("fault", ["page", "denied"])
def test_tags_that_cannot_be_looked_at_are_a_warning_and_0(fault: str, world: FollowUpWorld) -> None:
    world.server.fault = lambda kind, _number: fault if kind == "tags" else None
    [result] = world.follow(BOTH)
    assert (result.exit, result.unfinished, len(result.warnings)) == (Exit.OK, False, 1)
    assert result.warnings[0].startswith("the user tags could not be read: ")
    assert world.server.on[world.uuids[0]] == VM
    assert world.took < (65 if fault == "page" else 2)


def test_a_volume_whose_tags_cannot_be_read_is_alone_in_that(tmp_path: Path) -> None:
    world = many(tmp_path)
    world.server.odd_tags = {world.uuids[7]}
    ended = {}
    began = world.clock.now
    for result in world.following(TAG):
        ended[result.uuid] = (world.clock.now - began, result.warnings)
    late = {uuid: seen for uuid, seen in ended.items() if seen[0] > 20 or seen[1]}
    assert set(late) == {world.uuids[7]}
    assert "could not be read: HTTP 502" in late[world.uuids[7]][1][0]
    assert len(world.server.looked) < 60


def test_it_was_never_on_a_vm(world: FollowUpWorld) -> None:
    world.server.last[world.uuids[0]] = None
    [result] = world.follow(BOTH)
    assert (result.exit, result.unfinished) == (Exit.FAILED, False)
    assert "never on a VM" in result.warnings[0]
    assert world.server.tags[world.uuids[0]] == {"incident"}


def test_an_outage_in_between_is_waited_out(tmp_path: Path) -> None:
    world = many(tmp_path)
    world.server.on_post = lambda: _outage(world, 25.0)
    results = world.follow(BOTH)
    assert {result.outcome.value for result in results} == {"recovered"}
    assert sum(kind in ("tags", "read", "job", "post", "put") for _, kind in world.server.requests) < 500
    left = [result.uuid for result in results if result.warnings]
    assert all(result.exit is Exit.UNKNOWN for result in results if result.warnings)
    assert len(left) <= 16, "only those whose POST was on its way when the server went down"


def _outage(world: FollowUpWorld, seconds: float) -> None:
    world.server.on_post = lambda: None
    world.server.crash()
    world.clock.at(world.clock.now + seconds, world.server.restart)
