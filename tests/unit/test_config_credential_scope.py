"""A credential goes only to the host of its own layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configuration import ENV_SESSION, FILE_SESSION, fails, got, session, write
from zvol.errors import AuthError, Exit, UsageProblem

# ---- a credential goes only to the host of its own layer ---------------------------------------------------------
SESSIONS = ("ZVOL_SESSION", "ZSTACK_SESSION_ID", "ZVOL_SESSION_FILE")
HOSTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "option": ({}, {"host": "https://other"}),
    "ZVOL_HOST": ({"ZVOL_HOST": "https://other"}, {}),
    "ZSTACK_HOST": ({"ZSTACK_HOST": "https://other"}, {}),
}


@pytest.mark.parametrize("variable", SESSIONS)
@pytest.mark.parametrize("where", HOSTS)
@pytest.mark.parametrize("profile", [None, "lab"])
def test_an_environment_session_goes_to_the_hosts_of_environment_and_option(
    home: Path, variable: str, where: str, profile: str | None
) -> None:
    (home / "key").write_text(ENV_SESSION)
    (home / "key").chmod(0o600)
    environ, options = HOSTS[where]
    value = str(home / "key") if variable == "ZVOL_SESSION_FILE" else ENV_SESSION
    assert session(home, environ | {variable: value}, profile=profile, **options) == ENV_SESSION


@pytest.mark.parametrize("variable", SESSIONS)
@pytest.mark.parametrize("profile", [None, "prod", "lab"])
def test_an_environment_session_never_goes_to_a_profiles_host(home: Path, variable: str, profile: str | None) -> None:
    error = fails(home, {variable: ENV_SESSION}, profile=profile)
    assert isinstance(error, UsageProblem)
    assert error.exit is Exit.USAGE
    assert variable in error.message
    assert str(home / ".config/zvol/config.yaml") in error.message
    assert "ZVOL_HOST" in error.hint


@pytest.mark.parametrize("where", HOSTS)
def test_a_profiles_credential_never_goes_to_another_host(home: Path, where: str) -> None:
    environ, options = HOSTS[where]
    for profile in (None, "prod", "lab"):
        error = fails(home, environ, profile=profile, **options)
        assert isinstance(error, UsageProblem)
        assert "only to that profile's own host" in error.message
        assert (where if where != "option" else "option --host") in error.message


def test_a_file_named_like_a_layer_is_still_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("environment", "option.yaml", "default"):
        Path(name).write_text("profiles: {p: {host: 'https://h'}}")
        error = fails(tmp_path, {"ZVOL_SESSION": ENV_SESSION}, config=name)
        assert isinstance(error, UsageProblem)


def test_a_host_equal_to_the_profiles_gets_the_profiles_credential(home: Path) -> None:
    for environ, options in (({}, {"host": "https://PROD.example.com:443/zstack"}),
                             ({"ZVOL_HOST": "https://prod.example.com"}, {})):  # fmt: skip
        assert session(home, environ, **options) == FILE_SESSION
        assert session(home, environ | {"ZVOL_SESSION": ENV_SESSION}, **options) == ENV_SESSION
    for other in ("https://prod.example.com/", "https://prod.example.com:8443", "https://prod.example.com.evil"):
        assert isinstance(fails(home, host=other), UsageProblem)


def test_which_environment_session_is_used(home: Path) -> None:
    names = {"ZVOL_SESSION": "a" * 32, "ZVOL_SESSION_FILE": str(home / "none"), "ZSTACK_SESSION_ID": "b" * 32}
    base = {"ZVOL_HOST": "https://h"}
    assert session(home, base | names) == "a" * 32
    del names["ZVOL_SESSION"]
    assert "No such file" in fails(home, base | names).message
    del names["ZVOL_SESSION_FILE"]
    assert session(home, base | names) == "b" * 32


def test_no_credentials(tmp_path: Path) -> None:
    error = fails(tmp_path, {"ZVOL_HOST": "https://h"})
    assert isinstance(error, AuthError)
    assert error.exit is Exit.AUTH
    assert "https://h:443" in error.message
    for way in ("ZVOL_SESSION", "ZVOL_SESSION_FILE", "session_command", "session_file"):
        assert way in error.hint


def test_the_variables_of_zstack_are_read(tmp_path: Path) -> None:
    environ = {
        "ZSTACK_HOST": "127.0.0.1",
        "ZSTACK_ACCOUNT_NAME": "admin",
        "ZSTACK_ACCOUNT_PASSWORD": "MARKER",
        "ZSTACK_ACCESS_KEY_ID": "AK",
        "ZSTACK_ACCESS_KEY_SECRET": "MARKER",
    }
    settings = got(tmp_path, environ)
    found = settings.credential
    assert (found.account, found.access_key_id) == ("admin", "AK")
    assert found.password is not None
    assert found.access_key_secret is not None
    assert found.password.reveal() == found.access_key_secret.reveal() == "MARKER"
    assert settings.sources["password"] == "environment ZSTACK_ACCOUNT_PASSWORD"
    assert "MARKER" not in repr(settings)


def test_an_environment_login_is_not_used_for_a_profiles_host(home: Path) -> None:
    environ = {"ZSTACK_ACCOUNT_NAME": "a", "ZSTACK_ACCOUNT_PASSWORD": "MARKER"}
    found = got(home, environ).credential
    assert (found.account, found.password) == (None, None)
    assert session(home, environ) == FILE_SESSION
    write(home, "profiles: {p: {host: 'https://h', account: admin}}")
    error = fails(home, environ)
    assert isinstance(error, UsageProblem)
    assert "ZSTACK_ACCOUNT_PASSWORD" in error.message
    assert "MARKER" not in error.message
