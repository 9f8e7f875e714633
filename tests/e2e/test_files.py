"""The files of zvol: private whatever the umask, never through somebody else's link or folder, never from the cwd."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, PG_WAL, READY, ZVOL, Ran, Sandbox
from tests.support.warm import run

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534
LOGIN = ["login", "--account", "admin", "--password-stdin"]
BAIT = (
    *("zvol.yaml", ".zvol.yaml", "config.yaml", ".zvol/config.yaml", "zvol/config.yaml", ".config/zvol/config.yaml"),
    *(".env", ".netrc", "ca.pem", "session", "journal.db", "sessions/x", "sitecustomize.py", "requests.py"),
)
WATCH = """
import os, sys
log = os.open(os.environ["AUDIT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, args, seen=set()):
    if event in ("open", "sqlite3.connect", "os.listdir", "os.scandir", "import") and args and args[0] is not None:
        name = args[0]
        if isinstance(name, (str, bytes, os.PathLike)) and name not in seen:
            seen.add(name)
            os.write(log, f"{event} {os.path.abspath(os.fsdecode(name)) if event != 'import' else name}\\n".encode())
sys.addaudithook(hook)
from zvol.cli import main
main(sys.argv[1:])
"""


def modes(home: Path) -> dict[str, int]:
    """Return what others may do with each file and folder below HOME."""
    return {str(path.relative_to(home)): stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in home.rglob("*")}


def state(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".local" / "state" / "zvol"


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Return what sets the umask for the rest of a test."""
    os.umask(before := os.umask(0o077))
    yield os.umask
    os.umask(before)


# ---- umask -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_each_writer_under_each_umask(at: dict[str, str], mask: int, umask: Callable[[int], int]) -> None:
    home = Path(at["HOME"])
    umask(mask)
    out = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    assert run(["config", "init"], at).code == 0
    (home / ".config" / "zvol" / "config.yaml").rename(home / ".config" / "zvol" / "example.yaml")
    assert run(LOGIN, out, stdin="password").code == 0
    assert run(["recover", PG_DATA], at).code == 0
    assert run(["--sandbox", "recover", PG_DATA], at).code == 0
    assert run(["sandbox", "reset"], at).code == 0
    found = modes(home)
    names = {Path(name).name for name in found}
    assert {"example.yaml", "sessions", "journal.db", "sandbox"} <= names
    assert len(found) >= 10
    assert {name: oct(mode) for name, mode in found.items() if mode} == {}


# ---- the working directory ---------------------------------------------------------------------------------------
def test_nothing_is_read_from_the_working_directory(at: dict[str, str], tmp_path: Path) -> None:
    """A hostile repository may hold what it likes."""
    cwd = tmp_path / "repository"
    evil = "profiles:\n  evil:\n    host: http://127.0.0.1:9\n    session_command: [touch, pwned]\n"
    for name in BAIT:
        (cwd / name).parent.mkdir(parents=True, exist_ok=True)
        (cwd / name).write_text(evil)
    own = Path(at["HOME"]) / ".config/zvol/config.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("profiles:\n  own:\n    host: http://127.0.0.1:9\n")
    for command in (["list"], ["recover", PG_DATA], ["doctor"], ["config", "show"], ["whoami"], ["runs"]):
        ran = audited(command, at, cwd)
        assert any(line.endswith(str(own)) for line in ran) or command == ["runs"]
        assert [line for line in ran if str(cwd) in line] == [], command
    assert not (cwd / "pwned").exists()


def audited(command: list[str], env: dict[str, str], cwd: Path) -> list[str]:
    """Run zvol in a folder; return every file that it opened and every module that it imported."""
    log = cwd.with_name("audit")
    log.unlink(missing_ok=True)
    script = [sys.executable, "-P", "-c", WATCH, *command]
    ran = subprocess.run(script, cwd=cwd, env=env | {"AUDIT": str(log)}, capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0, ran
    return log.read_text().splitlines()


# ---- links and other owners --------------------------------------------------------------------------------------
def test_links_are_not_followed_to_a_secret_or_a_journal(at: dict[str, str], tmp_path: Path) -> None:
    out = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    assert run(LOGIN, out, stdin="password").code == 0
    [stored] = (state(at) / "sessions").iterdir()
    there = stored.rename(tmp_path / "moved")
    stored.symlink_to(there)
    ran = run(["list"], out)
    assert (ran.code, "is a symbolic link" in ran.err) == (2, True)
    assert run(LOGIN, out, stdin="password").code == 0  # replaces the link, not what it points to
    assert not stored.is_symlink()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (state(at) / "journal.db").symlink_to(victim)
    ran = run(["recover", PG_DATA], at)
    assert (ran.code, victim.read_text()) == (7, "precious")
    assert run(["list"], at).code == 0


def test_a_dangling_link_is_not_written_through(at: dict[str, str], tmp_path: Path) -> None:
    config = Path(at["HOME"]) / ".config" / "zvol" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.symlink_to(tmp_path / "new")
    assert run(["config", "init"], at).code == 2
    state(at).mkdir(parents=True, mode=0o700)
    (state(at) / "journal.db").symlink_to(tmp_path / "new")
    assert run(["recover", PG_DATA], at).code == 7
    assert not (tmp_path / "new").exists()


@ROOT
@pytest.mark.parametrize(
    ("what", "link"),
    [(what, False) for what in ("config", "session_file", "stored", "journal.db", "sessions", "state", "sandbox")]
    + [(what, True) for what in ("stored", "journal.db", "state", "sandbox")],
)
def test_what_belongs_to_somebody_else_is_not_used(
    at: dict[str, str], cloud: Sandbox, tmp_path: Path, what: str, link: bool
) -> None:
    home = Path(at["HOME"])
    out = {name: value for name, value in at.items() if name != "ZVOL_SESSION"}
    config = home / ".config" / "zvol" / "config.yaml"
    config.parent.mkdir(parents=True)
    (home / "key").write_text(cloud.session)
    (home / "key").chmod(0o600)
    assert run(LOGIN, out, stdin="password").code == 0
    assert run(["--sandbox", "recover", PG_DATA], out).code == 0
    assert run(["recover", PG_WAL], out).code == 0
    [stored] = (state(at) / "sessions").iterdir()
    targets = {"config": config, "session_file": home / "key", "stored": stored, "state": state(at)}
    target = targets.get(what, state(at) / what)
    command, env, code = {
        "config": (["list"], {k: v for k, v in out.items() if k != "ZVOL_HOST"}, 2),
        "session_file": (["list"], out | {"ZVOL_SESSION_FILE": str(home / "key")}, 2),
        "stored": (["list"], out, 2),
        "sandbox": (["--sandbox", "list"], out, 7),
        "sessions": (LOGIN, out, 7),
    }.get(what, (["recover", PG_DATA], at, 7))
    if what == "config":
        config.write_text(f"profiles:\n  p:\n    host: {cloud.host}\n    session: '{cloud.session}'\n")
        config.chmod(0o600)
    if link:
        moved = target.rename(tmp_path / "elsewhere")
        target.symlink_to(moved)
    os.chown(target, NOBODY, NOBODY)
    ran = run(command, env, stdin="password")
    assert ran.code == code, ran
    assert "belongs to another user" in ran.err or "symbolic link" in ran.err, ran
    assert cloud.count("accepted", PG_DATA) == 0


FAULT = """
import sys
from zvol.journal import journal_file
def fault(self):
    raise PermissionError(13, "Permission denied", "/a\\x1bb")
journal_file.JournalFile.exists = property(fault)
from zvol.cli import main
main(sys.argv[1:])
"""


def test_a_file_that_fails_is_named(at: dict[str, str]) -> None:
    """The error of a file is not taken for one of stdout."""
    ran = run(["runs"], at, command=(sys.executable, "-c", FAULT))
    assert (ran.code, ran.err) == (7, "zvol: error: cannot use /a\\u{1b}b: Permission denied\n")


# ---- no place to write -------------------------------------------------------------------------------------------
@pytest.fixture
def readonly() -> Iterator[Path]:
    """Return a HOME that its owner, who is not root, cannot write to."""
    folder = Path(tempfile.mkdtemp(prefix="zvol-home-"))
    (folder / "home").mkdir()
    folder.chmod(0o755)
    (folder / "home").chmod(0o555)
    yield folder / "home"
    (folder / "home").chmod(0o755)
    shutil.rmtree(folder)


def as_somebody(command: list[str], env: dict[str, str], stdin: str = "") -> Ran:
    """Run zvol without root's power to read and write everywhere."""
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root can write everywhere, and there is no setpriv")
        before = (
            "setpriv",
            "--bounding-set=-dac_override,-dac_read_search",
            "--inh-caps=-dac_override,-dac_read_search",
        )
    return run(command, env, stdin=stdin, command=(*before, *ZVOL))


def test_a_home_that_cannot_be_written(at: dict[str, str], cloud: Sandbox, readonly: Path) -> None:
    env = at | {"HOME": str(readonly)}
    out = {name: value for name, value in env.items() if name != "ZVOL_SESSION"}
    assert as_somebody(["list", "-o", "name"], env).code == 0
    assert as_somebody(["recover", READY], env).code == 0
    ran = as_somebody(["recover", PG_DATA], env)
    assert (ran.code, "XDG_STATE_HOME" in ran.err) == (7, True), ran
    assert cloud.events() == []
    ran = as_somebody(LOGIN, out, "password")
    assert (ran.code, ran.out) == (7, "")
    assert as_somebody(["config", "init"], env).code == 7
    assert as_somebody(["--sandbox", "list"], env).code == 7
    ran = as_somebody(["doctor"], env)
    assert (ran.code, "the journal cannot be written in" in ran.out) == (1, True), ran
    assert list(readonly.iterdir()) == []
    login = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    assert as_somebody(["list"], out | login).code == 0


def test_no_home_at_all(at: dict[str, str], cloud: Sandbox, tmp_path: Path) -> None:
    env = {name: value for name, value in at.items() if name != "HOME"}
    out = {name: value for name, value in env.items() if name != "ZVOL_SESSION"}
    assert run(["list"], env).code == 0
    assert run(["recover", READY], env).code == 0
    assert run(["whoami"], env).code == 0
    for command, given in (
        (["recover", PG_DATA], env),
        (LOGIN, out),
        (["config", "init"], env),
        (["--sandbox", "list"], env),
    ):
        ran = run(command, given, stdin="password")
        assert (ran.code, "HOME" in ran.err) == (2, True), (command, ran)
    assert cloud.events() == []
    login = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}
    assert run(["list"], out | login).code == 0
    ran = run(["recover", PG_DATA], env | {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert (ran.code, (tmp_path / "state" / "zvol" / "journal.db").exists()) == (0, True)


@pytest.mark.parametrize("value", ["", "relative", "./x", "../up", "~", "~/x", " ", "a\nb", "."])
def test_an_odd_xdg_variable_does_not_count(
    at: dict[str, str], tmp_path: Path, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The XDG specification: a path that is not absolute is ignored."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    odd = at | {"XDG_STATE_HOME": value, "XDG_CONFIG_HOME": value}
    for command in (["config", "init"], ["recover", PG_DATA]):
        assert run(command, odd).code == 0
    assert (state(at) / "journal.db").exists()
    assert (Path(at["HOME"]) / ".config" / "zvol" / "config.yaml").exists()
    assert list(cwd.iterdir()) == []
    assert list(tmp_path.glob("*up*")) == []


@pytest.mark.parametrize("kind", ["file", "spaces", "deep"])
def test_an_absolute_xdg_variable_counts(at: dict[str, str], tmp_path: Path, kind: str) -> None:
    place = {"file": tmp_path / "file", "spaces": tmp_path / " a 'b' ", "deep": tmp_path / "x" / "y" / "z"}[kind]
    if kind == "file":
        place.write_text("mine")
    ran = run(["recover", PG_DATA], at | {"XDG_STATE_HOME": str(place)})
    assert ran.code == (7 if kind == "file" else 0), ran
    assert (place / "zvol" / "journal.db").exists() is (kind != "file")
