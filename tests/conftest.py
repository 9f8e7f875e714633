"""What holds for every test: nothing of the machine's own settings reaches it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(FOREIGN) or name.upper() in NAMED:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "dumb")
