"""Who may read and change the configuration file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zvol.config.profiles import load
from zvol.errors import ConfigError
from zvol.permissions import private_group

SESSION = "0123456789abcdef0123456789abcdef"


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def wrong(folder: Path, text: str, mode: int = 0o600) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text, mode))
    return [problem.text for problem in caught.value.problems]


@pytest.mark.parametrize("bits", [0o600, 0o400, 0o640, 0o644, 0o604, 0o660, 0o666, 0o620, 0o602])
def test_a_file_with_a_secret_must_be_private(tmp_path: Path, bits: int) -> None:
    text = f"profiles: {{a: {{}}, p: {{session: {SESSION}}}}}"
    if not bits & 0o077:
        load(write(tmp_path, text, bits))
        return
    (problem,) = wrong(tmp_path, text, bits)
    assert f"mode {bits:04o}" in problem
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.yaml")
    assert caught.value.hint == f"Run: chmod 600 {tmp_path}/config.yaml"
    assert caught.value.problems[0].where == f"{tmp_path}/config.yaml"
    assert SESSION not in caught.value.message


@pytest.mark.parametrize("bits", [0o600, 0o644, 0o664, 0o666])
def test_a_file_without_a_secret_may_be_read_by_all(tmp_path: Path, bits: int) -> None:
    load(write(tmp_path, "profiles: {p: {host: 'https://h', ca_file: s}}", bits))
    text = "profiles: {p: {host: 'https://h', session_file: s}}"
    if bits in (0o600, 0o644):
        load(write(tmp_path, text, bits))


@pytest.mark.parametrize("bits", [0o646, 0o666, 0o602])
@pytest.mark.parametrize("key", ["session_file: s", "account: a", "account: a, password_file: s"])
def test_others_must_not_change_where_a_secret_goes(tmp_path: Path, bits: int, key: str) -> None:
    text = f"profiles: {{p: {{host: 'https://h', {key}}}}}"
    assert "everybody can write it" in wrong(tmp_path, text, bits)[0]
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.yaml")
    assert caught.value.hint == f"Run: chmod go-w {tmp_path}/config.yaml"


def test_a_malformed_or_duplicate_secret_is_still_a_secret(tmp_path: Path) -> None:
    assert any("mode 0644" in problem for problem in wrong(tmp_path, "profiles: {p: {session: x}}", 0o644))


@pytest.mark.parametrize(("bits", "fine"), [(0o600, True), (0o664, True), (0o646, False), (0o666, False)])
def test_a_file_that_names_a_program_must_not_be_writable_by_others(tmp_path: Path, bits: int, fine: bool) -> None:
    text = "profiles: {p: {session_command: [a]}}"
    if bits & 0o020 and not bits & 0o002 and not private_group(os.getegid()):
        assert "its group can write it" in wrong(tmp_path, text, bits)[0]
    elif fine:
        load(write(tmp_path, text, bits))
    else:
        assert "everybody can write it" in wrong(tmp_path, text, bits)[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_runs_no_program(tmp_path: Path) -> None:
    path = write(tmp_path, "profiles: {p: {session_command: [a]}}")
    os.chown(path, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        load(path)
    write(tmp_path, "profiles: {p: {host: 'https://h'}}")
    assert load(path).profiles["p"]


def test_a_link_is_accepted_without_a_secret(tmp_path: Path) -> None:
    path = write(tmp_path, "profiles: {p: {host: 'https://h'}}")
    (tmp_path / "link").symlink_to(path)
    assert "p" in load(tmp_path / "link").profiles
    write(tmp_path, f"profiles: {{p: {{session: {SESSION}}}}}", 0o600)
    assert "p" in load(tmp_path / "link").profiles
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="symbolic link"):
        load(tmp_path / "link")
    write(tmp_path, "profiles: {p: {session_command: [a]}}", 0o600)
    with pytest.raises(ConfigError, match="symbolic link"):
        load(tmp_path / "link")
