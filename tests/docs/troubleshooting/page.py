"""The page docs/troubleshooting.md: by exit code, then by message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.docs.troubleshooting.collect import Found
from tests.docs.troubleshooting.program import ROOT
from tests.docs.troubleshooting.readings import NO_WORDS, PLAINLY, READINGS, Reading, Words
from tests.docs.troubleshooting.row import find
from tests.docs.troubleshooting.rows import ELSEWHERE, GROUPS, HIDDEN
from tests.docs.troubleshooting.texts import Hole, Part, Text
from zvol.cli.help_command import MEANINGS
from zvol.errors import Exit

PAGE: Final[Path] = ROOT / "docs" / "troubleshooting.md"
TOP: Final = """\
# Troubleshooting

zvol prints `zvol: error: …` with what went wrong, then what to do. This page says the same at more length:
first [by exit code](#by-exit-code) (`echo $?`), then [by message](#by-message).

In a hurry?
* `zvol list` shows what can still be recovered, and how long it is safe.
* Exit code 3: run `zvol resume`, and delete nothing before that.
* Anything about the host, the session or a certificate: run `zvol doctor`.
* With `-v`, zvol prints every request with its answer and its time; secrets are left out.

This page is generated from the source by `python -m tests.docs.troubleshooting`. A test provokes the messages below
through the command.

## By exit code

| code | means | what to do |
| --- | --- | --- |
"""
DO: Final = {
    Exit.OK: "Nothing. Warnings on stderr may name something that is left to you, such as attaching the volume.",
    Exit.FAILED: "Read the message: nothing more will happen by itself. The server's own words are below it.",
    Exit.USAGE: "Correct the command or the configuration. Nothing was sent, so nothing has changed.",
    Exit.UNKNOWN: "Run `zvol resume`. It finds out, and finishes. Do not delete or recover by hand before that.",
    Exit.AUTH: "Get a new session (`zvol login`), then run the command again. After a recovery: `zvol resume`.",
    Exit.UNREACHABLE: "Check host and network with `zvol doctor`, then run the command again: it is safe.",
    Exit.BUSY: "Wait for the other run, or look at it with `zvol runs`. Then run the command again.",
    Exit.LOCAL: "Make room or correct the permissions, then run `zvol resume`. The message names the file.",
    Exit.CONTRADICTED: "Look with `zvol show`, then ask the administrator of the cloud: the server's record is wrong.",
    Exit.UNTRUSTED: "Do not work around it before you know why; the message names certificate, address or setting.",
    Exit.EXPIRING: "Recover what you need now: the list is most urgent first.",
    Exit.BUG: "Run it again with `--debug` and report what it prints. If something was sent: `zvol resume`.",
    Exit.SIGHUP: "Run `zvol resume` if the last line says so.",
    Exit.SIGINT: "Run `zvol resume` if the last line says so.",
    Exit.READER_GONE: "Nothing. A program such as `head` had read enough.",
    Exit.SIGTERM: "Run `zvol resume` if the last line says so.",
}
MIDDLE: Final = """
Several at once: the most severe one is the exit code, and the messages say which volume had which.

## By message

Words in capitals stand for what differs, such as NAME or PATH; what is in brackets is not always there. Search for the
other words.
"""
BELOW: Final = "one of these, which zvol says with it"
MAX_CHOICES: Final = 3
MAX_LENGTH: Final = 60
PLAIN: Final = {
    "argument": "VOLUME",
    "did you mean": "",
    "done": "match",
    "doubt": "leads through a link that others can change",
    "hint": "",
    "listing": "zvol list",
    "removed": "deleted",
    "volume or VM": "volume",
}
"""What is written in the place of a word."""
CAPITALS: Final = {
    "…": "reason",
    "args": "word",
    "as glob": "pattern",
    "as uri": "path",
    "asked to wait": "number",
    "age": "number",
    "change": "uuid",
    "close to": "name",
    "count": "number",
    "enumerated": "formats",
    "expect": "number",
    "explain": "date",
    "filter": "zone",
    "find doubts": "reason",
    "first": "text",
    "folder": "path",
    "formats": "table, json, …",
    "geteuid": "user",
    "getattr": "reason",
    "id": "run",
    "kind names": "what it is",
    "known": "columns",
    "least": "number",
    "key": "setting",
    "ledger": "path",
    "login names": "variables",
    "lost": "run",
    "max bytes": "number",
    "message": "reason",
    "min": "number",
    "monotonic": "number",
    "most": "number",
    "name of": "name",
    "named": "text",
    "next": "status",
    "not known": "reason",
    "one": "something else",
    "other": "settings",
    "others": "settings",
    "rc": "path",
    "rpartition": "name",
    "rstrip": "reason",
    "runs": "run",
    "session names": "variable",
    "shown": "",
    "some names": "names",
    "source": "place",
    "submit reason": "reason",
    "summary": "results",
    "done": "match",
    "stamp": "date",
    "text": "text",
    "unsure": "reason",
    "verify message": "reason",
    "vm": "uuid",
    "wait": "number",
    "what": "something",
    "why not": "reason",
    "with name": "path",
}
"""Words for what differs, where the name in the source says little to a reader."""
END: Final = """
### Rare
These come only when several things go wrong at once.

"""


def page(errors: Sequence[Found]) -> str:
    """Return the text of the page about these errors."""
    codes = "".join(f"| {int(code)} | {meaning} | {DO[code]} |\n" for code, meaning in MEANINGS.items())
    parts = [TOP, codes, MIDDLE]
    words = {id(find(one.error, errors)): one for one in READINGS}
    said: set[str] = set()

    def items(found: Iterable[tuple[Found, int, str]]) -> list[str]:
        made = (item(error, code, when, words.get(id(error), PLAINLY)) for error, code, when in found)
        return sorted(dict.fromkeys(made), key=_order)

    for group in GROUPS:
        found = {find(key, errors).shown: (find(key, errors), row) for row in group.rows for key in row.keys}
        here = [(error, row.code, row.when) for error, row in found.values() if error.shown not in said]
        said |= found.keys()
        parts += [f"\n### {group.title}\n{group.intro}\n\n", *items(here)]
    rest = [(find(one.error, errors), one.code, one.when) for one in ELSEWHERE]
    rest += [(find(one.error, errors), one.code, "") for one in HIDDEN if one.error not in said]
    return "".join([*parts, END, *items(rest)])


def item(error: Found, code: int, when: str, reading: Reading) -> str:
    """Return a message with when it comes, what to do, and its exit code; a warning has none."""
    message = readable(error.message, reading.words).replace("`", "'")
    first = f"* `{message}`{f' (exit {code})' if code else ''}"
    hints = list(dict.fromkeys(_hints(error, reading.of_hints)))
    lines = [when] if when else []
    if hints:
        lines.append(f"**Do:** {hints[0]}" if len(hints) == 1 else f"**Do** {BELOW}:")
    text = "<br>\n  ".join((first, *lines)) + "\n"
    return text + "".join(f"    - {hint}\n" for hint in hints if len(hints) > 1)


def _hints(error: Found, words: Words) -> Iterator[str]:
    for hint in error.hints:
        if re.sub(r"[^a-z]", "", re.sub(r"\b[A-Z-]+\b", "", readable(hint))):
            yield readable(hint, words)


def readable(text: Text, words: Words = NO_WORDS) -> str:
    """Write a template for people: what differs in capitals or as `words` say, what is not always there in brackets."""
    found = " ".join("".join(_readable(part, words) for part in text).split(" ")).strip()
    return re.sub(r"\b([A-Z]{3,})\1\b", r"\1", found)


def _readable(part: Part, words: Words) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Hole):
        known = words.get(part.word, PLAIN.get(part.word))
        return CAPITALS.get(part.word, part.word).upper().replace(" ", "-") if known is None else known
    there = [text for text in part.texts if text]
    holes = (text for text in there if len(text) == 1 and isinstance(text[0], Hole))
    texts = list(dict.fromkeys(readable(text, words) for text in holes))
    texts = texts or list(dict.fromkeys(readable(text, words) for text in there))
    one = max((text for text in texts if len(text) <= MAX_LENGTH), key=len, default="…")
    if len(there) < len(part.texts):
        apart = " " if all(isinstance(text[0], str) and text[0].startswith(" ") for text in there) else ""
        return f"{apart}[{one}]" if len(texts) == 1 and one != "…" else "…" if len(texts) > MAX_CHOICES else ""
    return "|".join(texts) if len(texts) <= MAX_CHOICES and not any(" " in text for text in texts) else one


def _order(text: str) -> str:
    """Return what an item is sorted by: its words, without what differs."""
    return re.sub(r"[^a-z ]", "", re.sub(r"[A-Z-]{3,}", "", text).lower()).strip()


def uncovered(errors: Sequence[Found]) -> list[str]:
    """Return the errors that nothing provokes and no list excuses."""
    known = {find(key, errors).shown for group in GROUPS for row in group.rows for key in row.keys}
    known |= {find(one.error, errors).shown for one in (*ELSEWHERE, *HIDDEN)}
    return [error.shown for error in errors if error.shown not in known]
