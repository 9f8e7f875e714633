"""Secrets as platforms deliver them: real files, links, pipes and mounts, with the installed command."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.corpus_secrets import ENTRIES, Entry
from tests.support.delivered import DELIVERED, MOUNTS
from tests.support.process import ZVOL_SCRIPT, Ran, Sandbox, environment, sandbox
from tests.support.process import run as started
from tests.support.warm import run

LIST = ("list", "-o", "name", "-v", "--debug")
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
STARTED = [
    next(one for one in ENTRIES if one.kind == kind)
    for kind in ("systemd", "Kubernetes", "stow", "pass", "fifo", "cron", "shell")
]

PRELUDE = """
set -e; D=$PWD; R=/run/secrets
put() { printf '%s\\n' $S >"$1"; chmod $2 "$1"; }
open() { mkdir o; chmod 777 o; }
fresh() { mkdir -p $1; mount -t tmpfs none $1; }
ro() { mount -o remount,ro,bind $1; }
k8s() {
    fresh v; mkdir v/..2026_11; put v/..2026_11/session $1; ln -s ..2026_11 v/..data; ln -s ..data/session v/session
    chmod ${2:-1777} v; [ "$3" = rw ] || ro v; export ZVOL_SESSION_FILE=$D/v/session
}
secrets() { mount -t tmpfs none /run; mkdir -p $R; }
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("cloud") / "sandbox") as served:
        yield served


@pytest.fixture(scope="session")
def mounts() -> str:
    """Have zvol in mounts of its own, where this user is root."""
    mount = (*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt")
    if not shutil.which("unshare") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no mounts in a user namespace")
    return MOUNTS


@pytest.fixture
def at(cloud: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "x").mkdir(mode=0o700)
    monkeypatch.chdir(tmp_path / "x")
    return environment(tmp_path / "home") | {"ZVOL_HOST": cloud.host, "S": cloud.session}


def check(entry: Entry, ran: Ran, session: str) -> None:
    assert ran.code == entry.code, ran
    assert entry.says in ran.err, ran
    assert bool(ran.out) is (entry.code == 0), ran
    assert session not in ran.out + ran.err


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}: {entry.report}")
def test_every_delivery(entry: Entry, at: dict[str, str], request: pytest.FixtureRequest) -> None:
    where = request.getfixturevalue("mounts") if entry.mounts else ""
    ran = run([where, PRELUDE + entry.setup, *LIST], at, command=DELIVERED)
    check(entry, ran, at["S"])


@pytest.mark.parametrize("entry", STARTED, ids=lambda entry: f"{entry.kind}: {entry.report}")
def test_the_same_from_a_shell(entry: Entry, at: dict[str, str], request: pytest.FixtureRequest) -> None:
    """The installed program, which bash itself becomes: what the others take over from a bash is so here, too."""
    before = UNSHARE if entry.mounts and request.getfixturevalue("mounts") else ()
    script = f'{PRELUDE}{entry.setup}\nexec "$@"'
    ran = started(LIST, at, command=(*before, "bash", "-c", script, "bash", ZVOL_SCRIPT))
    check(entry, ran, at["S"])
