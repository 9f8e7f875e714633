"""Lists of volumes from standard input: bounded in lines, bytes and memory, and nothing is sent when one is wrong."""

from __future__ import annotations

import io
import subprocess
import time

import pytest

from tests.support.process import PG_DATA, ZVOL, Ran, Sandbox
from zvol.cli.list_input import CHUNK, MAX_BYTES
from zvol.cli.params import MAX_LENGTH, MAX_NAMED, MAX_VOLUMES, read_volumes
from zvol.errors import UsageProblem
from zvol.model import VolumeArgument

RECOVER = f"{' '.join(ZVOL)} recover -"
TOO_MANY = "more than 100,000 VOLUMEs were given; nothing was sent"
TOO_LONG = "standard input is longer than 16 MiB; nothing was sent"


def shell(line: str, env: dict[str, str]) -> Ran:
    """Run a line with 700 MB of memory for each process, and a minute."""
    line = f"ulimit -v 700000; {line}"
    ended = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in ended.stderr
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (f"yes {PG_DATA} |", TOO_MANY),
        ("yes '' |", TOO_MANY),
        ("yes pg-data |", TOO_MANY),
        ("< /dev/zero", TOO_LONG),
        ("tr '\\0' 'a' < /dev/zero |", TOO_LONG),
        ("<&-", "standard input is closed"),
        ("head -c 3000000 /dev/zero |", "holds a control character"),
    ],
)
def test_an_endless_list_is_a_mistake(source: str, why: str, at: dict[str, str], cloud: Sandbox) -> None:
    line = f"{source} {RECOVER}" if source.endswith("|") else f"{RECOVER} {source}"
    began = time.monotonic()
    ran = shell(line, at)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert len(ran.err) < 3000
    assert time.monotonic() - began < 55
    assert cloud.status(PG_DATA) == "Deleted"


def test_the_bounds_count_for_all_that_is_given() -> None:
    uuids = [f"{number:032x}" for number in range(MAX_VOLUMES)]
    assert len(read_volumes(["-"], io.StringIO("\n".join(uuids)))) == MAX_VOLUMES
    for arguments, lines in ((["-"], [*uuids, PG_DATA]), ([PG_DATA, "-"], uuids), ([*uuids, PG_DATA], [])):
        with pytest.raises(UsageProblem, match="more than 100,000"):
            read_volumes(arguments, io.StringIO("\n".join(lines)))


def test_the_bytes_are_counted() -> None:
    """Just below the bound it is one line that is no VOLUME, just above it is too long; nothing more is read."""
    for text, why in (
        ("é" * (MAX_BYTES // 2), "has more than"),
        ("é" * (MAX_BYTES // 2) + "e", "longer than 16 MiB"),
    ):
        with pytest.raises(UsageProblem, match=why):
            read_volumes(["-"], io.StringIO(text))
    endless = io.StringIO("a" * (MAX_BYTES * 2))
    with pytest.raises(UsageProblem):
        read_volumes(["-"], endless)
    assert endless.tell() <= MAX_BYTES + CHUNK


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3])
def test_lines_are_the_same_wherever_a_piece_ends(size: int) -> None:
    lines = [f"name {number} {'x' * (size % 500)}" for number in range(3 * CHUNK // 100)]
    found = [VolumeArgument(line, None) for line in lines]
    for text in ("\n".join(lines), "\n".join(lines) + "\n", "\r\n".join(lines) + "\r\n"):
        assert read_volumes(["-"], io.StringIO(text, newline="")) == found


def test_mistakes_are_named_and_not_without_end() -> None:
    lines = ["", "a\tb", "x" * (MAX_LENGTH + 1), *["\x00" * 500] * 5000, "x" * MAX_LENGTH]
    with pytest.raises(UsageProblem) as caught:
        read_volumes(["-", "\x1b", ""], io.StringIO("\n".join(lines)))
    text = caught.value.message
    assert "line 1 (''), line 2 ('a\tb'), line 3 ('xxx" in text
    assert f"and {5005 - MAX_NAMED:,} more" in text
    assert len(text) < 3000
    with pytest.raises(UsageProblem) as caught:
        read_volumes(["ok", *[""] * MAX_NAMED], None)
    assert "nothing was sent: argument 2 ('')" in caught.value.message
    assert caught.value.message.endswith(f"argument {MAX_NAMED + 1} ('')")


def test_a_stream_that_cannot_be_read_is_a_mistake() -> None:
    from click import UsageError

    class Broken(io.StringIO):
        def read(self, _size: int | None = -1, /) -> str:
            raise OSError(21, "Is a directory")

    with pytest.raises(UsageError, match="Is a directory"):
        read_volumes(["-"], Broken())
