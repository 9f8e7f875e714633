"""The commands of docs/guide.md do what the page says, in their order, in the sandbox whose accidents it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.screens import play, same
from tests.support.process import PG_DATA, environment
from tests.support.warm import run

AGAIN = "run: python -m tests.docs.screens"
WANTED = sorted(f"shop-{part}-{number}" for part in ("images", "orders", "search") for number in range(1, 5))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader") / "home"


def test_its_screens_are_what_one_sees_in_their_order(home: Path) -> None:
    steps = list(play("docs/guide.md", home, {"EDITOR": "sed -i /ci-job/d"}))
    assert len(steps) == 10
    for command, output, seen in steps:
        assert same(output) == same(seen), (command, AGAIN)


def test_the_right_twelve_of_the_night_are_back_where_they_were(home: Path) -> None:
    """After the page was played."""
    volumes = run(["--sandbox", "list", "--status", "any", "--name", "*", "--json"], environment(home)).json()
    night = {volume["name"]: volume for volume in volumes if volume["name"].startswith(("shop-", "ci-job-"))}
    assert len(night) == 41
    back = [name for name, volume in night.items() if volume["status"] == "Ready"]
    assert sorted(back) == WANTED
    assert all(night[name]["vmInstanceUuid"] == night[name]["lastVmInstanceUuid"] for name in back)
    assert next(volume for volume in volumes if volume["uuid"] == PG_DATA)["status"] == "Deleted"  # since the reset
