"""Words that other tools have for a command."""

from __future__ import annotations

import pytest

from tests.support.warm import run
from zvol.cli.app import COMMANDS
from zvol.cli.options import OTHER_WORDS


@pytest.mark.parametrize(
    ("word", "command"),
    [
        *(("restore", "recover"), ("undelete", "recover"), ("rescue", "recover"), ("RESTORE", "recover")),
        *(("get", "show"), ("describe", "show"), ("status", "runs"), ("ls", "list"), ("resme", "resume")),
    ],
)
def test_a_word_of_another_tool_leads_to_the_command(word: str, command: str, env: dict[str, str]) -> None:
    for arguments in ([word, "x"], ["help", word], ["--sandbox", word]):
        ran = run(arguments, env)
        assert (ran.code, ran.out) == (2, "")
        assert f"Did you mean {command}?" in ran.err, ran


def test_each_word_leads_to_one_command_that_there_is(env: dict[str, str]) -> None:
    words = [word for others in OTHER_WORDS.values() for word in others]
    assert len(set(words)) == len(words)
    assert not set(words) & set(COMMANDS)
    assert set(OTHER_WORDS) <= set(COMMANDS)
    for group in ("config", "sandbox"):
        assert "recover" not in run([group, "restore"], env).err
