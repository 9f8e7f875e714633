"""What a scenario gets: a server of one version, a proxy before it, and a user who runs zvol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.matrix.expectations import Expected
from tests.support import warm
from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.process import ZVOL, ZVOL_SCRIPT, Ran, Sandbox, environment, run
from tests.support.profiles import RATE, fast, profile
from zvol.errors import Exit
from zvol.sandbox import advance
from zvol.sandbox.store import Store

ZONE = "Asia/Shanghai"
SERVE = ("sandbox", "serve", "--zone", ZONE, "--version")
BACK = ("Ready", "NotInstantiated")
PASSWORD = "password"


@dataclass
class Site:
    """`real`: zvol is started as it is installed, not forked from a warm interpreter."""

    expected: Expected
    cloud: Sandbox
    between: Proxy
    home: Path
    real: bool = True

    # ---- the user ------------------------------------------------------------------------------------------------
    @property
    def host(self) -> str:
        return self.cloud.host.replace(f":{self.cloud.port}/", f":{self.between.port}/")

    def env(self, session: str | None = None, **more: str) -> dict[str, str]:
        """Return the environment of a user with a session, the admin's if none is given; "" is none."""
        session = self.cloud.session if session is None else session
        given = {"ZVOL_SESSION": session} if session else {}
        return environment(self.home, {"ZVOL_HOST": self.host} | given | more)

    def env_of(self, account: str) -> dict[str, str]:
        """Return the environment of a user whose zvol logs in for each run."""
        return self.env("", ZSTACK_ACCOUNT_NAME=account, ZSTACK_ACCOUNT_PASSWORD=PASSWORD)

    def zvol(self, *arguments: str, env: dict[str, str] | None = None, stdin: str = "", limit: float = 90) -> Ran:
        """Run zvol to its end, with its own waits; `limit` is how many seconds that may take."""
        env = env or self.env()
        if self.real:
            return run(arguments, env, stdin=stdin, command=(ZVOL_SCRIPT,), timeout=limit)
        return warm.run(arguments, env, stdin=stdin, command=ZVOL, timeout=limit)

    def fast(self, *arguments: str, rate: float = RATE) -> Ran:
        """Run a recovery on a clock that is `rate` times faster, with short settings.

        On a busy machine its time can be up, or what it has read too old, before anything was sent: then again.
        """
        env, begin = profile(self.home, self.host, self.cloud.session), run if self.real else warm.run
        ran = begin(arguments, env, command=fast(rate), timeout=90)
        for _ in range(2):
            if ran.code == Exit.UNREACHABLE and not self.between.puts():
                ran = begin(arguments, env, command=fast(rate), timeout=90)
        return ran

    # ---- the server ----------------------------------------------------------------------------------------------
    @property
    def state(self) -> Path:
        return self.cloud.directory

    def break_(self, *rules: Rule) -> None:
        self.between.rules = rules

    def later(self, seconds: float) -> None:
        """Let the server's clock go on."""
        advance(self.state, seconds)

    def restart(self, *options: str) -> None:
        """Kill the server, and start it again on the same database."""
        self.cloud.end()
        self.cloud.note_crash()
        self.cloud.options = options
        self.cloud.start()

    def session_of(self, account: str) -> str:
        """Open a session by hand."""
        digest = hashlib.sha512(PASSWORD.encode()).hexdigest()
        body = {"logInByAccount": {"accountName": account, "password": digest}}
        return str(self.cloud.call("PUT", "/v1/accounts/login", body)[1]["inventory"]["uuid"])

    def valid(self, session: str) -> bool:
        return bool(self.cloud.call("GET", f"/v1/accounts/sessions/{session}/valid")[1]["valid"])

    def share(self, volume: str, account: str) -> None:
        """Let another account see a volume, and no more than that."""
        store = Store(self.state)
        try:
            with store.write() as tx:
                tx.insert("shares", {"resourceUuid": volume, "accountUuid": account, "permission": 1})
        finally:
            store.close()

    def volume(self, uuid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cloud.call("GET", f"/v1/volumes/{uuid}")[1]["inventories"][0]
        return found

    # ---- the truth -----------------------------------------------------------------------------------------------
    def puts(self, volume: str) -> int:
        """Return how many recoveries of a volume left zvol."""
        return sum(f"/volumes/{volume}/" in one.path for one in self.between.puts())

    def ledger(self, volume: str) -> tuple[int, int]:
        """Return how many recoveries of a volume the server accepted and how many it began."""
        return self.cloud.count("accepted", volume), self.cloud.count("begun", volume)

    def outcomes(self, ran: Ran) -> dict[str, str]:
        """Return the outcome of each volume of an ndjson report, after comparing it with the server."""
        results = [json.loads(line) for line in ran.out.splitlines()]
        for one in results:
            uuid, outcome = one["uuid"], one["outcome"]
            status, (accepted, begun) = self.cloud.status(uuid), self.ledger(uuid)
            true = {
                "recovered": status in BACK and begun > 0,
                "already": status in BACK,
                "failed": status == "Deleted" and begun == 0,
                "not-sent": accepted == 0 and self.puts(uuid) == 0,
                "unknown": not self.expected.resends,
                "gone": accepted == 0,
            }
            assert true[outcome], (one, status, accepted, begun)
        return {one["uuid"]: one["outcome"] for one in results}

    def recovered(self, ran: Ran, volume: str, *, puts: int = 1, accepted: int = 1) -> None:
        """The volume is back, by exactly so many requests of which the server accepted some and executed one."""
        assert ran.code == 0, ran
        assert self.outcomes(ran) == {volume: "recovered"}, ran
        assert (self.puts(volume), self.ledger(volume)) == (puts, (accepted, 1)), ran
        self.cloud.never_two_alive()


@contextmanager
def site(
    folder: Path,
    expected: Expected,
    *options: str,
    real: bool = True,
    perform: Callable[[Site, str], None] = lambda _site, _act: None,
) -> Iterator[Site]:
    """Serve a new cloud of a version, with options of `zvol sandbox serve`, and put a proxy before it."""
    command: Sequence[str] = (ZVOL_SCRIPT,) if real else ZVOL
    (folder / "cloud").mkdir(parents=True)
    cloud = Sandbox(folder / "cloud", options, command=(*command, *SERVE, expected.name))
    cloud.start()
    try:
        with proxy(cloud.host, perform=lambda act: perform(made, act)) as (_, between):
            made = Site(expected, cloud, between, folder / "home", real)
            yield made
    finally:
        if cloud.process is not None:
            cloud.stop()
