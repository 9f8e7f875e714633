"""Commands whose help shows their own options in groups, with examples and one line for the global options."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import click

OPTIONS: Final = "Options"
FILTERS: Final = "Filters"
SAFETY: Final = "Safety"
AFTER: Final = "After recovery"
OUTPUT: Final = "Output"
GLOBAL: Final = "Global options"
"""The options that every command takes; `zvol help options` shows them."""

MAX_NAMES: Final = 28
"""Maximum characters of an option and its value; after longer ones the help text begins on a new line."""
SEE_GLOBAL: Final = "Options of every command, such as -p, --json and --sandbox: zvol help options"
Lines = list[tuple[str, str]]


class Option(click.Option):
    """An option with its group in the help, or a function that returns the group for a context."""

    def __init__(self, *args: Any, group: str | Callable[[click.Context], str] = OPTIONS, **values: Any) -> None:
        super().__init__(*args, **values)
        self._group = group

    def group(self, ctx: click.Context) -> str:
        return self._group if isinstance(self._group, str) else self._group(ctx)

    def line(self, ctx: click.Context) -> tuple[str, str]:
        """Return the usage of the option and its help, with the default."""
        names = ", ".join((*self.opts, *self.secondary_opts))
        text = self.help or ""
        if self.show_default:
            text = f"{text.removesuffix('.')} (default: {self.default})."
        return names if self.is_flag else f"{names} {self.make_metavar(ctx)}", text


option = partial(click.option, cls=Option)


HYPHEN: Final = "\u2011"
"""The hyphen at which a line does not break."""


def help_width() -> int:
    """Return the width of help texts as click computes it."""
    from zvol.render.terminal import terminal_width

    return max(min(terminal_width(1, os.environ.get("COLUMNS")), 80) - 2, 50)


def _show_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(ctx.get_help())
        ctx.exit()


class Formatter(click.HelpFormatter):
    """Breaks no word at its hyphens, so that options and names in a text can be copied."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", HYPHEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(names, text.replace("-", HYPHEN)) for names, text in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        return super().getvalue().replace(HYPHEN, "-")


class Explained(click.Command):
    """The help that commands and groups share; `examples` are lines that can be pasted."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **values: Any) -> None:
        super().__init__(*args, **values)
        self.examples = examples

    def get_help_option(self, ctx: click.Context) -> Option:
        """Return the help option; click's own would translate its text, which costs time in every command."""
        del ctx
        if not isinstance(self._help_option, Option):
            self._help_option = Option(
                ("-h", "--help"),
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_help,
                group=GLOBAL,
                help="Show the help of a command.",
            )
        return self._help_option

    def get_help(self, ctx: click.Context) -> str:
        ctx.terminal_width = help_width()
        ctx.formatter_class = Formatter
        return super().get_help(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; for the name of a format as an option, such as `--csv`, suggest `-o csv`."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            from zvol.render.formats import FORMATS

            name = exc.option_name.removeprefix("--")
            if name not in FORMATS:
                raise
            text = f"No such option '{exc.option_name}'. Did you mean '-o {name}'?"
            raise click.NoSuchOption(exc.option_name, text, ctx=ctx) from None

    def groups(self, ctx: click.Context) -> dict[str, Lines]:
        """Return the lines of the options by group; the groups are in the order of their first options."""
        found: dict[str, Lines] = {}
        for one in self.get_params(ctx):
            if isinstance(one, Option):
                found.setdefault(one.group(ctx), []).append(one.line(ctx))
        return found

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = {title: lines for title, lines in self.groups(ctx).items() if title != GLOBAL}
        widths = (len(names) for lines in own.values() for names, _ in lines)
        width = max((width for width in widths if width <= MAX_NAMES), default=0)
        for title, lines in own.items():
            with formatter.section(title):
                formatter.write_dl([(f"{names:{width}}", text) for names, text in lines])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        if self.examples:
            with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
                for line in self.examples:
                    formatter.write(f"  {line}\n")
        formatter.write_paragraph()
        formatter.write(f"{SEE_GLOBAL}\n")


class Command(Explained):
    """A command of zvol."""


class Group(Explained, click.Group):
    """A group of commands, which suggests the closest name for an unknown command."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None and args[0][:1] != "-":
            from zvol.cli.other_words import suggestion

            ctx.fail(f"No such command '{args[0]}'.{suggestion(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)
