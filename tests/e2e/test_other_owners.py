"""Root and the files of a user, a user and the files of root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, ZVOL, Sandbox
from tests.support.warm import run

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534
LOGIN = ["login", "--account", "admin", "--password-stdin"]


@ROOT
@pytest.mark.parametrize("existing", ["", ".local", ".local/state", ".config"])
def test_root_makes_nothing_in_the_home_of_a_user(at: dict[str, str], cloud: Sandbox, existing: str) -> None:
    """As `sudo` does it on systems that keep HOME: what root makes there, the user could neither use nor remove."""
    home = Path(at["HOME"])
    (home / existing).mkdir(parents=True, exist_ok=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
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
    os.chown(tmp_path / "key", NOBODY, NOBODY)
    env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"} | {
        "ZVOL_SESSION_FILE": str(tmp_path / "key")
    }
    assert "Make a copy that is your own." in run(["list"], env).err
    assert "Run zvol without sudo" in run(["list"], env | {"SUDO_UID": str(NOBODY)}).err


@ROOT
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv")
def test_a_credential_of_root_that_an_access_list_opens_to_this_user(at: dict[str, str], tmp_path: Path) -> None:
    """systemd: root's file, 0440; the folder, and not the file, keeps the others out."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "credentials"
        folder.mkdir()
        (folder / "session").write_text(at["ZVOL_SESSION"])
        (folder / "session").chmod(0o440)
        folder.chmod(0o550)
        Path(made).chmod(0o755)
        env = {name: value for name, value in at.items() if name != "ZVOL_SESSION"} | {
            "ZVOL_SESSION_FILE": str(folder / "session"),
            "HOME": made,
        }
        user = ("setpriv", f"--reuid={NOBODY}", "--regid=0", "--clear-groups", *ZVOL)
        if subprocess.run([*user, "--version"], capture_output=True, check=False).returncode:
            pytest.skip("another user cannot run this Python")
        ran = run(["list"], env | {"CREDENTIALS_DIRECTORY": str(folder)}, command=user)
        assert ran.code == 0, ran
        ran = run(["list"], env, command=user)
        assert (ran.code, f"install -m 600 {folder}/session COPY" in ran.err) == (2, True), ran
        assert "chmod" not in ran.err
