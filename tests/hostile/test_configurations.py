"""Every configuration of the corpus: an error or a correct reading, in little time and memory; no secret is printed."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from tests.support.calls import counted
from tests.support.hostile.configurations import MARKER, Entry, entries
from tests.support.process import environment
from tests.support.warm import run
from zvol.config.document import File
from zvol.config.profiles import load
from zvol.errors import ConfigError, Exit
from zvol.secrets import Secret

ALL = entries()
MOST_CALLS = 1_000_000
MEGABYTES = 100
CHILD = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
from tests.support.hostile.configurations import entries
from zvol.config.profiles import load
from zvol.errors import ConfigError
path = Path(sys.argv[1])
for _, text, _ in entries():
    path.write_bytes(text)
    path.chmod(0o600)
    try:
        load(path)
    except ConfigError:
        pass
try:
    [peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(int(peak) // 1024)
"""
"""`ru_maxrss` begins with the size of the process that started this one, where the system has no better figure."""


def read(path: Path) -> tuple[File | None, ConfigError | None]:
    try:
        return load(path), None
    except ConfigError as exc:
        return None, exc


def test_the_size_of_the_corpus() -> None:
    names = [name for name, _, _ in ALL]
    assert len(names) == len(set(names)) >= 250


@pytest.mark.parametrize("entry", ALL, ids=[name for name, _, _ in ALL])
def test_each_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: Entry) -> None:
    import yaml  # noqa: F401  (its import is not what is counted)

    monkeypatch.chdir(tmp_path)
    _, text, verdict = entry
    path = tmp_path / "c.yaml"
    path.write_bytes(text)
    path.chmod(0o600)
    with counted() as work:
        file, error = read(path)
    assert work.calls < MOST_CALLS
    assert list(tmp_path.iterdir()) == [path], "nothing else happened"
    if isinstance(verdict, dict):
        assert file is not None, error
        values = {key: value.value for key, value in next(iter(file.profiles.values()), {}).items()}
        assert {k: v.reveal() if isinstance(v, Secret) else v for k, v in values.items()} == verdict
        return
    assert error is not None
    assert error.exit is Exit.USAGE
    assert verdict in error.message
    assert len(error.problems) <= 52
    assert len(error.message) < 20_000
    for problem in error.problems:
        assert problem.where.startswith(str(path))
        assert "\n" not in problem.text
    assert MARKER not in "".join(traceback.format_exception(error)) + error.hint + repr(error.problems)


def test_memory_for_all_configurations(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "c.yaml")],
        capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < MEGABYTES


def test_the_program_prints_one_line_for_each_mistake(tmp_path: Path) -> None:
    """The same through the program, for some of each kind."""
    env = environment(tmp_path / "home")
    wrong = [(name, text) for name, text, verdict in ALL if isinstance(verdict, str)]
    for name, text in wrong[:: len(wrong) // 12]:
        path = tmp_path / "c.yaml"
        path.write_bytes(text)
        path.chmod(0o600)
        for command in (["config", "validate"], ["list", "--json"]):
            ran = run([*command, "--config", str(path)], env)
            assert (ran.code, ran.out) == (2, ""), name
            assert MARKER not in ran.err
            begins = (f"zvol: error: {path}", f"    {path}", "  ")
            assert all(line.startswith(begins) for line in ran.err.splitlines()), ran.err
