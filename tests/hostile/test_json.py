"""Hostile JSON: each body is classified without an exception, and is never accepted as an answer of ZStack."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.support.hostile.json_bodies import NOT_JSON, NOT_ZSTACK, ODD_FIELDS, UUID
from tests.support.process import environment
from tests.support.warm import run
from tests.support.wire import SECRET, raw
from zvol.errors import CannotTell, Refused, TransientError
from zvol.zstack import answers
from zvol.zstack.answers import REDIRECTS, Answer, Redirected, Running, Unrecognized
from zvol.zstack.auth import ANONYMOUS
from zvol.zstack.client import Client
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.strictjson import NotJson, loads
from zvol.zstack.transport import Transport

BODIES = NOT_JSON | NOT_ZSTACK
STATUSES = (200, 201, 202, 204, 206, 400, 401, 403, 404, 405, 409, 410, 418, 429, 500, 502, 503, 504, 599)
CLASSIFIERS = (
    partial(answers.classify_put, kind=DATA_VOLUME),
    partial(answers.classify_job, kind=DATA_VOLUME),
    answers.classify_read,
)


def test_the_size_of_the_corpus() -> None:
    assert (len(NOT_JSON), len(NOT_ZSTACK), len(ODD_FIELDS)) == (189, 135, 270)


@pytest.mark.parametrize("name", BODIES)
def test_no_body_is_accepted_with_any_status(name: str) -> None:
    for status in STATUSES:
        for classify in CLASSIFIERS:
            found = classify(Answer(status, BODIES[name]))
            running = status == 202 and (BODIES[name] == b"{}" or (BODIES[name] == b"" and classify is CLASSIFIERS[1]))
            assert isinstance(found, Running if running else Unrecognized), (status, found)
    for status in REDIRECTS:
        for classify in CLASSIFIERS:
            assert classify(Answer(status, BODIES[name])) == Redirected("")


@pytest.mark.parametrize("name", NOT_JSON)
def test_invalid_json_raises_one_exception_type(name: str) -> None:
    with pytest.raises(NotJson):
        loads(NOT_JSON[name])


def answer_by_path(choose: Callable[[str], tuple[int, bytes]]) -> Callable[[socket.socket, bytes], bool]:
    """Return a server that answers by the path and the query of a request."""

    def behave(client: socket.socket, request: bytes) -> bool:
        status, body = choose(request.split(b" ")[1].decode())
        client.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
        return True

    return behave


def test_a_client_raises_a_transient_error_for_each_body() -> None:
    body = b""
    with raw(answer_by_path(lambda _path: (200, body))) as server:
        transport = Transport(server.endpoint())
        client = Client(transport, ANONYMOUS)
        reads: list[Callable[[], object]] = [
            lambda: client.resource(UUID, kind=DATA_VOLUME),
            lambda: client.volumes([UUID, "c" * 32]),
            lambda: client.list_volumes(),
            lambda: client.query_all("/v1/vm-instances"),
            lambda: client.quota(UUID),
            client.server_time,
            client.timezone,
            client.version,
        ]
        for name, body in BODIES.items():  # noqa: B007  (the server sends it)
            for read in reads:
                with pytest.raises((TransientError, Refused, CannotTell)):
                    read()
            assert isinstance(client.submit(UUID, "d" * 32, 60, kind=DATA_VOLUME), Unrecognized), name
            assert isinstance(client.job("d" * 32, kind=DATA_VOLUME), Unrecognized), name
            with suppress(TransientError, Refused):
                assert client.owner(UUID) is None, name
        transport.close()


# ---- volumes with malformed fields -----------------------------------------------------------------------------------
def hostile_cloud() -> Callable[[str], tuple[int, bytes]]:
    volumes = {f"{number:032x}": fields | {"uuid": f"{number:032x}"} for number, fields in enumerate(ODD_FIELDS)}

    def choose(path: str) -> tuple[int, bytes]:
        one = re.search(r"/v1/volumes/([0-9a-f]{32})", path)
        uuids = re.findall(r"[0-9a-f]{32}", path.partition("?")[2])
        found = [volumes[uuid] for uuid in ([one[1]] if one else uuids or volumes) if uuid in volumes]
        if "/v1/volumes" not in path:
            found = []
        return 200, json.dumps({"inventories": found, "total": len(found)}).encode()

    return choose


@pytest.mark.parametrize("format", ["table", "json", "ndjson", "csv", "name"])
def test_the_program_lists_and_shows_volumes_with_malformed_fields(format: str, tmp_path: Path) -> None:
    with raw(answer_by_path(hostile_cloud())) as server:
        env = environment(tmp_path / "home", {"ZVOL_HOST": server.endpoint().base, "ZVOL_SESSION": SECRET})
        listing = run(["list", "--status", "any", "-o", format], env)
        assert listing.code == 0, listing.err
        shown = run(["show", *(f"{number:032x}" for number in range(len(ODD_FIELDS))), "-o", format], env)
        assert shown.code == 0, shown.err
        dry = run(["recover", *(f"{number:032x}" for number in range(90)), "--dry-run", "-o", format], env)
        assert dry.code in (0, 1), dry.err
        for ended in (listing, shown):
            assert f"{len(ODD_FIELDS) - 1:032x}" in ended.out
