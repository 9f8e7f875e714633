"""Writes docs/compatibility.md from the client's table of releases: `python -m tests.docs.compatibility`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from zvol.zstack.versions import (
    CAREFUL,
    FACTS,
    LATER,
    NEWER,
    NEWEST,
    NEWEST_READ,
    OLDEST,
    TRIED,
    ZSPHERE,
    ZSPHERE_BASES,
    Effect,
    Evidence,
    Fact,
    Numbers,
    Release,
)

PAGE: Final = Path(__file__).parents[2] / "docs" / "compatibility.md"
Column = tuple[str, Release]
"""The heading of a group of releases that do the same, and one of them."""

TOP: Final = """\
# Compatibility

zvol works with ZStack {oldest} to {newest} and with ZSphere 4.0 to 4.10. Outcomes and exit codes are correct on all of
them, and an undisturbed recovery takes the same time and the same requests. The differences are below. `zvol doctor`
shows those of your server: its release, how its behaviour is known, and what is slower or missing.

This page is generated from `zvol/zstack/versions.py` by `python -m tests.docs.compatibility`.

## What works where
A column covers its release and those before the next column; the last one of ZStack ends with {newest}. `-` means that
the feature makes no difference: something that it needs is missing, too, or the server prevents the problem otherwise.

"""
MEANING: Final = """
These work on all releases: `list`, `show`, `recover`, `resume`, `attach` with a VM, tags, `login`, `logout`, `whoami`
and `runs`.

Known limits of every release (both were tried on 5.2.1):
* Removing the host of a local storage removes its volumes, including deleted ones. They cannot be recovered.
* Copies of a request that arrive together may all be accepted, from 3.1 on. zvol sends no copies; a proxy could.

| term | meaning |
| --- | --- |
| tried | zvol was run against a running server of exactly this release |
| read in source | the public source of this release was read; no server of it was run |
| inferred | concluded from the public source; the rest is in a closed module, or depends on the server's setup |
| unknown | neither a server nor the source of this release was seen |

## What you notice where it is missing
In the column *known*, *tried* means that running servers on both sides of the change were seen.

"""
NUMBERS: Final = """
## The number that a server reports
A server reports the newest version of its database schema. For some releases that is the number of an earlier one, or a
longer number: 4.7.16 reports 4.7.13, and 3.5.0 reports 3.5.0.1. A ZSphere reports the number of the ZStack that it is
based on, which no other ZStack has:

| ZSphere | reports |
| --- | --- |
"""
UNKNOWN: Final = """
## What is unknown
* Releases newer than ZStack {newest} or ZSphere 4.10. Lost answers are settled as with {newest}; for everything else
  zvol assumes the worst case. `zvol doctor` calls them unknown and says: {newer}
* Numbers between {oldest} and {newest} whose source was not read: later ones than the newest of their line below, and
  other lines. `zvol doctor` calls them unknown and says: {later} The newest numbers that were read: {read}.
* Releases older than ZStack {oldest}, and servers whose version cannot be read. zvol assumes the worst case for
  everything; `zvol doctor` calls them unknown and says: {careful}
* Closed modules of any release, such as access keys, login control and IAM2. They were not read, and a module could
  even replace the deletion policy.
* ZSphere 4.0.0 and 4.0.1 report the same number; zvol treats both as 4.0.0.
"""


def page() -> str:
    """Return the text of the page."""
    columns = [*cloud(), *zsphere()]
    bases = [[version, ", ".join(told)] for version, told in told_by_zsphere()]
    facts = [[str(fact.feature.value), since(fact), fact.without, fact.source, str(fact.evidence)] for fact in FACTS]
    limits = {"oldest": dotted(OLDEST), "newest": dotted(NEWEST)}
    parts = [
        TOP.format(**limits),
        *table(["", *(name for name, _ in columns)], matrix(columns)),
        MEANING,
        *table(["feature", "since", "without it", "source", "known"], facts),
        NUMBERS + "".join(f"| {version} | {told} |\n" for version, told in bases),
        UNKNOWN.format(**limits, careful=CAREFUL, newer=NEWER, later=LATER, read=", ".join(map(dotted, NEWEST_READ))),
    ]
    return "".join(parts)


def cloud() -> Iterator[Column]:
    """Yield the releases of ZStack with which something changes."""
    starts = {OLDEST, *(fact.since for fact in FACTS), *(fact.noted_from for fact in FACTS)} - {()}
    for start in sorted(starts):
        yield dotted(start), Release.parse(dotted(start))


def zsphere() -> Iterator[Column]:
    """Yield the releases of ZSphere, those that do the same together."""
    releases = [*(Release.parse(dotted(told)) for told in ZSPHERE_BASES), Release.parse(f"{dotted(ZSPHERE)}.0")]
    groups: list[list[Release]] = [[releases[0]]]
    for before, release in pairwise(releases):
        if [before.lacks(fact) for fact in FACTS] == [release.lacks(fact) for fact in FACTS]:
            groups[-1].append(release)
        else:
            groups.append([release])
    for group in groups:
        first, last = (".".join((one.zsphere or "").split(".")[:2]) for one in (group[0], group[-1]))
        yield f"ZSphere {first}" + (f"-{last}" if last != first else ""), group[0]


def matrix(columns: Sequence[Column]) -> Iterator[list[str]]:
    for fact in FACTS:
        yield [str(fact.feature.value), *(mark(fact, release) for _, release in columns)]
    yield ["how it is known", *(known(release, columns) for _, release in columns)]


def mark(fact: Fact, release: Release) -> str:
    if release.has(fact.feature):
        return "yes"
    return ("slower" if fact.effect is Effect.SLOWER else "no") if release.lacks(fact) else "-"


def known(group: Release, columns: Sequence[Column]) -> str:
    """Return how the releases of a column are known, and which of them were tried."""

    def group_of(tried: Release) -> Release:
        same = [one for _, one in columns if (one.zsphere is None) is (tried.zsphere is None)]
        return max(
            (one for one in same if (one.numbers or ()) <= (tried.numbers or ())), key=lambda one: one.numbers or ()
        )

    tried = [dotted(numbers) for numbers in TRIED if group_of(Release.parse(dotted(numbers))) is group]
    return f"{Evidence.READ}" + (f"; {Evidence.TRIED}: {', '.join(tried)}" if tried else "")


def told_by_zsphere() -> Iterator[tuple[str, list[str]]]:
    for version in dict.fromkeys(ZSPHERE_BASES.values()):
        yield version, [dotted(told) for told, named in ZSPHERE_BASES.items() if named == version]
    yield dotted(ZSPHERE), [f"{dotted(ZSPHERE)}.0"]


def since(fact: Fact) -> str:
    return f"ZStack {dotted(fact.since)}" if fact.since else f"always, but not on ZSphere {dotted(fact.gone or ())}"


def dotted(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))


def table(headers: Sequence[str], rows: Iterator[list[str]] | Sequence[list[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    for row in (headers, ["---"] * len(headers), *rows):
        yield f"| {' | '.join(row)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
