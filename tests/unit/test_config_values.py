"""The values of a profile: what each may be, and that YAML never turns one into another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zvol.config import profiles
from zvol.config.profiles import load
from zvol.errors import ConfigError, Exit

SESSION = "0123456789abcdef0123456789abcdef"


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


def profile(folder: Path, body: str, mode: int = 0o600) -> dict[str, object]:
    file = load(write(folder, "profiles:\n  p:\n" + "".join(f"    {line}\n" for line in body.splitlines()), mode))
    return {key: value.value for key, value in file.profiles["p"].items()}


def wrong_profile(folder: Path, body: str) -> list[str]:
    return wrong(folder, "profiles:\n  p:\n" + "".join(f"    {line}\n" for line in body.splitlines()))


# ---- values ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "value",
    ["no", "yes", "on", "~", "null", "''", "123", "017", "0x1f", "1.5", ".inf", "1e3.0", "2026-11-24", "1:30",
     "1_000", "1.10", "=", "[a]", "{a: b}", "2026-11-24 10:00:00", '"a\\tb"', '" "'],
)  # fmt: skip
def test_a_value_that_is_not_text_is_refused(tmp_path: Path, value: str) -> None:
    if value == "1e3.0":
        assert profile(tmp_path, f"account: {value}") == {"account": value}
        return
    (problem,) = wrong_profile(tmp_path, f"account: {value}")
    assert problem.startswith("3:14: account ")
    assert value not in problem.removeprefix("3:14: account must be text") or value in ("~", "null", "=", "on", "no")


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("timeout", ["1s", "90s", "5m", "1h30m", "1h 30m", "1d 12h", "1w", "7d", '"90s"'],
         ["0", "0s", "1", '"90"', "1m30", "-1", "1.5", "8d", "5 m", "m", "~", "yes", "[1]",
           "1h, 30m", "30m 1h", "1h 1h", "5M", "1H", "99999999999", "0x10", "1_0", "1:30"]),
        ("settle_wait", ["1s", "75s", "1h"], ["0", "75", "61m", "none"]),
        ("api_timeout", ["1s", "60s", "1h"], ["0s", "60", "61m", "3601"]),
        ("concurrency", ["1", "16", "64"], ["0", "65", '"16"', "16.0", "-1", "0x10", "010", "1_6", "many", "~"]),
        ("output", ["table", "json", "ndjson", "csv", "name"], ["yaml", "JSON", "~", "[json]", '""']),
        ("insecure_http", ["true", "false", "yes", "no", "on", "off", "True"], ['"true"', "1", "0", "y", "~"]),
        ("proxy", ["none", "http://p:3128", "https://p:1/"], ["p:3128", "http://u:pw@p:1", "socks5://p:1", "~", '""']),
        ("timezone", ["Asia/Shanghai", "UTC", '"+08:00"', '"-03:30"'],
         ["Nowhere/Town", "../../etc/passwd", "/etc/passwd", '"+25:00"', "8", "Asia/", '"Asia/Shanghai "', "Asia"]),
        ("host", ["https://h", "http://127.0.0.1:8080/"], ["h", "https://u:p@h", "~", "443", '"https://h\\n"']),
        ("session_command", ["[a]", "[pass, a/b]", "['/bin/x', '']"],
         ["[]", "pass x", "['']", "[a, 1]", "[a, [b]]", "{a: b}", "~", "[a, no]", '["a\\0b"]', "[' ']"]),
        ("ca_file", ["ca.pem", "~/ca.pem", "/ca.pem"], ["~", "1", "''", "[a]"]),
        ("session", [SESSION, SESSION.upper(), f'"{SESSION}"', f"'{'1' * 32}'"],
         ["1" * 32, SESSION[:-1], SESSION + "0", f"OAuth {SESSION}", f"'{SESSION} '", "~", f"'{'g' * 32}'",
          f"'{'０' * 32}'", f'"{SESSION}\\n"', "01234567-89ab-cdef-0123-456789abcdef"]),
    ],
)  # fmt: skip
def test_values(tmp_path: Path, key: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert key in profile(tmp_path, f"{key}: {value}"), value
    for value in bad:
        problems = wrong_profile(tmp_path, f"{key}: {value}")
        assert len(problems) == 1, value
        assert key in problems[0]


def test_the_word_oauth_is_not_part_of_a_session(tmp_path: Path) -> None:
    (problem,) = wrong_profile(tmp_path, f"session: OAuth {SESSION}")
    assert problem.endswith("must be the 32 hex digits of a session, without the word OAuth")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("0123456789abcdefABCDEF", min_size=32, max_size=32), quote=st.sampled_from(["", "'", '"']))
def test_a_session_stays_the_same_text_or_is_refused(tmp_path: Path, text: str, quote: str) -> None:
    path = write(tmp_path, f"profiles: {{p: {{session: {quote}{text}{quote}}}}}")
    try:
        found = load(path).profiles["p"]["session"].value
    except ConfigError as exc:
        message = exc.message
    else:
        assert found.reveal() == text.lower()
        return
    assert not quote
    assert "put it in quotes" in message
    assert text not in message


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("0123456789", min_size=32, max_size=32) | st.text("01234567e", min_size=32, max_size=32))
def test_a_session_of_digits_is_never_another_number(tmp_path: Path, text: str) -> None:
    test_a_session_stays_the_same_text_or_is_refused.hypothesis.inner_test(tmp_path, text, "")  # type: ignore[attr-defined]


def test_yaml_is_imported_in_one_module() -> None:
    package = Path(profiles.__file__).parent
    assert [path.name for path in sorted(package.glob("*.py")) if "import yaml" in path.read_text()] == ["profiles.py"]
