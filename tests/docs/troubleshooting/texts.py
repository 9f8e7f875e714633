"""Messages as templates: what is the same each time, what differs, and what is not always there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

MAX_SHOWN: Final = 3
"""The most choices that are written out within a message."""
MAX_LENGTH: Final = 40
"""The most characters of each."""


@dataclass(frozen=True, slots=True)
class Hole:
    """What differs each time, with the word that stands for it."""

    word: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Several texts, of which one is there."""

    texts: tuple[Text, ...]


Part = str | Hole | Choice
Text = tuple[Part, ...]
EMPTY: Final[Text] = ()


def text_of(*parts: Part) -> Text:
    """Join parts, and neighbouring strings into one."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return tuple(found)


def choice(texts: list[Text]) -> Text:
    """Return a text that is one of several."""
    flat = [one for text in texts for one in _alternatives(text)]
    different = list(dict.fromkeys(flat))
    return different[0] if len(different) == 1 else (Choice(tuple(different)),)


def _alternatives(text: Text) -> tuple[Text, ...]:
    """Return the choices of a text that is nothing else, otherwise the text."""
    return text[0].texts if len(text) == 1 and isinstance(text[0], Choice) else (text,)


def shown(text: Text) -> str:
    """Write a template for people: {what differs}, [what is not always there], {one or another}."""
    return "".join(_shown(part) for part in text)


def _shown(part: Part) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Hole):
        return f"{{{part.word}}}"
    texts = [shown(text) for text in part.texts]
    there = [text for text in texts if text]
    optional = len(there) < len(texts)
    if len(there) > MAX_SHOWN or max(map(len, there)) > MAX_LENGTH:
        return "[…]" if optional else there[0]
    if len(there) == 1:
        return f"[{there[0]}]"
    inner = " | ".join(there)
    return f"[{inner}]" if optional else f"{{{inner}}}"


def literal(text: Text) -> int:
    """Return how many letters of a template are the same each time."""
    return sum(_literal(part) for part in text)


def _literal(part: Part) -> int:
    if isinstance(part, str):
        return len(re.findall(r"\w", part))
    return min(map(literal, part.texts)) if isinstance(part, Choice) else 0


def pattern(text: Text) -> str:
    """Return the regular expression of all texts that a template can become."""
    return "".join(_pattern(part) for part in text)


def _pattern(part: Part) -> str:
    if isinstance(part, str):
        return re.escape(part)
    if isinstance(part, Hole):
        return ".*?"
    return f"(?:{'|'.join(pattern(text) for text in part.texts)})"


def written_out(text: Text, limit: int = 16) -> Iterator[Text]:
    """Yield a template once for each of its outermost choices."""
    ways = [[(part,)] if not isinstance(part, Choice) else [*part.texts] for part in text]
    for parts in islice(product(*ways), limit):
        yield text_of(*(part for inner in parts for part in inner))
