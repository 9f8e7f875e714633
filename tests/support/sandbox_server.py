"""The sandbox of the wheel with what only tests need: more APIs, planted faults, answers unlike those of a 5.2.1.

`python -m tests.support.sandbox_server` takes the options of `zvol sandbox serve` and those of `Options` below.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.support.destroyed_vms import destroy_vms
from tests.support.sandbox_apis import APIS
from tests.support.sandbox_faults import FaultyJobs
from zvol.sandbox import Switches, pipeline, routes, serve
from zvol.sandbox.api import Api, Body, Call, Operation, Reply
from zvol.sandbox.jobs import RECOVERIES, Jobs, status_in
from zvol.sandbox.node import Node
from zvol.sandbox.rest import Answer, Request, RestApi
from zvol.sandbox.server import Handler, Server
from zvol.sandbox.store import Tx
from zvol.sandbox.texts import Fault

LOGIN_REFUSALS: Final = {
    "ID.1005": "the initial password must be changed",
    "ID.1006": "too many sessions",
    "ID.2001": "additional authentication is needed",
    "LOGIN_CONTROL.1000": "stale password",
    "LOGIN_CONTROL.1001": "repeated historical password",
    "LOGIN_CONTROL.1002": "target locked",
    "LOGIN_CONTROL.1003": "wrong captcha",
    "LOGIN_CONTROL.1004": "request refused",
    "LOGIN_CONTROL.1005": "missing captcha",
}
"""What commercial builds refuse logins for."""

ZONE_PATHS: Final = ("/v1/management-nodes/platform-timezone", "/v1/management-nodes/{uuid}")
LOGINS: Final = ("logIn", "logInByAccount", "logInByUser")
_WHOLE: Final = re.compile(
    r'(?<!\\)"(size|actualSize|deviceId|total|used|diskSize|value|apiTimeout)":(-?\d+)(?=[,}\]])'
)


@dataclass(frozen=True, slots=True)
class Options(Switches):
    """Switches that only tests set.

    `doubles` writes whole numbers as doubles and `synchronous` answers a recover at once, as the vendor's page shows.
    `location` replaces host and port in the `location` of a 202, e.g. `192.0.2.1:8080`, which is unreachable.
    `content_type` is sent with every answer; the real server sends none.
    `login_refusal` is the error code of commercial login control that every login is answered with.
    `timezone_api` off is a server before 4.1, which does not report its zone.
    `faults` makes recoveries go wrong where a fault is planted, see `tests.support.sandbox_faults`.
    `extra_vms` is the number of destroyed VMs, see `tests.support.destroyed_vms`.
    """

    doubles: bool = False
    synchronous: bool = False
    location: str | None = None
    content_type: str | None = None
    login_refusal: str | None = None
    timezone_api: bool = True
    faults: bool = False
    extra_vms: int = 0


def options_of(node: Node) -> Options:
    """Return the options of a node that was started with them, the defaults for one with plain switches."""
    return node.switches if isinstance(node.switches, Options) else Options()


class ExtendedHandler(Handler):
    """Sends a Content-Type if one is set."""

    def end_headers(self) -> None:
        content_type = options_of(self.server.rest_api.node).content_type
        if content_type:
            self.send_header("Content-Type", content_type)
        super().end_headers()


class ExtendedNode(Node):
    """Writes numbers as doubles if that is set."""

    def success(self, body: dict[str, Any]) -> bytes:
        written, options = super().success(body), options_of(self)
        if options.doubles or options.synchronous:
            return _WHOLE.sub(lambda found: f'"{found[1]}":{java_double(int(found[2]))}', written.decode()).encode()
        return written


class ExtendedRestApi(RestApi):
    """Answers a recovery as the vendor's page has it if that is set: at once, whatever the body is."""

    def _choose(self, apis: list[Api], request: Request, raw: str, path: str, body: dict[str, Any] | None) -> Api:
        put = request.method == "PUT" and options_of(self.node).synchronous
        if put and body is not None and not any(api.name in body for api in apis):
            body = body | {api.name: None for api in apis if api.name in RECOVERIES}
        return super()._choose(apis, request, raw, path, body)

    def _accept(self, call: Call, operation: Operation) -> Answer:
        if not (options_of(self.node).synchronous and call.api.name in RECOVERIES):
            return super()._accept(call, operation)
        time.sleep(self.node.switches.job_time)
        try:
            with self.node.store.write() as tx:
                self.jobs.record(tx, call, "accepted")
                pipeline.check(self.node, tx, call, operation)
                if operation.begin is not None:
                    operation.begin(self.node, tx, call)
                body = operation.run(self.node, tx, call)
                self.jobs.record(tx, call, "ended", status=status_in(body))
        except pipeline.EmptySuccess:
            return 200, b"{}"
        except Fault as fault:
            return 503, self.node.failure(fault, job=True)
        return 200, self.node.success(body)


