"""Output on a real terminal, and the same text in a pipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.fault_proxy import Rule, proxy
from tests.support.process import PG_DATA, READY, Sandbox, environment
from tests.support.terminal import on_terminal
from tests.support.warm import run


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_on_a_terminal_of_any_width_every_uuid_is_whole(columns: int, at: dict[str, str]) -> None:
    lines = on_terminal(["list"], at | {"TERM": "xterm-256color"}, columns=columns).lines
    text = "\n".join(lines)
    for digit in "12345678":
        assert f"d0a7a5e0c0de4b1e8a5efeedbead000{digit}" in text.replace("\n", "" if columns == 40 else "\n"), text
    assert lines[0].startswith("NAME  ") == (columns >= 72)


def test_in_a_pipe_there_is_no_colour_and_the_same_columns(at: dict[str, str]) -> None:
    ran = run(["list"], at | {"FORCE_COLOR": "1", "COLUMNS": "60"})
    assert "\x1b" not in ran.out
    assert ran.out.splitlines()[0].split("  ")[0] == "NAME"
    assert PG_DATA in ran.out


@pytest.mark.parametrize(
    ("more", "coloured", "escapes"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, False, False),
        ({}, None, None),
    ],
)
def test_colours_are_the_users_choice(
    more: dict[str, str], coloured: bool | None, escapes: bool | None, at: dict[str, str]
) -> None:
    shown = on_terminal(["list"], at | more, columns=300)
    assert PG_DATA in shown.text
    if coloured is not None:
        assert (re.search(rb"\x1b\[[0-9;]*3[0-7]m", shown.raw) is not None) == coloured
        assert (b"\x1b" in shown.raw) == escapes


def test_the_width_is_the_terminals_unless_columns_says_otherwise(at: dict[str, str]) -> None:
    for columns, more, wide in (
        (300, {}, True),
        (60, {}, False),
        (60, {"COLUMNS": "300"}, True),
        (300, {"COLUMNS": "60"}, False),
    ):
        shown = on_terminal(["list"], at | more | {"TERM": "xterm"}, columns=columns)
        assert (b"LAST VM" in shown.raw.split(b"\n")[0]) == wide, (columns, more)
    for odd in ("0", "-1", "x", "99999999999999999999"):
        assert on_terminal(["list"], at | {"COLUMNS": odd}, columns=80).code == 0


def test_a_table_on_a_terminal_ends_with_what_is_there_and_what_to_type(at: dict[str, str]) -> None:
    vms, last = "2 destroyed VMs can be brought back too: zvol list --vms", "zvol list --sort -deleted"
    for rows, sort, ends in ((13, [], [vms, last]), (14, [], [vms]), (13, ["--sort", "name"], [vms])):
        shown = on_terminal(["list", *sort], at, columns=80, rows=rows).text.splitlines()[-1 - len(ends) :]
        assert re.fullmatch(r"10 deleted volumes, 2\.5 TiB\. First to go: archive-2019, in [0-9hm ]+\.", shown[0])
        assert all(text.endswith(end) for text, end in zip(shown[1:], ends, strict=True)), shown
    assert not run(["list"], at).err.startswith("10 deleted")
    assert on_terminal(["list", "-q"], at).text == ""
    newest = run(["list", "--sort", "-deleted", "-o", "csv", "--columns", "name"], at).out.split()
    assert newest[1:3] == ["pg-data", "pg-wal"]
    assert run(["list", "--sort", "deleted", "-o", "csv", "--columns", "name"], at).out.split()[1] == "archive-2019"


def test_recover_alone_names_the_volumes_that_were_deleted_last(at: dict[str, str], cloud: Sandbox) -> None:
    shown = on_terminal(["recover"], at, columns=100)
    assert shown.code == 2
    error, *_, title, first, second, third = shown.text.splitlines()
    assert error.startswith("zvol: error: nothing to recover: give VOLUMEs")
    assert title == "  Deleted last:"
    assert re.fullmatch(f"    pg-data        200 GiB  2h ago  zvol recover {PG_DATA}", first)
    assert [line.split()[0] for line in (second, third)] == ["pg-wal", "web-2-uploads"]
    assert run(first.split()[-3:][1:], at).code == 0
    for arguments, env in ((["recover", "-q"], at), (["recover"], at | {"ZVOL_HOST": "http://127.0.0.1:1"})):
        assert "Deleted last" not in on_terminal(arguments, env).text
    assert "Deleted last" not in run(["recover"], at).err
    both = on_terminal(["recover", "--all", PG_DATA], at).text
    assert ("cannot be combined" in both, "Deleted last" in both) == (True, False)


def test_sandbox_serve_says_on_a_terminal_what_to_type_and_how_it_ends(at: dict[str, str]) -> None:
    shown = on_terminal(["sandbox", "serve"], at, question=b"ZVOL_SESSION", reply="\x03")
    first, second, host, session, *_ = shown.text.splitlines()
    assert first == "zvol: type the next two lines in another terminal, then for example: zvol list"
    assert second.startswith("zvol: Ctrl-C here ends the server")
    assert (host.split("=")[0], session.split("=")[0]) == ("export ZVOL_HOST", "export ZVOL_SESSION")


def test_a_terminal_without_a_size(at: dict[str, str]) -> None:
    assert PG_DATA in on_terminal(["list"], at, columns=0).text


def test_what_is_written_in_a_pipe_depends_on_nothing(at: dict[str, str]) -> None:
    one = run(["list", "--columns", "name,uuid,size"], at).out
    for more in ({"COLUMNS": "20"}, {"FORCE_COLOR": "1"}, {"TERM": "xterm"}, {"LC_ALL": "C"}, {"CLICOLOR_FORCE": "1"}):
        other = run(["list", "--columns", "name,uuid,size"], at | more).out
        assert other == one or "LC_ALL" in more


def test_an_environment_of_nothing(at: dict[str, str], cloud: Sandbox) -> None:
    """As `env -i` leaves it: no HOME, no PATH, no TERM, no locale."""
    bare = {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}
    assert run(["list"], bare).code == 0
    assert run(["recover", READY, "--json"], bare).code == 0
    ran = run(["recover", PG_DATA], bare)
    assert ran.code in (2, 7)
    assert "HOME" in ran.err
    assert cloud.events() == []


def test_a_server_that_is_gone_after_a_recovery_delays_nothing(tmp_path: Path, cloud: Sandbox) -> None:
    """The names on the screen are an extra: the first look-up that fails is the last."""
    rule = Rule("any", "drop", 1, 99, path="/v1/vm-instances")
    with proxy(cloud.host, rule) as (host, between):
        env = environment(tmp_path / "home", {"ZVOL_HOST": host, "ZVOL_SESSION": cloud.session})
        shown = on_terminal(["recover", PG_DATA], env, columns=120)
    assert shown.code == 0
    assert shown.lines[0].startswith("✓ Recovered pg-data (200 GiB on 5704")
    assert not [one for one in between.seen if "/v1/primary-storage" in one.path]
