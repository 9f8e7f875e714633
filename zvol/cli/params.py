"""The values people type: what is accepted, and what is refused before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from zvol.errors import UsageProblem
from zvol.render.formats import FORMATS
from zvol.text import did_you_mean, escape_terminal, fold_uuid, has_control, not_a_duration, parse_duration

if TYPE_CHECKING:
    from typing import TextIO

    from click.shell_completion import CompletionItem

MOST: Final = 100_000
"""VOLUMEs of one run."""
MOST_BYTES: Final = 16 << 20
"""Of standard input."""
LONGEST: Final = 100_000
"""Characters of a VOLUME; no name on a ZStack is longer than 255, but that is for the look-up to say."""
CHUNK: Final = 1 << 16
NAMED: Final = 20
"""The most mistakes that are named."""
SHOWN: Final = 40
"""The most characters shown of each."""
SPLIT: Final = "Give them in several runs, or choose with filters such as --deleted-since, or --all."


@dataclass(frozen=True, slots=True)
class VolumeArgument:
    """A VOLUME argument: as typed, and its UUID unless it is a name.

    `shown` is the lastOpDate that it had in the list that chose it.
    """

    text: str
    uuid: str | None
    shown: str | None = None


class Duration(click.ParamType[float]):
    """`90s`, `5m`, `1h30m`."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        seconds = parse_duration(value)
        if not seconds:
            self.fail(f"{not_a_duration(value)}.", param, ctx)
        return seconds


class Format(click.ParamType[str]):
    """An output format."""

    name = "format"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in FORMATS:
            guess = did_you_mean(value, FORMATS, sentence=True)
            self.fail(f"{escape_terminal(value)!r} is not one of {', '.join(FORMATS)}.{guess}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


class Tag(click.ParamType[str]):
    """A tag that zvol sends as it is; tags that change what the call does are refused."""

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


class Profile(click.ParamType[str]):
    """The name of a profile; only names that no shell takes for anything else are offered for completion."""

    name = "profile"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        import os

        from click.shell_completion import CompletionItem

        from zvol.config.paths import config_file
        from zvol.config.profiles import load
        from zvol.errors import ZvolError

        del ctx, param
        try:
            path, _ = config_file(None, os.environ)
            names = load(path).profiles if path is not None else {}
        except ZvolError:
            return []
        plain = (name for name in names if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@-]*", name))
        return [CompletionItem(name) for name in plain if name.startswith(incomplete)]


class Count(click.ParamType[int]):
    """A whole number in ASCII digits, from `least` to `most`; Python itself reads the digits of every script."""

    name = "number"

    def __init__(self, least: int, most: int = 999_999_999) -> None:
        self.least, self.most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = int(value) if re.fullmatch(r"[0-9]{1,9}", str(value)) else -1
        if not self.least <= number <= self.most:
            self.fail(f"{escape_terminal(str(value))!r} is not a number from {self.least} to {self.most}.", param, ctx)
        return number


class Seconds(click.ParamType[float]):
    """Seconds, perhaps with a fraction."""

    name = "seconds"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", str(value)):
            self.fail(
                f"{escape_terminal(str(value))!r} is not a number of seconds from 0 to 9999, such as 0.12.", param, ctx
            )
        return float(value)


class Zone(click.ParamType[str]):
    """A time zone that this machine knows."""

    name = "zone"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            self.fail(
                f"{escape_terminal(value)!r} is no time zone that this machine knows, such as Asia/Shanghai.",
                param,
                ctx,
            )
        return value


DURATION: Final = Duration()
PROFILE: Final = Profile()
OUTPUT: Final = Format()
TAG: Final = Tag()
CONCURRENCY: Final = Count(1, 64)


def read_volumes(arguments: Sequence[str], stdin: TextIO | None) -> list[VolumeArgument]:
    """Return the volumes of the arguments, `-` being standard input, each once and in the order asked.

    Raises UsageProblem that names what cannot be a VOLUME, or for more than MOST of them or MOST_BYTES of input.
    """
    found: dict[str, VolumeArgument] = {}
    bad: list[str] = []
    wrong = 0
    for number, (where, text) in enumerate(_texts(arguments, stdin)):
        if number == MOST:
            raise UsageProblem(f"more than {MOST:,} VOLUMEs were given; nothing was sent", hint=SPLIT)
        if not text.strip() or len(text) > LONGEST or has_control(text):
            wrong += 1
            if wrong <= NAMED:
                bad.append(f"{where} ('{text if len(text) <= SHOWN else text[:SHOWN] + '...'}')")
            continue
        uuid = fold_uuid(text)
        found.setdefault(uuid or text, VolumeArgument(text, uuid))
    if bad:
        more = f", and {wrong - NAMED:,} more" if wrong > NAMED else ""
        why = f"a VOLUME is empty, holds a control character or has more than {LONGEST:,} characters"
        raise UsageProblem(f"{why}; nothing was sent: {', '.join(bad)}{more}")
    return list(found.values())


def _texts(arguments: Sequence[str], stdin: TextIO | None) -> Iterator[tuple[str, str]]:
    """Yield where and what; each line of standard input is a VOLUME, an empty one a mistake."""
    for number, argument in enumerate(arguments, 1):
        if argument != "-":
            yield f"argument {number}", argument
            continue
        if stdin is None:
            raise click.UsageError("standard input is closed, and `-` was to be read from it")
        for line, text in enumerate(_lines(stdin), 1):
            yield f"line {line}", text.removesuffix("\r")


def _lines(stdin: TextIO) -> Iterator[str]:
    """Yield the lines of standard input as they come; raises UsageProblem when it is longer than MOST_BYTES."""
    size, begun = 0, list[str]()
    while part := _read(stdin):
        size += len(part.encode("utf-8", "surrogatepass"))
        if size > MOST_BYTES:
            text = f"standard input is longer than {MOST_BYTES >> 20} MiB; nothing was sent"
            raise UsageProblem(text, hint=SPLIT)
        first, *others = part.split("\n")
        begun.append(first)
        if others:
            yield "".join(begun)
            yield from others[:-1]
            begun = others[-1:]
    if last := "".join(begun):
        yield last


def _read(stdin: TextIO) -> str:
    try:
        return stdin.read(CHUNK)
    except (UnicodeDecodeError, OSError, ValueError) as exc:
        raise click.UsageError(f"standard input cannot be read: {exc}") from exc
