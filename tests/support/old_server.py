"""A fake ZStack before 4.8: what it does not know is the point, and each test says what that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from tests.support.fake_server import SESSION, FakeServer, fake_server, uuid

NOW = 1_795_000_000.0
HOUR = 3600.0
VOLUME, OTHER, VM = uuid("a", 0), uuid("a", 1), uuid("b", 0)


class OldServer(FakeServer):
    """A server whose clock stands at NOW, `east` seconds east of Greenwich; its volumes are `stored`.

    `version` is what getVersion answers, None for a 502.  `beats` are the ages of the nodes' heartbeats in seconds, one
    list for each read of the nodes, the last one for all later reads; `nodes` is answered instead of them if it is set.
    `zone` is the answer to platform-timezone, `interval` the expungeInterval; without `clock` it
    does not tell the time.
    """

    def __init__(self, texts: Sequence[str] = ("data",)) -> None:
        super().__init__(texts)
        self.east = 8 * HOUR
        self.version: str | None = "3.10.40"
        self.beats: list[list[float]] = [[2.0], [0.0]]
        self.nodes: tuple[int, Any] | None = None
        self.zone: tuple[int, Any] = (200, {"inventories": []})
        self.clock = True
        self.interval = "3600"
        self.stored = [self.volume(number, name) for number, name in enumerate(texts)]

    def local(self, ago: float = 0.0) -> str:
        """Return the server's local text of a date."""
        return f"{datetime.fromtimestamp(NOW - ago + self.east, UTC):%b %d, %Y %I:%M:%S %p}"

    def volume(self, number: int, name: str, **fields: Any) -> dict[str, Any]:
        """Return a data volume that was deleted two hours ago."""
        known = {"uuid": uuid("a", number), "name": name, "status": "Deleted", "type": "Data", "size": 2**30}
        dates = {"createDate": self.local(99 * HOUR), "lastOpDate": self.local(2 * HOUR)}
        return known | dates | {"installPath": "/x", "primaryStorageUuid": uuid("c", 0)} | fields

    def volumes(self) -> list[dict[str, Any]]:
        return self.stored

    def asked(self, part: str) -> int:
        """Return how many requests had this in their method, path or action."""
        return sum(part in " ".join(one) for one in self.seen)

    def answer(self, method: str, target: str, headers: Any, body: Any = None) -> tuple[int, Any]:
        path = urlsplit(target).path.removeprefix("/zstack")
        action = next(iter(body), "") if isinstance(body, dict) else ""
        if method == "GET" and not any(part in path for part in ("/management-nodes", "/api-jobs/", "/sessions/")):
            status, found = super().answer(method, target, headers, body)
            if path.endswith("/global-configurations"):
                found["inventories"].append({"name": "expungeInterval", "category": "volume", "value": self.interval})
                found["total"] += 1
            return status, found
        self.seen.append((method, f"{target} {action}"))
        if path.endswith("/accounts/login"):
            return 200, {"inventory": {"uuid": SESSION, "accountUuid": "6" * 32, "createDate": self.local()}}
        if "/accounts/sessions/" in path:
            return 200, {"valid": True}
        if action == "getVersion":
            return (502, "bad gateway") if self.version is None else (200, {"success": True, "version": self.version})
        if action == "getCurrentTime" and not self.clock:
            return 502, "bad gateway"
        if action == "getCurrentTime":
            return 200, {"success": True, "currentTime": {"MillionSeconds": int(NOW * 1000)}}
        if path.endswith("/platform-timezone"):
            return self.zone
        if path.endswith("/management-nodes"):
            return self.nodes or (200, self._nodes())
        if "/api-jobs/" in path:
            return 200, {"inventory": next(iter(self.stored))}
        return self._change(path, action, headers)

    def _nodes(self) -> dict[str, Any]:
        ages = self.beats[min(self.asked("/management-nodes ") - 1, len(self.beats) - 1)]
        found = ({"uuid": uuid("d", number), "heartBeat": self.local(age)} for number, age in enumerate(ages))
        return {"inventories": [one | {"joinDate": self.local(50 * HOUR)} for one in found]}

    def _change(self, path: str, action: str, headers: Any) -> tuple[int, Any]:
        """Recover or attach a volume at once; its job is done."""
        [volume] = [one for one in self.stored if one["uuid"] in path]
        if action == "recoverDataVolume":
            volume |= {"status": "Ready", "lastOpDate": self.local()}
        else:
            volume |= {"vmInstanceUuid": path.rpartition("/")[2], "lastOpDate": self.local()}
        return 202, {"location": f"http://10.0.0.1:8080/zstack/v1/api-jobs/{headers['X-Job-UUID']}"}


@contextmanager
def old_server(**fields: Any) -> Iterator[OldServer]:
    """Serve an old server with one volume, which has these fields."""
    made = OldServer()
    made.stored[0] |= fields
    with fake_server((), made):
        yield made
