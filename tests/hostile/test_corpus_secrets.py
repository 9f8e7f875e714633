"""Secrets as platforms deliver them: real files, links, pipes and mounts, with the installed command."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.corpus_secrets import ENTRIES, Entry
from tests.support.process import ZVOL_SCRIPT, Sandbox, environment, sandbox

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
def namespace() -> tuple[str, ...]:
    """Return the command that runs another as root of its own mounts, which a normal user may be, too."""
    command = ("unshare", "--user", "--map-root-user", "--mount")
    usable = (
        shutil.which("unshare")
        and not subprocess.run(
            [*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode
    )
    if not usable:
        pytest.skip("this machine allows no mounts in a user namespace")
    return command


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}: {entry.report}")
def test_every_delivery(entry: Entry, cloud: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    before = request.getfixturevalue("namespace") if entry.mounts else ()
    (tmp_path / "x").mkdir(mode=0o700)
    script = f'{PRELUDE}{entry.setup}\nexec "{ZVOL_SCRIPT}" list -o name -v --debug'
    env = environment(tmp_path / "home") | {"ZVOL_HOST": cloud.host, "S": cloud.session}
    ended = subprocess.run(
        [*before, "bash", "-c", script],
        cwd=tmp_path / "x",
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == entry.code, ended
    assert entry.says in ended.stderr, ended
    assert bool(ended.stdout) is (entry.code == 0), ended
    assert cloud.session not in ended.stdout + ended.stderr
