"""The worlds that the tests of a file share: one for each kind that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.crash.world import World, world
from tests.support.kinds import VOLUMES, Kind


@pytest.fixture(scope="module")
def world_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Kind], World]]:
    with ExitStack() as stack:
        yield cache(lambda kind: stack.enter_context(world(tmp_path_factory.mktemp(kind.name), kind=kind, extra=1000)))


@pytest.fixture(scope="module")
def cloud(world_of: Callable[[Kind], World]) -> World:
    return world_of(VOLUMES)
