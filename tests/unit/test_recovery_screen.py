"""What stands below the results of a recovery on a terminal; the screens themselves are in tests/golden."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.printed import Printed
from tests.support.results import DB, WEB, described, failed, recovered, uuid, vm, volume
from zvol.errors import Exit, ZvolError
from zvol.model import LEFT_ALONE, Outcome, Result
from zvol.render import recovery_screen as screen
from zvol.render import results as tables
from zvol.render.values import Recovery
from zvol.row import Retention
from zvol.rows import VolumeRow
from zvol.zstack.last_vm import NONE_NAMED

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
STYLES = {"✓": "32", "!": "33", "?": "35", "✗": "1;31"}
"""The colours of the user's own palette that are legible on light and dark, and yellow for a mark only."""


def shown(*results: Result, single: bool = False, advice: tuple[str, ...] = (), **more: Any) -> Printed:
    printed, known = Printed(tty=True, width=200), described(list(results), **more)
    order = [one.asked for one in results]
    printed.printer.recovery(Recovery(results, order, single, lambda _: advice, lambda _: known))
    return printed


def facts(result: Result, **more: Any) -> str:
    return COLOURS.sub("", shown(result, single=True, **more).out.getvalue()).splitlines()[1].strip()


def test_where_a_volume_is_and_was_is_said_as_far_as_it_is_known() -> None:
    named = f"{uuid(1)} is Ready and"
    assert facts(recovered(1)) == f"{named} not attached; it was last on db-1."
    assert facts(recovered(1), vms={}) == f"{named} not attached; it was last on {DB}."
    assert facts(recovered(1, vmInstanceUuid=WEB)) == f"{named} attached to web-1."
    never = recovered(1, lastVmInstanceUuid=None)
    assert facts(never) == f"{named} not attached; it was never on a VM."
    assert facts(never, doubts={}) == f"{named} not attached."
    assert facts(never, doubts={uuid(1): NONE_NAMED}).startswith(f"{named} not attached; the server names no VM")


@pytest.mark.parametrize(("doubt", "vm"), [("", ""), ("perhaps", f" {DB}")])
def test_the_command_that_attaches_it_names_what_is_not_sure(doubt: str, vm: str) -> None:
    more: dict[str, Any] = {"doubts": {uuid(1): doubt}}
    assert f"Attach it: zvol attach pg-data{vm}\n" in shown(recovered(1), single=True, **more).out.getvalue()
    more["unique"] = frozenset()
    assert f"Attach it: zvol attach {uuid(1)}{vm}\n" in shown(recovered(1), single=True, **more).out.getvalue()


def test_counts_and_the_exit_code_end_a_table() -> None:
    good, bad = recovered(1), failed(2, "bad")
    assert screen.summary([good], Exit.OK, described([])) == "1 recovered"
    assert screen.summary([good, bad], Exit.FAILED, described([])) == "1 recovered, 1 failed (exit 1)"
    assert screen.summary([], Exit.OK, described([], sandbox=True)) == "In the sandbox: nothing to do"
    dry = described([], dry_run=True, sandbox=True)
    would = [recovered(1, outcome=Outcome.WOULD_RECOVER), recovered(2, outcome=Outcome.WOULD_RECOVER, size=None)]
    assert screen.summary(would, Exit.OK, dry) == (
        "Dry run: 2 volumes (at least 200 GiB) would be recovered in the sandbox; nothing was sent."
    )
    assert "1 target (" not in screen.summary([vm()], Exit.OK, dry)


def test_what_to_do_is_said_once_with_the_names_it_is_for() -> None:
    bad = [failed(number, f"v{number}", hint="Ask `zvol show`.") for number in range(5)]
    err = shown(*bad, failed(9, "other", hint=""), advice=("finish with: zvol resume",)).err.getvalue()
    assert err == "6 failed (exit 1)\nv0, v1, v2 and 2 more: Ask `zvol show`.\nFinish with: zvol resume\n"
    alone = shown(failed(1, "a"), single=True).err.getvalue().splitlines()
    assert alone[0] == f"zvol: error: a ({uuid(1)}): the server refused"
    assert alone[-1] == "  Ask."


