"""What a long list costs in memory: real processes of zvol, as the system counts them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.process import ZVOL_SCRIPT, environment, sandbox

UNIT = 1 if sys.platform == "darwin" else 1024
"""What `ru_maxrss` counts in; bytes."""
MORE_VOLUMES = 8000
BYTES_PER_ROW = 3000
"""Bytes that one more volume may take: 250 MB for 100,000 is 2,000; a page of a thousand rows is held in addition."""


def size(format: str, env: Mapping[str, str], count: int) -> int:
    """Return the largest size of a list, in bytes."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([ZVOL_SCRIPT, "list", "-o", format], stdout=out, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        out.seek(0)
        assert sum(1 for _ in out) >= count
    return usage.ru_maxrss * UNIT


@pytest.mark.parametrize("format", ["json", "csv", "table"])
def test_memory_for_each_row(format: str, tmp_path: Path) -> None:
    sizes = []
    for extra in (0, MORE_VOLUMES):
        with sandbox(tmp_path / f"cloud-{extra}", *(["--extra", str(extra)] if extra else [])) as cloud:
            env = environment(tmp_path / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
            sizes.append(size(format, env, extra))
    assert (sizes[1] - sizes[0]) / MORE_VOLUMES < BYTES_PER_ROW, sizes
