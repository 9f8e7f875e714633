"""Fixtures that several files of unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.configuration import FILE, write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a configuration file."""
    write(tmp_path, FILE)
    return tmp_path
