"""Standard input as a list of VOLUMEs, and the errors for input that is not one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from zvol.errors import UsageProblem

if TYPE_CHECKING:
    from typing import TextIO

MAX_BYTES: Final = 16 << 20
"""Maximum size of standard input."""
CHUNK: Final = 1 << 16
BOM: Final = "\ufeff"
NEWLINE: Final = b"\n"
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16."""
SPLIT: Final = "Give them in several runs, or choose with filters such as --deleted-since, or --all."

_FILES: Final = (
    (b"PK\x03\x04", "a spreadsheet (.xlsx) or a zip file", "Save the column of the UUIDs as text, without its header."),
    (b"\x1f\x8b", "compressed (gzip)", "Decompress it first: `zcat LIST | zvol recover -`"),
    (b"\xd0\xcf\x11\xe0", "a document of Office", "Save the column of the UUIDs as text, without its header."),
    (b"%PDF-", "a PDF", "A list is a text with one UUID or exact name in each line."),
)
"""First bytes of files that are not text, the kind of file, and what to do."""


def lines(stdin: TextIO) -> Iterator[str]:
    """Yield the lines of standard input, without its BOM; raises UsageProblem for more than MAX_BYTES."""
    size, begun, number = 0, list[str](), 1
    while part := _read(stdin, number):
        if not size:
            _check_begin(part)
        size += len(part.encode("utf-8", "surrogatepass"))
        if size > MAX_BYTES:
            text = f"standard input is longer than {MAX_BYTES >> 20} MiB; nothing was sent"
            raise UsageProblem(text, hint=SPLIT)
        first, *others = (part.removeprefix(BOM) if number == 1 and not begun else part).split("\n")
        begun.append(first)
        if others:
            yield "".join(begun)
            yield from others[:-1]
            begun = others[-1:]
            number += len(others)
    if last := "".join(begun):
        yield last


def check_line(place: str, text: str) -> None:
    """Raise UsageProblem for a line that is not UTF-8."""
    if len(text) > 3 and abs(2 * text.count("\0") - len(text)) <= 3:
        raise _utf16(place)
    if any("\udc80" <= char <= "\udcff" for char in text):
        raise _not_utf8(place)


# ---- details -----------------------------------------------------------------------------------------------------
def _read(stdin: TextIO, number: int) -> str:
    """Return the next part of standard input, which begins in line `number`."""
    try:
        return stdin.read(CHUNK)
    except UnicodeDecodeError as exc:
        if number == 1:
            _check_file(exc.object[:4096])
            if exc.object.startswith(UTF16):
                raise _utf16(wide=exc.object[2:4] == b"\0\0") from exc
        place = f"line {number + exc.object.count(NEWLINE, 0, exc.start)}"
        added = exc.object.startswith(UTF16, exc.start)
        raise (_utf16(place) if added else _not_utf8(place)) from exc
    except (OSError, ValueError) as exc:
        raise click.UsageError(f"standard input cannot be read: {exc}") from exc


def _check_begin(part: str) -> None:
    """Raise UsageProblem for a file that is not text, and for UTF-16 with or without a BOM."""
    _check_file(part[:8].encode("utf-8", "surrogateescape"))
    even, odd = part[:64:2], part[1:64:2]
    if part.startswith(("\udcff\udcfe", "\udcfe\udcff")):
        raise _utf16(wide=part[2:4] == "\0\0")
    if len(part) > 3 and {even.count("\0") / len(even), odd.count("\0") / len(odd)} == {0, 1}:
        raise _utf16()


def _check_file(begin: bytes) -> None:
    for sign, what, hint in _FILES:
        if begin.startswith(sign):
            raise UsageProblem(f"standard input is {what}, not a list; nothing was sent", hint=hint)


def _utf16(place: str = "", *, wide: bool = False) -> UsageProblem:
    if place:
        text = f"{place} of standard input is UTF-16, as >> of Windows PowerShell adds it to any file; nothing was sent"
        return UsageProblem(text, hint="Write the list anew, with `Out-File -Encoding utf8`.")
    name = "UTF-32" if wide else "UTF-16"
    origin = "" if wide else ", as Windows PowerShell and Notepad write it"
    text = f"standard input is {name}{origin}; nothing was sent"
    return UsageProblem(text, hint=f"Convert it first: `iconv -f {name} -t UTF-8 LIST | zvol recover -`")


def _not_utf8(place: str) -> UsageProblem:
    text = f"{place} of standard input is not UTF-8; nothing was sent"
    return UsageProblem(text, hint="Convert the list first, as with `iconv -f GB18030 -t UTF-8`.")
