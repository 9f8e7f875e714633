"""What can end a recovery: outcomes that are not known, not sent, or not as the server said."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.docs.troubleshooting.row import Around, Row, World
from tests.docs.troubleshooting.rows_server import SHARED, always, fails, rows, volume
from tests.support.fault_proxy import Rule, answer, proxy
from tests.support.pages import document
from tests.support.process import PG_DATA, wait_for
from tests.support.warm import start
from zvol.sandbox.names import extra_uuid

SPOILT, OTHER = extra_uuid(2), extra_uuid(3)
SHORT = (
    "profiles:\n  p:\n    host: <host>\n    session: '<session>'\n    settle_wait: 1s\n    api_timeout: 1s\n"
    "    timeout: 5m\n"
)
"""A profile with short waits."""
ACCEPTED = document("202 Accepted", {"location": "http://x/v1/api-jobs/y", "apiTimeout": 60000})
DONE = document("200 OK", {})
NOT_HERE = answer("405 Method Not Allowed", b"<html>not here</html>", kind="text/html")
SICK = answer("500 Internal Server Error", b"<html>500</html>", kind="text/html")


def lost(first: int = 1) -> Rule:
    return Rule("put", "drop", first, 999)


@contextmanager
def interrupted(world: World) -> Iterator[None]:
    """Kill a run whose request is on its way."""
    own = world.env["ZVOL_HOST"]
    with proxy(world.cloud.host, Rule("put", "hang")) as (host, between):
        world.env["ZVOL_HOST"] = host
        process = start(["recover", PG_DATA], world.env)
        wait_for(lambda: bool(between.puts()))
        process.kill()
        process.communicate()
        [world.values["run"]] = world.run("runs -o name").out.split()
        world.env["ZVOL_HOST"] = own
        yield


def elsewhere(*rules: Rule) -> Around:
    """Let a run at another address of the server leave something open."""

    @contextmanager
    def around(world: World) -> Iterator[None]:
        with interrupted(world), proxy(world.cloud.host, *rules) as (host, _):
            world.env["ZVOL_HOST"] = host
            yield

    return around


@contextmanager
def going_on(world: World) -> Iterator[None]:
    """Let another run wait for an answer meanwhile."""
    with proxy(world.cloud.host, Rule("put", "hang")) as (host, between):
        world.env["ZVOL_HOST"] = host
        process = start(["recover", PG_DATA], world.env)
        wait_for(lambda: bool(between.puts()))
        [world.values["run"]] = world.run("runs -o name").out.split()
        yield
        process.kill()
        process.communicate()


def shim(plan: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.support.shim", "1", plan)


ROWS = (
    # ---- not known
    Row(
        "the request was sent, and what became of it is not known",
        f"recover {PG_DATA} --timeout 15s",
        3,
        "The answer was lost, and time was up before it was clear that the request cannot act any more.",
        rate=5,
        rules=[lost()],
    ),
    Row(
        "could not be read back with this session",
        f"recover {PG_DATA}",
        3,
        rate=20,
        config=SHORT,
        rules=[lost(), always("back", fails("ID.1001"))],
    ),
    Row(
        "refused by something before the server",
        f"recover {PG_DATA}",
        3,
        rate=20,
        rules=[always("put", NOT_HERE), always("any", NOT_HERE, "management-nodes/actions")],
    ),
    Row(
        "requests were sent and the {volume or VM} is still",
        f"recover {PG_DATA}",
        3,
        rate=40,
        config=SHORT,
        rules=[lost()],
    ),
    Row("an earlier run may have sent", f"recover {PG_DATA} --timeout 15s", 3, rate=5, around=interrupted),
    Row(
        "is not visible here, and a request of another",
        f"recover {PG_DATA}",
        3,
        rate=20,
        around=elsewhere(always("read", rows())),
    ),
    Row(
        "the request was sent, and {not known}",
        f"attach {SHARED} web-1 --timeout 15s",
        3,
        rate=5,
        rules=[Rule("any", "drop", 1, 99, path="vm-instances/.*/volumes|volumes/.*/vm-instances")],
    ),
    # ---- not as the server said
    Row(
        "the server says it is done, and",
        f"recover {PG_DATA}",
        8,
        rate=10,
        rules=[always("put", ACCEPTED), always("job", DONE)],
    ),
    Row(
        "again or changed after zvol had read it",
        f"recover {PG_DATA}",
        1,
        rate=20,
        config=SHORT,
        rules=[lost(), always("back", rows(volume(lastOpDate="Nov 21, 2026 1:00:00 AM")))],
    ),
    # ---- not sent
    Row(
        "time is up after {time}, and nothing was sent",
        f"recover {PG_DATA} --timeout 5s",
        5,
        rate=20,
        rules=[always("read", SICK)],
    ),
    Row(
        "it could not be read for",
        f"recover {SPOILT} {OTHER}",
        5,
        rate=25,
        rules=[Rule("read", "spoil", 1, 9999, volume=SPOILT)],
    ),
    Row(
        "nothing was sent: something before the server",
        "recover " + " ".join(map(extra_uuid, range(4, 40))),
        3,
        rate=20,
        rules=[always("put", NOT_HERE), always("any", NOT_HERE, "management-nodes/actions")],
    ),
    Row(
        "the run was stopped before anything was sent", f"recover {PG_DATA}", 130, program=shim("commit:1:after:SIGINT")
    ),
    # ---- runs
    Row("another zvol run ({run}) is working on this", f"recover {PG_DATA}", 6, around=going_on),
    Row("run {run} is still running", "runs forget <run>", 6, around=going_on),
    Row("cannot be finished here: ", "resume <run>", 2, around=elsewhere()),
)
