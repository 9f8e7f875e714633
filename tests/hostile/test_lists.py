"""Lists that people really gave to tools of this kind: taken, or refused once, with nothing sent."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.corpus_lists import CONTAINS, DASHED, ONE, REFUSED, TAKEN, TWO, List
from tests.support.fake_server import SESSION, FakeServer, fake_server
from tests.support.process import Ran, environment
from tests.support.process import run as started
from tests.support.warm import run
from zvol.catalog.lookalikes import MAX_SHOWN, look, lookalike, refusal
from zvol.cli.params import read_volumes
from zvol.errors import UsageProblem
from zvol.model import VolumeArgument


@pytest.fixture
def cloud() -> Iterator[FakeServer]:
    with fake_server(["pg-data", "größe"]) as server:
        yield server


@pytest.fixture
def at(cloud: FakeServer, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION, "LC_ALL": "C.UTF-8"})


def recover(data: str | bytes, env: dict[str, str], *options: str) -> Ran:
    raw = data if isinstance(data, bytes) else data.encode()
    return run(["recover", "-", *options], env, stdin=raw.decode(errors="surrogateescape"))


def volumes(data: str | bytes) -> list[VolumeArgument]:
    raw = data if isinstance(data, bytes) else data.encode()
    return read_volumes(["-"], io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", newline=""))


def test_the_size_of_the_corpus() -> None:
    assert len({entry.data for entry in (*TAKEN, *REFUSED)}) == len(TAKEN) + len(REFUSED) >= 130


@pytest.mark.parametrize("entry", TAKEN, ids=lambda entry: entry.origin)
def test_what_is_valid_stays_valid(entry: List) -> None:
    found = volumes(entry.data)
    assert len(found) == entry.takes
    assert refusal([one for one in found if one.uuid is None]) is None
    assert not any("\ufeff" in one.text for one in found)


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry.origin)
def test_everything_else_is_said_once(entry: List) -> None:
    """The parser refuses it, or there is something to say if no volume has such a name."""
    try:
        found = volumes(entry.data)
    except UsageProblem as exc:
        problem = exc
    else:
        told = refusal([one for one in found if one.uuid is None])
        assert told is not None
        problem = told
    assert entry.says in problem.message
    assert "nothing was sent" in problem.message
    assert problem.message.count("\n") == 0
    assert len(problem.message) < 400
    if entry.line:
        assert f"line {entry.line} " in problem.message
    assert problem.hint or "a VOLUME is empty" in problem.message or "control character" in problem.message


@pytest.mark.parametrize("entry", REFUSED[::3], ids=lambda entry: entry.origin)
def test_the_command_sends_nothing(entry: List, at: dict[str, str], cloud: FakeServer) -> None:
    ran = recover(entry.data, at)
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err.count("nothing was sent") == 1
    assert entry.says in ran.err.replace("zvol: error: ", "").replace("zvol: ", "")
    assert {method for method, _ in cloud.seen} <= {"GET"}


@pytest.mark.parametrize("form", ["-o", "--json"])
def test_one_line_of_many_stops_all_of_them(form: str, at: dict[str, str], cloud: FakeServer) -> None:
    options = ["-o", "ndjson"] if form == "-o" else ["--json"]
    ran = recover(f"{'1' * 32}\npg-data\n" + "".join(f'"{number:032x}"\n' for number in range(47)), at, *options)
    assert (ran.code, ran.out) == (2, "")
    assert "47 lines are no VOLUMEs; the first is line 3 " in ran.err
    assert f"it contains the UUID {0:032x}; give that alone" in ran.err
    assert len(ran.err.splitlines()) == 2
    assert "`zvol list -o name`" in ran.err
    assert {method for method, _ in cloud.seen} == {"GET"}


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be"])
def test_lines_that_were_added_in_utf_16(code: str) -> None:
    data = f"{ONE}\n".encode() + f"{TWO}\n".encode(code)
    for errors in ("strict", "surrogateescape"):
        with pytest.raises(UsageProblem, match="line 2 of standard input is UTF-16"):
            read_volumes(["-"], io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors=errors, newline=""))
    with pytest.raises(UsageProblem, match="control character"):
        volumes("ab\0cdefgh\0\n")


@pytest.mark.parametrize("command", ["attach", "show"])
def test_other_commands_that_read_lists_refuse_the_same(command: str, at: dict[str, str], cloud: FakeServer) -> None:
    for data, says in ((f"uuid\n{ONE}\n", "the header of a table"), (f'{{"uuid":"{ONE}"}}\n', "looks like JSON")):
        ran = run([command, "-"], at, stdin=data)
        assert (ran.code, ran.out, says in ran.err) == (2, "", True), ran
    assert {method for method, _ in cloud.seen} <= {"GET"}


def test_a_name_is_a_name_whatever_it_looks_like(tmp_path: Path) -> None:
    names = [f"{{{ONE}}}", f'"{TWO}"', "# old", "uuid", f"- {ONE}", "[", f"{ONE},", ONE[:-1]]
    with fake_server(names) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION})
        ran = recover("\n".join(names), env, "--dry-run", "-o", "ndjson")
        assert ran.code == 0, ran
        assert ran.out.count("would-recover") == len(names)


def test_an_argument_is_refused_by_itself(at: dict[str, str]) -> None:
    """A list is wrong as a whole; of several arguments the others go on."""
    for text, says in (
        (f"{{{DASHED}}}", f"; it is in brackets: {CONTAINS}"),
        (f'"{ONE}"', f"; it is in quotes: {CONTAINS}"),
        (f"pvc-{DASHED}", f"; it contains the UUID {ONE}: if you mean that one, give it alone"),
        (f"{ONE} {TWO}", f"; it holds 2 UUIDs: {ONE} and {TWO}; give each by itself"),
        (ONE[:-1], "31 hex digits instead of 32"),
        ("# x", "no deleted data volume has this name"),
    ):
        ran = run(["recover", text, "pg-data", "--dry-run", "-o", "ndjson"], at)
        first, second = map(json.loads, ran.out.splitlines())
        assert (ran.code, first["outcome"], second["outcome"]) == (1, "failed", "would-recover")
        assert first["error"]["details"].endswith(says)
    assert CONTAINS in run(["attach", f"<{ONE}>"], at).err
    assert CONTAINS in run(["recover", "--vm", f"<{ONE}>"], at).err


# ---- names that look alike -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "other"),
    [("gro\u0308ße", "größe"), ("PG-DATA", "pg-data"), ("ｐｇ-ｄａｔａ", "pg-data"), ("pg-data\u200b", "pg-data")],
)
def test_a_name_that_looks_like_another_says_so(name: str, other: str, at: dict[str, str]) -> None:
    ran = run(["recover", name, "--dry-run", "-o", "ndjson"], at)
    result = ran.json()
    assert (ran.code, result["outcome"]) == (1, "failed")
    text = result["error"]["details"]
    assert ("another Unicode form (NFC or NFD)" in text) == (other == "größe")
    assert (f"; did you mean {other}?" in text) == (other == "pg-data")
    assert "zvol recover " in result["error"]["hint"]


def test_a_pattern_matches_both_forms(at: dict[str, str]) -> None:
    for pattern in ("größe", "gro\u0308*", "gr?ße"):
        assert len(run(["list", "--name", pattern, "-o", "name"], at).out.split()) == 1, pattern
    assert run(["list", "--name", "große", "-o", "name"], at).out == ""
    assert look("Gro\u0308ße ") == look("GRÖSSE")


def test_a_long_line_is_not_slow_and_not_shown() -> None:
    for text in ("-" * 100_000 + "x", '"' * 100_000, f"{ONE} " * 3000, "[" * 100_000, "a, " * 30_000, "uuid " * 20_000):
        lookalike(text)
        problem = refusal([VolumeArgument(text, place="line 1")])
        assert problem is None or len(problem.message) < MAX_SHOWN + 300


def test_a_list_is_taken_by_the_command_with_its_bom(at: dict[str, str], tmp_path: Path) -> None:
    for entry in TAKEN[:3]:
        assert recover(entry.data, at, "--dry-run").code in (0, 1), entry
    options = ["recover", "-", "--dry-run", "-o", "ndjson"]
    for text in ("\ufeffpg-data\n", "größe\n"):  # started, so that Python opens stdin as it does for a user
        assert started(options, at, stdin=text).json()["outcome"] == "would-recover"
