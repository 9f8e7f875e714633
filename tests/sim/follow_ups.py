"""The server in memory with tags and VMs: what follow-ups have to live with, on simulated time."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sim.clock import Late
from tests.sim.server import SimServer
from tests.sim.world import World
from zvol.errors import ErrorCode, Exit, NeverSent, Refused, TransientError, most_severe
from zvol.journal.request import Request
from zvol.model import Result, Target, Volume
from zvol.recovery.engine import Engine
from zvol.resource import Resource
from zvol.zstack import answers

VM = "e" * 32
OTHER_VM = "9" * 32


@dataclass
class FollowUpServer(SimServer):
    """`last` is the VM each volume was last on, `on` where it is; `posted` and `made` count changes by what they make.

    `stuck` are changes (volume, value) whose every POST meets a fault: `page` before the server sees it, `lost` (no
    answer, never done), `refuse`, `never` (accepted, never done), `unsent`.
    """

    tags: dict[str, set[str]] = field(default_factory=dict)
    on: dict[str, str] = field(default_factory=dict)
    last: dict[str, str | None] = field(default_factory=dict)
    stuck: dict[tuple[str, str], str] = field(default_factory=dict)
    posted: Counter[tuple[str, str]] = field(default_factory=Counter)
    made: Counter[tuple[str, str]] = field(default_factory=Counter)
    stale: list[tuple[str, float]] = field(default_factory=list)
    detached: str | None = None
    shareable: set[str] = field(default_factory=set)
    attached: Counter[str] = field(default_factory=Counter)
    looked: list[tuple[str, ...]] = field(default_factory=list)
    odd_tags: set[str] = field(default_factory=set)
    on_post: Callable[[], object] = lambda: None
    on_tags: Callable[[], object] = lambda: None
    post_seconds: float = 0.0
    change_seconds: float = 0.13

    def inventory(self, uuid: str) -> Resource:
        volume = super().inventory(uuid)
        if not isinstance(volume, Volume):
            return volume
        more: dict[str, object] = {"lastVmInstanceUuid": self.last.get(uuid, VM), "vmInstanceUuid": self.on.get(uuid)}
        if more["lastVmInstanceUuid"]:
            more["lastDetachDate"] = self.detached
        if uuid in self.shareable:
            date = f"Nov 23, 2026 9:{self.attached[uuid] % 60:02}:00 PM"
            more |= {"vmInstanceUuid": None, "isShareable": True, "lastAttachDate": date}
        return Volume(uuid, {**volume.fields, **{name: value for name, value in more.items() if value is not None}})

    def change(self, path: str, body: Any, job: str, _api_timeout: float, fresh_until: float | None = None) -> object:
        uuid, value = _meant(path, body)
        self.on_post()
        fault = self._arrive("post") or self.stuck.get((uuid, value))
        if not self.up or fault in ("refused", "unsent"):
            return NeverSent("refused", "refused by the simulation")
        if fresh_until is not None and self.clock.now > fresh_until:
            return NeverSent("stale", "too late")
        self.posted[uuid, value] += 1
        if fault == "page":
            return answers.Unrecognized("HTTP 502 from a proxy")
        if fault == "lost":
            raise Late(30.0, answers.Unrecognized("no answer"))
        self.jobs[job] = "ID.1001" if fault == "no-session" else "processing"
        if fault not in ("never", "no-session"):
            self._work(lambda: self._make(uuid, value, job, fault))
        if fault == "answer-lost":
            raise Late(30.0, answers.Unrecognized("no answer"))
        if self.post_seconds:
            raise Late(self.post_seconds, answers.Accepted(60.0))
        return answers.Accepted(60.0)

    def _work(self, make: Callable[[], object]) -> None:
        """Make a change later; with `shared` it takes time like a recovery."""
        if self.shared is not None:
            self.shared.start(make)
        else:
            self.clock.at(self.clock.now + self.change_seconds, make)

    def _make(self, uuid: str, value: str, job: str, fault: str | None) -> None:
        row = self.rows.get(uuid)
        attach = len(value) == len(VM)
        there = uuid in self.on if attach else value in self.tags.get(uuid, ())
        if fault == "refuse" or row is None or row.status == "Deleted" or there:
            self.jobs[job] = "SYS.1006"
            return
        self.made[uuid, value] += 1
        self.jobs[job] = "done"
        if attach:
            self.on[uuid] = value
            self.attached[uuid] += 1
        else:
            self.tags.setdefault(uuid, set()).add(value)

    def change_job(self, job: str) -> object:
        return self.job(job)

    def user_tags(self, uuids: Sequence[str]) -> dict[str, frozenset[str]]:
        fault = self._arrive("tags")
        self.looked.append(tuple(uuids))
        self.on_tags()
        if not self.up:
            raise TransientError("refused", NeverSent("refused", "by the simulation"))
        if fault == "page" or self.odd_tags & set(uuids):
            raise TransientError("HTTP 502 from a proxy")
        if fault == "denied":
            raise Refused("the server refused the query", fault=ErrorCode("SYS.1006", {"code": "SYS.1006"}))
        return {uuid: frozenset(self.tags.get(uuid, ())) for uuid in uuids}


def _meant(path: str, body: Any) -> tuple[str, str]:
    """Return the volume and the tag or VM that a change is about."""
    if path == "/v1/user-tags":
        return body["params"]["resourceUuid"], body["params"]["tag"]
    parts = path.split("/")
    return parts[3], parts[5]


class FollowUpWorld(World):
    """A world whose runs ask for follow-ups."""

    server: FollowUpServer

    def __init__(self, tmp_path: Path, volumes: int = 1) -> None:
        super().__init__(tmp_path, volumes=volumes)
        uuids = self.uuids
        self.server = FollowUpServer(self.clock)
        self.renew: Callable[[], bool] | None = None
        self.server.add(uuids)

    def new_engine(self, **options: object) -> Engine:
        engine = super().new_engine(**options)
        engine._renew = getattr(self, "renew", None)
        return engine

    def follow(self, request: Request, **options: object) -> list[Result]:
        """Recover all volumes, to the end."""
        return list(self.following(request, **options))

    def following(self, request: Request, **options: object) -> Iterator[Result]:
        """Do the same, one result after the other."""
        self.engine = self.new_engine(**options)
        began = self.clock.now
        yield from self.engine.recover([Target(uuid, uuid) for uuid in self.uuids], request)
        self.took = self.clock.now - began
        self.close()

    def resume(self, **options: object) -> list[Result]:
        """Do what `zvol resume` does."""
        journal = self.journal()
        left = journal.adopt([run.id for run in journal.runs() if run.unfinished], self.identity).volumes
        self.engine = self.new_engine(**options)
        began = self.clock.now
        results = list(self.engine.resume(journal, left))
        self.took = self.clock.now - began
        self.close()
        return results


BOTH = Request(user_tags=("incident",), reattach=True)
TAG = BOTH._replace(reattach=False)
ATTACH = BOTH._replace(user_tags=())


class Killed(BaseException):
    """zvol is gone; what it had made durable remains."""


def killed(world: FollowUpWorld, request: Request, seconds: float, **options: object) -> None:
    """Begin a run and kill it after `seconds`; `world` goes on with the journal as it was on the disk then."""
    following = world.path.parent / f"after-{seconds}"

    def kill() -> None:
        shutil.copytree(world.path.parent, following, ignore=shutil.ignore_patterns("*.locks", "after-*"))
        raise Killed

    world.clock.at(world.clock.now + seconds, kill)
    with suppress(Killed):
        world.follow(request, **options)
    world.close()
    if following.exists():
        world.path = following / world.path.name
    world.clock.events = [one for one in world.clock.events if "finish" not in repr(one[2])]


def many(tmp_path: Path, volumes: int = 30) -> FollowUpWorld:
    return FollowUpWorld(tmp_path, volumes)


def exit_code(results: list[Result]) -> Exit:
    return most_severe(result.exit for result in results)


def all_done(world: FollowUpWorld, *, but: tuple[str, ...] = ()) -> None:
    """Every volume has its tag and its VM, each made once."""
    for uuid in set(world.uuids) - set(but):
        assert (world.server.tags[uuid], world.server.on[uuid]) == ({"incident"}, VM)
    assert set(world.server.made.values()) == {1}
