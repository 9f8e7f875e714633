"""Where the configuration file and the state folder are."""

from __future__ import annotations

from pathlib import Path

import pytest

from zvol.config.paths import config_file, expand, state_dir
from zvol.errors import UsageProblem


@pytest.mark.parametrize(
    ("option", "environ", "found"),
    [
        ("x.yaml", {"ZVOL_CONFIG": "y.yaml", "HOME": "/h"}, ("x.yaml", True)),
        (None, {"ZVOL_CONFIG": "/y.yaml", "HOME": "/h"}, ("/y.yaml", True)),
        (None, {"ZVOL_CONFIG": "~/y.yaml", "HOME": "/h"}, ("/h/y.yaml", True)),
        (None, {"ZVOL_CONFIG": "~/y.yaml"}, ("~/y.yaml", True)),
        (None, {"ZVOL_CONFIG": "", "HOME": "/h"}, ("/h/.config/zvol/config.yaml", False)),
        (None, {"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, ("/x/zvol/config.yaml", False)),
        (None, {"XDG_CONFIG_HOME": "rel", "HOME": "/h"}, ("/h/.config/zvol/config.yaml", False)),
        (None, {"XDG_CONFIG_HOME": "", "HOME": "/h"}, ("/h/.config/zvol/config.yaml", False)),
        (None, {"HOME": "rel"}, (None, False)),
        (None, {}, (None, False)),
    ],
)
def test_the_configuration_file(option: str | None, environ: dict[str, str], found: tuple[str | None, bool]) -> None:
    path, named = config_file(option, environ)
    assert (None if path is None else str(path), named) == found


def test_the_state_folder() -> None:
    assert state_dir({"HOME": "/h"}) == Path("/h/.local/state/zvol")
    assert state_dir({"HOME": "/h", "XDG_STATE_HOME": "/s"}) == Path("/s/zvol")
    assert state_dir({"HOME": "/h", "XDG_STATE_HOME": "s"}) == Path("/h/.local/state/zvol")
    with pytest.raises(UsageProblem, match="HOME is not set"):
        state_dir({})


def test_a_tilde_is_the_home_of_the_given_environment() -> None:
    assert expand("~", {"HOME": "/h"}) == Path("/h")
    assert expand("~/a", {"HOME": "/h"}) == Path("/h/a")
    assert expand("~other/a", {"HOME": "/h"}) == Path("~other/a")
    assert expand("a/~", {"HOME": "/h"}) == Path("a/~")
