"""The corpora of connections that do not work: each is a real server, and is said to be what it is."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.corpus_answers import ANSWERS, Foreign
from tests.support.process import environment
from tests.support.warm import run
from tests.support.wire import SECRET, Raw, raw, says
from zvol.errors import ZvolError
from zvol.zstack.answer_errors import error_of
from zvol.zstack.answers import Unrecognized, classify_job, classify_put, classify_read
from zvol.zstack.resource_kinds import DATA_VOLUME
from zvol.zstack.transport import Transport


def test_the_size_of_the_corpus_of_answers() -> None:
    assert len({one.sent for one in ANSWERS}) == len(ANSWERS) >= 80


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Raw]:
    """A server that sends the answer whose number is in the path."""

    def behave(client: socket.socket, request: bytes) -> bool:
        found = re.search(rb"/v1/([0-9]+) ", request)
        assert found is not None
        client.sendall(ANSWERS[int(found[1])].sent)
        return True

    with raw(behave) as server:
        yield server


@pytest.fixture(scope="module")
def transport(elsewhere: Raw) -> Iterator[Transport]:
    made = Transport(elsewhere.endpoint())
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_whose_answer_it_is(number: int, transport: Transport) -> None:
    entry = ANSWERS[number]
    answer = transport.send("GET", f"/v1/{number}")
    for found in (classify_read(answer), classify_put(answer, DATA_VOLUME), classify_job(answer, DATA_VOLUME)):
        assert isinstance(found, Unrecognized)
        error: ZvolError = error_of(found)
        assert entry.says in error.message
        assert entry.hint in error.hint
        assert len(error.message) < 100


# ---- a sample through the command ------------------------------------------------------------------------------------
CHOSEN = ("ZStack", "zstack", "kubectl issues", "chef", "nginx issues")
SAMPLE = [one for one in ANSWERS if one.report.startswith(CHOSEN)]


@pytest.mark.parametrize("command", ["list", "whoami", "doctor"])
@pytest.mark.parametrize("entry", SAMPLE, ids=lambda one: one.report)
def test_so_the_command_says(entry: Foreign, command: str, tmp_path: Path) -> None:
    with raw(says(entry.sent, alive=True)) as server:
        base = server.endpoint().base
        ended = run([command], environment(tmp_path / "home", {"ZVOL_HOST": base, "ZVOL_SESSION": SECRET}))
        assert ended.code == (1 if command == "doctor" else 5)
    shown = " ".join((ended.out + ended.err).split())
    assert entry.says in shown
    assert entry.hint in shown
    if command == "list" and entry not in ANSWERS[:1]:
        assert f"error: {base} answered HTTP " in ended.err
