"""What `zvol runs` counts: a word means the same number in each format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.output_schema import conform
from tests.support.printed import Printed
from zvol.cli import run_tables
from zvol.cli.runs import pending_first
from zvol.journal.journal import Journal
from zvol.journal.records import Claim, Identity, Intent, Run
from zvol.journal.request import Request
from zvol.render.values import Report

RUN = Run(
    "20261125-083000-1a2b3c",
    Identity("https://h:443/zstack", "account admin"),
    0.0,
    None,
    alive=False,
    counts={"planned": 1, "open": 2, "followups": 3, "recorded": 4, "forgotten": 5},
)


def test_a_word_is_the_same_number_in_each_format() -> None:
    table = run_tables.runs_table([RUN], 60.0)
    shown = {column.header: column.csv(RUN) for column in table.columns}
    found = table.to_json(RUN)
    for header, key, number in (
        ("NOT SENT", "planned", 1),
        ("PENDING", "pending", 2),
        ("FOLLOW UPS", "followUps", 3),
        ("FINISHED", "finished", 9),
    ):
        assert (shown[header], found[key]) == (str(number), number)


@pytest.mark.parametrize(
    ("counts", "outcomes", "alive", "shown"),
    [
        ({"recorded": 13}, {"recovered": 12, "failed": 1}, False, "1 failed, 12 recovered"),
        ({"open": 1}, {"recovered": 12, "failed": 2, "already": 1}, False, "1 pending, 2 failed, 13 more"),
        ({"open": 3}, {}, True, "running: 3 pending"),
        ({"followups": 1, "taken": 1}, {}, False, "1 to finish, 1 taken over"),
        ({}, {}, False, "nothing"),
    ],
)
def test_a_terminal_has_room_for_the_command(
    counts: dict[str, int], outcomes: dict[str, int], alive: bool, shown: str
) -> None:
    typed = Request(command="zvol --sandbox recover pg-data pg-wal -n")
    run = RUN._replace(counts=counts, outcomes=outcomes, alive=alive, request=typed)
    _, line = printed(Report(run_tables.runs_table([run], 60.0)), "table", tty=True, width=100)[0].splitlines()
    start, _, command = COLOURS.sub("", line).partition("  recover ")
    assert (re.split(r" {2,}", start)[2], command) == (shown, "pg-data pg-wal -n")
    assert "zvol --sandbox recover" in printed(Report(run_tables.runs_table([run], 60.0)), "table")[0]


COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ME = Identity("https://h:443/zstack", "account admin")
A, B, C, D, E = (letter * 32 for letter in "abcde")
NOW = 1_795_000_000.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as made:
        yield made


def begin(journal: Journal, wall: float, *volumes: str, command: str = "zvol recover -") -> str:
    run = journal.begin(ME, Request(command=command), wall)
    journal.claim(run, [Claim(uuid, uuid[:2], "then", "vm" if uuid == C else "volume") for uuid in volumes])
    return run


def printed(report: Report, format: str, **how: Any) -> tuple[str, str]:
    to = Printed(format, **how)
    to.printer.report(report)
    return to.out.getvalue(), to.err.getvalue()


def test_of_each_target_it_is_told_what_became_of_it(journal: Journal) -> None:
    run = begin(journal, NOW, A, B, C, D, E)
    for number, uuid in enumerate((A, B, D)):
        journal.record_intents([(run, uuid, Intent(str(number) * 32, "then"))], NOW)
    journal.plan_followups(run, A, [("attach", "f" * 32), ("tag", "x")])
    journal.record_outcome(run, A, "recovered", settled=True)
    journal.record_followup(run, A, "tag", "x", "done")
    journal.record_intents([(run, B, Intent("9" * 32, "then"))], NOW + 1)
    journal.record_outcome(run, E, "failed", settled=True)
    journal.flush()
    later = begin(journal, NOW + 2, D)
    assert later != run
    found = [run_tables.targets_table(journal.targets(run)).to_json(one) for one in journal.targets(run)]
    assert [(one["uuid"], one["state"], one["outcome"], one["jobUuid"]) for one in found] == [
        (A, "followUps", "recovered", "0" * 32),
        (B, "pending", None, "9" * 32),
        (C, "planned", None, None),
        (D, "pending", None, "2" * 32),
        (E, "finished", "failed", None),
    ]
    for one in found:
        conform(one, "runTarget")
    assert found[0]["followUps"] == [
        {"kind": "attach", "value": "f" * 32, "state": "planned"},
        {"kind": "tag", "value": "x", "state": "done"},
    ]
    assert (found[0]["asked"], found[2]["target"], found[0]["target"]) == ("aa", "vm", "volume")
    report = Report(run_tables.targets_table(journal.targets(run)))
    cells = [re.split("  +", line)[3] for line in printed(report, "table")[0].splitlines()]
    words = ["recovered, with follow-ups pending", "pending", "not sent", "pending", "failed"]
    assert cells == ["OUTCOME", *words]


def test_a_terminal_shows_the_names_that_the_journal_has_and_no_uuid_twice(journal: Journal) -> None:
    def shown(*asked: tuple[str, str], vm: str | None = None) -> list[str]:
        run = journal.begin(ME, Request(), NOW)
        journal.claim(run, [Claim(uuid, name, "then", "vm" if uuid == vm else "volume") for uuid, name in asked])
        if vm is not None:
            journal.plan_followups(run, asked[-1][0], [("attach", vm), ("tag", "\x1b[31m")])
        journal.flush()
        report = Report(run_tables.targets_table(journal.targets(run)))
        return COLOURS.sub("", printed(report, "table", tty=True, width=160)[0]).splitlines()

    dashed = f"{A[:8]}-{A[8:12]}-{A[12:16]}-{A[16:20]}-{A[20:]}".upper()
    assert [line.split() for line in shown((A, dashed), (B, B))] == [
        ["UUID", "KIND", "OUTCOME"],
        *([uuid, "volume", "not", "sent"] for uuid in (A, B)),
    ]
    named = shown((C, "web\x07"), (D, D), vm=C)
    assert [line.split()[:2] for line in named] == [["ASKED", "UUID"], ["web\\u{7}", C], [D, "volume"]]
    assert named[2].endswith("  attach to VM web\\u{7}: not sent; tag \\u{1b}[31m: not sent")


def test_what_is_pending_comes_first_and_is_counted_in_words(journal: Journal) -> None:
    old = begin(journal, NOW - 7200, A, B, C)
    journal.record_outcome(old, A, "recovered", settled=True)
    journal.record_outcome(old, B, "failed", settled=True)
    new = begin(journal, NOW - 60, D, command="zvol recover \x1b[31m")
    journal.record_outcome(new, D, "recovered", settled=True)
    journal.finish(NOW, new)
    journal.finish(NOW, old)
    runs = sorted(journal.runs(), key=pending_first)
    assert [run.id for run in runs] == [old, new]
    report = Report(run_tables.runs_table(runs, NOW))
    plain = printed(report, "table")[0]
    assert "2026" in plain
    for text in ("  pending  ", "1 not sent, 1 recovered, 1 failed", "zvol recover \\u{1b}[31m", "account admin"):
        assert text in plain
    screen = printed(report, "table", tty=True, width=100)[0]
    assert "2h ago" in screen
    assert "1m ago" in screen
    assert printed(report, "name")[0] == f"{old}\n{new}\n"


def test_what_was_forgotten_is_called_so(journal: Journal) -> None:
    run = begin(journal, NOW, A, B)
    journal.record_outcome(run, A, "recovered", settled=True)
    journal.record_intents([(run, B, Intent("1" * 32, "then"))], NOW)
    journal.finish(NOW, run)
    closed = journal.forget(run, NOW)
    assert closed is not None
    shown = run_tables.closed_table(closed)
    (one,) = shown.rows
    assert shown.to_json(one) == {"uuid": B, "target": "volume", "state": "pending", "jobUuid": "1" * 32}
    conform(shown.to_json(one), "closed")
    table = run_tables.targets_table(journal.targets(run))
    found = [table.to_json(one) for one in table.rows]
    assert [(one["state"], one["outcome"]) for one in found] == [("finished", "recovered"), ("forgotten", None)]
    text = printed(Report(run_tables.runs_table(journal.runs(), NOW)), "table")[0]
    assert "1 forgotten, 1 recovered" in text
