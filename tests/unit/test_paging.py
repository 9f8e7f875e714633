"""A list is complete or an error: while others change it, over a slow connection, on servers that count differently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from zvol.errors import AuthError, MaybeSent, NeverSent, Refused, TransientError
from zvol.zstack.answers import QueryResult
from zvol.zstack.paging import BACKOFF, MAX_INCONSISTENT, MAX_PAGE, MIN_PAGE, Pager, Query

SIZE = 7
CUT = TransientError("broke off", maybe_sent=MaybeSent("broke off", begun=True, late=True))
SILENT = TransientError("nothing came", maybe_sent=MaybeSent("nothing came", late=True))
PROXY = TransientError("HTTP 502")
GONE = TransientError("refused", NeverSent("refused", "refused"))


def key(number: int) -> str:
    return f"{number:032x}"


class Table:
    """A server's table; `changes` are made one before each page, and `error` may raise instead of a page.

    `misleading` is set by a page that is in order although a smaller key comes after it.
    """

    def __init__(
        self,
        keys: Sequence[str],
        changes: Sequence[tuple[bool, str]] = (),
        *,
        compares: Callable[[str, str], bool] | None = lambda one, other: one > other,
        order: Callable[[str], Any] = lambda one: one,
        error: Callable[[int, int], TransientError | None] = lambda _page, _size: None,
    ) -> None:
        self.keys, self.always, self.ever = set(keys), set(keys), set(keys)
        self.changes, self.compares, self.order, self.error = list(changes), compares, order, error
        self.queries: list[dict[str, str]] = []
        self.misleading = False
        self.pauses: list[float] = []

    def fetch(self, query: Query) -> QueryResult:
        parameters = dict(query)
        self.queries.append(parameters)
        if self.changes:
            self.change(*self.changes.pop(0))
        limit, start = int(parameters["limit"]), int(parameters.get("start", 0))
        if (found := self.error(len(self.queries), limit)) is not None:
            raise found
        assert parameters["sort"] == "+uuid"
        rows = self.matching([text for name, text in query if name == "q"])
        page, rest = rows[start : start + limit], rows[start + limit :]
        self.misleading |= start == 0 and page == sorted(page) and any(one < page[-1] for one in rest)
        return QueryResult(tuple({"uuid": one} for one in page), len(rows))

    def matching(self, conditions: Sequence[str]) -> list[str]:
        rows = sorted(self.keys, key=self.order)
        for last in (text.partition(">")[2] for text in conditions if ">" in text):
            if self.compares is None:
                raise Refused("the server refused the query")
            rows = [one for one in rows if self.compares(one, last)]
        return rows

    def change(self, comes: bool, one: str) -> None:
        if comes:
            self.keys.add(one)
            self.ever.add(one)
        else:
            self.keys.discard(one)
            self.always.discard(one)

    def read(self, size: int = SIZE, **more: Any) -> list[str]:
        return [row["uuid"] for row in self.pager(size, **more).all(["status=Deleted"])]

    def pager(self, size: int = SIZE, **more: Any) -> Pager:
        return Pager(self.fetch, self.pauses.append, size=size, **more)


KEYS = st.lists(st.integers(0, 60).map(key), unique=True, max_size=40)
CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 60).map(key)), max_size=40)


@given(keys=KEYS, changes=CHANGES, size=st.integers(1, 9))
def test_each_unchanged_row_is_found_exactly_once(keys: list[str], changes: list[tuple[bool, str]], size: int) -> None:
    table = Table(keys, changes)
    found = table.read(size)
    assert len(set(found)) == len(found)
    assert table.always <= set(found) <= table.ever
    assert table.pauses == []
    assert all("start" not in query for query in table.queries)


OTHERS: dict[str, dict[str, Any]] = {
    "refuses the condition": {"compares": None},
    "takes no notice of it": {"compares": lambda _one, _last: True},
    "includes the last one": {"compares": lambda one, last: one >= last},
    "sorts the other way": {"order": lambda one: -int(one, 16)},
    "sorts otherwise": {"order": lambda one: one[::-1]},
}


@pytest.mark.parametrize("other", OTHERS)
@settings(max_examples=25)
@given(keys=KEYS, changes=CHANGES)
@example(keys=[key(number) for number in (0x00, 0x10, 0x20, 0x30, 0x31, 0x32, 0x33, 0x04)], changes=[])
def test_a_server_that_ignores_the_order_of_uuids(other: str, keys: list[str], changes: list[tuple[bool, str]]) -> None:
    """Then only what did not change while it was read is taken; an order that no page shows cannot be noticed."""
    table = Table(keys, changes, **OTHERS[other])
    try:
        found = table.read()
    except TransientError:
        assert len(table.pauses) == len(BACKOFF)
        return
    assume(not table.misleading)
    assert len(set(found)) == len(found)
    assert table.always <= set(found) <= table.ever
    assert table.pauses == list(BACKOFF[: len(table.pauses)])


def test_a_list_that_keeps_changing_is_read_again_with_backoff() -> None:
    changes = [(number % 2 == 0, key(99)) for number in range(1000)]
    table = Table([key(number) for number in range(20)], changes, compares=None)
    with pytest.raises(TransientError, match="changed each time"):
        table.read()
    assert table.pauses == list(BACKOFF) == [0.25 * 2**number for number in range(7)]


def test_keys_that_are_not_uuids_are_paged_by_offset() -> None:
    keys = [f"Name.{number:02}" for number in range(20)]
    table = Table(keys)
    assert table.read() == keys
    assert not any(">" in query["q"] for query in table.queries)
    assert {query.get("start") for query in table.queries} >= {"7", "14"}
    assert Table(["B", "a"], order=str.lower).read() == ["a", "B"]


def test_another_key_is_paged_by_offset() -> None:
    rows = [{"name": f"{number:032x}"} for number in range(20)]
    queries = []

    def fetch(query: Query) -> QueryResult:
        queries.append(dict(query))
        start = int(queries[-1].get("start", 0))
        return QueryResult(tuple(rows[start : start + 7]), len(rows))

    assert Pager(fetch, lambda _seconds: None, key="name", size=7).all(["category=volume"]) == rows
    assert {one["sort"] for one in queries} == {"+name"}
    assert {one["q"] for one in queries} == {"category=volume"}


@pytest.mark.parametrize("rows", [[{"uuid": key(1)}] * 2, [{"uuid": key(2)}, {"uuid": key(1)}, {"uuid": key(2)}]])
def test_a_row_that_comes_twice_is_transient(rows: list[dict[str, str]]) -> None:
    with pytest.raises(TransientError):
        Pager(lambda _query: QueryResult(tuple(rows), len(rows)), lambda _seconds: None).all([])


# ---- failed pages ----------------------------------------------------------------------------------------------------
def test_a_truncated_page_is_requested_again_at_half_the_size_which_is_reused() -> None:
    """As on a line that carries 300 rows in the time of a page."""
    keys = [key(number) for number in range(2500)]
    table = Table(keys, error=lambda _page, size: CUT if size > 300 else None)
    pager = table.pager(MAX_PAGE)
    assert [row["uuid"] for row in pager.all([])] == keys
    assert [query["limit"] for query in table.queries] == ["1000", "500", *["250"] * 10]
    assert (pager.size, table.pauses) == (250, [])


def test_a_failure_of_the_smallest_page_is_transient() -> None:
    table = Table([key(number) for number in range(2500)], error=lambda _page, _size: CUT)
    with pytest.raises(TransientError, match="broke off"):
        table.read(MAX_PAGE)
    assert [int(query["limit"]) for query in table.queries] == [1000, 500, 250, 125, 62, 50]


def test_a_silent_server_is_requested_once_more_with_a_small_page() -> None:
    table = Table([key(1)], error=lambda _page, _size: SILENT)
    with pytest.raises(TransientError, match="nothing came"):
        table.read(MAX_PAGE)
    assert [int(query["limit"]) for query in table.queries] == [MAX_PAGE, MIN_PAGE]
    table = Table([key(1)], error=lambda _page, _size: SILENT)
    with pytest.raises(TransientError):
        table.read(100)
    assert len(table.queries) == 1


@pytest.mark.parametrize(
    "error", [PROXY, GONE, SILENT, TransientError("closed", maybe_sent=MaybeSent("closed"))], ids=str
)
def test_a_page_in_the_middle_of_a_list_is_requested_again(error: TransientError) -> None:
    table = Table([key(number) for number in range(20)], error=lambda page, _size: error if page in (2, 3) else None)
    assert len(table.read()) == 20
    assert table.pauses == list(BACKOFF[:2])
    table = Table([key(number) for number in range(20)], error=lambda page, _size: error if page > 1 else None)
    with pytest.raises(TransientError, match=str(error)):
        table.read()
    assert table.pauses == list(BACKOFF)


@pytest.mark.parametrize("error", [PROXY, GONE], ids=str)
def test_the_first_page_is_not_requested_again(error: TransientError) -> None:
    table = Table([], error=lambda _page, _size: error)
    with pytest.raises(TransientError):
        table.read(MAX_PAGE)
    assert (len(table.queries), table.pauses) == (1, [])


@pytest.mark.parametrize("wrong", [TransientError("x", NeverSent("certificate", "x")), AuthError("x"), Refused("x")])
def test_a_permanent_error_ends_the_list(wrong: Any) -> None:
    """A condition that is refused is counted off instead, and that is refused, too."""
    table = Table([key(number) for number in range(20)], error=lambda page, _size: wrong if page > 1 else None)
    with pytest.raises(type(wrong)):
        table.read()
    assert table.pauses == []
    assert len(table.queries) == (3 if isinstance(wrong, Refused) else 2)


def test_a_timeout_names_the_reason_too() -> None:
    over = TransientError("time is up", NeverSent("time", "time is up"))
    table = Table(
        [key(number) for number in range(20)],
        error=lambda page, _size: {1: None, 2: PROXY}.get(page, over),
    )
    with pytest.raises(TransientError, match="HTTP 502; time is up"):
        table.read()
    assert len(table.pauses) == 1


# ---- wrong totals ----------------------------------------------------------------------------------------------------
def test_a_list_without_a_total() -> None:
    queries: list[object] = []

    def fetch(query: Query) -> QueryResult:
        queries.append(query)
        return QueryResult(({"uuid": key(1)},), None)

    with pytest.raises(TransientError):
        Pager(fetch, queries.append).all([])
    assert len(queries) == 1


@pytest.mark.parametrize(("rows", "total"), [(1, 5), (5, 3), (0, 1), (8, 20), (6, 20)])
def test_a_page_that_does_not_agree_with_its_total(rows: int, total: int) -> None:
    pauses: list[float] = []
    page = QueryResult(tuple({"uuid": key(number)} for number in range(rows)), total)
    with pytest.raises(TransientError, match="the list and its total do not agree"):
        Pager(lambda _query: page, pauses.append, size=SIZE).all([])
    assert pauses == list(BACKOFF[:MAX_INCONSISTENT]) == [0.25, 0.5, 1.0]


def test_a_page_with_an_outdated_total_is_requested_again() -> None:
    table = Table([key(number) for number in range(20)])
    totals = iter([20, 14, 13, 6])  # of the second page the count is that of a moment before
    pages = lambda query: QueryResult(table.fetch(query).inventories, next(totals))  # noqa: E731
    assert len(Pager(pages, table.pauses.append, size=SIZE).all([])) == 20
    assert table.pauses == [BACKOFF[0]] * (len(table.queries) - 3)
