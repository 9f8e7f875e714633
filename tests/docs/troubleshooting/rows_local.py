"""Errors of this machine: the journal, files and folders, standard streams, the terminal, the sandbox."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.troubleshooting.row import Around, Row, World
from tests.docs.troubleshooting.rows_configuration import profile
from tests.docs.troubleshooting.rows_network import FAR
from tests.docs.troubleshooting.rows_server import SHARED
from tests.docs.troubleshooting.rows_usage import no_home
from tests.support.process import PG_DATA, ZVOL
from tests.support.somebody import SOMEBODY, USER

BUG = (
    sys.executable,
    "-c",
    "from zvol.zstack.client import Client; Client._get = None; from zvol.cli import main; main()",
)
SHELL = ("bash", "-c")


def with_input(redirection: str) -> tuple[str, ...]:
    """Return a zvol that a shell starts with another standard input."""
    return (*SHELL, f'exec "$@" {redirection}', "zvol", *ZVOL)


def before(act: Callable[[World], object]) -> Around:
    """Return what only happens before the command."""

    @contextmanager
    def around(world: World) -> Iterator[None]:
        act(world)
        yield

    return around


# ---- journals ----------------------------------------------------------------------------------------------------
def journal(world: World) -> None:
    """Make a journal that is new."""
    assert world.run(f"recover {PG_DATA} --dry-run").code == 0
    world.write("home/.local/state/zvol/journal.db", "")
    assert world.run("resume").code == 0


def newer(world: World) -> None:
    journal(world)
    with sqlite3.connect(world.state / "journal.db") as db:
        db.execute("PRAGMA user_version = 999")
    db.close()


def older(world: World) -> None:
    journal(world)
    with sqlite3.connect(world.state / "journal.db") as db:
        db.execute("PRAGMA user_version = 1")
    db.close()


def garbage(world: World) -> None:
    world.write("home/.local/state/zvol/journal.db", b"no journal at all, and long enough to be looked at\n" * 100)


def locked_folder(world: World) -> None:
    world.write("home/.local/state/zvol/journal.db.locks", "")


def lost(world: World) -> None:
    journal(world)
    world.write("home/.local/state/zvol/journal.db.locks/20260101-000000-abcdef", "1")


@contextmanager
def in_use(world: World) -> Iterator[None]:
    garbage(world)
    file = world.write("home/.local/state/zvol/journal.db.locks/20260101-000000-abcdef", "1")
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def linked(world: World) -> None:
    (world.write("home/.local/state/zvol/x", "").parent / "journal.db").symlink_to(world.folder / "elsewhere")


def of_somebody(path: str) -> Callable[[World], object]:
    return lambda world: os.chown(
        world.write(path, "") if "." in path.rpartition("/")[2] else world.folder / path, USER, USER
    )


@contextmanager
def of_root(world: World) -> Iterator[None]:
    """Let the state be root's, where somebody else can look at it."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "zvol"
        state.mkdir()
        for one in (state, state.parent):
            one.chmod(0o755)
        (state / "journal.db").touch(mode=0o644)
        world.env["XDG_STATE_HOME"] = folder
        yield


def secret(world: World) -> None:
    os.chown(world.write("secret", "a" * 32), USER, USER)


def secret_link(world: World) -> None:
    world.write("real", "a" * 32)
    (world.folder / "secret").symlink_to(world.folder / "real")
    os.chown(world.folder / "secret", USER, USER, follow_symlinks=False)


def config(name: str) -> Callable[[World], object]:
    """Return what makes the configuration file somebody else's, writable, or a link of somebody else."""

    def act(world: World) -> None:
        file = world.home / ".config/zvol/config.yaml"
        if name == "link":
            file.rename(world.folder / "real.yaml")
            file.symlink_to(world.folder / "real.yaml")
            os.chown(file, USER, USER, follow_symlinks=False)
        elif name == "owner":
            os.chown(file, USER, USER)
        else:
            file.chmod(0o666)

    return act


