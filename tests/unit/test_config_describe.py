"""The configuration as `config show` displays it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zvol.config.describe import described, wrong_files
from zvol.config.profiles import load
from zvol.config.registry import FILE_KEYS, NEEDS
from zvol.config.settings import SettingLayers, resolve
from zvol.config.template import template
from zvol.errors import ConfigError
from zvol.model import Endpoint

SESSION = "0123456789abcdef" * 2


def write(folder: Path, text: str) -> Path:
    path = folder / "z.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def rows(path: Path | None, environ: dict[str, str], host: str | None = None) -> dict[str, tuple[str, str]]:
    settings = resolve(SettingLayers({"config": str(path) if path else None, "host": host}, environ))
    found = described(settings)
    assert all(isinstance(cell, str) and cell for row in found for cell in row)
    assert SESSION not in repr(found)
    assert "MARKER" not in repr(found)
    return {key: (value, source) for key, value, source in found}


def test_each_setting_has_its_source(tmp_path: Path) -> None:
    path = write(
        tmp_path, "profiles:\n  p:\n    host: https://h\n    timeout: 90s\n    session_command: [pass, MARKER]\n"
    )
    found = rows(path, {"ZVOL_OUTPUT": "json", "HTTPS_PROXY": "http://u:MARKER@p:1"})
    assert found["profile"] == ("p", f"the only one in {path}")
    assert found["host"] == ("https://h:443/zstack", f"{path}:3:11")
    assert found["timeout"] == ("90s", f"{path}:4:14")
    assert found["output"] == ("json", "environment ZVOL_OUTPUT")
    assert found["proxy"] == ("http://***@p:1", "environment HTTPS_PROXY")
    assert found["ca_file"] == ("-", "default")
    assert found["no_input"] == ("false", "default")
    assert found["session_command"] == ("pass ***", f"{path}:5:22")


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path, f"profiles: {{p: {{host: 'https://h', session: {SESSION}}}}}")
    assert rows(path, {})["session"] == ("***", f"{path}:1:44")
    environ = {"ZVOL_HOST": "https://h", "ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "MARKER"}
    found = rows(None, environ)
    assert found["account"] == ("admin", "environment ZSTACK_ACCOUNT_NAME")
    assert found["password"] == ("***", "environment ZSTACK_ACCOUNT_PASSWORD")


def test_an_unused_credential_is_explained(tmp_path: Path) -> None:
    path = write(tmp_path, f"profiles: {{p: {{host: 'https://h', session: {SESSION}}}}}")
    value, why = rows(path, {"ZVOL_SESSION": SESSION})["session"]
    assert value == "-"
    assert "ZVOL_SESSION is set" in why
    assert "only to that profile's own host" in rows(path, {}, host="https://x")["session"][1]
    assert rows(None, {"ZVOL_HOST": "https://x"})["session"] == ("-", "-")


def test_the_template_and_each_commented_line_are_valid(tmp_path: Path) -> None:
    file = load(write(tmp_path, template()))
    assert file.current == "main"
    assert set(file.profiles["main"]) == {"host", "session_command"}
    assert all(len(line) <= 120 for line in template().splitlines())
    lines = template().splitlines()
    optional = {line.split()[1].removesuffix(":"): line for line in lines if line.startswith("    # ") and ": " in line}
    assert {"account", "user", "password_file", "access_key_id", "ca_file", "insecure_http"} <= set(optional)
    for key in optional.keys() & FILE_KEYS.keys():
        needed = next((others[0] for name, others in NEEDS if name == key), None)
        needed = "access_key_secret_command" if key == "access_key_id" else needed
        remaining = [other for other in lines if not (key.startswith("session") and "session_command" in other)]
        more = [optional[name].replace("# ", "", 1) for name in (key, needed) if name]
        loaded = load(write(tmp_path, "\n".join([*remaining, *more])))
        assert key in loaded.profiles["main"]


@pytest.mark.parametrize(
    "name", ["main", "no", "On", "1", "生产", "a: b", '"', "\\", "x # y", " a", "null", "~", "12:30"]
)
def test_answers_are_written_as_text(tmp_path: Path, name: str) -> None:
    text = template(name, "http://10.0.0.5:8080", name, ["pass", name, "a'b"], insecure=True)
    file = load(write(tmp_path, text))
    assert file.current == name
    found = {key: value.value for key, value in file.profiles[name].items()}
    assert found["account"] == name
    assert found["password_command"] == ("pass", name, "a'b")
    assert (found["insecure_http"], found["host"]) == (True, Endpoint("http", "10.0.0.5", 8080, "/zstack"))
    assert set(load(write(tmp_path, template(name, "https://h", name))).profiles[name]) == {"host", "account"}


def test_validate_checks_every_profile_and_its_files(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "profiles:\n  a: {host: 'https://a', ca_file: ca, session_file: key}\n"
        "  b: {host: 'https://b', ca_file: none}\n",
    )
    (tmp_path / "ca").write_text("x")
    (tmp_path / "key").write_text(SESSION)
    (tmp_path / "key").chmod(0o644)
    problems = wrong_files(load(path))
    assert [problem.where for problem in problems] == [f"{path}:2:53", f"{path}:3:35"]
    assert "others can use it" in problems[0].text
    assert "No such file" in problems[1].text
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "none").touch()
    assert wrong_files(load(path)) == ()


@pytest.mark.parametrize("text", ["profiles: {p: {hots: x}}", "- a"])
def test_validate_raises_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SettingLayers({"config": str(write(tmp_path, text))}, {}).load()
    assert len(caught.value.problems) == 1
    with pytest.raises(ConfigError) as caught:
        SettingLayers({"config": str(tmp_path / "none")}, {}).load()
    assert caught.value.message == f"{tmp_path}/none: cannot be read: No such file or directory"
    assert "zvol config init" in caught.value.hint
