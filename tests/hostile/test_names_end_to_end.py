"""The installed program in a cloud of hostile names: on a real terminal, in a pipe, and through the real jq."""

from __future__ import annotations

import json
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_server import SESSION, FakeServer, fake_server, uuid
from tests.support.hostile.names import HALVES, NAMES, forbidden
from tests.support.process import ZVOL, environment
from tests.support.profiles import fast
from tests.support.terminal import COLOURS, Shown, on_terminal
from tests.support.warm import run
from zvol.text import escape_terminal

TEXTS = [text for text in dict.fromkeys(NAMES) if len(escape_terminal(text)) < 600]
FAST = fast(4)
LONG = [text for text in NAMES if text not in TEXTS]
SHORT = [text for text in TEXTS if len(escape_terminal(text)) < 90 and text.strip()]


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeServer]:
    with fake_server(TEXTS) as server:
        yield server


@pytest.fixture
def at(cloud: FakeServer, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION, "TERM": "xterm-256color"})


def drawn(text: str) -> bool:
    """Return whether the emulated terminal can draw the text: it cannot draw marks that Unicode calls not combining."""
    return not any(unicodedata.category(char) in ("Mn", "Me") and not unicodedata.combining(char) for char in text)


def harmless(shown: Shown) -> None:
    """Assert that only text, colours and line ends were written: no cursor movement, title, clipboard or query."""
    rest = COLOURS.sub(b"", shown.raw).decode()
    assert forbidden(rest.replace("\r", "")) == []


def on_screen(shown: Shown, texts: list[str]) -> None:
    """Assert that the cells of the screen hold each text in its escaped form."""
    assert shown.screen.title == shown.screen.icon_name == ""
    cells = unicodedata.normalize("NFC", "\n".join(shown.lines))
    for text in texts:
        assert unicodedata.normalize("NFC", escape_terminal(text)).strip() in cells, ascii(text)


@pytest.mark.parametrize("columns", ["name,uuid", "last-vm,uuid", "storage,uuid", "description,uuid"])
def test_a_list_on_a_terminal(columns: str, tmp_path: Path) -> None:
    texts = [text for text in SHORT if drawn(escape_terminal(text))]
    with fake_server(texts) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION, "TERM": "xterm"})
        shown = on_terminal(["list", "--columns", columns], env, columns=200)
    assert shown.code == 0
    harmless(shown)
    on_screen(shown, texts)
    assert {line.strip()[-32:] for line in shown.lines[1:-1]} == {uuid("a", number) for number in range(len(texts))}
    assert len(texts) > 300


@pytest.mark.parametrize("format", ["table", "csv", "json", "ndjson", "name"])
def test_every_format_on_a_terminal(format: str, at: dict[str, str]) -> None:
    shown = on_terminal(["list", "-o", format], at, columns=120)
    assert shown.code == 0
    harmless(shown)


def test_the_confirmation_prompt_for_many_volumes_on_a_terminal(at: dict[str, str], cloud: FakeServer) -> None:
    before = len(cloud.seen)
    shown = on_terminal(["recover", "--all"], at, columns=200, reply="n\n")
    assert shown.code == 1
    assert f"Recover {len(TEXTS)} volumes ({len(TEXTS)} GiB, time left not known) on" in shown.text
    harmless(shown)
    assert not any(method == "PUT" and "/volumes/" in path for method, path in cloud.seen[before:])


def test_errors_of_many_volumes_on_a_terminal_and_in_a_pipe(tmp_path: Path) -> None:
    """Each PUT is refused with a hostile text; the volumes stay deleted."""
    texts = TEXTS[::3]
    with fake_server(texts) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION, "TERM": "xterm"})
        shown = on_terminal(["recover", "--all", "--yes", "-v"], env, columns=200, command=FAST)
        ran = run(["recover", "--all", "--yes"], env, command=FAST)
    assert shown.code == 1
    assert f"{len(texts)} failed" in shown.text
    harmless(shown)
    assert forbidden(ran.out + ran.err) == []
    for text in set(texts) & set(SHORT):
        assert escape_terminal(text) in ran.out, ascii(text)


@pytest.mark.parametrize("number", range(0, len(TEXTS), 53))
def test_one_volume_in_full_and_its_error(number: int, at: dict[str, str]) -> None:
    for arguments in (["show", uuid("a", number)], ["recover", uuid("a", number)], ["attach", uuid("a", number)]):
        harmless(on_terminal(arguments, at, columns=120))
    ran = run(["recover", uuid("a", number), "--json"], at)
    assert (ran.code, ran.out) == (1, "")
    assert ran.error()["error"]["elaboration"] == TEXTS[number]


@pytest.mark.parametrize("arguments", [["list"], ["show", uuid("a", 0)], ["recover", uuid("a", 1)]], ids=" ".join)
def test_very_long_texts(arguments: list[str], tmp_path: Path) -> None:
    assert len(LONG) >= 3
    with fake_server(LONG) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION, "TERM": "xterm"})
        harmless(on_terminal(arguments, env, columns=80))
        ran = run(arguments, env)
    assert forbidden(ran.out + ran.err) == []


def test_runs_and_doctor_on_a_terminal(at: dict[str, str]) -> None:
    run(["recover", "~", uuid("a", 3)], at)
    harmless(on_terminal(["runs"], at))
    shown = on_terminal(["doctor"], at)
    assert "ZStack 5.2.1" in shown.text
    harmless(shown)


def test_output_in_a_pipe(at: dict[str, str]) -> None:
    for arguments in (["list"], ["show", *(uuid("a", number) for number in range(0, len(TEXTS), 17))]):
        ran = run(arguments, at)
        assert ran.code == 0
        assert forbidden(ran.out + ran.err) == []


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_reads_every_name_exactly(at: dict[str, str]) -> None:
    for format, program in (("json", ".[] | .name"), ("ndjson", ".name")):
        line = f"{' '.join(ZVOL)} list -o {format} | jq -c '{program}'"
        ended = subprocess.run(["bash", "-o", "pipefail", "-c", line], env=at, capture_output=True, check=True)
        assert sorted(json.loads(one) for one in ended.stdout.decode().split("\n")[:-1]) == sorted(TEXTS)


@pytest.mark.parametrize("half", HALVES, ids=ascii)
def test_an_unpaired_surrogate_is_not_an_answer(half: str, tmp_path: Path) -> None:
    with fake_server(["good", half]) as cloud:
        env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION})
        ran = run(["list", "--json"], env)
    assert (ran.code, ran.out) == (5, "")
    assert ran.error()["kind"] == "unreachable"
