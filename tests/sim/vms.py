"""A destroyed VM with the volumes that come back with it, on simulated time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sim.follow_ups import FollowUpServer, FollowUpWorld
from zvol.journal.request import Request
from zvol.model import VM, Result, Target, Volume
from zvol.resource import Resource

MACHINE = "d" * 32
REQUEST = Request(reattach=True, vms=True)


@dataclass
class VmServer(FollowUpServer):
    """`early` are volumes for which an attachment came while their VM was not back.

    `dates`: fields of volumes.  `taken_off`: volumes that are detached as soon as they are attached, with the
    lastAttachDate that they have then.
    """

    early: list[str] = field(default_factory=list)
    dates: dict[str, dict[str, str]] = field(default_factory=dict)
    taken_off: dict[str, str] = field(default_factory=dict)

    def inventory(self, uuid: str) -> Resource:
        found = super().inventory(uuid)
        return Volume(uuid, {**found.fields, **self.dates[uuid]}) if uuid in self.dates else found

    def _make(self, uuid: str, value: str, job: str, fault: str | None) -> None:
        super()._make(uuid, value, job, fault)
        if uuid in self.taken_off:
            del self.on[uuid]
            self.dates[uuid]["lastAttachDate"] = self.taken_off[uuid]

    def change(self, path: str, body: Any, job: str, api_timeout: float, fresh_until: float | None = None) -> object:
        if not self.rows[MACHINE].ready:
            self.early.append(path)
        return super().change(path, body, job, api_timeout, fresh_until)


class VmWorld(FollowUpWorld):
    """A destroyed VM, one volume that was deleted with it, and one that stayed."""

    server: VmServer

    def __init__(self, tmp_path: Path, volumes: int = 2) -> None:
        super().__init__(tmp_path, volumes)
        self.server = VmServer(self.clock)
        self.server.add(self.uuids)
        self.server.add([MACHINE], VM)
        self.server.last = dict.fromkeys(self.uuids, MACHINE)
        self.server.recover_by_hand(self.uuids[0])

    def targets(self, *uuids: str) -> list[Target]:
        del uuids
        volumes = [Target(uuid, uuid, number, vm=MACHINE) for number, uuid in enumerate(self.uuids, 1)]
        return [Target("web", MACHINE, kind=VM), *volumes]

    def run(self, request: Request = REQUEST, **options: Any) -> dict[str, Result]:
        return {result.uuid or "": result for result in self.recover(request=request, **options)}

    @property
    def attached(self) -> list[str]:
        return [uuid for uuid in self.uuids if self.server.on.get(uuid) == MACHINE]


def stop_before_the_vm_is_back(world: VmWorld, request: Request = REQUEST) -> None:
    world.server.vm_seconds = 4.0
    world.clock.at(world.clock.now + 2.0, lambda: world.engine.stop())
    world.run(request)
    assert world.server.posted == {}
