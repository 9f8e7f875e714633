"""A password of letters and spaces is masked in what comes from outside, and never in zvol's own sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import echo_server as echo
from tests.support.process import PG_DATA, environment
from tests.support.warm import run

PHRASES = ("the server", "correct horse battery staple", "does not accept")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home") | {"ZSTACK_ACCOUNT_NAME": "admin"}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list whose text the server puts wherever it can, beside what it received."""
    words: list[str] = []
    original = echo.reply

    def reply(mode: str, method: str, path: str, received: str) -> tuple[int, dict[str, str], bytes]:
        return original(mode, method, path, f"{received} <{words[0]}>")

    monkeypatch.setattr(echo, "reply", reply)
    return words


@pytest.fixture
def hosts(said: list[str]) -> Iterator[dict[str, str]]:
    del said
    with ExitStack() as stack:
        yield {mode: stack.enter_context(echo.echo_server(mode)) for mode in echo.MODES}


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_server_that_knows_the_password(
    phrase: str, env: dict[str, str], hosts: dict[str, str], said: list[str]
) -> None:
    said.append(phrase)
    for mode, host in hosts.items():
        if mode in ("page", "garbage"):
            continue  # nothing of such an answer is shown
        for command in (["list"], ["list", "-o", "json"], ["recover", PG_DATA], ["show", PG_DATA, "-o", "csv"]):
            ran = run(
                [*command, "--timeout", "2s"], env | {"ZVOL_HOST": host, "ZSTACK_ACCOUNT_PASSWORD": phrase}, timeout=60
            )
            assert f"<{phrase}>" not in ran.out + ran.err, (mode, ran)
    ran = run(["list", "-o", "json"], env | {"ZVOL_HOST": hosts["names"], "ZSTACK_ACCOUNT_PASSWORD": phrase})
    assert "<***>" in ran.out, ran


@pytest.mark.parametrize("phrase", ["does not accept", "the password", "The account name", "name or the password"])
def test_the_sentences_of_zvol_stay(phrase: str, env: dict[str, str], hosts: dict[str, str], said: list[str]) -> None:
    said.append("words")
    more = {"ZSTACK_ACCOUNT_PASSWORD": phrase, "ZVOL_HOST": "http://127.0.0.1:1/zstack"}
    plain = run(["help", "environment"], env)
    for command in (["help", "environment"], ["list", "--timeout", "1s"], ["config", "show"], ["login", "--help"]):
        own, other = (run(command, env | more | given) for given in ({}, {"ZSTACK_ACCOUNT_PASSWORD": "Un9uessable"}))
        assert own.code == other.code
        assert own.err == other.err
        assert "***" not in own.err
        assert own.out == other.out
    assert plain.code == 0
