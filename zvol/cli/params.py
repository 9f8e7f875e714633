"""The types of options and VOLUME arguments; invalid values are refused before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from zvol.cli.app_context import AppContext
from zvol.config.kinds import ValueKind
from zvol.errors import InvalidValue, UsageProblem
from zvol.text import escape_terminal, fold_uuid, has_control

if TYPE_CHECKING:
    from typing import TextIO

    from click.shell_completion import CompletionItem

    from zvol.model import VolumeArgument

MAX_VOLUMES: Final = 100_000
"""Maximum number of VOLUMEs in one run."""
MAX_LENGTH: Final = 100_000
"""Maximum characters of a VOLUME; ZStack names have at most 255, so a longer name is not found."""
MAX_NAMED: Final = 20
"""Maximum number of mistakes in a message."""
MAX_SHOWN: Final = 40
"""Maximum characters of each mistake."""


class SettingType(click.ParamType[Any]):
    """A value of the same kind as a setting, checked as in the configuration file."""

    name = "value"

    def __init__(self, kind: ValueKind) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            found = self.kind.read(value)
        except InvalidValue as exc:
            reason = str(exc)
        else:
            return found
        return self.fail(f"{escape_terminal(str(value))!r} {reason}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(name) for name in self.kind.choices if name.startswith(incomplete)]


class Tag(click.ParamType[str]):
    """A tag that is sent unchanged; a tag that would change the effect of the request is refused."""

    name = "tag"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        folded = value.strip().lower()
        if not folded or has_control(value):
            self.fail("a tag must not be empty or hold a control character.", param, ctx)
        if folded == "validationonly" or folded.startswith(("ephemeral::", "replay::")):
            self.fail(
                f"{escape_terminal(value)!r} changes what the server does; zvol does not send it (see --dry-run).",
                param,
                ctx,
            )
        return value


class Suggested(click.ParamType[str]):
    """A text with completion from a source of `cli.suggestions`."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self._source = name, source

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from zvol.cli.suggestions import suggest

        context, given = ctx.find_object(AppContext), ctx.params.get(param.name or "")
        if context is None:
            return []
        found = suggest(self._source, context, incomplete, given if isinstance(given, tuple) else ())
        return [CompletionItem(value, help=text) for value, text in found]


class ColumnKeys(click.ParamType[str]):
    """Columns, separated by commas; completion offers those of volumes and VMs."""

    name = "columns"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from zvol.render.columns import VMS, VOLUMES

        del param
        known = VMS.known if ctx.params.get("vms") or ctx.params.get("vm") else VOLUMES.known
        before, comma, last = incomplete.rpartition(",")
        others = before.split(",")
        help = [] if comma else [CompletionItem("help", help="list the columns")]
        columns = (one for one in known.values() if one.key not in others)
        found = [CompletionItem(before + comma + one.key, help=one.help) for one in columns]
        return [one for one in (*found, *help) if one.value.startswith(before + comma + last)]


class FileName(click.ParamType[str]):
    """A file name, which the shell completes itself."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(incomplete, type="file")]


class Count(click.ParamType[int]):
    """A whole number from `least` to `most`, in ASCII digits only, although `int` accepts digits of every script."""

    name = "number"

    def __init__(self, least: int, most: int = 999_999_999) -> None:
        self.least, self.most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = int(value) if re.fullmatch(r"[0-9]{1,9}", str(value)) else -1
        if not self.least <= number <= self.most:
            self.fail(f"{escape_terminal(str(value))!r} is not a number from {self.least} to {self.most}.", param, ctx)
        return number


PROFILE: Final = Suggested("profile", "profiles")
RUN: Final = Suggested("run", "runs")
DELETED_VOLUME: Final = Suggested("volume", "deleted_volumes")
DETACHED_VOLUME: Final = Suggested("volume", "detached_volumes")
DESTROYED_VM: Final = Suggested("vm", "destroyed_vms")
TAG: Final = Tag()


def read_volumes(
    arguments: Sequence[str], stdin: TextIO | None, *, what: str = "VOLUME", where: str = "argument"
) -> list[VolumeArgument]:
    """Return the distinct volumes of the arguments in their order; `-` reads standard input.

    `what` is what messages call an argument, and `where` its place. Raises UsageProblem, naming them, for texts that
    cannot be a volume; also for more than MAX_VOLUMES or MAX_BYTES.
    """
    from zvol.model import VolumeArgument

    found: dict[str, VolumeArgument] = {}
    wrong: list[VolumeArgument] = []
    for number, (place, text) in enumerate(_texts(arguments, stdin, where)):
        if number == MAX_VOLUMES:
            from zvol.cli.list_input import SPLIT

            raise UsageProblem(f"more than {MAX_VOLUMES:,} {what}s were given; nothing was sent", hint=SPLIT)
        if not text.strip() or len(text) > MAX_LENGTH or has_control(text):
            wrong.append(VolumeArgument(text[:MAX_LENGTH], place=place))
            continue
        uuid = fold_uuid(text)
        found.setdefault(uuid or text, VolumeArgument(text, uuid, place="" if uuid else place))
    if wrong:
        _refuse(wrong, what)
    return list(found.values())


def _refuse(wrong: Sequence[VolumeArgument], what: str) -> NoReturn:
    """Raise UsageProblem for texts that cannot be VOLUMEs."""
    from zvol.catalog.lookalikes import refusal
    from zvol.cli import list_input

    for one in wrong:
        if one.listed:
            list_input.check_line(one.place, one.text)
    if problem := refusal(wrong, what=what):
        raise problem
    named = [
        f"{one.place} ('{one.text if len(one.text) <= MAX_SHOWN else one.text[:MAX_SHOWN] + '...'}')"
        for one in wrong[:MAX_NAMED]
    ]
    more = f", and {len(wrong) - MAX_NAMED:,} more" if len(wrong) > MAX_NAMED else ""
    why = f"a {what} is empty, holds a control character or has more than {MAX_LENGTH:,} characters"
    raise UsageProblem(f"{why}; nothing was sent: {', '.join(named)}{more}", hint=_line_ends(wrong))


def _line_ends(wrong: Sequence[VolumeArgument]) -> str:
    """Return how to remove carriage returns and NULs, which some programs put at the ends of lines."""
    if any("\0" in one.text for one in wrong):
        return r"A NUL ends a name for `xargs -0`; make lines of them: tr '\0' '\n'"
    if any(one.text.endswith("\r") and not one.listed for one in wrong):
        return r"A carriage return is there where a script has the line ends of Windows: sed -i 's/\r$//' SCRIPT"
    return r"Make lines of carriage returns: tr '\r' '\n'" if any("\r" in one.text for one in wrong) else ""


def _texts(arguments: Sequence[str], stdin: TextIO | None, where: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of each VOLUME; each line of standard input is one, even an empty line."""
    for number, argument in enumerate(arguments, 1):
        if argument != "-":
            yield f"{where} {number}", argument
            continue
        if stdin is None:
            raise click.UsageError("standard input is closed, and `-` was to be read from it")
        yield from _lines(stdin)


def _lines(stdin: TextIO) -> Iterator[tuple[str, str]]:
    from zvol.cli.list_input import lines
    from zvol.model import LINE

    for line, text in enumerate(lines(stdin), 1):
        yield f"{LINE}{line}", text.removesuffix("\r")
