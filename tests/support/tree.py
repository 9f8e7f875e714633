"""Every command there is, found by walking the command line, so that a new one cannot be forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zvol.cli.app import app


def commands(group: click.Command = app, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each command with its path, groups too; the first is zvol itself."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None, name
            yield from commands(found, (*path, name))


def leaves() -> dict[str, click.Command]:
    """Return the commands that do something, by name; some groups do, too."""
    found = {" ".join(path): command for path, command in commands() if path}
    return {name: one for name, one in found.items() if not isinstance(one, click.Group) or one.invoke_without_command}
