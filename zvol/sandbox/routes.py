"""The APIs of a sandbox, and which of them are on a path: an exact path first, then the first pattern that matches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from zvol.sandbox import accounts, configs, management, sessions, tags, vms, volumes
from zvol.sandbox.api import Api, query

APIS: Final[tuple[Api, ...]] = (
    *volumes.APIS,
    query("queryVolumeSnapshot", "/v1/volume-snapshots", "snapshot"),
    query("queryDiskOffering", "/v1/disk-offerings", "offering"),
    query("queryPrimaryStorage", "/v1/primary-storage", "storage"),
    query("queryHost", "/v1/hosts", "host"),
    query("queryIpAddress", "/v1/l3-networks/ip-address", "address"),
    *vms.APIS,
    *tags.APIS,
    *configs.APIS,
    *management.APIS,
    *sessions.APIS,
    *accounts.APIS,
)
"""The APIs for zvol, and for scripts that set up a test: create, rename, detach, delete and expunge volumes,
tag them, change the policy, destroy, recover, expunge and start VMs.  Tests add others through `Server.apis`."""


def _pattern(path: str) -> tuple[str, ...]:
    return tuple("{}" if part.startswith("{") else part for part in path.split("/"))


class Routes:
    """Finds the APIs of a path; where a path has only one, it answers to every method."""

    def __init__(self, apis: Iterable[Api]) -> None:
        self._places: dict[tuple[str, ...], list[Api]] = {}
        for api in apis:
            self._places.setdefault(_pattern(api.path), []).append(api)

    def find(self, path: str) -> list[Api]:
        """Return the APIs of a decoded path, [] when there is none."""
        parts = tuple(path.split("/"))
        exact = self._places.get(parts)
        if exact is not None and "{}" not in parts:
            return exact
        for pattern, apis in self._places.items():
            if len(pattern) == len(parts) and all(
                part if mark == "{}" else mark == part for mark, part in zip(pattern, parts, strict=True)
            ):
                return apis
        return []


def path_values(api: Api, path: str) -> dict[str, str]:
    """Return the values that a path has for the names in its pattern."""
    pairs = zip(api.path.split("/"), path.split("/"), strict=True)
    return {name[1:-1]: part for name, part in pairs if name.startswith("{")}
