"""Every command there is, found by walking the command line, so that a new one cannot be forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import click

from zvol.cli.app import app


def contexts(ctx: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the context of each command, of groups too; the first is that of zvol itself."""
    ctx = ctx or click.Context(app, info_name="zvol")
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            found = ctx.command.get_command(ctx, name)
            assert found is not None, name
            yield from contexts(click.Context(found, info_name=name, parent=ctx))


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each command with its path."""
    for ctx in contexts():
        yield tuple(ctx.command_path.split()[1:]), ctx.command


def leaves() -> dict[str, click.Command]:
    """Return the commands that do something, by name; some groups do, too."""
    found = {" ".join(path): command for path, command in commands() if path}
    return {name: one for name, one in found.items() if not isinstance(one, click.Group) or one.invoke_without_command}
