"""What holds for every test: nothing of the machine's own settings reaches it."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
QUICK = ("unit", "contract", "transport")
"""The folders of `pytest -m quick`."""

FOREIGN = ("ZVOL_", "ZSTACK_", "XDG_")
NAMED = (
    "NETRC",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)


def pytest_configure() -> None:
    """Undo what a shell does to background jobs, and nohup: a signal ignored here is ignored by every zvol, too."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def folder(path: Path) -> str:
    """Return which folder of the tests a file or folder belongs to, empty for the tests themselves."""
    return next(iter(path.relative_to(TESTS).parts), "")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what `-m quick` leaves out; it takes longer to collect than the quick tests take to run."""
    quick = re.fullmatch(r"quick( and not \w+)*", config.option.markexpr)
    left_out = quick and folder(collection_path) not in ("", "conftest.py", *QUICK)
    return True if left_out else None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let one of several processes rewrite the asserts of a module, and the others read what it has written.

    They collect the modules in the same order, and all would rewrite each of them, which takes longer than the rest.
    """
    if not isinstance(collector, pytest.Module) or sys.dont_write_bytecode:
        return (yield)
    with collector.path.open("rb") as module:
        fcntl.flock(module, fcntl.LOCK_EX)
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if folder(item.path) in QUICK:
            item.add_marker(pytest.mark.quick)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process tests that follow one another, which share what is made once for a file."""
    from xdist.scheduler import WorkStealingScheduling  # type: ignore[import-untyped]

    return WorkStealingScheduling(config, log) if config.option.dist == "load" else None


@pytest.fixture(autouse=True)
def _clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Clean the environment; HOME is in the test's folder if it has one, otherwise a folder that must not be made."""
    for name in os.environ:
        if name.startswith(FOREIGN) or name.upper() in NAMED:
            monkeypatch.delenv(name)
    own = "tmp_path" in request.fixturenames
    home = (request.getfixturevalue("tmp_path") if own else tmp_path_factory.getbasetemp()) / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "dumb")
    yield
    assert own or not home.exists(), "a test that writes needs tmp_path"
