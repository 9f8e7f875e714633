"""Hostile configuration files: a clean error, quickly, and nothing is executed."""

from __future__ import annotations

import itertools
import traceback
from pathlib import Path

import pytest

from tests.support.calls import counted
from zvol.config.profiles import LIMIT, load
from zvol.errors import ConfigError, Exit


def write(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def wrong(folder: Path, text: str | bytes, mode: int = 0o600) -> list[str]:
    """Return the problems of a text as `line:column text`."""
    path = write(folder, text, mode)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.exit is Exit.USAGE
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return [f"{problem.where}: {problem.text}".replace(f"{path}:", "", 1) for problem in caught.value.problems]


# ---- hostile files ---------------------------------------------------------------------------------------------------
BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
TAGS = [
    "!!python/object/apply:os.system ['touch pwned']",
    "!!python/object/new:os.system [touch pwned]",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/object:os.system {}",
    "!!python/tuple [a]",
    "!!binary aGk=",
    "!!set {a}",
    "!!omap [a: b]",
    "!!timestamp 2026-01-01",
    "!!str a",
    "!!int 1",
    "!local x",
    "! x",
    "!<tag:yaml.org,2002:str> x",
]
MOST_CALLS = 1_000_000
"""About four for each byte of the largest file; quadratic work would need thousands of millions."""

HOSTILE: dict[str, str | bytes] = {
    "bomb": BOMB,
    "self": "a: &a [*a]",
    "alias": "a: &a x\nb: *a",
    "anchor": "profiles: &p {}",
    "unknown alias": "profiles: *x",
    "merge": "a: &a {b: c}\nprofiles: {<<: *a}",
    "two documents": "profiles: {}\n---\nprofiles: {}",
    "many documents": "---\na\n" * 40_000,
    "directive": "%TAG ! tag:evil,2000:\n---\nprofiles: {}",
    "bad directive": "%YAML 9.9\n---\nprofiles: {}",
    "utf-16": "profiles: {}".encode("utf-16"),
    "utf-16 without a mark": "profiles: {}".encode("utf-16-le"),
    "utf-32": "profiles: {}".encode("utf-32"),
    "latin-1": "profiles: {p: {account: \xe9}}".encode("latin-1"),
    "surrogate": b"profiles: {p: {account: \xed\xa0\x80}}",
    "overlong": b"profiles: {p: {account: \xc0\x80}}",
    "nul": b"profiles: {}\0",
    "escape": b"profiles: {p: {account: \x1b[0m}}",
    "second mark": "\ufeff\ufeffprofiles: {}",
    "tab": "profiles:\n\tp: {}",
    "tab after": "profiles:\n  p:\n\t\thost: MARKER",
    "open quote": 'profiles: {p: {session: "MARKER',
    "open bracket": "profiles: {p: {session: MARKER",
    "no space": "profiles:\n  p:\n    session:MARKER\n    host: x",
    "at": "profiles: {p: {account: @MARKER}}",
    "percent": "profiles:\n  p:\n    account: %MARKER",
    "backtick": "profiles: {p: {account: `MARKER}}",
    "bad escape": 'profiles: {p: {account: "\\MARKER"}}',
    "indentation": "profiles:\n  p:\n    host: x\n   session: MARKER",
    "text then mapping": "profiles: MARKER\n  p: x",
    "deep flow": "a: " + "[" * 100_000,
    "deep flow closed": "a: " + "[" * 5000 + "]" * 5000,
    "deep map": "{a: " * 5000,
    "deep block": "".join(" " * i + "a:\n" for i in range(500)),
    "deep dashes": "- " * 100_000,
    "deep questions": "? " * 100_000,
    "wide flow": "a: [" + "a," * 120_000 + "]",
    "wide block": "- a\n" * 60_000,
    "many keys": "".join(f"k{i}: v\n" for i in range(20_000)),
    "many profiles": "current: nobody\nprofiles:\n" + "".join(f"  p{i}: {{}}\n" for i in range(6_000)),
    "many mistakes": "profiles:\n  p:\n" + "".join(f"    hosst{i}: v\n" for i in range(9_000)),
    "many duplicates": "profiles:\n" + "  p: {}\n" * 6_000,
    "long key": "profiles: {p: {" + "k" * 200_000 + ": v}}",
    "long value": "profiles: {p: {session: " + "MARKER" * 40_000 + "}}",
    "long host": "profiles: {p: {host: 'https://" + "a." * 100_000 + "'}}",
    "long path": "profiles: {p: {host: 'https://a" + "/a" * 100_000 + "/?'}}",
    "long duration": "profiles: {p: {timeout: " + "1" * 200_000 + "}}",
    "long arguments": "profiles: {p: {session_command: [" + "a," * 9_000 + "1]}}",
    "colons": "a:" * 120_000,
    "quotes": "a: '" + "''" * 100_000,
    "folds": "a: >\n" + " x\n" * 60_000 + "b",
    "comments": "#" * 200_000 + "\n- a",
    "stars": "*" * 200_000,
    "just too big": b"#" * (LIMIT + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_raise_a_clean_error_quickly(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, HOSTILE[name])
    import yaml  # noqa: F401  (its import is not what is counted)

    with pytest.raises(ConfigError) as caught, counted() as work:
        load(path)
    assert work.calls < MOST_CALLS
    assert "MARKER" not in "".join(traceback.format_exception(caught.value))
    assert len(caught.value.message) < 20_000
    assert len(caught.value.problems) <= 52


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("place", ["{}", "profiles: {}", "profiles: {{p: {}}}", "profiles: {{p: {{account: {}}}}}"])
def test_tags_are_refused_and_do_nothing(tmp_path: Path, tag: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    problems = wrong(tmp_path, place.format(tag))
    (problem,) = (problem.partition(": ")[2] for problem in problems)
    assert problem == "tags are not allowed" or (tag[-2:] in ("em", "os") and problem.startswith("is not YAML"))
    assert not (tmp_path / "pwned").exists()


def test_no_error_quotes_the_file(tmp_path: Path) -> None:
    keys = ["host", "account", "session", "session_file", "session_command", "proxy", "timezone", "timeout", "output",
            "concurrency", "insecure_http", "ca_file", "password", "unknown", "access_key_secret"]  # fmt: skip
    shapes = ["MARKER", '"MARKER\\n"', "[MARKER, 1]", "{MARKER: MARKER}", "!MARKER x", "&MARKER x", "*MARKER",
              "'MARKER",
              "https://u:MARKER@h", "https://h:MARKER", "OAuth MARKER", "- MARKER", "MARKER: x", "@MARKER", "|MARKER",
              "http://[MARKER", "2026-01-01 # MARKER", "\tMARKER"]  # fmt: skip
    for key, shape in itertools.product(keys, shapes):
        path = write(tmp_path, f"profiles:\n  p:\n    host: https://h\n    {key}: {shape}\n    x: 1\n")
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert "MARKER" not in "".join(traceback.format_exception(caught.value))
        assert "MARKER" not in repr(caught.value.problems)