class ExtendedServer(Server):
    """A management node with the APIs and the switches of tests."""

    handler_class = ExtendedHandler
    node_class = ExtendedNode
    rest_class = ExtendedRestApi

    def __init__(self, directory: Path, switches: Switches, **more: Any) -> None:
        options = switches if isinstance(switches, Options) else Options()
        self.apis = tuple(apis_of(options))
        self.jobs_class = FaultyJobs if options.faults else Jobs
        super().__init__(directory, switches, **more)
        with self.store.write() as tx:
            destroy_vms(tx, options.extra_vms)
        if options.location:
            self.listener.rest_api.address = options.location


def apis_of(options: Options) -> Iterator[Api]:
    """Return the APIs of a server with these options."""
    for api in (*routes.APIS, *APIS):
        if not options.timezone_api and api.path in ZONE_PATHS:
            continue
        if api.name in LOGINS and options.login_refusal:
            yield replace(api, handler=Reply(partial(refuse_login, options.login_refusal), session=False))
        else:
            yield api


def refuse_login(code: str, _node: Node, _tx: Tx, _call: Call) -> Body:
    """Refuse as commercial login control does, with the error texts that the open source has."""
    details = '{"authentications":["TwoFactor"]}' if code == "ID.2001" else None
    raise Fault({"code": code, "description": LOGIN_REFUSALS.get(code, code), "details": details, "cost": "1ms"})


def java_double(number: int) -> str:
    """Return a whole number as Java prints a double: 0.0, 1048576.0, 1.073741824E11."""
    if abs(number) < 10_000_000:
        return f"{number}.0"
    digits = str(abs(number))
    tail = digits[1:].rstrip("0") or "0"
    return f"{'-' if number < 0 else ''}{digits[0]}.{tail}E{len(digits) - 1}"


# ---- in a process of its own -------------------------------------------------------------------------------------
def main(arguments: Sequence[str]) -> None:
    """Serve the sandbox of $HOME until a signal ends it; prints the two lines of `zvol sandbox serve`."""
    given = vars(_parser().parse_args(arguments))
    place = {name: given.pop(name) for name in ("port", "ledger", "extra")}
    os.umask(0o077)
    directory = Path(os.environ["HOME"], ".local/state/zvol/sandbox")
    directory.mkdir(parents=True, exist_ok=True)
    serve(directory, switches=Options(**given), out=sys.stdout, server_class=ExtendedServer, **place)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=__spec__.name if __spec__ else None, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--extra", type=int, default=0)
    for field in dataclasses.fields(Options):
        option = f"--{field.name.replace('_', '-')}"
        if field.default is True:
            parser.add_argument(f"--no-{option[2:]}", dest=field.name, action="store_false")
        elif field.default is False:
            parser.add_argument(option, action="store_true")
        else:
            kind = type(field.default) if isinstance(field.default, float | int) else str
            parser.add_argument(option, type=kind, default=field.default)
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
