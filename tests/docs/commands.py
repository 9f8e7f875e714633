"""Writes docs/commands.md and the man pages from the commands: `python -m tests.docs.commands`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from tests.support.tree import contexts
from zvol import __version__
from zvol.cli.app import COMMANDS
from zvol.cli.commands import GLOBAL, Explained, Lines
from zvol.cli.help_command import MEANINGS, TOPICS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "commands.md"
MAN: Final = ROOT / "man"

TOP: Final = """\
# Commands

What `zvol COMMAND --help` and `zvol help TOPIC` say, on one page. It is generated from the commands by
`python -m tests.docs.commands`, as are the man pages in `man/`.

"""


def page() -> str:
    """Return the text of docs/commands.md."""
    sections = [section(ctx) for ctx in contexts()]
    topics = (f"## zvol help {name}\n\n```\n{topic()}```\n" for name, topic in TOPICS.items() if name != "options")
    return TOP + "".join(index()) + "\n" + "\n".join((*sections, *topics))


def index() -> Iterator[str]:
    yield "| command | |\n| --- | --- |\n"
    for ctx in contexts():
        if ctx.parent is not None:
            name = ctx.command_path
            yield f"| [{name}](#{name.replace(' ', '-')}) | {short(ctx)} |\n"


def short(ctx: click.Context) -> str:
    """Return what a command does, in one sentence."""
    if ctx.parent is None:
        return paragraphs(ctx)[0]
    own = COMMANDS.get(ctx.info_name or "") if ctx.parent.parent is None else None
    return own or ctx.command.short_help or ""


def paragraphs(ctx: click.Context) -> list[str]:
    """Return the paragraphs of the help of a command, each on one line."""
    return [" ".join(text.split()) for text in re.split(r"\n\s*\n", ctx.command.help or "")]


def usage(ctx: click.Context) -> str:
    return " ".join((ctx.command_path, *ctx.command.collect_usage_pieces(ctx)))


def groups(ctx: click.Context) -> dict[str, Lines]:
    """Return the options by group; the global ones only of zvol itself, which has them last."""
    assert isinstance(ctx.command, Explained)
    found = ctx.command.groups(ctx)
    last = found.pop(GLOBAL)
    return found if ctx.parent else found | {GLOBAL: last}


def examples(ctx: click.Context) -> Sequence[str]:
    assert isinstance(ctx.command, Explained)
    return ctx.command.examples


# ---- Markdown ----------------------------------------------------------------------------------------------------
def section(ctx: click.Context) -> str:
    """Return the section of a command."""
    parts = [f"## {ctx.command_path}", f"```\n{usage(ctx)}\n```", *map(escaped, paragraphs(ctx))]
    for title, lines in groups(ctx).items():
        rows = "".join(f"| `{names}` | {escaped(text)} |\n" for names, text in lines)
        parts.append(f"| {title} | |\n| --- | --- |\n{rows}".rstrip())
    parts.append("```sh\n" + "\n".join(examples(ctx)) + "\n```")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return a text in which Markdown finds no marks but code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*_<|])", r"\\\1", part) for part in parts)


# ---- man pages ---------------------------------------------------------------------------------------------------
def man_pages() -> dict[str, str]:
    """Return the man pages by file name."""
    return {f"{ctx.command_path.replace(' ', '-')}.1": man_page(ctx) for ctx in contexts()}


def man_page(ctx: click.Context) -> str:
    from click_man.man import ManPage

    made = ManPage(ctx.command_path)
    made.version, made.date = f"zvol {__version__}", ""
    made.short_help = roff(short(ctx).removesuffix("."))
    made.synopsis = " ".join(ctx.command.collect_usage_pieces(ctx))
    made.description = "\n\n".join(map(roff, paragraphs(ctx)))
    made.options = [(names, roff(text)) for lines in groups(ctx).values() for names, text in lines]
    if isinstance(ctx.command, click.Group):
        below = [one for one in contexts() if one.parent is not None and one.parent.command_path == ctx.command_path]
        made.commands = [(one.info_name, roff(short(one))) for one in below]
    parts = [str(made), ".SH EXAMPLES\n.nf\n" + "".join(f"{roff(line)}\n" for line in examples(ctx)) + ".fi\n"]
    if ctx.parent is None:
        codes = "".join(f".TP\n{int(code)}\n{roff(meaning)}\n" for code, meaning in MEANINGS.items())
        parts.append(f".SH EXIT STATUS\n{codes}")
    else:
        parts.append(".SH SEE ALSO\n\\fBzvol(1)\\fP, for the options of every command and the exit status\n")
    return "".join(parts)


def roff(text: str) -> str:
    """Return a text in which troff finds no requests, and whose options can be pasted."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page())
    MAN.mkdir(exist_ok=True)
    for old in MAN.iterdir():
        old.unlink()
    for name, text in man_pages().items():
        (MAN / name).write_text(text)
