"""Rows in little memory: equal to what the server sent, and shared where values occur often."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zvol.zstack.compact import MAX_SHARED, RowCompactor


@given(st.lists(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=80), max_size=6)))
def test_a_compact_row_equals_the_row(rows: list[dict[str, Any]]) -> None:
    compactor = RowCompactor()
    for row in rows:
        compact = compactor.compact(row)
        assert compact == row
        assert list(compact.items()) == list(row.items())
        assert all(compact.get(name, "no") == row.get(name, "no") for name in (*row, "another"))
        assert repr(compact) == repr(row)


def test_rows_share_their_keys_and_values() -> None:
    compactor = RowCompactor()
    rows = ({"uuid": f"{number:032x}", "type": "".join(["Da", "ta"]), "size": int("1073741824")} for number in range(2))
    one, other = map(compactor.compact, rows)
    assert one["type"] is other["type"]
    assert one["size"] is other["size"]
    assert one._places is other._places


def test_only_a_limited_number_of_short_texts_is_shared() -> None:
    def text(number: int, size: int) -> str:
        return str(number).zfill(size)

    compactor = RowCompactor()
    first = [compactor.compact({"a": text(number, 64)})["a"] for number in range(MAX_SHARED + 1)]
    again = [compactor.compact({"a": text(number, 64)})["a"] for number in (0, MAX_SHARED - 1, MAX_SHARED)]
    assert [one is other for one, other in zip(again, (first[0], *first[-2:]), strict=True)] == [True, True, False]
    assert [compactor.compact({"a": text(1, 65)})["a"] is compactor.compact({"a": text(1, 65)})["a"] for _ in (1,)] == [
        False
    ]


def test_equal_values_of_other_types_are_not_shared() -> None:
    compactor = RowCompactor()
    values = [compactor.compact({"a": value})["a"] for value in (1, True, 1.0, "1")]
    assert [type(value) for value in values] == [int, bool, float, str]
