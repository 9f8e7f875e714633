"""The global configurations of category `volume`: names, numbers and defaults of 5.2.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

POLICIES: Final = ("Direct", "Delay", "Never")

_ROWS: Final = (
    (19, "auto.snapshot.before.change", "false", "take a snapshot by itself before a volume is changed"),
    (37, "deletionPolicy", "Delay", "what deleting a data volume does: one of [Direct, Delay, Never]"),
    (98, "refreshVolumeSizeInterval", "3600", "seconds between two looks at the sizes of volumes"),
    (135, "expungeInterval", "3600", "seconds between two runs that destroy what was deleted long enough ago"),
    (380, "expungePeriod", "259200", "seconds a deleted data volume is kept before it is destroyed"),
    (412, "diskOffering.setNullWhenDeleting", "true", "forget a deleted disk offering in its volumes"),
    (453, "refreshVolumeSize.scope", "AllActive", "whose sizes are looked at: one of [AllActive, Monitored, None]"),
    (491, "refreshVolumeSize.hostCountPerBatch", "10", "hosts asked together about sizes"),
    (675, "physical.block.size", "0", "block size of the storage below; '0' means its own"),
)

CONFIGS: Final[tuple[dict[str, Any], ...]] = tuple(
    {
        "id": number,
        "name": name,
        "category": "volume",
        "description": description,
        "defaultValue": value,
        "value": value,
    }
    for number, name, value, description in _ROWS
)


def _above(least: int) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            return int(value) > least
        except ValueError:
            return False

    return check


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "deletionPolicy": lambda value: value in POLICIES,
    "expungePeriod": _above(0),
    "expungeInterval": _above(1),
}
"""What a value must satisfy; other names take anything."""
