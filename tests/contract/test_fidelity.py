"""The sandbox answers as a running 5.2.1 did: every captured exchange is repeated over a real socket.

Compared are the status, the kind of the body (JSON, text, empty), keys and types at every level, the error and its
texts, plain texts, and which headers there are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import world
from tests.contract.capture import Answer, exchange, names, shape
from tests.support.sandbox_server import ExtendedServer
from zvol.sandbox import Switches, embedded

PARSER = ("432-limit-neg",)
"""Exchanges whose details quote the inside of the server's parser; only their code is compared."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Answer]]:
    """Return the sandbox's answers to all exchanges, in their order, each in the state that the last one left."""
    directory: Path = tmp_path_factory.mktemp("captured")
    offset = world.CAPTURED_AT - time.time()
    store = world.prepared(directory, offset)
    switches = Switches(context="", job_time=0.004, clock_offset=offset, check_pause=0)
    with embedded(directory, switches, server_class=ExtendedServer) as cloud:
        replay = world.Replay(cloud.host, store)
        try:
            yield {name: replay.repeat(exchange(name)) for name in names()}
        finally:
            replay.close()
    store.close()


def test_all_captured_exchanges_are_repeated() -> None:
    assert len(names()) == len(set(names())) >= 200
    assert {path.stem for path in Path(__file__).with_name("wire").glob("*.http")} == set(names())


@pytest.mark.parametrize("name", names())
def test_each_captured_exchange_is_answered_alike(name: str, answers: dict[str, Answer]) -> None:
    real, ours = exchange(name).answer, answers[name]
    assert (ours.status, ours.kind) == (real.status, real.kind), ours.body
    assert shape(ours.json) == shape(real.json)
    assert ours.error.get("code") == real.error.get("code")
    if name not in PARSER:
        assert ours.error.get("details") == real.error.get("details")
    if real.kind == "text":
        assert ours.body == real.body
    assert "content-type" not in ours.headers
    assert ours.headers["server"] == real.headers["server"]
    assert ours.headers["date"].endswith(" GMT")
    assert ours.headers["set-cookie"].startswith("JSESSIONID=")
    assert int(ours.headers["content-length"]) == len(ours.body)
