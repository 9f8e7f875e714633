"""Writes the tables of settings of docs/configuration.md from the registry: `python -m tests.docs.configuration`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from zvol.config.registry import OTHER_VARIABLES, SETTINGS, Section, Setting, shown

PAGE: Final = Path(__file__).parents[2] / "docs" / "configuration.md"
TABLES: Final = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- end of settings -->)", re.DOTALL)
TITLES: Final = {
    Section.CHOICE: "Which file and profile",
    Section.SERVER: "The server",
    Section.SESSION: "A session",
    Section.ACCOUNT: "An account",
    Section.ACCESS_KEY: "An access key of the commercial edition, over https only",
    Section.RUN: "Each run",
}


def page() -> str:
    """Return the text of the page with the tables of today."""
    return TABLES.sub(lambda _: "".join(tables()), PAGE.read_text())


def tables() -> Iterator[str]:
    for section, title in TITLES.items():
        yield f"| {title} | variable | option | default | |\n| --- | --- | --- | --- | --- |\n"
        yield from (row(setting) for setting in SETTINGS.values() if setting.section is section)
        yield "\n"
    yield "| Other variables | |\n| --- | --- |\n"
    yield from (f"| {code(*names.split(', '))} | {text} |\n" for names, text in OTHER_VARIABLES.items())


def row(setting: Setting) -> str:
    """Return the line of a setting; one that no file may have has no key."""
    option = code(", ".join(setting.option)) + "".join(f" of `{name}`" for name in setting.commands)
    default = "" if setting.default is None else code(shown(setting.default))
    text = "; ".join(filter(None, (setting.help, setting.note)))
    key = code(setting.key) if setting.in_file else "(not in the file)"
    return f"| {key} | {code(*setting.variables)} | {option} | {default} | {text} |\n"


def code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names if name)


if __name__ == "__main__":
    PAGE.write_text(page())
