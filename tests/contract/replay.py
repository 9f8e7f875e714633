"""Exchanges repeated in their order over a real socket, each in the state that the last one left."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tests.contract.capture import JOBS, Answer, Exchange
from tests.contract.world import World, found
from zvol.sandbox.server import Server
from zvol.sandbox.sessions import open_session


class Replay:
    """One connection to a sandbox, on which the exchanges of a world are repeated."""

    def __init__(self, server: Server, world: World, exchanges: Sequence[Exchange]) -> None:
        self.server = server
        self.world = world
        self.exchanges = exchanges
        login = found(exchanges, "login-ok")
        self.admin = next(iter(world.sessions)) if login is None else str(login.answer.json["inventory"]["uuid"])
        self.connection = http.client.HTTPConnection(urlsplit(server.host).netloc, timeout=60)
        self.held = world.held | _running(exchanges)
        self._gate = threading.Event()
        self._gate.set()
        self._job: str | None = None

    def close(self) -> None:
        self._gate.set()
        self.connection.close()

    def answers(self) -> dict[str, Answer]:
        return {item.name: self._repeat(item, number) for number, item in enumerate(self.exchanges)}

    def _send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        self.connection.request(method, target, body or None, dict(headers))
        response = self.connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())

    def _repeat(self, exchange: Exchange, number: int) -> Answer:
        """Do what was done before the exchange, repeat it, and wait for the job it started unless jobs stand still."""
        self._before(exchange.name)
        if exchange.name in self.held and self._gate.is_set():
            self._gate.clear()
            self.server.worker.after(0.0, self._stand_still)
        headers, body = self._request(exchange)
        answer = self._send(exchange.method, exchange.target, headers, body)
        self._job = answer.job or self._job
        if exchange.name not in self.held:
            self._gate.set()
            self._settle(self._job, self._ends(number))
            self._job = None
        self._rename_session(exchange, answer)
        return answer

    def _stand_still(self) -> None:
        self._gate.wait()

    def _before(self, name: str) -> None:
        with self.server.store.write() as tx:
            for session, account in self.world.sessions.items():
                open_session(tx, account, uuid=session)
        for done in self.world.before.get(name, ()):
            sent = json.dumps(done.body).encode() if done.body is not None else b""
            headers = {"Authorization": f"OAuth {done.session or self.admin}"}
            if done.job is not None:
                headers["X-Job-UUID"] = done.job
            self._settle(self._send(done.method, done.path, headers, sent).job)

    def _request(self, exchange: Exchange) -> tuple[dict[str, str], bytes]:
        """Return headers and body; the ids that the captured server chose are passed to the sandbox."""
        headers, body = dict(exchange.headers), exchange.body
        if exchange.answer.job:
            headers.setdefault("x-job-uuid", exchange.answer.job)
        uuid = self.world.created.get(exchange.name) or self._created(exchange)
        if uuid:
            changed = json.loads(body)
            changed["params"]["resourceUuid"] = uuid
            body = json.dumps(changed).encode()
        return headers, body

    def _created(self, exchange: Exchange) -> str | None:
        """Return the UUID in the result of a creation, None when this is none or no captured poll tells."""
        params = json.loads(exchange.body).get("params") if exchange.answer.job and exchange.method == "POST" else None
        if not params or "resourceUuid" in params:
            return None
        ends = (item.answer.json for item in self.exchanges if item.polled == exchange.answer.job)
        return next((str(end["inventory"]["uuid"]) for end in ends if "inventory" in end), None)

    def _ends(self, number: int) -> int | None:
        """Return the status in which the job in hand was seen to end, None when no poll saw it before its next use."""
        for item in self.exchanges[number + 1 :]:
            if item.polled == self._job:
                return item.answer.status
            if item.answer.job == self._job:
                break
        return None

    def _settle(self, job: str | None, status: int | None = None) -> None:
        """Wait until a job has ended, in this status if one is given: a used id shows its first end until the next.

        One that does not end so within 10 s is left to the comparison of the poll that tells the status.
        """
        until = time.monotonic() + 60
        while job and time.monotonic() < until:
            seen = self._send("GET", JOBS + job, {}).status
            if seen == status or (seen != 202 and status is None):
                return
            time.sleep(0.002)

    def _rename_session(self, exchange: Exchange, answer: Answer) -> None:
        """Let a new session have the uuid that the captured server gave it."""
        if "/login" in exchange.target and answer.status == 200:
            new, old = (item.json["inventory"]["uuid"] for item in (answer, exchange.answer))
            with self.server.store.write() as tx:
                tx.run("DELETE FROM sessions WHERE uuid = ?", old)
                tx.run("UPDATE sessions SET uuid = ? WHERE uuid = ?", old, new)


def _running(exchanges: Sequence[Exchange]) -> frozenset[str]:
    """Return the exchanges after which the next one, a poll, saw the job running."""
    return frozenset(
        item.name for item, later in itertools.pairwise(exchanges) if later.polled and later.answer.status == 202
    )
