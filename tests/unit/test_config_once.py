"""The configuration file is read once a run, and each host is parsed once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.process import environment
from zvol.config import hosts, profiles
from zvol.config.settings import SettingLayers, output_format, resolve
from zvol.errors import ConfigError

FILE = "profiles: {p: {host: 'https://zstack.example.com', output: csv}}"
COUNT = """
import atexit, json, sys
arguments, path = sys.argv[1:-1], sys.argv[-1]
opened = []
sys.addaudithook(lambda event, values: opened.append(1) if event == "open" and values[0] == path else None)
atexit.register(lambda: sys.stderr.write("\\n" + json.dumps(len(opened)) + "\\n"))
sys.argv = ["zvol", *arguments]
from zvol.cli import main
main()
"""


def spy(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[Any]:
    """Return a list that fills with the arguments of each later call of a function of a module."""
    calls: list[Any] = []
    real = getattr(module, name)

    def called(argument: Any) -> Any:
        calls.append(argument)
        return real(argument)

    monkeypatch.setattr(module, name, called)
    return calls


@pytest.mark.parametrize("text", [FILE, "profiles: {p: {hots: x}}"], ids=["sound", "wrong"])
@pytest.mark.parametrize("command", ["config show", "config validate", "list", "runs", "recover --dry-run x"])
def test_a_command_opens_the_configuration_file_once(tmp_path: Path, command: str, text: str) -> None:
    path = tmp_path / "home" / ".config" / "zvol" / "config.yaml"
    env = environment(tmp_path / "home")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    ended = subprocess.run(
        [sys.executable, "-c", COUNT, *command.split(), str(path)],
        env=env, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert json.loads(ended.stderr.splitlines()[-1]) == 1, ended
    assert ended.returncode != 70


def test_format_and_settings_share_one_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "z.yaml"
    path.write_text(FILE)
    read = spy(monkeypatch, profiles, "read")
    layers = SettingLayers({"config": str(path)}, {})
    assert output_format(layers) == "csv"
    assert resolve(layers).output == "csv"
    assert resolve(layers).endpoint.host == "zstack.example.com"
    assert read == [path]
    path.write_text("profiles: {p: {hots: x}}")
    layers = SettingLayers({"config": str(path)}, {})
    for ask in (output_format, resolve, output_format):
        with pytest.raises(ConfigError, match="unknown key hots"):
            ask(layers)
    assert read == [path, path]


@pytest.mark.parametrize(
    ("options", "environ", "parsed"),
    [
        ({}, {}, ["https://zstack.example.com"]),
        ({"host": "https://other"}, {}, ["https://zstack.example.com", "https://other"]),
        ({}, {"ZVOL_HOST": "https://zstack.example.com"}, ["https://zstack.example.com"] * 2),
        ({}, {"HTTPS_PROXY": "http://p:3128"}, ["https://zstack.example.com", "http://p:3128"]),
    ],
)
def test_each_host_is_parsed_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    environ: dict[str, str],
    parsed: list[str],
) -> None:
    path = tmp_path / "z.yaml"
    path.write_text(FILE)
    found = spy(monkeypatch, hosts, "_split")
    layers = SettingLayers({"config": str(path)} | options, environ)
    output_format(layers)
    resolve(layers)
    assert found == parsed
