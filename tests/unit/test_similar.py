"""The volumes that may be meant by a name that none has."""

from __future__ import annotations

import pytest

from zvol.catalog import similar as module
from zvol.catalog.similar import difference, similar, some_names
from zvol.model import Volume


def named(*names: str) -> list[Volume]:
    return [Volume(f"{number:032x}", {"name": name}) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("name", "names", "close"),
    [
        ("pg-dta", ["pg-data", "pg-wal"], "pg-data"),
        ("job-410", ["job-4110", "job-4101", "job-x"], "job-4101, job-4110"),
        ("job-410", [f"job-410{number}" for number in range(5)], "job-4100, job-4101, job-4102 and 2 more"),
        ("PG-Data", ["pg-data", "pg-data", "pg-dat"], "pg-data"),
    ],
)
def test_all_that_are_equally_close_are_found(name: str, names: list[str], close: str) -> None:
    found = similar([name], named(*names))[name]
    assert some_names(found) == close
    assert len(found) == {"pg-dta": 1, "PG-Data": 2}.get(name, len(names) - ("job-x" in names))


def test_how_a_name_differs() -> None:
    assert difference("pg-dta", "pg-data") == "; did you mean pg-data?"
    other_form = ", but one has the same name in another Unicode form (NFC or NFD)"
    assert difference("caf\u0065\u0301", "caf\u00e9") == other_form


def test_nothing_is_similar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert similar([], named("a")) == similar(["backup"], []) == similar(["backup"], named("xyz")) == {}
    assert similar(["pg-dat?"], named("pg-data")) == {}, "a pattern"
    monkeypatch.setattr(module, "MAX_COMPARED", 1)
    assert similar(["pg-dta"], named("pg-data", "pg-wal")) == {}
    assert list(similar(["PG-DATA"], named("pg-data", "pg-wal"))) == ["PG-DATA"]
