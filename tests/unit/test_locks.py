"""The kernel locks of runs: one holder at any time, whatever files were left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zvol.errors import LocalState
from zvol.journal.locks import Locks

RUN = "20261125-000000-abcdef"

TAKER = """
import os, sys, time
from pathlib import Path
from zvol.journal.locks import Locks
folder, until, taken = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < until:
    locks = Locks(folder)
    if locks.take("run"):
        os.close(os.open(folder.parent / "held", os.O_CREAT | os.O_EXCL))
        taken += 1
        (folder.parent / "held").unlink()
        locks.release("run")
print(taken)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "locks"
    Locks(made).prepare()
    return made


def test_a_lock_has_one_holder_even_if_its_file_is_removed(folder: Path) -> None:
    """One may open the file, another remove and release it, a third make it anew: only one of them may hold it."""
    command = [sys.executable, "-c", TAKER, str(folder), "2"]
    takers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for taker in takers:
        out, err = taker.communicate(timeout=60)
        assert err == ""
        assert int(out) > 10


def test_a_stale_lock_file_is_ignored(folder: Path) -> None:
    (folder / RUN).write_text(str(os.getpid()))  # also not with the id of a process that lives
    assert not Locks(folder).alive(RUN)
    assert not (folder / RUN).exists()
    (folder / RUN).write_text("")
    assert Locks(folder).take(RUN)


def test_a_lock_is_not_inherited_by_programs_that_zvol_starts(folder: Path) -> None:
    locks = Locks(folder)
    locks.take(RUN)
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        os.close(locks._held.pop(RUN))
        assert not Locks(folder).alive(RUN)
        child.kill()


def test_alive_leaves_no_file_and_no_lock(folder: Path) -> None:
    mine, other = Locks(folder), Locks(folder)
    assert not mine.alive(RUN)
    assert list(folder.iterdir()) == []
    assert mine.take(RUN)
    assert mine.alive(RUN)
    assert other.alive(RUN)
    assert other.others() == [RUN]
    assert mine.others() == []
    mine.release(RUN)
    assert not other.alive(RUN)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_a_clear_error(
    number: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for call in (Locks(folder).take, Locks(folder).alive):
        (folder / RUN).touch()
        with pytest.raises(LocalState, match="cannot lock .*" + os.strerror(number)) as caught:
            call(RUN)
        assert "XDG_STATE_HOME" in caught.value.hint
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_link_in_the_place_of_a_lock_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / RUN).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        Locks(folder).take(RUN)
    assert not (tmp_path / "elsewhere").exists()
