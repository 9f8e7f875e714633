"""What must be true after every case, judged by the ledger and the sandbox, never by zvol."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from tests.faults.matrix.runner import TIMEOUT, CaseRun, log_in
from tests.support.kinds import VMS
from tests.support.pages import PAGES, PATIENT
from tests.support.process import Ran

Run = Callable[[Sequence[str]], Ran]

EXITS = {"recovered": 0, "already": 0, "unknown": 3, "contradicted": 8, "busy": 6, "gone": 1}
KINDS = {"auth": 4, "unreachable": 5, "stale": 5, "redirected": 9, "untrusted": 9, "local": 7}
SEVERITY = (7, 3, 70, 8, 9, 4, 1, 6, 5, 2, 0)
FAULTS_LAST = 60
"""Seconds for which zvol tries before anything was sent."""


def check(case_run: CaseRun, run: Run) -> None:
    """Run the case and check all of it."""
    {"recover": recovers, "list": lists, "login": logs_in}[case_run.case.command](case_run, run)
    assert not case_run.runner.trapped(), "a request went to where the server pointed"


def recovers(case_run: CaseRun, run: Run) -> None:
    assert case_run.between is not None
    began = time.monotonic()
    ran = run(["recover", *case_run.kind.arguments(case_run.targets), "-o", "ndjson"])
    took = (time.monotonic() - began) * case_run.runner.rate
    assert case_run.between.idle(), "the proxy is still at work"
    assert case_run.broken is None, repr(case_run.broken)
    results = [json.loads(line) for line in ran.out.splitlines()]
    sound(case_run, ran, results)
    truth(case_run, results)
    assert Counter(one["uuid"] for one in results) == Counter(case_run.targets), "each target once"
    assert took <= TIMEOUT + FAULTS_LAST + 30 * case_run.runner.rate, f"{took} s of zvol's clock"
    case = case_run.case
    for one in results:
        assert one["outcome"] in (case.says if one["uuid"] == case_run.bad else case.others), one
    if any(one["outcome"] == "unknown" for one in results):
        resumes(case_run, run, results)
    submissions(case_run)


def resumes(case_run: CaseRun, run: Run, before: list[dict[str, Any]]) -> None:
    """When nothing fails any more, `zvol resume` finds out what was not known, and nothing is left.

    On a busy machine its own deadline can pass too; then it is run again, as anybody would.
    """
    assert case_run.between is not None
    case_run.between.heal()
    case_run.session = log_in(case_run.cloud)
    open_ones = {one["uuid"] for one in before if one["outcome"] in ("unknown", "not-sent")}
    results = before
    for _ in range(3):
        ran = run(["resume", "-o", "ndjson"])
        results = [json.loads(line) for line in ran.out.splitlines()]
        sound(case_run, ran, results)
        truth(case_run, results)
        assert {one["uuid"] for one in results} <= open_ones
        if not results:
            assert ran.code == 0, ran
            return
    assert all(one["outcome"] != "unknown" for one in results), results


def sound(case_run: CaseRun, ran: Ran, results: list[dict[str, Any]]) -> None:
    """The exit code follows from the report, and nothing but a report or text was printed."""
    codes = {code_of(one) for one in results}
    assert ran.code == min(codes, key=SEVERITY.index, default=0), (ran.code, codes)
    assert case_run.session not in ran.out + ran.err, "the session is in the output"
    if any(one["error"] for one in results):
        assert ran.error()["exitCode"] == ran.code, ran.err


def code_of(result: dict[str, Any]) -> int:
    fixed = EXITS.get(result["outcome"])
    return KINDS.get((result["error"] or {"kind": ""})["kind"], 1) if fixed is None else fixed


def truth(case_run: CaseRun, results: list[dict[str, Any]]) -> None:
    """What was reported is true now, and still is when nothing of ours can act any more."""
    first = case_run.deleted()
    settle(case_run)
    for now in (first, case_run.deleted()):
        for one in results:
            outcome, deleted = one["outcome"], now[one["uuid"]]
            if outcome in ("recovered", "already"):
                assert deleted is False, (one, deleted)
            elif outcome in ("failed", "not-sent"):
                assert deleted in (True, None), (one, deleted)
            elif outcome == "gone":
                assert deleted is None, (one, deleted)
            elif outcome == "contradicted" and now is first:
                assert deleted is True, (one, deleted)
    for one in results:
        if one["outcome"] == "not-sent":
            assert not ours(case_run, one["uuid"]), one


def settle(case_run: CaseRun) -> None:
    """Wait until no request of ours is left in the server."""
    until = time.monotonic() + 60
    while any(alive(case_run, uuid) for uuid in case_run.targets) and time.monotonic() < until:
        time.sleep(0.01)


def ours(case_run: CaseRun, uuid: str) -> list[dict[str, Any]]:
    assert case_run.between is not None
    jobs = case_run.between.volumes
    return [one for one in case_run.events(target=uuid) if jobs.get(one["job"]) == uuid]


ENDS = ("ended", "refused", "crashed", "lost", "dry-run", "vanished", "failed")


def alive(case_run: CaseRun, uuid: str) -> set[str]:
    """Return the jobs of ours that the server accepted and that can still act."""
    living: Counter[str] = Counter()
    for one in ours(case_run, uuid):
        living[one["job"]] += (one["event"] == "accepted") - (one["event"] in ENDS)
    return {job for job, number in living.items() if number > 0}


def submissions(case_run: CaseRun) -> None:
    """There never were two of ours that could act, and none was executed twice for one deletion."""
    if case_run.case.doubled:
        return
    for uuid in case_run.targets:
        living: set[str] = set()
        for one in ours(case_run, uuid):
            if one["event"] == "accepted":
                assert not living, f"two submissions alive: {ours(case_run, uuid)}"
                living.add(one["job"])
            elif one["event"] in ENDS:
                living.discard(one["job"])
        assert sum(one["event"] == "ended" for one in ours(case_run, uuid)) <= 1 + case_run.case.again


# ---- the other commands ------------------------------------------------------------------------------------------
def lists(case_run: CaseRun, run: Run) -> None:
    """A list is complete, or there is none and the exit code says why."""
    vms = case_run.kind is VMS
    ran = run(["list", *(["--vms"] if vms else []), "-o", "name"])
    assert ran.code in case_run.case.exits, ran
    query = (
        f"{case_run.kind.path}?q={case_run.kind.field}={case_run.kind.lost}&fields=uuid{'' if vms else '&q=type=Data'}"
    )
    there = {one["uuid"] for one in case_run.cloud.call("GET", query)[1]["inventories"]}
    assert set(ran.out.split()) == (there if ran.code == 0 else set()), ran
    assert case_run.session not in ran.out + ran.err


def logs_in(case_run: CaseRun, run: Run) -> None:
    """A session that is kept is one that the server knows, and it is kept only when zvol says so."""
    ran = run(["login", "--account", "admin"])
    assert ran.code in case_run.case.exits, ran
    kept = [json.loads(path.read_text()) for path in case_run.home.rglob("sessions/*") if path.is_file()]
    assert len(kept) == (ran.code == 0), ran
    for one in kept:
        assert case_run.cloud.call("GET", f"/v1/accounts/sessions/{one['session']}/valid")[1]["valid"] is True
        assert one["session"] not in ran.out + ran.err
    assert ran.out == ""
    assert case_run.between is not None
    again = {rule.page for rule in case_run.case.rules} & {PAGES[name] for name in PATIENT}
    assert sum(one.kind == "login" for one in case_run.between.seen) == 1 + len(again), "a password is sent once"
