"""Sentences on a terminal wrap at spaces; commands in them stay whole."""

from __future__ import annotations

import pytest

from zvol.cli.app import COMMANDS
from zvol.render.prose import fold, message

UUID = "d0a7a5e0c0de4b1e8a5efeedbead0001"


def test_prose_wraps_at_spaces_and_its_lines_are_indented() -> None:
    assert fold("zvol: a b cc dddd eeeeeeee ffff ggggg", 22) == ["zvol: a b cc dddd", "  eeeeeeee ffff ggggg"]
    assert fold("    a b cc dddd eeeeeeee ffff", 24) == ["    a b cc dddd eeeeeeee", "    ffff"]


def test_a_line_that_fits_stays_as_it_is() -> None:
    assert fold("  a  b `zvol list` c `zvol show x`", 34) == ["  a  b `zvol list` c `zvol show x`"]
    assert len(fold("  a  b `zvol list` c `zvol show x`", 33)) > 1


@pytest.mark.parametrize(
    "text", ["Recover it first: `zvol recover UUID --reattach`", "Attach: zvol -p prod attach a b c"]
)
def test_a_command_that_does_not_fit_begins_a_line_and_is_not_broken(text: str) -> None:
    start, _, command = text.partition(": ")
    assert fold(text, 24) == [f"{start}:", f"  {command}"]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_is_broken(name: str) -> None:
    for call in ("zvol", "zvol --config /some/where/c.yaml"):
        command = f"{call} {name} a b c d e"
        assert fold(f"wrote the file; now run: {command}", 24) == ["wrote the file; now run:", f"  {command}"]
    assert fold(f"it says: zvol {name}x what it has read", 24)[0].startswith("it says: zvol")


def test_each_of_several_commands_begins_a_line() -> None:
    text = f"  `zvol show {UUID}` shows it; `zvol recover {UUID}` counts it as done."
    assert fold(text, 80) == [f"  `zvol show {UUID}` shows it;", f"  `zvol recover {UUID}` counts it as done."]


def test_the_first_of_several_commands_stays_where_it_fits() -> None:
    text = "nope: `zvol list` shows what can be recovered; a VM: `zvol recover --vm VM`."
    assert fold(text, 72) == ["nope: `zvol list` shows what can be recovered; a VM:", "  `zvol recover --vm VM`."]


def test_what_follows_the_second_command_wraps_like_the_rest() -> None:
    text = "`zvol list` and `zvol show a` are two commands 3"
    assert fold(text, 32) == ["`zvol list` and", "  `zvol show a` are two commands", "  3"]
    assert fold(text, 34) == ["`zvol list` and", "  `zvol show a` are two commands 3"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("first to go: a, in 2d 15h.", ["first to go: a, in", "  2d 15h."]),
        ("there are 2 volumes, each of 300 GiB", ["there are 2 volumes, each of", "  300 GiB"]),
        ("zvol recovered the volume in 0.4 s", ["zvol recovered the volume in", "  0.4 s"]),
        ("there are 2 sacks that weigh 15 stone", ["there are 2 sacks that weigh 15", "  stone"]),
    ],
)
def test_a_duration_or_a_size_is_not_broken(text: str, lines: list[str]) -> None:
    assert fold(text, len(lines[0]) + 4) == lines


def test_columns_stay_apart() -> None:
    assert fold("    d0a7  500 GiB  deleted 1d ago  last VM web-1", 44) == [
        "    d0a7  500 GiB  deleted 1d ago  last VM",
        "    web-1",
    ]


def test_a_line_that_is_a_command_stays_whole() -> None:
    assert fold(f"    zvol -p prod recover {UUID}", 40) == [f"    zvol -p prod recover {UUID}"]


def test_only_a_command_after_a_colon_is_one() -> None:
    text = "pg-data: zvol was stopped before it was sent to the server"
    assert fold(text, 40) == ["pg-data: zvol was stopped before it was", "  sent to the server"]


def test_chinese_is_broken_and_a_uuid_is_not() -> None:
    assert fold("云盘" * 15 + " " + UUID, 30) == ["云盘" * 7 + "云", "  盘" + "云盘" * 7, f"  {UUID}"]


def test_a_message_in_a_pipe_is_not_wrapped_and_a_terminal_colours_its_first_word() -> None:
    long = "word " * 40 + "end"
    assert list(message([long, "b"], "zvol: ", None, "error:")) == [f"zvol: error: {long}\n", "  b\n"]
    assert list(message(["a", "error: b"], "", None, "RED")) == ["RED a\n", "  error: b\n"]
    first, *rest = message([long], "zvol: ", 40, "\x1b[1;31merror:\x1b[0m")
    assert first == "zvol: \x1b[1;31merror:\x1b[0m word word word word word\n"
    assert all(line.startswith("  word") and len(line) <= 41 for line in rest)
