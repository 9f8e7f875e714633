"""Settings: where each comes from, what is refused, and that nothing secret is ever quoted."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.config import credentials
from zvol.config.hosts import BadHost, parse_host
from zvol.config.paths import state_dir, write_private
from zvol.config.profiles import load
from zvol.config.settings import Overrides, Settings, resolve
from zvol.errors import AuthError, ConfigError, Untrusted, UsageProblem, ZvolError
from zvol.model import Endpoint

S1, S2 = "0" * 31 + "1", "b" * 32
CANARY = "deadbeefdeadbeefdeadbeefdeadbeef"


def config(tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """Write a configuration file and return an environment that finds it."""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return {"ZVOL_CONFIG": str(path), "HOME": str(tmp_path)}


def settings(tmp_path: Path, body: str, more: dict[str, str] | None = None, **options: object) -> Settings:
    text = "current: a\nprofiles:\n  a:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return resolve(Overrides(**options), config(tmp_path, text) | (more or {}))  # type: ignore[arg-type]


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert CANARY not in str(caught.value)
    return [f"{problem.where.removeprefix(str(path))} {problem.text}" for problem in caught.value.problems]


# ---- hosts -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://z.example.com", Endpoint("https", "z.example.com", 443, "/zstack")),
        ("https://z.example.com/", Endpoint("https", "z.example.com", 443, "")),
        ("http://Z.example.com:8080/zstack/", Endpoint("http", "z.example.com", 8080, "/zstack")),
        ("https://[::1]:8443/a/b", Endpoint("https", "::1", 8443, "/a/b")),
    ],
)
def test_hosts(text: str, endpoint: Endpoint) -> None:
    assert parse_host(text) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?q",
        "https://x#f",
        "https://x:0",
        "https://x:99999",
        "https://x:port",
        "https://x y",
        "https://x\n",
        "https://x/../y",
        "https://x/%2e",
        "https://\u0445",
        "https://x\\@y",
        "https:x",
        "//x",
    ],
)
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(BadHost):
        parse_host(text)


def test_plain_http_beyond_this_machine_needs_a_word(tmp_path: Path) -> None:
    with pytest.raises(Untrusted):
        settings(tmp_path, f"host: http://z.example.com\nsession: '{S1}'")
    found = settings(tmp_path, f"host: http://z.example.com\nsession: '{S1}'\ninsecure_http: true")
    assert "plain http" in found.warnings[0]
    assert settings(tmp_path, f"host: http://127.0.0.1:8080\nsession: '{S1}'").warnings == ()


def test_a_profiles_permission_is_for_its_own_host_only(tmp_path: Path) -> None:
    body = f"host: https://z.example.com\nsession: '{S1}'\ninsecure_http: true"
    with pytest.raises(Untrusted):
        settings(tmp_path, body, {"ZVOL_HOST": "http://other.example.com", "ZVOL_SESSION": S2})


# ---- precedence --------------------------------------------------------------------------------------------------
def test_option_over_environment_over_profile_over_default(tmp_path: Path) -> None:
    body = f"host: https://z\nsession: '{S1}'\ntimeout: 5m\noutput: csv\nsettle_wait: 20s"
    found = settings(tmp_path, body, {"ZVOL_TIMEOUT": "6m", "ZVOL_OUTPUT": ""}, output="json")
    assert (found.timeout, found.output, found.settle_wait, found.api_timeout) == (360, "json", 20, 60)
    sources = found.sources
    assert sources["timeout"] == "environment ZVOL_TIMEOUT"
    assert sources["output"] == "option --output"
    assert sources["settle_wait"].endswith("config.yaml:8:18")
    assert sources["api_timeout"] == "default"


def test_the_environment_alone_is_enough() -> None:
    found = resolve(Overrides(), {"ZVOL_HOST": "https://z", "ZVOL_SESSION": S1.upper()})
    assert found.endpoint == Endpoint("https", "z", 443, "/zstack")
    assert credentials.session(found).reveal() == S1


def test_the_names_that_users_of_zstack_know() -> None:
    found = resolve(Overrides(), {"ZSTACK_HOST": "127.0.0.1", "ZSTACK_SESSION_ID": S1})
    assert found.endpoint == Endpoint("http", "127.0.0.1", 8080, "/zstack")
    found = resolve(
        Overrides(), {"ZSTACK_HOST": "x", "ZVOL_HOST": "https://z", "ZVOL_SESSION": S2, "ZSTACK_SESSION_ID": S1}
    )
    assert found.endpoint.host == "z"
    assert credentials.session(found).reveal() == S2


def test_proxies_are_for_https_and_from_their_own_level() -> None:
    env = {"ZVOL_HOST": "https://z.example.com", "ZVOL_SESSION": S1, "HTTPS_PROXY": "http://p:1"}
    assert resolve(Overrides(), env).proxy == "http://p:1"
    for no in ("z.example.com", ".example.com", "*", "other, example.com"):
        assert resolve(Overrides(), env | {"NO_PROXY": no}).proxy is None
    assert resolve(Overrides(), env | {"ZVOL_HOST": "http://127.0.0.1"}).proxy is None


# ---- credentials -------------------------------------------------------------------------------------------------
def test_a_credential_goes_only_to_the_host_of_its_level(tmp_path: Path) -> None:
    body = f"host: https://z\nsession: '{CANARY}'"
    with pytest.raises(UsageProblem, match="only to the host of its own level"):
        settings(tmp_path, body, {"ZVOL_SESSION": S2})
    with pytest.raises(UsageProblem, match="only to its own host"):
        settings(tmp_path, body, host="https://other")
    with pytest.raises(AuthError):
        credentials.session(settings(tmp_path, body, {"ZVOL_HOST": "https://other"}))
    found = settings(tmp_path, body, {"ZVOL_SESSION": S2}, host="https://other")
    assert (found.endpoint.host, credentials.session(found).reveal()) == ("other", S2)


@given(st.text(alphabet="0123456789abcdefABCDEF", min_size=32, max_size=32))
def test_any_session_stays_the_same_text(session: str) -> None:
    found = resolve(Overrides(), {"ZVOL_HOST": "https://z", "ZVOL_SESSION": session})
    assert credentials.session(found).reveal() == session.lower()
    assert session not in repr(found)


@pytest.mark.parametrize("value", ["x", CANARY + "0", f"OAuth {CANARY}", CANARY + "\n" + CANARY])
def test_what_is_no_session_is_not_quoted(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(Overrides(), {"ZVOL_HOST": "https://z", "ZVOL_SESSION": value})
    assert CANARY not in str(caught.value)


def test_a_session_file_must_be_private(tmp_path: Path) -> None:
    file = tmp_path / "session"
    file.write_text(f"{S1}\n")
    found = settings(tmp_path, "host: https://z\nsession_file: session")
    for mode in (0o604, 0o640, 0o644, 0o666, 0o620):
        file.chmod(mode)
        with pytest.raises(ConfigError, match=f"{mode:04o}") as caught:
            credentials.session(found)
        assert "chmod 600" in caught.value.hint
    file.chmod(0o600)
    assert credentials.session(found).reveal() == S1


def test_a_session_command_runs_without_a_shell(tmp_path: Path) -> None:
    found = settings(tmp_path, f"host: https://z\nsession_command: [printf, '%s\\n', {S2}]")
    assert credentials.session(found).reveal() == S2
    inert = settings(tmp_path, f"host: https://z\nsession_command: [echo, '{CANARY}; touch {tmp_path}/owned']")
    with pytest.raises(ConfigError) as caught:
        credentials.session(inert)
    assert not (tmp_path / "owned").exists()
    assert CANARY not in str(caught.value)
    with pytest.raises(AuthError, match="exit code 1"):
        credentials.session(settings(tmp_path, "host: https://z\nsession_command: ['false']"))
    with pytest.raises(ConfigError, match="cannot be run"):
        credentials.session(settings(tmp_path, "host: https://z\nsession_command: [/no/such/program]"))


def test_a_file_with_a_session_must_be_private(tmp_path: Path) -> None:
    text = f"profiles:\n  a:\n    host: https://z\n    session: '{CANARY}'\n"
    with pytest.raises(ConfigError) as caught:
        resolve(Overrides(), config(tmp_path, text, 0o644))
    assert "chmod 600" in caught.value.hint
    without = "profiles:\n  a:\n    host: https://z\n    session_command: [x]\n"
    assert resolve(Overrides(), config(tmp_path, without, 0o644)).endpoint.host == "z"


# ---- profiles ----------------------------------------------------------------------------------------------------
def test_two_profiles_and_no_choice_are_a_mistake(tmp_path: Path) -> None:
    text = "profiles:\n  a: {host: 'https://a'}\n  b: {host: 'https://b'}\n"
    with pytest.raises(UsageProblem, match="a, b"):
        resolve(Overrides(), config(tmp_path, text))
    assert resolve(Overrides(profile="b"), config(tmp_path, text)).endpoint.host == "b"
    with pytest.raises(UsageProblem, match="did you mean"):
        resolve(Overrides(profile="aa"), config(tmp_path, text))


def test_all_mistakes_are_listed_with_their_places(tmp_path: Path) -> None:
    text = f"""curent: x