def test_several_that_are_not_attached_are_counted_by_the_vm_they_were_on() -> None:
    some = [recovered(n, f"v{n}", lastVmInstanceUuid=WEB if n > 4 else DB) for n in range(1, 7)]
    on_vm, unsure = recovered(7, vmInstanceUuid=DB), recovered(8, lastVmInstanceUuid=None)
    known = described([*some, on_vm])
    assert list(screen.attach_advice([*some, on_vm, unsure], known)) == [
        "1 is attached to db-1",
        "7 are not attached; last on: db-1 (4), web-1 (2). Attach with: zvol attach v1 v2 v3 v4 v5 v6",
    ]
    assert list(screen.attach_advice([some[0], on_vm], known)) == [
        "1 is attached to db-1",
        "1 is not attached; last on: db-1 (1). Attach with: zvol attach v1",
    ]
    [two] = screen.attach_advice(some[:2], known)
    assert two.endswith(f"zvol attach {uuid(1)} {uuid(2)}"), "the second of two names could be that of a VM"
    three = [recovered(n, vmInstanceUuid=WEB) for n in (1, 2, 3)]
    assert list(screen.attach_advice([*three, on_vm, unsure, failed(9, "x")], described([*three, on_vm]))) == [
        "4 are attached to web-1 (3), db-1 (1)"
    ]
    own = vm()._replace(uuid=DB)
    assert list(screen.attach_advice([on_vm, own], known)) == [], "the sentences of the VM count them"
    assert list(screen.attach_advice(some, described(some, doubts={}))) == []


def test_the_command_to_attach_is_whole_and_short_where_the_run_means_the_same() -> None:
    def typed(results: list[Result], **more: Any) -> str:
        [advice] = screen.attach_advice(results, described(results, **more))
        return advice.partition("Attach with: ")[2]

    some = [recovered(n, f"v{n}") for n in range(1, 22)]
    names = " ".join(f"v{n}" for n in range(1, 21))
    assert typed(some[:20], run="R") == f"zvol attach {names}"
    assert typed(some) == f"zvol attach {names} v21"
    assert typed(some, run="R", command="zvol -p x") == "zvol -p x runs R -o name | zvol -p x attach -"
    unlike = [*some[:20], recovered(21, "v21", outcome=Outcome.ALREADY)]
    assert typed(unlike, run="R") == f"zvol attach {names} v21", "the run has no volume that was back"
    assert typed([*some, vm()], run="R") == f"zvol attach {names} v21", "attach takes no VM"


def test_marks_and_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    warned = ("not attached",)
    attached = recovered(2, "b")._replace(extra_exit=Exit.FAILED, warnings=warned)
    lost = Result("c", uuid(3), Outcome.UNKNOWN)
    out = shown(recovered(1), attached, lost, failed(4, "d")).out.getvalue()
    rows = COLOURS.sub("", out).splitlines()
    assert [row[0] for row in rows if not row.startswith(" ")] == ["✓", "!", "?", "✗"]
    marks = re.findall(r"^\x1b\[([0-9;]+)m(.)", out, re.MULTILINE)
    assert [mark for mark in marks if mark[1] in STYLES] == [(style, mark) for mark, style in STYLES.items()]
    outcomes = dict(re.findall(r"\x1b\[([0-9;]+)m([a-z]+)\x1b", out))
    assert outcomes == {"32": "recovered", "35": "unknown", "1;31": "failed"}
    assert COLOURS.sub("", shown(attached, single=True).out.getvalue()).startswith("! Recovered b")


