"""From settings to a session: read, ask a program, and never show it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from zvol.config import schema
from zvol.config.paths import read_file, refuse_readable
from zvol.config.settings import Settings
from zvol.errors import AuthError, ConfigError, Problem
from zvol.text import Secret

COMMAND_SECONDS: Final = 10
LIMIT: Final = 4096
WAYS: Final = (
    "Set ZVOL_HOST and ZVOL_SESSION_FILE (or ZVOL_SESSION), or give the profile a session_command or session_file."
)


def session(settings: Settings) -> Secret:
    """Return the session of a run.

    Raises AuthError when there is none, ConfigError when what there is cannot be one; neither quotes it.
    """
    given = settings.credential
    if "session" in given:
        return Secret(given["session"])
    if "session_file" in given:
        return _checked(from_file(Path(given["session_file"])), given["session_file"])
    if "session_command" in given:
        return _checked(from_command(given["session_command"], "session_command"), "session_command")
    raise AuthError("there is no session for " + settings.endpoint.origin, hint=WAYS)


def from_file(path: Path) -> str:
    """Return the first line of a file that only its owner can read."""
    data, mode = read_file(path, str(path), LIMIT)
    refuse_readable(path, mode, str(path))
    return _first_line(data)


def from_command(command: list[str], what: str) -> str:
    """Return the first line that a program prints; it is run without a shell and without zvol's own secrets."""
    hidden = ("ZVOL_SESSION", "ZSTACK_SESSION_ID", "ZSTACK_ACCOUNT_PASSWORD", "ZSTACK_ACCESS_KEY_SECRET")
    environ: Mapping[str, Any] = {name: value for name, value in os.environ.items() if name not in hidden}
    try:
        ended = subprocess.run(  # noqa: S603  (the user's own program, from the user's own file)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environ, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise AuthError(f"{what} did not end within {COMMAND_SECONDS} s") from None
    except OSError as exc:
        raise ConfigError([Problem(what, f"cannot be run: {exc.strerror}")]) from None
    if ended.returncode:
        raise AuthError(f"{what} ended with exit code {ended.returncode}")
    return _first_line(ended.stdout[:LIMIT])


def _first_line(data: bytes) -> str:
    lines = data.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if lines else ""


def _checked(text: str, where: str) -> Secret:
    try:
        return Secret(schema.session(text))
    except schema.Bad as exc:
        raise ConfigError([Problem(where, f"what it holds {exc}")]) from None
