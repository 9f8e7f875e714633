"""The options of an engine: the defaults of the settings unless a test says otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

from zvol.config.registry import SETTINGS
from zvol.recovery.task import Options


def engine_options(**changes: Any) -> Options:
    return Options(**{field.name: SETTINGS[field.name].default for field in dataclasses.fields(Options)} | changes)