def test_one_that_is_not_back_is_a_row_unless_it_was_given_alone() -> None:
    for result, start in ((failed(1, "a"), "✗  a"), (Result("b", None, Outcome.GONE), "✗  b")):
        rows = COLOURS.sub("", shown(result).out.getvalue()).splitlines()
        assert rows[0].split()[:3] == ["NAME", "UUID", "OUTCOME"]
        assert rows[1].startswith(start)
        assert shown(result, single=True).out.getvalue() == ""
    dry = shown(recovered(1), dry_run=True)
    assert "NAME" in dry.out.getvalue(), "nothing has come back"


@pytest.mark.parametrize(("took", "text"), [(0.43, "0.4 s"), (12.6, "13 s"), (61.0, "1m 1s"), (None, None)])
def test_how_long_it_took(took: float | None, text: str | None) -> None:
    first = COLOURS.sub("", shown(recovered(1), single=True, took=took).out.getvalue()).splitlines()[0]
    assert first == "✓ Recovered pg-data (200 GiB on local-ssd)" + (f" in {text}" if text else "")


def test_a_quiet_terminal_shows_nothing_of_success() -> None:
    printed, looked = Printed(tty=True, quiet=True), []
    printed.printer.recovery(Recovery([recovered(1)], describe=lambda found: looked.append(found) or described([])))  # type: ignore[func-returns-value]
    assert (printed.out.getvalue(), printed.err.getvalue(), looked) == ("", "", [])


@pytest.mark.parametrize(
    ("warnings", "cell"),
    [
        ([f"volume a (u) {LEFT_ALONE} it was moved", f"volume b {LEFT_ALONE} why"], "2 left alone"),
        (
            [f"volume a {LEFT_ALONE} it was moved", "not attached to VM x: it is on VM y"],
            "1 left alone; not attached to VM x",
        ),
        (["it was back already, and --strict was given"] * 2, "it was back already"),
        (
            ["zvol has no answer to its request (an interrupted run, or a lost answer), so"],
            "zvol has no answer to its request",
        ),
        ([], ""),
    ],
)
def test_a_cell_says_the_start_of_each_warning_once(warnings: list[str], cell: str) -> None:
    assert tables.detail(recovered(1)._replace(warnings=tuple(warnings))) == cell


@pytest.mark.parametrize(("outcome", "unfinished"), [(Outcome.UNKNOWN, False), (Outcome.RECOVERED, True)])
def test_while_something_is_open_there_is_no_advice_to_attach(outcome: Outcome, unfinished: bool) -> None:
    results = [recovered(1), recovered(2), recovered(3)]
    assert "Attach with: zvol attach" in " ".join(screen.attach_advice(results, described(results)))
    results[2] = results[2]._replace(outcome=outcome, unfinished=unfinished)
    assert list(screen.attach_advice(results, described(results))) == []


def test_a_vm_that_is_stopped_is_said_so() -> None:
    one = recovered(1, vmInstanceUuid=DB)
    shown_off = shown(one, single=True, stopped=frozenset({DB})).out.getvalue()
    assert "is Ready and attached to db-1, which is Stopped." in shown_off
    two = [one, recovered(2, vmInstanceUuid=DB), recovered(3, vmInstanceUuid=WEB)]
    known = described(two, stopped=frozenset({DB}))
    assert list(screen.attach_advice(two, known)) == ["3 are attached to db-1 (2), web-1 (1); db-1 is Stopped"]


def test_on_a_terminal_the_table_says_that_a_volume_is_not_deleted_and_no_line_says_it_again() -> None:
    error = ZvolError(
        "pg-data is not deleted (Ready): nothing to recover", kind="not-deleted", hint="See it: `zvol show x`"
    )
    there = VolumeRow(volume(9, "pg-data"), Retention(False, "not-deleted"))
    printed = shown(recovered(1), Result("pg-data", None, Outcome.FAILED, error=error, candidates=(there,)))
    assert "nothing to recover" in printed.out.getvalue()
    assert "nothing to recover" not in printed.err.getvalue()
    assert "pg-data: See it: `zvol show x`" in printed.err.getvalue()
