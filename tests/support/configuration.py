"""A configuration file with several profiles, and what settings and sessions come from it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from zvol.config import credentials
from zvol.config.settings import SettingLayers, Settings, resolve
from zvol.errors import ZvolError

ENV_SESSION = "e" * 32
FILE_SESSION = "f" * 32
FILE = f"""\
current: prod
profiles:
  prod:
    host: https://prod.example.com
    session: {FILE_SESSION}
    ca_file: ca.pem
    proxy: http://proxy:3128
    timezone: Asia/Shanghai
    timeout: 10m
    settle_wait: 100s
    api_timeout: 120s
    concurrency: 8
    output: csv
  lab:
    host: http://lab.example.com:8080
    insecure_http: true
    session_file: keys/lab
  bare:
    output: name
"""


def write(home: Path, text: str) -> Path:
    path = home / ".config" / "zvol" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def got(home: Path, environ: dict[str, str] | None = None, **options: Any) -> Settings:
    return resolve(SettingLayers(options, {"HOME": str(home)} | (environ or {})))


def fails(home: Path, environ: dict[str, str] | None = None, **options: Any) -> ZvolError:
    """Return the error of resolving, or of getting the session."""
    with pytest.raises(ZvolError) as caught:
        credentials.session(got(home, environ, **options), environ={})
    assert not any(
        secret in "".join(traceback.format_exception(caught.value)) for secret in (ENV_SESSION, FILE_SESSION)
    )
    return caught.value


def session(home: Path, environ: dict[str, str] | None = None, **options: Any) -> str:
    return credentials.session(got(home, environ, **options), environ={}).reveal()