profiles:
  a:
    hots: https://z
    session: {CANARY}
    session_file: s
    timeout: soon
    concurrency: many
    insecure_http: perhaps
  a: {{}}
  b:
    session: 12345678901234567890123456789012
    host: no
    session_command: pass zstack
"""
    found = problems(tmp_path, text)
    assert [line.split(" ")[0] for line in found] == [
        ":1:1",
        ":10:3",
        ":4:5",
        ":7:14",
        ":8:18",
        ":9:20",
        ":6:19",
        ":12:14",
        ":13:11",
        ":14:22",
    ]
    assert "did you mean current?" in found[0]
    assert "duplicate key a" in found[1]
    assert "did you mean host?" in found[2]
    assert "put it in quotes" in found[7]


HOSTILE_YAML: dict[str, str | bytes] = {
    "python tag": "profiles: !!python/object/apply:os.system ['touch /tmp/owned']",
    "set tag": "profiles: !!set {a}",
    "binary tag": "profiles: {a: {host: !!binary aGk=}}",
    "alias": "profiles: {a: &x {host: 'https://z'}, b: *x}",
    "bomb": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nprofiles: [*c]",
    "merge": "profiles: {a: {<<: {host: 'https://z'}}}",
    "two documents": "profiles: {}\n---\nprofiles: {}",
    "bool key": "profiles: {no: {host: 'https://z'}}",
    "number key": "profiles: {1: {host: 'https://z'}}",
    "octal": "profiles: {a: {session: 01234567012345670123456701234567}}",
    "date": "profiles: {a: {host: 2026-11-03}}",
    "sexagesimal": "profiles: {a: {host: 10:30}}",
    "null": "profiles: {a: {host: }}",
    "list": "- a\n- b",
    "text": "just text",
    "deep": "profiles: " + "[" * 50 + "]" * 50,
    "very deep": "profiles: " + "[" * 5000,
    "unclosed": f"profiles: {{a: {{session: '{CANARY}",
    "tabs": "profiles:\n\ta: {}",
    "utf-16": "profiles: {}".encode("utf-16"),
    "latin-1": b"profiles: {\xe9: {}}",
    "nul": b"profiles: {a\x00: {}}",
    "huge": b"#" + b"x" * 300_000,
    "escape in a name": 'profiles: {"\\e[31m": {}}',
    "escape in a key": 'profiles: {a: {"ho\\e[31mst": x}}',
}


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_yaml_is_one_clear_error(name: str, tmp_path: Path) -> None:
    found = problems(tmp_path, HOSTILE_YAML[name])
    assert found
    assert "\x1b" not in "".join(found)
    assert not Path("/tmp/owned").exists()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_file_or_a_clear_error(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c"
        path.write_bytes(data)
        path.chmod(0o600)
        with contextlib.suppress(ZvolError):
            load(path)


# ---- files -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_zvol_writes_is_private(umask: int, tmp_path: Path) -> None:
    old = os.umask(umask)
    try:
        write_private(tmp_path / "deep" / "file", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "deep" / "file").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) & 0o077 == 0
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep" / "file"]
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "deep" / "file", b"y", replace=False)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "link").symlink_to(target)
    write_private(tmp_path / "link", b"new")
    assert target.read_text() == "precious"


def test_state_needs_a_home_only_when_it_is_needed() -> None:
    assert state_dir({"XDG_STATE_HOME": "/s"}) == Path("/s/zvol")
    assert state_dir({"HOME": "/h", "XDG_STATE_HOME": "relative"}) == Path("/h/.local/state/zvol")
    with pytest.raises(UsageProblem):
        state_dir({})
