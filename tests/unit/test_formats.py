"""The registry is the only list of output formats: what offers or checks a format derives from it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

import zvol.render.formats
from zvol.cli.help_command import TOPICS
from zvol.cli.params import SettingType
from zvol.config.registry import SETTINGS
from zvol.errors import InvalidValue
from zvol.model import Outcome
from zvol.render.formats import DEFAULT, FORMATS, enumerated, load

NOT_FORMATS = {"__init__", "interface"}


def test_each_module_is_in_the_registry() -> None:
    modules = {path.stem for path in Path(zvol.render.formats.__file__).parent.glob("*.py")} - NOT_FORMATS
    assert modules == {name.replace("-", "_") for name in FORMATS}
    assert DEFAULT in FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_documented_and_accepted(name: str) -> None:
    assert f"\n  {name:<8}{load(name).help.splitlines()[0]}\n" in TOPICS["output"]()
    assert all(len(line) <= 70 for line in load(name).help.splitlines())
    assert SETTINGS["output"].kind.read(name) == name
    assert name in TOPICS["environment"]()


def test_other_formats_are_refused_with_the_full_list() -> None:
    with pytest.raises(InvalidValue, match=", ".join(FORMATS)):
        SETTINGS["output"].kind.read("xml")
    with pytest.raises(click.BadParameter, match=", ".join(FORMATS)):
        SettingType(SETTINGS["output"].kind).convert("xml", None, None)


def test_format_names_in_a_sentence() -> None:
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"], "and") == "a and b"
    assert enumerated(["a", "b", "c"]) == "a, b or c"


def test_successful_outcomes_are_those_with_exit_code_0() -> None:
    assert {one for one in Outcome if one.success} == {Outcome.RECOVERED, Outcome.ALREADY, Outcome.WOULD_RECOVER}
    assert {one for one in Outcome if one.is_back} == {Outcome.RECOVERED, Outcome.ALREADY}
