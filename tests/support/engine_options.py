"""The options of an engine: the defaults of the settings unless a test says otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

from zvol.config.registry import SETTINGS
from zvol.recovery.task import Options


def engine_options(**changes: Any) -> Options:
    named = [field.name for field in dataclasses.fields(Options) if field.name in SETTINGS]
    return Options(**{name: SETTINGS[name].default for name in named} | changes)
