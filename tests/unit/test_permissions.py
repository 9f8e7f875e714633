"""Rules that depend on the machine: package stores, file systems without modes, groups; and what is advised there."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from zvol import permissions
from zvol.errors import ConfigError
from zvol.files import read_private
from zvol.permissions import Mount, follow


def secret(folder: Path, mode: int) -> Path:
    path = folder / "secret"
    path.write_text("MARKER")
    path.chmod(mode)
    return path


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_private(path, 100)
    return caught.value


def test_a_package_store_is_no_place_for_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "STORES", (tmp_path,))
    monkeypatch.setattr(permissions, "read_only", lambda _: True)
    monkeypatch.setattr(permissions, "mount_of", lambda _: Mount(tmp_path / "store", "ext4"))
    error = refusal(secret(tmp_path, 0o444))
    assert "keep the secret elsewhere" in error.hint
    assert "chmod" not in error.hint


@pytest.mark.parametrize("kind", ["vfat", "ntfs3", "9p", "cifs"])
def test_a_file_system_without_modes(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "mount_of", lambda _: Mount(tmp_path, kind))
    error = refusal(secret(tmp_path, 0o777))
    assert f"({kind}) has no modes of its own" in error.hint
    assert f"install -m 600 {tmp_path}/secret COPY" in error.hint
    assert read_private(secret(tmp_path, 0o600), 100) == b"MARKER"


@pytest.mark.parametrize(("point", "fine"), [("/", False), ("/etc", False), ("/usr", False), ("/etc/zvol", True)])
def test_a_read_only_system_is_no_mount_of_its_own(
    tmp_path: Path, point: str, fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "read_only", lambda _: True)
    monkeypatch.setattr(permissions, "mount_of", lambda _: Mount(Path(point), "ext4"))
    path = secret(tmp_path, 0o444)
    if os.geteuid() == 0 and fine:
        assert read_private(path, 100) == b"MARKER"
    else:
        assert "mounted read-only here" in refusal(path).hint


def test_a_terminal_is_no_file() -> None:
    terminal, other = pty.openpty()
    os.set_inheritable(other, True)
    try:
        error = refusal(Path(f"/dev/fd/{other}"))
    finally:
        os.close(terminal)
        os.close(other)
    assert "is a terminal" in error.message
    assert "zvol login" in error.hint


def test_a_descriptor_of_this_process_is_not_inherited(tmp_path: Path) -> None:
    with secret(tmp_path, 0o600).open() as file:
        assert "it is not open in this process" in refusal(Path(f"/dev/fd/{file.fileno()}")).message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
@pytest.mark.parametrize("target", ["", "/"])
def test_a_link_of_another_user_is_not_followed_to_a_secret(tmp_path: Path, target: str) -> None:
    """Also where others cannot replace it: whoever made it chose what is read."""
    path = secret(tmp_path, 0o600)
    (tmp_path / "link").symlink_to(path if target else path.name)
    assert read_private(tmp_path / "link", 100) == b"MARKER"
    os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
    error = refusal(tmp_path / "link")
    assert f"leads through {tmp_path}/link, a symbolic link of another user" in error.message
    assert error.hint == "Name the file itself."


def test_a_group_of_ones_own_may_write_the_folders_of_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = secret(tmp_path, 0o600)
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o770)
    (folder / "link").symlink_to(path)
    for private in (True, False):
        monkeypatch.setattr(permissions, "private_group", lambda _, private=private: private)
        assert bool(follow(folder / "link").doubt) is not private
