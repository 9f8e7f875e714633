"""Words that other tools have for a command."""

from __future__ import annotations

import pytest

from tests.support.tree import commands
from tests.support.warm import run
from zvol.cli import other_words
from zvol.cli.app import COMMANDS

SUBCOMMANDS = {path[1] for path, _ in commands() if len(path) == 2}


@pytest.mark.parametrize(
    ("word", "command"),
    [
        *(("restore", "recover"), ("undelete", "recover"), ("rescue", "recover"), ("RESTORE", "recover")),
        *(("config get", "config show"), ("config check", "config validate"), ("sandbox start", "sandbox serve")),
        *(("config list", "config show"), ("runs rm", "runs forget"), ("runs froget", "runs forget")),
        *(("get", "show"), ("describe", "show"), ("status", "runs"), ("ls", "list"), ("resme", "resume")),
    ],
)
def test_a_word_of_another_tool_leads_to_the_command(word: str, command: str, env: dict[str, str]) -> None:
    for arguments in ([*word.split(), "x"], ["help", *word.split()], ["--sandbox", *word.split()]):
        ran = run(arguments, env)
        assert (ran.code, ran.out) == (2, "")
        assert f"Did you mean {command.split()[-1]}?" in ran.err, ran


def test_each_word_leads_to_one_command_that_there_is(env: dict[str, str]) -> None:
    for table, known in ((other_words.COMMANDS, COMMANDS), (other_words.IN_GROUPS, SUBCOMMANDS)):
        words = [word for others in table.values() for word in others]
        assert len(set(words)) == len(words)
        assert not set(words) & set(known)
        assert set(table) <= set(known)
    for group in ("config", "sandbox"):
        assert "recover" not in run([group, "restore"], env).err


@pytest.mark.parametrize(
    ("word", "does"), [("rm", "deletes"), ("delete", "deletes"), ("PURGE", "deletes"), ("detach", "detaches")]
)
def test_a_word_for_what_zvol_never_does_is_answered_plainly(word: str, does: str, env: dict[str, str]) -> None:
    ran = run([word, "pg-data"], env)
    assert (ran.code, ran.out) == (2, "")
    assert f"zvol: error: no such command '{word}'. zvol {does} nothing\n" in ran.err