def no_certificate(world: World) -> None:
    """Write a CA file that has a list of revoked certificates only."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now)
    made = builder.next_update(now + timedelta(days=1)).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    world.write("ca.pem", made.public_bytes(serialization.Encoding.PEM))


SECRET = "session_file: <folder>/secret"
PROGRAM = "session_command: [echo, x]"
NO_SHELL = {"PATH": "/nowhere"}
HOST, ACCOUNT, COMMAND = "Host", "Account", "Program"

ROWS = (
    # ---- the journal
    Row("was written by a newer zvol", "resume", 7, around=before(newer)),
    Row("is damaged ({reason}); it is kept as", "resume", 7, around=before(garbage)),
    Row("still uses it", "resume", 7, around=in_use),
    Row("cannot write the journal", f"recover {PG_DATA}", 7, around=before(locked_folder)),
    Row("was emptied or replaced", "resume", 7, around=before(lost)),
    Row("there is no place for the journal", "runs", 2, around=no_home),
    # ---- files and folders
    Row(
        "cannot use {path}",
        "login --account admin --password-stdin",
        7,
        stdin="password\n",
        env={"XDG_STATE_HOME": "/dev/null/x", "ZVOL_SESSION": ""},
    ),
    Row("{path} is a symbolic link", f"recover {PG_DATA}", 7, around=before(linked)),
    Row("cannot write {path}", "config init --config /dev/null/config.yaml", 7),
    Row("{folder} belongs to another user", f"recover {PG_DATA}", 7, around=before(of_somebody("home")), root=True),
    Row(
        "{path} belongs to another user",
        "runs",
        7,
        around=before(of_somebody("home/.local/state/zvol/journal.db")),
        root=True,
    ),
    Row("{path} belongs to root", "runs", 7, around=of_root, program=(*SOMEBODY, str(USER)), root=True),
    Row(
        "holds a secret and belongs to another user",
        "list",
        2,
        config=profile(SECRET),
        around=before(secret),
        root=True,
    ),
    Row(
        "{doubt}, and it holds a secret",
        "list",
        2,
        "A link on the way to the file is of another user.",
        config=profile(SECRET),
        around=before(secret_link),
        root=True,
    ),
    Row("{key}: {path} {doubt}", "config validate", 2, config=profile(SECRET), around=before(secret_link), root=True),
    Row(
        "{doubt}, and it {names",
        "list",
        2,
        "A link on the way to the configuration is of another user.",
        config=profile(PROGRAM),
        around=before(config("link")),
        root=True,
    ),
    Row(
        "{names a program to run | says where a secret is and goes to} and belongs",
        "list",
        2,
        config=profile(PROGRAM),
        around=before(config("owner")),
        root=True,
    ),
    Row(
        "{names a program to run | says where a secret is and goes to} and {everybody",
        "list",
        2,
        config=profile(PROGRAM),
        around=before(config("mode")),
    ),
    Row(
        "the CA file holds no certificate",
        "list",
        2,
        env={"ZVOL_HOST": FAR, "ZVOL_CA_FILE": "<folder>/ca.pem"},
        around=before(no_certificate),
    ),
    # ---- standard streams and the machine
    Row("standard input is closed", "recover -", 2, program=with_input("<&-")),
    Row("standard input cannot be read", "recover -", 2, program=with_input("0>/dev/null")),
    Row("cannot write the output", "help", 7, stdout="/dev/full"),
    Row("the report could not be written to stdout", f"recover {SHARED}", 7, stdout="/dev/full"),
    Row("this is a bug in zvol", f"recover {PG_DATA}", 70, program=BUG),
    # ---- questions on a terminal
    Row("what was typed is not UTF-8", "login --account admin", 2, replies=[("Password", "\udce4\n")]),
    Row("no file was written", "config init", 2, cloud=False, replies=[(HOST, "http://h\n"), ("Allow", "n\n")]),
    Row(
        "the host {reason}",
        "config init",
        0,
        cloud=False,
        replies=[(HOST, "h\n"), (HOST, "https://h\n"), (ACCOUNT, "\n")],
    ),
    Row(
        "there is a control character in it",
        "config init",
        0,
        cloud=False,
        replies=[(HOST, "https://h\n"), (ACCOUNT, "a\x16\x01\n"), (ACCOUNT, "\n")],
    ),
    Row(
        "a quote is not closed",
        "config init",
        0,
        cloud=False,
        replies=[(HOST, "https://h\n"), (ACCOUNT, "a\n"), (COMMAND, "'x\n"), (COMMAND, "\n")],
    ),
    Row(
        "is a terminal",
        "list",
        2,
        "session_file leads to a terminal.",
        config=profile("session_file: /dev/tty"),
        replies=[("never", "")],
    ),
    # ---- sandbox and completion
    Row("cannot write {ledger}", "sandbox serve --ledger /dev/null/x", 7),
    Row(
        "port {port} is in use",
        "sandbox serve --port <port>",
        2,
        around=before(lambda world: world.values.update(port=str(world.cloud.port))),
    ),
    Row("there is no place for the completion", "completion bash --install", 2, around=no_home),
    Row("is not installed, or not on the PATH", "completion zsh --install", 2, env=NO_SHELL),
    Row(
        "completion needs bash 4.4 or newer",
        "completion bash --install",
        2,
        env={"PATH": "<folder>"},
        around=before(lambda world: world.write("bash", "#!/bin/sh\necho zvol-completion:version=3.2\n", 0o700)),
    ),
    Row(
        "cannot write {rc}",
        "completion bash --install",
        7,
        around=before(lambda world: (world.home / ".bashrc").mkdir()),
    ),
)
