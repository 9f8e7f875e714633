"""`zvol help`: what does not belong to one command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.options import global_options, pass_context
from zvol.config.registry import OTHER_VARIABLES, SETTINGS
from zvol.errors import Exit
from zvol.render.formats import FORMATS, enumerated, load
from zvol.text import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

WIDTH: Final = 80
INDENT: Final = 22

MEANINGS: Final = {
    Exit.OK: "everything asked for is true now",
    Exit.FAILED: "refused or failed for certain",
    Exit.USAGE: "usage or configuration; nothing was sent",
    Exit.UNKNOWN: "outcome unknown, it may still happen: run `zvol resume`",
    Exit.AUTH: "authentication missing, expired or refused",
    Exit.UNREACHABLE: "unreachable: at least one was not sent, none is unknown",
    Exit.BUSY: "another zvol run is on this volume",
    Exit.LOCAL: "the journal or the output cannot be written",
    Exit.CONTRADICTED: "the server said done and the volume says no",
    Exit.UNTRUSTED: "not trusted: certificate, redirect, plain http",
    Exit.EXPIRING: "something expires soon",
    Exit.BUG: "a bug in zvol",
    Exit.SIGHUP: "ended by SIGHUP",
    Exit.SIGINT: "ended by SIGINT (Ctrl-C)",
    Exit.READER_GONE: "a read-only command whose reader went away",
    Exit.SIGTERM: "ended by SIGTERM",
}

EXIT_CODES: Final = (
    "\n".join(f"{int(code):>4}  {meaning}" for code, meaning in MEANINGS.items())
    + """

When several apply, the most severe one counts:
a signal, 7, 3, 70, 8, 9, 4, 1, 6, 5, 2, 0.
New codes may come; treat one you do not know as a failure.
"""
)

PRECEDENCE: Final = """\

An option counts over the environment, the environment over the profile, the
profile over the default; `zvol config show` says where each value comes from.
Of the credentials the first counts: a session that is given, an access key,
the session that `zvol login` keeps, a password. A credential goes only to the
host of its own level.
An empty variable counts as none. `--sandbox` ignores all of them.
"""

OUTPUT: Final = """\
Data goes to stdout, words for people to stderr, and the exit code is the truth.

{formats}

A result: asked, uuid, outcome, changed, by, inventory, error, jobUuid,
warnings.
Outcomes: recovered, already, would-recover, failed, gone, unknown,
contradicted, busy, not-sent.
`by` is zvol, or unknown when it cannot be proved who brought the volume back.

In {programs}, the last line of stderr after a failure is one object:
error (the whole ErrorCode), kind, exitCode, hint, uuid, jobUuid.
Then stdout is empty, unless it is an array.
"""


def environment() -> str:
    """Return the variables with what each holds; a long line of names has a line of its own."""
    import textwrap

    rows = []
    for setting in SETTINGS.values():
        text = "; ".join(part for part in (setting.help, setting.note) if part)
        rows += [(name, text) for name in setting.variables if name.startswith("ZVOL_")]
    lines = []
    for names, text in (*rows, *OTHER_VARIABLES.items()):
        first, *others = textwrap.wrap(text, WIDTH - INDENT)
        if len(names) > INDENT - 4:
            lines.append(f"  {names}")
            names = ""
        lines.append(f"  {names:{INDENT - 2}}{first}")
        lines += [" " * INDENT + other for other in others]
    return "\n".join(lines) + "\n" + PRECEDENCE


def output_help() -> str:
    """Explain the output formats, each in its own words."""
    loaded = {name: load(name) for name in FORMATS}
    lines = (f"  {name:<8}" + one.help.replace("\n", "\n" + 10 * " ") for name, one in loaded.items())
    programs = [name for name, one in loaded.items() if one.for_programs]
    return OUTPUT.format(formats="\n".join(lines), programs=enumerated(programs, "and"))


TOPICS: Final[Mapping[str, Callable[[], str]]] = {
    "exit-codes": lambda: EXIT_CODES,
    "environment": environment,
    "output": output_help,
}


class HelpTopic(click.ParamType[str]):
    """A topic, or the words of a command."""

    name = "topic"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(name) for name in TOPICS if name.startswith(incomplete)]


@click.command("help", short_help="Explain exit codes, environment and output.", epilog="Example: zvol help exit-codes")
@click.argument("topic", type=HelpTopic(), nargs=-1, metavar="[TOPIC|COMMAND]")
@global_options
@pass_context
def command(context: AppContext, topic: tuple[str, ...]) -> Exit:
    """Explain a command, or what does not belong to one: exit-codes, environment or output."""
    del context
    if not topic:
        text = "Topics: " + ", ".join(f"zvol help {name}" for name in TOPICS) + "\nCommands: zvol help COMMAND\n"
    elif len(topic) == 1 and topic[0] in TOPICS:
        text = TOPICS[topic[0]]()
    else:
        text = _of_command(topic) + "\n"
    click.echo(text, nl=False)
    return Exit.OK


def _of_command(words: Sequence[str]) -> str:
    """Return the help of a command; raises UsageError for one that there is not."""
    context = click.get_current_context().find_root()
    for word in words:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            names = group.list_commands(context) if isinstance(group, click.Group) else []
            known = names if context.parent else [*TOPICS, *names]
            what = "command" if context.parent else "topic or command"
            raise click.UsageError(f"No such {what} '{word}'.{did_you_mean(word, known, sentence=True)}")
        context = click.Context(found, info_name=word, parent=context)
    return context.get_help()
