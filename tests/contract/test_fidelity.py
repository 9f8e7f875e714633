"""The sandbox answers as running servers did: every captured exchange is repeated over a real socket.

Compared are the status, the kind of the body (JSON, text, empty), keys and types at every level, all values that are
not by chance, the error and its texts, plain texts, and which headers there are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract import world
from tests.contract.capture import Answer, exchange, names, shape, values
from tests.contract.replay import Replay
from tests.contract.worlds import WORLDS
from tests.support.sandbox_server import ExtendedServer
from zvol.sandbox import Switches

PARSER = ("432-limit-neg",)
"""Exchanges whose details quote the inside of the server's parser; only their code is compared."""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Answer]]:
    """Return what gives the sandbox's answers to all exchanges of one server."""
    return functools.cache(lambda version: repeated(version, tmp_path_factory.mktemp("captured")))


def repeated(name: str, directory: Path) -> dict[str, Answer]:
    """Repeat all exchanges of one server, on a new sandbox of its version."""
    captured = WORLDS[name]
    exchanges = captured.exchanges()
    offset = world.clock_offset(exchanges)
    world.prepare(directory, captured, exchanges, offset)
    switches = Switches(version=captured.version, context="", job_time=0.004, clock_offset=offset, check_pause=0)
    server = ExtendedServer(directory, switches)
    server.start()
    replay = Replay(server, captured, exchanges)
    try:
        return replay.answers()
    finally:
        replay.close()
        server.stop()


@pytest.mark.parametrize(
    ("version", "least"),
    [("5.2.1", 200), ("5.2.1-vms", 70), ("3.10.40", 250), ("4.4.65", 250), ("zsphere-4.10.0", 250)],
)
def test_all_captured_exchanges_are_repeated(version: str, least: int) -> None:
    wire = WORLDS[version].wire
    assert len(names(wire)) == len(set(names(wire))) >= least
    assert {path.stem for path in Path(__file__).with_name(wire).glob("*.http")} == set(names(wire))


@pytest.mark.parametrize("version", WORLDS)
def test_each_captured_exchange_is_answered_alike(version: str, answered: Callable[[str], dict[str, Answer]]) -> None:
    differ = {}
    for name in names(WORLDS[version].wire):
        try:
            compare(version, name, answered(version)[name])
        except AssertionError as found:
            differ[name] = str(found)
    assert differ == {}


def compare(version: str, name: str, ours: Answer) -> None:
    """Raise AssertionError unless the sandbox's answer is as the one that was captured."""
    captured = WORLDS[version]
    real = exchange(captured.wire, name).answer
    assert (ours.status, ours.kind) == (real.status, real.kind), ours.body
    assert shape(ours.json) == shape(real.json)
    assert ours.error.get("code") == real.error.get("code")
    if name not in PARSER:
        assert ours.error.get("details") == real.error.get("details")
    if name not in captured.apart:
        assert values(ours.json) == values(real.json)
    if real.kind == "text":
        assert ours.body == real.body
    assert "content-type" not in ours.headers
    assert ours.headers["server"] == real.headers["server"]
    assert ours.headers["date"].endswith(" GMT")
    assert ours.headers["set-cookie"].startswith("JSESSIONID=")
    assert int(ours.headers["content-length"]) == len(ours.body)
