"""The releases of ZStack: what a number means, and what each one has, on both sides of every boundary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zvol.zstack import versions
from zvol.zstack.versions import FACTS, UNKNOWN_RELEASE, Evidence, Feature, Release

READ = [
    *("2.3.2", "2.6.2", "3.0.1", "3.5.0.1", "3.7.2", "3.8.22", "3.10.0", "3.10.38", "4.0.0", "4.1.6", "4.2.28"),
    *("4.3.32", "4.4.0", "4.4.46.1", "4.5.11", "4.6.32", "4.7.13", "4.7.24", "4.8.22", "5.0.0", "5.1.20", "5.3.0"),
    *("4.7.0.4", "4.8.0.1", "4.8.0.7", "2.3", "5.3", "4.8", "4.10", "3.7.3"),
]
"""3.5.0, 3.7.3, 4.1.8, 4.2.35, 4.3.36, 4.4.46 and 4.7.16 tell the number of another release, as found here."""
RUNNING = ["3.10.40", "4.4.65", "5.2.1", "4.10.0"]
NOT_READ = {
    **{"2.3.3": "2.3.2", "3.10.41": "3.10.40", "4.3.36.1": "4.3.36", "4.4.66": "4.4.65", "4.8.99": "4.8.22"},
    **{"5.1.21": "5.1.20", "5.2.2": "5.2.1", "5.3.40": "5.3.0", "4.9": "4.8.22", "4.9.1": "4.8.22", "2.7": "2.6.2"},
    **{"3.11.0": "3.10.38", "4.8.0.8": "4.8.0.7", "4.7.0.5": "4.7.0.4", "4.10.1": "4.10.0", "4.10.20": "4.10.0"},
}
"""Later patches of a line that was read, and lines that there are not; with the release before."""
NEWER = ["5.4", "5.4.0", "5.10.1", "6.0", "10.0.0.0", "4.11", "4.11.0", "4.20.1"]
OLDER = ["2.2", "2.2.4", "1.10", "0.0"]
UNREADABLE = [
    *("", "5", "5.", ".5", "5.2.1.0.1", "5.2.x", "v5.2.1", "5.2.1 ", " 5.2.1", "5.2.1\n", "5..2", "-5.2", "+5.2.1"),
    *("5,2", "5.2-rc1", "5.2.1_0", "٥.٢", "５.２.１", "1e3.0", "0x5.2", "9" * 5000 + ".1", "\x1b[31m5.2.1", "None"),
]

BOUNDARIES = {
    Feature.SLIDING_SESSIONS: ("2.9.9.9", "3.0"),
    Feature.API_TIMEOUT: ("3.1.3", "3.2.0"),
    Feature.ACCESS_KEYS: ("3.1.3", "3.2.0"),
    Feature.QUEUE_TIMEOUT: ("3.6.9", "3.7.0"),
    Feature.ENGLISH_KEY_DATES: ("3.9.1", "3.10.0"),
    Feature.HALF_EXPUNGED_SHOWN: ("3.10.40", "4.0.0"),
    Feature.TIME_ZONE: ("4.0.99", "4.1"),
    Feature.LAST_VM: ("4.3.36", "4.4.0"),
    Feature.DUPLICATE_CHECK: ("4.4.65", "4.5.0"),
    Feature.LAST_VM_AFTER_DESTROY: ("4.7.24", "4.8.0"),
}


@pytest.mark.parametrize("text", READ)
def test_what_was_read(text: str) -> None:
    release = Release.parse(text)
    assert (release.text, release.evidence) == (text, Evidence.READ)
    assert release.numbers == tuple(map(int, text.split(".")))
    assert all(release.has(feature) is not None for feature in Feature)


@pytest.mark.parametrize("text", RUNNING)
def test_what_was_tried(text: str) -> None:
    assert Release.parse(text).evidence is Evidence.TRIED
    assert Release.parse(f"{text}.1").evidence is Evidence.UNKNOWN


@pytest.mark.parametrize(("text", "before"), NOT_READ.items())
def test_a_number_that_was_not_read_does_what_the_one_before_does(text: str, before: str) -> None:
    release, read = Release.parse(text), Release.parse(before)
    assert (release.evidence, read.evidence is Evidence.UNKNOWN) == (Evidence.UNKNOWN, False)
    assert [release.has(feature) for feature in Feature] == [read.has(feature) for feature in Feature]
    assert release.notes() == [versions.LATER, *read.notes()]


@pytest.mark.parametrize("text", [*UNREADABLE, None])
def test_a_release_that_is_not_known_may_or_may_not_have_anything(text: str | None) -> None:
    release = Release.parse(text)
    assert (release.text, release.evidence, release.zsphere) == (text or "", Evidence.UNKNOWN, None)
    assert {release.has(feature) for feature in Feature} == {None}
    assert release.notes() == [versions.CAREFUL]
    assert release.numbers is None
    assert Release.parse(None) == UNKNOWN_RELEASE


@pytest.mark.parametrize("text", NEWER)
def test_of_a_newer_one_only_the_timeout_is_taken_to_be_as_before(text: str) -> None:
    release = Release.parse(text)
    assert (release.text, release.evidence, release.zsphere) == (text, Evidence.UNKNOWN, None)
    assert release.has(Feature.QUEUE_TIMEOUT) is True
    assert {release.has(feature) for feature in Feature if feature is not Feature.QUEUE_TIMEOUT} == {None}
    assert release.notes() == [versions.NEWER]


@pytest.mark.parametrize("text", OLDER)
def test_an_older_one_lacks_what_came_later(text: str) -> None:
    release = Release.parse(text)
    assert release.evidence is Evidence.UNKNOWN
    assert {release.has(feature) for feature in BOUNDARIES} == {False}
    assert release.has(Feature.USERS) is None
    assert release.notes() == [versions.CAREFUL]


@pytest.mark.parametrize("feature", BOUNDARIES)
def test_both_sides_of_each_boundary(feature: Feature) -> None:
    before, since = map(Release.parse, BOUNDARIES[feature])
    assert (before.has(feature), since.has(feature)) == (False, True)
    sentence = next(fact.without for fact in FACTS if fact.feature is feature)
    assert (sentence in before.notes(), sentence in since.notes()) == (True, False)


def test_users_are_on_every_release_but_zsphere_4_10() -> None:
    for text in [*READ, *RUNNING]:
        expected = not text.startswith("4.10")
        assert Release.parse(text).has(Feature.USERS) is expected, text
        assert any("users below accounts" in note for note in Release.parse(text).notes()) is not expected


@pytest.mark.parametrize(
    ("text", "zsphere"),
    [
        *(("4.7.0.4", "4.0"), ("4.8.0.1", "4.1"), ("4.8.0.2", "4.1"), ("4.8.0.3", "4.2"), ("4.8.0.5", "4.2")),
        *(("4.8.0.6", "4.3"), ("4.8.0.7", "4.3"), ("4.10.0", "4.10.0"), ("4.10.3", "4.10.3"), ("4.8.0", None)),
        *(("4.7.0.3", None), ("4.8.0.0", None), ("4.8.22", None), ("4.1.0", None), ("5.10.0", None)),
        *(("4.8.0.8", "4.3 or later"), ("4.7.0.5", "4.0 or later"), ("4.8.1.8", None), ("3.5.0.1", None)),
    ],
)
def test_zsphere_tells_the_number_of_its_base(text: str, zsphere: str | None) -> None:
    assert Release.parse(text).zsphere == zsphere


def test_a_zsphere_is_compared_by_its_base() -> None:
    assert Release.parse("4.10.0").has(Feature.LAST_VM_AFTER_DESTROY) is True
    assert Release.parse("4.8.0.1").has(Feature.LAST_VM_AFTER_DESTROY) is True
    assert Release.parse("4.7.0.4").has(Feature.LAST_VM_AFTER_DESTROY) is False, "4.0.0 and 4.0.1 tell this number"


def test_the_notes_say_only_what_is_true_there() -> None:
    """Before 3.1 a used job id is refused by the database; before 3.2 there are no keys, before 4.4 no last VM."""

    def about(text: str) -> set[Feature]:
        return {fact.feature for fact in FACTS if fact.without in Release.parse(text).notes()}

    old = {Feature.HALF_EXPUNGED_SHOWN, Feature.TIME_ZONE, Feature.LAST_VM}
    assert about("3.0.1") == old | {Feature.API_TIMEOUT, Feature.ACCESS_KEYS, Feature.QUEUE_TIMEOUT}
    assert about("3.1") == about("3.1.0") == about("3.0.1") | {Feature.DUPLICATE_CHECK}
    assert about("3.2.0") == old | {Feature.QUEUE_TIMEOUT, Feature.ENGLISH_KEY_DATES, Feature.DUPLICATE_CHECK}
    assert about("3.10.40") == old | {Feature.DUPLICATE_CHECK}
    assert about("4.4.65") == {Feature.DUPLICATE_CHECK, Feature.LAST_VM_AFTER_DESTROY}
    assert about("4.5.0") == about("4.7.0.4") == {Feature.LAST_VM_AFTER_DESTROY}
    assert about("4.8.0") == about("5.2.1") == about("5.3.0") == set()
    assert about("4.10.0") == {Feature.USERS}
    assert Release.parse("5.2.1").notes() == []


def test_each_feature_has_one_fact_and_a_sentence() -> None:
    assert [fact.feature for fact in FACTS] == list(Feature)
    for fact in FACTS:
        assert fact.source
        assert fact.without[0].isupper()
        assert fact.without.endswith(".")
    since = [fact.since for fact in FACTS[:-1]]
    assert since == sorted(since)


part = st.integers(0, 30) | st.integers(0, 10**9 - 1)
numbers = st.lists(part, min_size=2, max_size=4).map(tuple) | st.tuples(st.integers(2, 5), st.integers(0, 12))


@given(numbers, numbers)
def test_a_later_release_has_all_that_an_earlier_one_has(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    earlier, later = (Release.parse(".".join(map(str, numbers))) for numbers in sorted([one, other]))
    for feature in BOUNDARIES:
        if later.has(feature) is False:
            assert earlier.has(feature) is False
        if earlier.has(feature) is True:
            assert later.has(feature) in (True, None)
    for release in (earlier, later):
        unknown = any(release.has(feature) is None for feature in Feature)
        assert release.evidence is Evidence.UNKNOWN or not unknown
        assert unknown is (release.notes() in ([versions.NEWER], [versions.CAREFUL]))


@given(st.text(max_size=20) | st.from_regex(r"[0-9.]{1,12}", fullmatch=True))
def test_any_text_is_a_release(text: str) -> None:
    release = Release.parse(text)
    assert release.text == text
    readable = 2 <= len(text.split(".")) <= 4 and all(
        part.isascii() and part.isdigit() and len(part) < 10 for part in text.split(".")
    )
    assert (release.numbers is not None) is readable
    assert all(release.notes()) or not release.notes()
