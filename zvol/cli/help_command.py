"""`zvol help`: the help of each command, and of exit codes, environment, output formats and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from zvol.cli.app_context import AppContext
from zvol.cli.commands import GLOBAL, Command, Explained, help_width
from zvol.cli.options import global_options, pass_context
from zvol.cli.other_words import suggestion
from zvol.config.registry import OTHER_VARIABLES, SETTINGS
from zvol.errors import SEVERITY, Exit
from zvol.model import Outcome, Result
from zvol.render.formats import FORMATS, enumerated, load

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

WIDTH: Final = 80
INDENT: Final = 22

MEANINGS: Final = {
    Exit.OK: "success: everything requested is in effect",
    Exit.FAILED: "refused or failed for certain",
    Exit.USAGE: "usage or configuration; nothing was sent",
    Exit.UNKNOWN: "outcome unknown; the request may still take effect: run `zvol resume`",
    Exit.AUTH: "authentication missing, expired or refused",
    Exit.UNREACHABLE: "unreachable: at least one request was not sent; no outcome is unknown",
    Exit.BUSY: "another zvol run is working on this volume",
    Exit.LOCAL: "the journal or the output cannot be written",
    Exit.CONTRADICTED: "the server reports success, but reading the volume does not confirm it",
    Exit.UNTRUSTED: "not trusted: certificate, redirect, plain http",
    Exit.EXPIRING: "a volume is destroyed soon (`list --exit-code`)",
    Exit.BUG: "a bug in zvol",
    Exit.SIGHUP: "ended by SIGHUP",
    Exit.SIGINT: "ended by SIGINT (Ctrl-C)",
    Exit.READER_GONE: "the reader of a read-only command closed the pipe",
    Exit.SIGTERM: "ended by SIGTERM",
}

SIGNALS: Final = (Exit.SIGINT, Exit.SIGTERM, Exit.SIGHUP)
ALONE: Final = (Exit.READER_GONE, Exit.EXPIRING)
"""Exit codes of commands that only read; they never compete with other codes."""

EXIT_CODES: Final = f"""\
{"".join(f"{int(code):>4}  {meaning}{chr(10)}" for code, meaning in MEANINGS.items())}
If several apply, the most severe one is used:
a signal, {", ".join(str(int(code)) for code in SEVERITY if code not in SIGNALS + ALONE)}.
Later versions may add codes: treat an unknown one as a failure.
"""

PRECEDENCE: Final = """\

An option overrides the environment, the environment overrides the profile,
and the profile overrides the default; `zvol config show` says where each value
comes from. Of several credentials the first of these is used: a session that is
given, an access key, the session that `zvol login` stored, a password. A
credential is sent only to the host of its own layer.
An empty variable is ignored. `--sandbox` ignores all of them.
"""

OUTPUT: Final = """\
Data goes to stdout, messages go to stderr, and the exit code gives the result.

{formats}

{result}
{outcomes}
`by` is zvol, or unknown if it cannot be proved who recovered the volume.

In {programs}, the last line of stderr after a failure is one object:
error (the whole ErrorCode), kind, exitCode, hint, uuid, jobUuid.
In that case stdout is empty, unless it is an array.
"""


TIMES: Final = """\
D is a duration: one or more numbers with their units, the largest unit first.
The units are w (weeks), d (days), h (hours), m (minutes) and s (seconds), in
small letters:

  90s    5m    1h30m    1d 12h    1w

WHEN is a duration, which counts back from the server's clock, or a date:

  2h                         two hours ago; `2h ago` is the same
  2026-11-23                 0:00 in the time zone of this machine
  2026-11-23 10:00           in the time zone of this machine
  2026-11-23T10:00:30.5      the same, with T, seconds and a fraction
  2026-11-23T10:00:00Z       in UTC
  2026-11-23T10:00+08:00     with an offset; +0800 is the same
  Nov 23, 2026 9:05:50 PM    as the server writes it, in the server's time zone

Other forms are not accepted. The time zone of this machine is that of
TZ, if it is set. If a date has no zone, zvol says on stderr how it was read.
Where clocks change, a date can mean two instants; if a volume was deleted
between them, zvol refuses and asks for the offset.
"""


def environment() -> str:
    """Return the environment variables and their meanings; a long name has a line of its own."""
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
    """Return the help of the output formats, which each format defines."""
    loaded = {name: load(name) for name in FORMATS}
    lines = (f"  {name:<8}" + one.help.replace("\n", "\n" + 10 * " ") for name, one in loaded.items())
    programs = [name for name, one in loaded.items() if one.for_programs]
    result = Result("", None, Outcome.GONE).json()
    return OUTPUT.format(
        formats="\n".join(lines),
        programs=enumerated(programs, "and"),
        result=_filled("A result", result),
        outcomes=_filled("Outcomes", Outcome),
    )


def _filled(label: str, names: Iterable[str]) -> str:
    import textwrap

    return textwrap.fill(f"{label}: {', '.join(names)}.", WIDTH, break_on_hyphens=False)


def options_help() -> str:
    """Return the global options."""
    ctx = click.get_current_context().find_root()
    assert isinstance(ctx.command, Explained)
    formatter = click.HelpFormatter(width=help_width())
    with formatter.section("Before or after the command"):
        formatter.write_dl(ctx.command.groups(ctx)[GLOBAL])
    return formatter.getvalue()


TOPICS: Final[Mapping[str, Callable[[], str]]] = {
    "options": options_help,
    "exit-codes": lambda: EXIT_CODES,
    "environment": environment,
    "output": output_help,
    "times": lambda: TIMES,
}


class HelpTopic(click.ParamType[str]):
    """A topic or a command, such as `config show`."""

    name = "topic"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        del param
        root = ctx.find_root()
        assert isinstance(root.command, click.Group)
        names = (*TOPICS, *root.command.list_commands(root))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("help", cls=Command, examples=("zvol help recover", "zvol help exit-codes"))
@click.argument("topic", type=HelpTopic(), nargs=-1, metavar="[TOPIC|COMMAND]")
@global_options
@pass_context
def command(context: AppContext, topic: tuple[str, ...]) -> Exit:
    """Explain a command or a topic: options, exit-codes, environment, output or times."""
    del context
    is_topic = len(topic) == 1 and topic[0] in TOPICS
    click.echo(TOPICS[topic[0]]() if is_topic else _command_help(topic) + "\n", nl=False)
    return Exit.OK


def _command_help(names: Sequence[str]) -> str:
    """Return the help of a command, such as `config show`; raises UsageError for an unknown one."""
    context = click.get_current_context().find_root()
    for name in names:
        group = context.command
        found = group.get_command(context, name) if isinstance(group, click.Group) else None
        if found is None:
            commands = group.list_commands(context) if isinstance(group, click.Group) else []
            known = commands if context.parent else [*TOPICS, *commands]
            what = "command" if context.parent else "topic or command"
            raise click.UsageError(f"No such {what} '{name}'.{suggestion(name, known)}")
        context = click.Context(found, info_name=name, parent=context)
    return context.get_help()
