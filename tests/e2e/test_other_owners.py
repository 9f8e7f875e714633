"""Root and the files of a user, a user and the files of root."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, PG_WAL, READY, Ran, Sandbox
from tests.support.somebody import SOMEBODY, USER
from tests.support.warm import run

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
LOGIN = ["login", "--account", "admin", "--password-stdin"]


@ROOT
@pytest.mark.parametrize("existing", ["", ".local", ".local/state", ".config"])
def test_root_makes_nothing_in_the_home_of_a_user(at: dict[str, str], cloud: Sandbox, existing: str) -> None:
    """As `sudo` does it on systems that keep HOME: what root makes there, the user could neither use nor remove."""
    home = Path(at["HOME"])
    (home / existing).mkdir(parents=True, exist_ok=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, USER, USER)
    before = set(home.rglob("*"))
    out = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    assert run(["list"], at).code == 0
    for command, env in (
        (["recover", PG_DATA], at),
        (LOGIN, out),
        (["config", "init"], at),
        (["--sandbox", "list"], at),
        (["recover", PG_DATA], at | {"XDG_STATE_HOME": str(home / "x" / "y")}),
    ):
        ran = run(command, env, stdin="password")
        assert (ran.code, "belongs to another user" in ran.err, "sudo -H" in ran.err) == (7, True, True), (command, ran)
    ran = run(["doctor"], at)
    assert (ran.code, "belongs to another user" in ran.out) == (1, True), ran
    assert set(home.rglob("*")) == before
    assert cloud.count("accepted", PG_DATA) == 0


@ROOT
def test_the_session_of_another_user_is_refused_with_what_helps_under_sudo(at: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(at["ZVOL_SESSION"])
    (tmp_path / "key").chmod(0o600)
    os.chown(tmp_path / "key", USER, USER)
    env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"} | {
        "ZVOL_SESSION_FILE": str(tmp_path / "key")
    }
    assert "Make a copy that is your own." in run(["list"], env).err
    assert "Run zvol without sudo" in run(["list"], env | {"SUDO_UID": str(USER)}).err


@pytest.fixture
def theirs(at: dict[str, str]) -> Iterator[dict[str, str]]:
    """Return the environment of a user who is not root, with a HOME of its own."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        home = Path(made) / "home"
        home.mkdir()
        os.chown(home, USER, USER)
        yield at | {"HOME": str(home)}


def somebody(command: list[str], env: dict[str, str], group: int = USER) -> Ran:
    return run([str(group), *command], env, stdin="password", command=SOMEBODY)


@ROOT
def test_a_credential_of_root_that_an_access_list_opens_to_this_user(theirs: dict[str, str]) -> None:
    """systemd: root's file, 0440; the folder, and not the file, keeps the others out."""
    folder = Path(theirs["HOME"]).with_name("credentials")
    folder.mkdir()
    (folder / "session").write_text(theirs.pop("ZVOL_SESSION"))
    (folder / "session").chmod(0o440)
    folder.chmod(0o550)
    env = theirs | {"ZVOL_SESSION_FILE": str(folder / "session")}
    ran = somebody(["list"], env | {"CREDENTIALS_DIRECTORY": str(folder)}, group=0)
    assert ran.code == 0, ran
    ran = somebody(["list"], env, group=0)
    assert (ran.code, f"install -m 600 {folder}/session COPY" in ran.err) == (2, True), ran
    assert "chmod" not in ran.err


@ROOT
@pytest.mark.parametrize("left", [".local", ".local/state", ".local/state/zvol", ".local/state/zvol/journal.db"])
def test_what_sudo_left_is_given_back(theirs: dict[str, str], cloud: Sandbox, left: str) -> None:
    """Whatever of a user's own files has become root's, each command says so, and how to give it back."""
    out = {name: value for name, value in theirs.items() if name != "ZVOL_SESSION"}
    assert somebody(["recover", READY, "--dry-run"], theirs).code == 0
    assert somebody(["recover", PG_WAL], theirs).code == 0
    path = Path(theirs["HOME"]) / left
    os.chown(path, 0, 0)
    for command in (["runs"], ["resume"], ["recover", PG_DATA]):
        ran = somebody(command, theirs)
        assert ran.code == 7, ran
        if ".local/state/zvol" in left:
            assert f"{path} belongs to root" in ran.err, ran
            assert f"Run: sudo chown -R {USER} {path}" in ran.err, ran
        else:
            assert "Permission denied" in ran.err, ran
    ran = somebody(["doctor"], theirs)
    assert (ran.code, "belongs to root" in ran.out or "Permission denied" in ran.out) == (1, True), ran
    if left.endswith("journal.db"):
        assert somebody(LOGIN, out).code == 0
        return
    for command in (LOGIN, ["list"], ["logout"], ["whoami"]):
        ran = somebody(command, out)
        assert (ran.code, "Permission denied" in ran.err or "belongs to root" in ran.err) == (7, True), ran
    assert cloud.count("accepted", PG_DATA) == 0


@ROOT
def test_the_home_of_root(theirs: dict[str, str]) -> None:
    """As `docker run --user 1000` has it: nothing is read there, and what needs nothing there works."""
    home = Path(theirs["HOME"])
    os.chown(home, 0, 0)
    home.chmod(0o700)
    out = {name: value for name, value in theirs.items() if name != "ZVOL_SESSION"}
    login = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    for env in (theirs, out | login):
        assert somebody(["list"], env).code == 0
    for command, env in ((["list"], out), (["config", "init"], theirs), (["recover", PG_DATA], theirs)):
        ran = somebody(command, env)
        assert (ran.code, "Permission denied" in ran.err, "XDG_STATE_HOME" in ran.err) == (7, True, True), ran


def test_a_home_that_is_not_there_or_not_absolute(at: dict[str, str], tmp_path: Path) -> None:
    for home, why in (("", "HOME is not set"), ("here", "HOME is not an absolute path")):
        for command in (["recover", PG_DATA], ["runs"], ["config", "init"], ["config", "validate"]):
            ran = run(command, at | {"HOME": home})
            assert (ran.code, why in ran.err) == (2, True), (command, ran)
        ran = run(["doctor"], at | {"HOME": home})
        assert (ran.code, why in ran.out, "session" in ran.out) == (1, True, True), ran
    missing = tmp_path / "not" / "there"
    assert run(["list"], at | {"HOME": str(missing)}).code == 0
    assert not missing.exists()
    assert run(["recover", PG_DATA], at | {"HOME": str(missing)}).code == 0
    assert missing.stat().st_mode & 0o777 == 0o700
