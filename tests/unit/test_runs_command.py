"""What `zvol runs` counts: a word means the same number in each format."""

from __future__ import annotations

from zvol.cli.runs import COLUMNS, _object
from zvol.journal.records import Identity, Run

RUN = Run(
    "20261125-083000-1a2b3c",
    Identity("https://h:443/zstack", "account admin"),
    0.0,
    None,
    alive=False,
    counts={"planned": 1, "open": 2, "followups": 3, "recorded": 4, "forgotten": 5},
)


def test_a_word_is_the_same_number_in_each_format() -> None:
    shown = {column.header: column.csv(RUN) for column in COLUMNS}
    found = _object(RUN)
    for header, key, number in (
        ("NOT SENT", "planned", 1),
        ("PENDING", "pending", 2),
        ("FOLLOW UPS", "followUps", 3),
        ("FINISHED", "finished", 9),
    ):
        assert (shown[header], found[key]) == (str(number), number)
