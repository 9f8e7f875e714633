"""How private files are read and written."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zvol.errors import ConfigError, LocalState
from zvol.files import UnreadableFile, open_private, private_dir, read_file, read_private, write_private
from zvol.permissions import Content

ROOT = os.geteuid() == 0


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# ---- reading ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bits", range(0o600, 0o667))
def test_a_secret_is_read_only_from_a_private_file(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "it's secret"
    path.write_text("MARKER")
    path.chmod(bits)
    if not bits & 0o077:
        assert read_private(path, 100) == b"MARKER"
        return
    with pytest.raises(ConfigError) as caught:
        read_private(path, 100, "where")
    assert caught.value.problems[0].where == "where"
    assert f"mode {bits:04o}" in caught.value.message
    assert caught.value.hint == f"Run: chmod 600 '{tmp_path}/it'\"'\"'s secret'"
    assert "MARKER" not in str(caught.value)


def test_a_link_that_others_can_replace_is_refused(tmp_path: Path) -> None:
    path, folder = tmp_path / "file", tmp_path / "shared"
    folder.mkdir()
    link = folder / "link"
    write_private(path, b"x")
    link.symlink_to(path)
    for bits, fine in ((0o700, True), (0o755, True), (0o777, False), (0o707, False), (0o1777, True)):
        folder.chmod(bits)
        if fine:
            assert read_private(link, 100) == b"x"
        else:
            with pytest.raises(ConfigError, match=f"symbolic link, and others can change {folder}"):
                read_private(link, 100)
            with pytest.raises(ConfigError, match="symbolic link"):
                read_private(link, 100, "where")
        assert read_file(link, 100).link
        assert read_file(link, 100).data == b"x"


def test_another_users_file_is_refused() -> None:
    theirs = Content(Path("x"), b"", 0o600, os.geteuid() + 12345, False)
    assert theirs.foreign
    assert theirs.exposure() is not None
    for owner in (os.geteuid(), 0):
        assert Content(Path("x"), b"", 0o600, owner, False).exposure() is None


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_root_does_not_trust_the_file_of_a_user(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"x")
    os.chown(path, 12345, 12345)
    with pytest.raises(ConfigError, match="another user"):
        read_private(path, 100)


def test_unreadable_files(tmp_path: Path) -> None:
    big, fifo, loop = tmp_path / "big", tmp_path / "fifo", tmp_path / "loop"
    big.write_bytes(b"x" * 101)
    os.mkfifo(fifo)
    fifo.chmod(0o644)
    loop.symlink_to(loop)
    for path, message in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "not a file"),
        (fifo, "not a file"),
        (big, "more than 100 bytes"),
        (loop, "cannot be read"),
        (Path("/dev/zero"), "not a file"),
        (tmp_path / "a\0b", "character"),
        (big / "x", "cannot be read"),
    ):
        with pytest.raises(UnreadableFile, match=message):
            read_file(path, 100)
        with pytest.raises(ConfigError):
            read_private(path, 100)


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, missing in ((tmp_path / "none", True), (tmp_path / "file" / "x", True), (tmp_path, False)):
        with pytest.raises(UnreadableFile) as caught:
            read_file(path, 100)
        assert caught.value.missing is missing


def test_a_file_that_is_swapped_for_a_link_is_never_read_as_private(tmp_path: Path) -> None:
    path, spare, target = tmp_path / "file", tmp_path / "spare", tmp_path / "target"
    target.write_bytes(b"not for you")
    target.chmod(0o600)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            spare.unlink(missing_ok=True)
            spare.symlink_to(target)
            os.replace(spare, path)
            write_private(path, b"mine")

    write_private(path, b"mine")
    tmp_path.chmod(0o777)
    attacker = threading.Thread(target=swap)
    attacker.start()
    read, refused = set(), set()
    try:
        for _ in range(300):
            try:
                read.add(read_private(path, 100))
            except ConfigError as exc:
                refused.add("symbolic link" in exc.message)
    finally:
        over.set()
        attacker.join()
    assert read <= {b"mine"}
    assert refused <= {True}


# ---- writing ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o027])
def test_written_files_are_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "a" / "b" / "file"
    with umask(mask):
        write_private(path, b"one")
        write_private(path, b"two")
        folder = private_dir(tmp_path / "s" / "zvol" / "sandbox")
    assert path.read_bytes() == b"two"
    assert mode(path) == 0o600
    for made in (tmp_path / "a", path.parent, folder, folder.parent, folder.parent.parent):
        assert mode(made) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_file_is_private_from_its_first_moment_on(tmp_path: Path) -> None:
    with umask(0):
        os.close(open_private(tmp_path / "file", os.O_WRONLY | os.O_CREAT))
    assert mode(tmp_path / "file") == 0o600


def test_the_owner_can_read_the_file_whatever_the_umask(tmp_path: Path) -> None:
    with umask(0o777):
        write_private(tmp_path / "file", b"one")
    assert mode(tmp_path / "file") == 0o600


def test_an_existing_file_or_link_is_never_overwritten_unless_asked(tmp_path: Path) -> None:
    path, target = tmp_path / "file", tmp_path / "target"
    target.write_text("target")
    write_private(path, b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_private(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_private(path, b"two", replace=False)
    path.unlink()
    path.symlink_to(target)
    write_private(path, b"two")
    assert target.read_text() == "target"
    assert not path.is_symlink()


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_private(tmp_path / "file", b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "file", b"two", replace=False)
    assert (tmp_path / "file").read_bytes() == b"one"
    assert mode(tmp_path / "file") == 0o600


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "file", b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalState, match="No space left"):
        write_private(tmp_path / "file", b"two")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"one")]


def test_an_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalState):
        write_private(tmp_path / "file" / "x", b"")
    with pytest.raises(LocalState):
        private_dir(tmp_path / "file")
    with pytest.raises(LocalState):
        private_dir(tmp_path / "file" / "x")


def test_an_open_folder_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "zvol").mkdir(mode=0o755)
    private_dir(tmp_path / "zvol")
    assert mode(tmp_path / "zvol") == 0o700


def test_a_folder_may_be_the_users_own_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    (tmp_path / "zvol").symlink_to(tmp_path / "disk")
    assert private_dir(tmp_path / "zvol") == tmp_path / "zvol"


@pytest.mark.skipif(not ROOT, reason="only root can give a folder away")
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o777)
    os.chown(tmp_path / "theirs", 12345, 12345)
    (tmp_path / "link").symlink_to(tmp_path)
    os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
    for name in ("theirs", "link"):
        with pytest.raises(LocalState, match="another user"):
            private_dir(tmp_path / name)
