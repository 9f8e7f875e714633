"""docs/compatibility.md says what the client's table of releases says."""

from __future__ import annotations

import pytest

from tests.docs import compatibility
from zvol.zstack.versions import FACTS, Evidence, Feature, Release


def test_the_page_is_what_the_table_says() -> None:
    assert compatibility.PAGE.read_text() == compatibility.page(), "run: python -m tests.docs.compatibility"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def rows(head: str = "|") -> dict[str, dict[str, str]]:
    """Return the cells of the table whose head begins so, by default the first, by row and column."""
    lines = [line.strip() for line in compatibility.PAGE.read_text().splitlines()]
    begin = next(number for number, line in enumerate(lines) if line.startswith(head))
    end = next(number for number in range(begin, len(lines)) if not lines[number].startswith("|"))
    columns = cells(lines[begin])[1:]
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in map(cells, lines[begin + 2 : end])}


@pytest.mark.parametrize(
    ("feature", "column", "mark"),
    [
        (Feature.API_TIMEOUT, "3.1", "no"),
        (Feature.API_TIMEOUT, "3.2", "yes"),
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


def test_what_is_inferred_is_said_of_single_facts_only() -> None:
    inferred = {name for name, cells in rows("| feature").items() if cells["known"] == "inferred"}
    assert inferred == {Feature.ACCESS_KEYS.value, Feature.ENGLISH_KEY_DATES.value}
    assert "inferred" not in " ".join(rows()["how it is known"].values())


def test_what_holds_on_every_release_is_no_row() -> None:
    text = " ".join(compatibility.PAGE.read_text().split())
    assert "Removing the host of a local storage removes its volumes" in text
    assert "Copies of a request that arrive together may all be accepted" in text
    assert not any("host" in name for name in rows())


def test_what_the_sentences_say_for_the_command_line() -> None:
    facts = {name: cells["without it"] for name, cells in rows("| feature").items()}
    zone, last_vm = facts[Feature.TIME_ZONE.value], facts[Feature.LAST_VM_AFTER_DESTROY.value]
    assert "up to 5 seconds longer for an administrator" in zone
    assert "Access keys always need `timezone`" in zone
    assert "`recover --vm --reattach` only names the data volumes of a VM" in last_vm


def test_the_newest_numbers_that_were_read_are_listed() -> None:
    text = " ".join(compatibility.PAGE.read_text().split())
    for read in ("2.3.2, 2.4.0.1,", " 4.4.65,", " 4.8.22, 4.10.0, 5.0.0,", " 5.3.0."):
        assert read in text
        assert Release.parse(read.split()[-1].strip(",.")).evidence in (Evidence.READ, Evidence.TRIED)


def test_the_page_has_each_sentence_of_doctor() -> None:
    text = compatibility.PAGE.read_text()
    for number in ("2.3", "3.0", "3.1", "4.4", "4.10.0", "4.8.99", "6.0"):
        release = Release.parse(number)
        assert release.notes()
        assert all(note in text for note in release.notes())
    assert all(word in text for word in Evidence)
    assert all(fact.source in text for fact in FACTS)
