"""The configuration file: every mistake at once, with its place, and never a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zvol.config.document import File
from zvol.config.profiles import DEPTH, LIMIT, NODES, load
from zvol.errors import ConfigError, Exit
from zvol.model import Endpoint
from zvol.secrets import Secret

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


EVERYTHING = f"""\
current: prod
profiles:
  prod:
    host: https://zstack.example.com:8443
    account: admin
    user: ops
    password_file: ../pw
    session: {SESSION.upper()}
    access_key_id: AK
    access_key_secret_command: [pass, "a b", "$(x)"]
    ca_file: ca.pem
    insecure_http: no
    proxy: none
    timezone: Asia/Shanghai
    timeout: 1h30m
    settle_wait: 90s
    api_timeout: 5m
    concurrency: 32
    output: json
  生产: {{host: "https://h/"}}"""


def test_a_file_with_every_key(tmp_path: Path) -> None:
    path = write(tmp_path, EVERYTHING)
    file = load(path)
    assert file.current == "prod"
    assert list(file.profiles) == ["prod", "生产"]
    found = file.profiles["prod"]
    values = {key: value.value for key, value in found.items()}
    assert values.pop("host") == Endpoint("https", "zstack.example.com", 8443, "/zstack")
    assert isinstance(session := values.pop("session"), Secret)
    assert session.reveal() == SESSION
    assert values == {
        "account": "admin",
        "user": "ops",
        "password_file": "../pw",
        "access_key_id": "AK",
        "access_key_secret_command": ("pass", "a b", "$(x)"),
        "ca_file": "ca.pem",
        "insecure_http": False,
        "proxy": "none",
        "timezone": "Asia/Shanghai",
        "timeout": 5400.0,
        "settle_wait": 90.0,
        "api_timeout": 300.0,
        "concurrency": 32,
        "output": "json",
    }
    assert found["ca_file"].where == f"{path}:11:14"
    assert SESSION not in repr(file)


@pytest.mark.parametrize(
    "text", ["", "\n", "# only words\n", "---\n", "---\n...\n", "profiles: {}\n", "\ufeffprofiles: {}\n", "{}", "\r\n"]
)
def test_files_without_settings(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text)) == File(tmp_path / "config.yaml", None, {})


def test_one_error_lists_all_mistakes_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
curent: x
profiles:
  prod:
    host: ftp://MARKER
    hots: MARKER
    timeout: MARKER
    concurrency: 99
    session: MARKER
  lab:
    session: 1
    insecure_http: "true"
  lab: {}
"""
    assert wrong(tmp_path, text) == [
        "1:1: unknown key curent; did you mean current?",
        "4:11: host must begin with https:// or http://, such as https://zstack.example.com:8443",
        "5:5: unknown key hots in profile prod; did you mean host?",
        "6:14: timeout must be a duration with its unit, such as 90s, 5m or 1h30m",
        "7:18: concurrency must be a number from 1 to 64",
        "8:14: session must be the 32 hex digits of a session",
        "10:14: session must be text, and YAML reads a number here: put it in quotes",
        "11:20: insecure_http must be true or false, without quotes, not text",
        "12:3: duplicate key lab: it is on line 9 already",
    ]


