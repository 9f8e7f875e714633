"""Which layer a setting comes from: option, environment, profile or default; and the source of each value."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.configuration import ENV_SESSION, FILE, FILE_SESSION, fails, got, session, write
from zvol.config import credentials
from zvol.config.settings import SettingLayers, output_format, resolve
from zvol.errors import ConfigError, UsageProblem


# ---- where values come from ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [True, False])
def test_only_a_default_file_that_is_there_is_warned_of_and_once(tmp_path: Path, missing: bool) -> None:
    """A folder stands for a file that cannot be read."""
    path = tmp_path / "zvol" / "config.yaml"
    (path.parent if missing else path).mkdir(parents=True)
    layers = SettingLayers({"host": "https://h"}, {"XDG_CONFIG_HOME": str(tmp_path)})
    for _ in range(2):
        layers.choose_profile(host_needed=False)
    assert layers.warnings == ([] if missing else [f"{path} is not a file"])


def test_a_profile_and_the_sources_of_its_values(home: Path) -> None:
    settings = got(home)
    file = home / ".config/zvol/config.yaml"
    assert settings.endpoint.base == "https://prod.example.com:443/zstack"
    assert settings.profile == "prod"
    assert settings.config == file
    assert settings.ca_file == str(file.parent / "ca.pem")
    assert settings.proxy == "http://proxy:3128"
    assert settings.timezone == "Asia/Shanghai"
    assert (settings.timeout, settings.settle_wait, settings.api_timeout) == (600.0, 100.0, 120.0)
    assert (settings.concurrency, settings.output, settings.no_input) == (8, "csv", False)
    assert settings.warnings == ()
    assert settings.sources["ca_file"] == f"{file}:6:14"
    assert settings.sources["session"] == f"{file}:5:14"
    assert settings.sources["no_input"] == "default"
    assert settings.sources["profile"] == f"current in {file}"
    assert FILE_SESSION not in repr(settings)
    assert session(home) == FILE_SESSION


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    environ = {"ZVOL_HOST": "https://h:8443", "ZVOL_SESSION": ENV_SESSION.upper()}
    settings = resolve(SettingLayers({}, environ))
    assert settings.endpoint.base == "https://h:8443/zstack"
    assert (settings.timeout, settings.settle_wait, settings.api_timeout) == (1800.0, 75.0, 60.0)
    assert (settings.concurrency, settings.output) == (16, "table")
    assert (settings.ca_file, settings.proxy, settings.timezone, settings.profile) == (None, None, None, None)
    assert settings.sources["host"] == "environment ZVOL_HOST"
    assert settings.sources["timeout"] == "default"
    assert credentials.session(settings).reveal() == ENV_SESSION


LAYERS = {
    "output": ("json", "ndjson", "csv", "table"),
    "timeout": (5.0, "7s", 600.0, 1800.0),
}


@pytest.mark.parametrize("key", LAYERS)
@pytest.mark.parametrize("present", list(itertools.product((True, False), repeat=3)))
def test_option_over_environment_over_profile_over_default(
    tmp_path: Path, key: str, present: tuple[bool, bool, bool]
) -> None:
    option, environment, of_profile, default = LAYERS[key]
    body = f", {key}: {'csv' if key == 'output' else '10m'}" if present[2] else ""
    path = write(tmp_path, "profiles: {p: {host: 'https://h'" + body + "}}")
    environ = {f"ZVOL_{key.upper()}": environment} if present[1] else {}
    settings = got(tmp_path, environ, **({key: option} if present[0] else {}))
    expected = [
        (option, f"option --{key}"),
        (7.0 if key == "timeout" else environment, f"environment ZVOL_{key.upper()}"),
        (of_profile, f"{path}:1:"),
        (default, "default"),
    ]
    value, source = next(one for one, there in zip(expected, (*present, True), strict=True) if there)
    assert getattr(settings, key) == value
    assert settings.sources[key].startswith(source)


def test_an_empty_variable_is_ignored(home: Path) -> None:
    names = ["PROFILE", "CONFIG", "HOST", "SESSION", "SESSION_FILE", "CA_FILE", "INSECURE_HTTP", "OUTPUT", "TIMEOUT"]
    environ = {f"ZVOL_{name}": "" for name in [*names, "NO_INPUT"]} | {"ZSTACK_HOST": "", "ZSTACK_SESSION_ID": ""}
    assert repr(got(home, environ)) == repr(got(home))


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("0", False), ("no", False), ("", False), ("Yes", True)]
)
def test_no_input(home: Path, text: str, value: bool) -> None:
    assert got(home, {"ZVOL_NO_INPUT": text}).no_input is value
    assert got(home, {"ZVOL_NO_INPUT": text}, no_input=True).no_input is True


def test_all_mistakes_of_environment_and_options_at_once(home: Path) -> None:
    environ = {
        "ZVOL_TIMEOUT": "soon",
        "ZVOL_OUTPUT": "jsn",
        "ZVOL_NO_INPUT": "maybe",
        "ZVOL_HOST": "https://h",
        "ZVOL_SESSION": f"OAuth {ENV_SESSION}",
        "HTTPS_PROXY": "socks5://u:MARKER@p",
    }
    error = fails(home, environ, timeout=0.0, concurrency=65)
    assert isinstance(error, ConfigError)
    assert [problem.where for problem in error.problems] == [
        "environment ZVOL_TIMEOUT",
        "environment ZVOL_OUTPUT",
        "environment ZVOL_NO_INPUT",
        "option --timeout",
        "option --concurrency",
        "environment ZVOL_SESSION",
        "environment HTTPS_PROXY",
    ]
    assert "did you mean json?" in error.message
    assert "MARKER" not in error.message


def test_an_invalid_host_in_each_layer(home: Path) -> None:
    assert "option --host: must begin" in fails(home, host="h").message
    assert "environment ZVOL_HOST: must begin" in fails(home, {"ZVOL_HOST": "h"}).message
    assert "environment ZSTACK_HOST: is empty or holds a space" in fails(home, {"ZSTACK_HOST": "h h"}).message


def test_no_host(tmp_path: Path) -> None:
    for environ in ({}, {"HOME": str(tmp_path)}):
        with pytest.raises(UsageProblem, match="no host is configured") as caught:
            resolve(SettingLayers({}, environ))
        assert "ZVOL_HOST" in caught.value.hint
    write(tmp_path, "profiles: {p: {output: json}}")
    assert fails(tmp_path).message == "profile p has no host"


def test_a_file_is_relative_to_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    for ca_file, found in (("ca.pem", "etc/ca.pem"), ("../ca", "etc/../ca"), ("/ca", "/ca"), ("~/ca", "/home/me/ca")):
        (tmp_path / "etc/z.yaml").write_text(f"profiles: {{p: {{host: 'https://h', ca_file: {ca_file}}}}}")
        settings = resolve(SettingLayers({"config": "etc/z.yaml"}, {"HOME": "/home/me"}))
        assert settings.ca_file == found
    text = "profiles: {p: {host: 'https://h', session_command: [bin/get, ./x]}}"
    (tmp_path / "etc/z.yaml").write_text(text)
    settings = resolve(SettingLayers({"config": "etc/z.yaml"}, {}))
    assert settings.credential.session_command == (str(tmp_path / "etc/bin/get"), "./x")
    assert resolve(SettingLayers({"host": "https://h"}, {"ZVOL_CA_FILE": "~/ca", "HOME": "/h"})).ca_file == "/h/ca"


def test_a_file_in_the_working_directory_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("zvol.yaml", ".zvol.yaml", "config.yaml"):
        (tmp_path / name).write_text(FILE)
    (tmp_path / "zvol").mkdir()
    (tmp_path / "zvol/config.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    for environ in ({}, {"XDG_CONFIG_HOME": "."}, {"HOME": "."}, {"XDG_CONFIG_HOME": ""}):
        with pytest.raises(UsageProblem, match="no host is configured"):
            resolve(SettingLayers({}, environ))


# ---- which profile ---------------------------------------------------------------------------------------------------
TWO = "profiles: {a: {host: 'https://a'}, b: {host: 'https://b'}}"


def test_two_profiles_and_none_selected(tmp_path: Path) -> None:
    write(tmp_path, TWO)
    error = fails(tmp_path)
    assert isinstance(error, UsageProblem)
    assert "(a, b)" in error.message
    assert "-p NAME" in error.hint
    assert got(tmp_path, profile="b").endpoint.host == "b"
    assert got(tmp_path, {"ZVOL_PROFILE": "b"}).endpoint.host == "b"
    assert got(tmp_path, {"ZVOL_PROFILE": "b"}, profile="a").endpoint.host == "a"
    assert got(tmp_path, host="https://c").profile is None


def test_a_single_profile_is_selected(tmp_path: Path) -> None:
    write(tmp_path, "profiles: {a: {host: 'https://a'}}")
    assert got(tmp_path).profile == "a"


def test_a_missing_profile(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    error = fails(home, profile="prd")
    assert isinstance(error, UsageProblem)
    assert "known: prod, lab, bare" in error.message
    assert error.message.endswith("did you mean prod?")
    assert "does not exist" in fails(tmp_path_factory.mktemp("empty"), profile="prod").message
    with pytest.raises(UsageProblem, match="no profile prod"):
        resolve(SettingLayers({"profile": "prod", "host": "https://h"}, {}))


def test_a_named_configuration_file_must_exist(tmp_path: Path) -> None:
    for environ, options in (({"ZVOL_CONFIG": str(tmp_path / "x")}, {}), ({}, {"config": str(tmp_path / "x")})):
        error = fails(tmp_path, environ | {"ZVOL_HOST": "https://h"}, **options)
        assert isinstance(error, ConfigError)
        assert "No such file" in error.message


def test_an_unreadable_default_file(tmp_path: Path) -> None:
    (tmp_path / ".config/zvol/config.yaml").mkdir(parents=True)
    assert isinstance(fails(tmp_path), ConfigError)
    settings = got(tmp_path, {"ZVOL_HOST": "https://h", "ZVOL_SESSION": ENV_SESSION})
    assert settings.warnings == (f"{tmp_path}/.config/zvol/config.yaml is not a file",)


def test_a_requested_profile_with_another_host_in_the_environment(home: Path) -> None:
    environ = {"ZVOL_HOST": "https://other", "ZVOL_SESSION": ENV_SESSION}
    assert got(home, environ).warnings == ()
    settings = got(home, environ, profile="prod")
    assert settings.endpoint.host == "other"
    assert settings.warnings == ("the host is that of environment ZVOL_HOST, not that of profile prod",)


# ---- the rest --------------------------------------------------------------------------------------------------------
def test_the_output_format_needs_no_host(home: Path) -> None:
    base = {"HOME": str(home)}
    assert output_format(SettingLayers({}, base)) == "csv"
    assert output_format(SettingLayers({"profile": "bare"}, base)) == "name"
    assert output_format(SettingLayers({"output": "json"}, base)) == "json"
    assert output_format(SettingLayers({}, base | {"ZVOL_OUTPUT": "ndjson"})) == "ndjson"
    assert output_format(SettingLayers({}, {})) == "table"
    write(home, TWO)
    assert output_format(SettingLayers({}, base)) == "table"
    with pytest.raises(ConfigError, match="ZVOL_OUTPUT"):
        output_format(SettingLayers({}, base | {"ZVOL_OUTPUT": "x"}))


@pytest.mark.parametrize(("with_file", "imported"), [(False, False), (True, True)])
def test_yaml_is_imported_only_for_a_file(tmp_path: Path, with_file: bool, imported: bool) -> None:
    if with_file:
        write(tmp_path, FILE)
    code = (
        "import sys; from zvol.config import credentials; from zvol.config.settings import SettingLayers, resolve\n"
        f"environ = {{'HOME': {str(tmp_path)!r}, 'ZVOL_HOST': 'https://h', 'ZVOL_SESSION': 'a' * 32}}\n"
        "s = resolve(SettingLayers({}, environ))\n"
        "credentials.session(s)\n"
        "heavy = {'yaml', 'subprocess', 'difflib', 'zoneinfo', 'secrets', 'requests', 'click', 'ssl'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert ("yaml" in done.stdout.split()) is imported
    assert with_file or not done.stdout.split()
