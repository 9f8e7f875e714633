"""A stranger's home, a cloud of its own for each test, and the environment that leads from one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_proxy import Proxy, proxy
from tests.support.process import Sandbox, environment, sandbox


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def at(cloud: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


@pytest.fixture
def watched(cloud: Sandbox, at: dict[str, str]) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """Return a proxy before the cloud, and the environment that leads to it."""
    with proxy(cloud.host) as (host, between):
        yield between, at | {"ZVOL_HOST": host}