# ---- keys ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", "1:1: the file must be a mapping (`key: value`), not a list"),
        ("text", "1:1: the file must be a mapping (`key: value`), not text"),
        ("profiles: [a]", "1:11: profiles must be a mapping (`key: value`), not a list"),
        ("profiles:", "1:10: profiles must be a mapping (`key: value`), not nothing"),
        ("profiles: {p: x}", "1:15: profile p must be a mapping (`key: value`), not text"),
        ("profiles: {no: {}}", "1:12: a key in profiles must be text, and this is true or false: put it in quotes"),
        ("profiles: {1: {}}", "1:12: a key in profiles must be text, and this is a number: put it in quotes"),
        ("profiles: {2026-01-01: {}}", "1:12: a key in profiles must be text, and this is a date: put it in quotes"),
        ("profiles: {~: {}}", "1:12: a key in profiles must be text, and this is nothing: put it in quotes"),
        ("profiles: {[a]: {}}", "1:12: a key in profiles must be text, and this is a list"),
        ('profiles: {"": {}}', "1:12: a key in profiles is empty or holds a control character"),
        ('profiles: {"\\e[0m": {}}', "1:12: a key in profiles is empty or holds a control character"),
        ("profiles: {" + "n" * 65 + ": {}}", "1:12: the name of a profile has more than 64 characters"),
        ("profiles: {p: {<<: {host: x}}}", "1:16: merge keys are not allowed"),
        ("profiles: {p: {}}\ncurrent: q", "2:10: current names no profile of this file (known: p)"),
        (
            "profiles: {prod: {}}\ncurrent: prd",
            "2:10: current names no profile of this file (known: prod); did you mean prod?",
        ),
        ("current: no\nprofiles: {p: {}}", "1:10: current must be text, and YAML reads true or false here: put it "
         "in quotes"),
        ("profiles: {}\nprofiles: {}", "2:1: duplicate key profiles: it is on line 1 already"),
        ('profiles: {p: {"host": "https://a", host: b}}', "1:37: duplicate key host: it is on line 1 already"),
        ("profiles: {p: {URL: x}}", "1:16: unknown key URL in profile p; use host"),
        (f"profiles: {{p: {{{SESSION}: x}}}}", "1:16: unknown key in profile p"),
        ("profiles: {p: {session:MARKER}}", "1:16: unknown key in profile p; did you mean session?"),
    ],
)  # fmt: skip
def test_invalid_keys(tmp_path: Path, text: str, expected: str) -> None:
    assert wrong(tmp_path, text) == [expected]


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    (found,) = wrong_profile(tmp_path, "password: MARKER")
    assert "password_file or password_command" in found
    assert "MARKER" not in found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"session: {SESSION}\nsession_file: a", "session and session_file exclude each other: keep one"),
        ("session_command: [a]\nsession_file: a", "session_file and session_command exclude each other: keep one"),
        (
            f"session_command: [a]\nsession_file: a\nsession: {SESSION}",
            "session and session_file and session_command exclude each other: keep one",
        ),
        ("session: bad\nsession_file: a", "session and session_file exclude each other: keep one"),
        (
            "account: a\npassword_command: [a]\npassword_file: a",
            "password_command and password_file exclude each other",
        ),
        ("password_file: a", "password_file also needs account"),
        ("user: a", "user also needs account"),
        ("access_key_id: a", "access_key_id also needs access_key_secret_file or access_key_secret_command"),
        ("access_key_secret_file: a", "access_key_secret_file also needs access_key_id"),
        ("host: http://127.0.0.1\nproxy: http://p:1", "proxy is for https hosts only"),
    ],
)
def test_keys_that_require_or_exclude_each_other(tmp_path: Path, body: str, expected: str) -> None:
    assert any(expected in problem for problem in wrong_profile(tmp_path, body))


# ---- the file itself ------------------------------------------------------------------------------------------------
def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none")


def test_the_positions_of_invalid_bytes(tmp_path: Path) -> None:
    assert wrong(tmp_path, b"a: b\nc\xff: d") == ["2:2: is not UTF-8 here"]
    assert wrong(tmp_path, b"\xef\xbb\xbf\n\n\x00") == ["3:1: has a character here that YAML does not allow"]
    for text in ("profiles:\n\tp: {}", "\tprofiles: {}"):
        assert wrong(tmp_path, text)[0].endswith("use spaces, not tabs")


def test_the_documented_limits(tmp_path: Path) -> None:
    load(write(tmp_path, b"#" * LIMIT))
    nested = "profiles: " + "{a: " * (DEPTH - 1) + "}" * (DEPTH - 1)
    assert not any("nested" in problem for problem in wrong(tmp_path, nested))
    nested = "profiles: " + "{a: " * DEPTH + "}" * DEPTH
    assert any("nested more than 20 deep" in problem for problem in wrong(tmp_path, nested))
    deep = "profiles: " + "{a: " * (DEPTH - 2) + "[" + "x, " * NODES + "]" + "}" * (DEPTH - 2)
    assert wrong(tmp_path, deep) == [f"1:{87 + 3 * (NODES - 40)}: is one value too many: at most {NODES:,} are allowed"]
    many = "profiles:\n" + "".join(f"  p{i}: {{}}\n" for i in range((NODES - 3) // 2))
    assert len(load(write(tmp_path, many)).profiles) == (NODES - 3) // 2


@pytest.mark.parametrize("parser", ["CSafeLoader", "SafeLoader"])
def test_both_parsers_give_the_same_result(tmp_path: Path, parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if parser == "SafeLoader":
        monkeypatch.delattr("yaml.CSafeLoader", raising=False)
    text = "current: x\nprofiles:\n  'a': {host: &a \"h\", b: *a, c: !t d}\n  é: {hots: 1}\n"
    assert wrong(tmp_path, text) == [
        "1:10: current names no profile of this file (known: a, é)",
        "3:15: anchors are not allowed",
        "3:15: host must begin with https:// or http://, such as https://zstack.example.com:8443",
        "3:23: unknown key b in profile a",
        "3:26: aliases are not allowed: write the value again",
        "3:30: unknown key c in profile a",
        "3:33: tags are not allowed",
        "4:7: unknown key hots in profile é; did you mean host?",
    ]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.text("{}[]:,-?&*!|>'\"%@`# \n\tab1~<", max_size=80).map(str.encode))
def test_any_bytes_are_a_file_or_a_config_error(tmp_path: Path, data: bytes) -> None:
    problems = None
    try:
        load(write(tmp_path, data))
    except ConfigError as exc:
        problems = exc.problems
    assert problems is None or (problems and all(problem.text for problem in problems))
