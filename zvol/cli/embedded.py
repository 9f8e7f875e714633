"""`--sandbox`: a small ZStack that runs inside the command."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from zvol.config.settings import Settings


def sandbox_dir() -> Path:
    """Return the private folder of the sandbox; raises UsageProblem where there is no place for it, or LocalState."""
    from zvol.config.paths import state_dir
    from zvol.files import private_dir

    return private_dir(state_dir(os.environ) / "sandbox")


def sandbox_settings(options: Mapping[str, Any], stack: ExitStack) -> Settings:
    """Start the sandbox until the stack is closed; only options and defaults count beside its address and session."""
    from zvol.config.settings import SettingLayers, resolve
    from zvol.sandbox import embedded

    cloud = stack.enter_context(embedded(sandbox_dir()))
    given = {key: value for key, value in options.items() if key not in ("profile", "config", "host")}
    settings = resolve(SettingLayers(given, {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}))
    credential = dataclasses.replace(settings.credential, sources={"session": "sandbox"})
    return dataclasses.replace(settings, credential=credential, sources={**settings.sources, "host": "sandbox"})
