"""Hostile arguments: refused with nothing sent, or looked up unchanged; never another volume, never more volumes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from tests.support.fake_server import SESSION, FakeServer, fake_server, uuid
from tests.support.hostile.arguments import EVEN_SO, NAME, NAMES_OR_NOTHING, QUERY, REFUSED, UUID
from tests.support.hostile.names import HALVES, forbidden
from tests.support.process import ZVOL, environment
from tests.support.warm import run
from zvol.catalog.filters import FilterFacts, Filters
from zvol.cli.params import read_volumes
from zvol.errors import UsageProblem
from zvol.model import Volume
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.zstack.query import condition

ALLOWED = ("q=status%3DDeleted&q=type%3DData", "q=status=Deleted&q=type=Data")
TYPED = [text for text in REFUSED if "\0" not in text and not any(char in text for half in HALVES for char in half)]


@pytest.fixture
def cloud() -> Iterator[FakeServer]:
    with fake_server([NAME, "pg-wal", "other", "%", "_"]) as server:
        yield server


@pytest.fixture
def at(cloud: FakeServer, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": SESSION})


def test_the_size_of_the_corpus() -> None:
    assert len({*NAMES_OR_NOTHING, *REFUSED}) >= 300


def test_each_argument_is_a_name_or_refused_and_never_the_volume() -> None:
    for text in NAMES_OR_NOTHING:
        [target] = read_volumes([text], None)
        assert (target.text, target.uuid) in ((text, None), (text, "f" * 31)), ascii(text)
    for text in REFUSED:
        with pytest.raises(UsageProblem, match="argument 2"):
            read_volumes([UUID, text], None)
    for text in EVEN_SO:
        assert read_volumes([text], None)[0].uuid == UUID


def test_zvol_compares_names_itself(at: dict[str, str], cloud: FakeServer) -> None:
    """All at once, each with its own result: zvol lists the recycle bin, and queries once for all others."""
    texts = [text for text in NAMES_OR_NOTHING if text not in ("%", "_")]
    ran = run(["recover", "--json", "--", *texts], at)
    results = ran.json()
    assert ran.code == 1
    assert [one["asked"] for one in results] == texts
    assert {(one["outcome"], one["changed"], one["uuid"]) for one in results} == {("failed", False, None)}
    *listing, (method, path) = cloud.seen
    assert listing
    for seen in listing:
        assert seen[0] == method == "GET"
        assert seen[1].partition("?")[0] == path.partition("?")[0] == "/zstack/v1/volumes"
        assert seen[1].partition("?")[2].startswith(ALLOWED)
    named, *others = parse_qsl(path.partition("?")[2])
    assert others == [("limit", "100")]
    assert named[1].startswith("name?=")
    assert set(named[1].removeprefix("name?=").split(",")) <= {text for text in texts if condition("name", "?=", text)}


def test_a_wildcard_in_a_name_is_literal(at: dict[str, str], cloud: FakeServer) -> None:
    results = run(["recover", "%", "_", "*", "--dry-run", "--json"], at).json()
    assert [(one["outcome"], one["uuid"]) for one in results] == [
        ("would-recover", uuid("a", 3)),
        ("would-recover", uuid("a", 4)),
        ("failed", None),
    ]


@pytest.mark.parametrize("name", ["recover", "show"])
def test_control_characters_exit_2_list_each_argument_and_send_nothing(
    name: str, at: dict[str, str], cloud: FakeServer
) -> None:
    ran = run([name, UUID, "--", *TYPED], at)
    assert (ran.code, ran.out) == (2, "")
    assert cloud.seen == []
    assert all(f"argument {number} (" in ran.err for number in range(2, len(TYPED) + 2))
    assert forbidden(ran.err) == []


@pytest.mark.parametrize("data", [b"\xff\xfe\n", b"a\0b\n", b"\xed\xa0\x80\n", b"x\n\n", b"a\x1b[31m\n", b"\x80"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_standard_input_that_is_not_text(data: bytes, locale: str, at: dict[str, str], cloud: FakeServer) -> None:
    more = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = subprocess.run([*ZVOL, "recover", "-"], env=at | more, input=data, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, b""), ended
    assert b"Traceback" not in ended.stderr
    assert cloud.seen == []


def test_an_argument_that_is_not_text(at: dict[str, str], cloud: FakeServer) -> None:
    ended = subprocess.run([*ZVOL, "recover", b"pg\xffdata"], env=at, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"pg\\u{dcff}data" in ended.stderr
    assert cloud.seen == []


@pytest.mark.parametrize("option", ["--name", "--last-vm", "--primary-storage", "--tagged"])
def test_a_hostile_filter_value_matches_nothing(option: str, at: dict[str, str], cloud: FakeServer) -> None:
    """Each value alone, and all in one command line (the last one counts): no match, and none is sent."""
    values = ["", " ", "' or '1'='1", "name!=x", "is null", "x&q=status=Ready", "\\", "%s", "a,b", *"[!"]
    if option != "--name":
        values += ["*", "?", "pg*"]
    named = option in ("--last-vm", "--primary-storage")  # there is no such VM or storage, which is an error
    for value in values:
        ran = run(["recover", option, value, "--dry-run", "--json"], at)
        assert (ran.code, ran.out) == ((1, "") if named else (0, "[]\n")), (option, value)
    ran = run(
        ["recover", *(argument for value in QUERY if value != "=" for argument in (option, value)), "--dry-run"], at
    )
    assert ran.code == named
    for method, path in cloud.seen:
        assert "/volumes/" not in path
        assert method == "GET" or path.endswith("/v1/management-nodes/actions")
        assert not any(sign in path for sign in ("%27", "'", "null", "Ready", "%25s", "name%21", "%5C", "%1B"))


@pytest.mark.parametrize("filter", ["name", "last_vm", "storage", "tagged"])
def test_each_filter_value_alone_matches_nothing(filter: str) -> None:
    volume = Volume(UUID, {"uuid": UUID, "name": NAME, "lastVmInstanceUuid": "b" * 32, "primaryStorageUuid": "c" * 32})
    row = VolumeRow(volume, Retention(None, None), last_vm="db-1", storage="local-ssd")
    known = FilterFacts(0.0, frozenset("d" * 32), frozenset("e" * 32), {UUID: ["owner:dba"]})
    for value in QUERY:
        assert Filters(**{filter: value}).match(row, known) is False, value  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["\uff11\uff12", "1e3", "0x10", "-1", " ", "9" * 30, "\u0663"])
def test_numbers_are_ascii_digits(number: str, at: dict[str, str], cloud: FakeServer) -> None:
    for arguments in (["list", "--limit"], ["recover", "--all", "--expect"], ["recover", UUID, "--concurrency"]):
        ran = run([*arguments, number], at)
        assert ran.code == 2, ran
    assert not any(method == "PUT" and "/volumes/" in path for method, path in cloud.seen)
