"""docs/compatibility.md says what the client's table of releases says."""

from __future__ import annotations

import pytest

from tests.docs import compatibility
from zvol.zstack.versions import FACTS, Evidence, Feature, Release


def test_the_page_is_what_the_table_says() -> None:
    assert compatibility.PAGE.read_text() == compatibility.page(), "run: python -m tests.docs.compatibility"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def rows() -> dict[str, dict[str, str]]:
    """Return the cells of the first table by row and column."""
    lines = [line.strip() for line in compatibility.PAGE.read_text().splitlines()]
    begin = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next(number for number in range(begin, len(lines)) if not lines[number].startswith("|"))
    columns = cells(lines[begin])[1:]
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in map(cells, lines[begin + 2 : end])}


@pytest.mark.parametrize(
    ("feature", "column", "mark"),
    [
        (Feature.QUEUE_TIMEOUT, "3.2", "slower"),
        (Feature.QUEUE_TIMEOUT, "3.7", "yes"),
        (Feature.DUPLICATE_CHECK, "3.0", "-"),
        (Feature.DUPLICATE_CHECK, "3.1", "no"),
        (Feature.DUPLICATE_CHECK, "4.4", "no"),
        (Feature.DUPLICATE_CHECK, "4.5", "yes"),
        (Feature.DUPLICATE_CHECK, "ZSphere 4.10", "yes"),
        (Feature.LAST_VM_AFTER_DESTROY, "4.1", "-"),
        (Feature.LAST_VM_AFTER_DESTROY, "ZSphere 4.0", "no"),
        (Feature.LAST_VM_AFTER_DESTROY, "ZSphere 4.1-4.3", "yes"),
        (Feature.USERS, "4.8", "yes"),
        (Feature.USERS, "ZSphere 4.10", "no"),
    ],
)
def test_what_a_reader_finds(feature: Feature, column: str, mark: str) -> None:
    assert rows()[feature.value][column] == mark


def test_how_it_is_known() -> None:
    known = rows()["how it is known"]
    assert {column: text for column, text in known.items() if "tried" in text} == {
        "3.10": "read in source; tried: 3.10.40",
        "4.4": "read in source; tried: 4.4.65",
        "4.8": "read in source; tried: 5.2.1",
        "ZSphere 4.10": "read in source; tried: 4.10.0",
    }


def test_the_page_has_each_sentence_of_doctor() -> None:
    text = compatibility.PAGE.read_text()
    for number in ("2.3", "3.0", "3.1", "4.4", "4.10.0", "6.0"):
        release = Release.parse(number)
        assert release.notes()
        assert all(note in text for note in release.notes())
    assert all(word in text for word in Evidence)
    assert all(fact.source in text for fact in FACTS)
