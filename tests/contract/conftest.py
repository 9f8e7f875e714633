"""A running sandbox and a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cloud import Client
from tests.support.sandbox_server import ExtendedServer
from zvol.sandbox import Switches, embedded

FAST = Switches(job_time=0.01, check_pause=0)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Return the admin's client of a fresh sandbox whose jobs take 10 ms."""
    with embedded(tmp_path, FAST, server_class=ExtendedServer) as cloud:
        made = Client(cloud.host, cloud.session)
        yield made
        made.close()
