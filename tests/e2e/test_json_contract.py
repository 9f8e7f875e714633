"""The JSON of every command against the published schema, and what stdout and stderr hold when something fails."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.output_schema import conform
from tests.support.process import PG_DATA, PG_WAL, READY, Ran, Sandbox, sandbox
from tests.support.warm import run
from zvol.model import INVENTORY_FIELDS
from zvol.vm_instance import VM_FIELDS

NOBODY = "f" * 32
DEAD = {"ZVOL_HOST": "http://127.0.0.1:1"}

KEYS = {
    "result": ["asked", "uuid", "target", "outcome", "changed", "by", "inventory", "error", "jobUuid", "warnings"],
    "failure": ["error", "kind", "exitCode", "hint", "uuid", "jobUuid"],
    "run": [
        "run",
        "origin",
        "base",
        "account",
        "started",
        "ended",
        "alive",
        "planned",
        "pending",
        "followUps",
        "finished",
        "state",
        "outcomes",
        "command",
    ],
    "attachment": ["asked", "uuid", "outcome", "changed", "vmUuid", "vmName", "inventory", "error"],
    "runTarget": ["run", "asked", "uuid", "target", "state", "outcome", "jobUuid", "followUps"],
    "closed": ["uuid", "target", "state", "jobUuid"],
    "column": ["column", "shows"],
    "finding": ["check", "ok", "found", "hint", "notes"],
    "setting": ["key", "value", "source"],
    "session": ["server", "account", "user", "profile", "sessionFrom", "valid"],
}
RECYCLE = ["recoverable", "reason", "deletedAt", "clockFrom", "expungesAfter", "secondsLeft", "policy", "clock"]
NAMES = {"volumeRow": ["lastVm", "lastVmCertain", "vm", "primaryStorage"], "vmRow": ["primaryStorage"]}
RECOVERY = ["outcome", "changed", "by", "jobUuid", "warnings"]
"""The contract: programs rely on these keys, in this order."""


def check(kind: str, value: Any) -> None:
    """Check a document against its part of the schema and against the frozen keys."""
    conform(value, kind)
    if kind in KEYS:
        assert list(value) == KEYS[kind]
    elif kind == "vmRow":
        assert list(value)[: len(VM_FIELDS)] == list(VM_FIELDS)
    else:
        assert list(value)[: len(INVENTORY_FIELDS)] == list(INVENTORY_FIELDS)
    if kind in NAMES:
        assert (list(value["recycle"]), list(value["names"])) == (RECYCLE, NAMES[kind])
    if kind == "recovered":
        assert list(value["recovery"]) == RECOVERY


def every(kind: str, ran: Ran) -> list[Any]:
    """Check each element of an array, or each line of ndjson, and return them."""
    values: list[Any] = ran.json() if ran.out[0] == "[" else [json.loads(line) for line in ran.out.splitlines()]
    conform(values if ran.out[0] == "[" else values[0])
    for value in values:
        check(kind, value)
    return values


def test_recover(at: dict[str, str]) -> None:
    would = every("result", run(["recover", PG_DATA, NOBODY, "--dry-run", "--json"], at))
    assert [one["outcome"] for one in would] == ["would-recover", "gone"]
    recovered = run(["recover", PG_DATA, "--json"], at).json()
    check("recovered", recovered)
    job = recovered["recovery"].pop("jobUuid")
    assert (len(job), recovered["recovery"]) == (
        32,
        {"outcome": "recovered", "changed": True, "by": "zvol", "warnings": []},
    )
    already = run(["recover", PG_DATA, "--json"], at).json()
    check("recovered", already)
    assert already["recovery"] == {
        "outcome": "already",
        "changed": False,
        "by": None,
        "jobUuid": None,
        "warnings": [],
    }
    many = every("result", run(["recover", PG_DATA, PG_WAL, NOBODY, "backup", "--json"], at))
    assert [one["outcome"] for one in many] == ["already", "recovered", "gone", "failed"]
    lines = every("result", run(["recover", "-", "-o", "ndjson"], at, stdin=f"{PG_DATA}\nbackup\n"))
    assert {one["outcome"] for one in lines} == {"already", "failed"}
    assert len(every("result", run(["recover", "--name", "数据库备份", "--yes", "--json"], at))) == 1
    runs = every("run", run(["runs", "--json"], at))
    assert [(one["outcomes"], one["command"]) for one in runs] == [
        ({"recovered": 1}, "zvol recover --name '数据库备份' --yes --json"),
        ({"recovered": 1}, f"zvol recover {PG_DATA} {PG_WAL} {NOBODY} backup --json"),
        ({"recovered": 1}, f"zvol recover {PG_DATA} --json"),
    ]
    [target] = every("runTarget", run(["runs", runs[2]["run"], "--json"], at))
    assert target["jobUuid"] == job
    assert every("runTarget", run(["runs", runs[2]["run"], "-o", "ndjson"], at)) == [target]
    assert every("result", run(["resume", "--json"], at)) == []


def test_list_and_show(at: dict[str, str]) -> None:
    assert len(every("volumeRow", run(["list", "--json"], at))) > 5
    assert len(every("volumeRow", run(["list", "--status", "any", "--type", "any", "-o", "ndjson"], at))) > 10
    deleted = run(["show", PG_DATA, "--json"], at).json()
    check("volumeRow", deleted)
    [listed] = csv.DictReader(run(["list", "--name", "pg-data", "-o", "csv"], at).out.splitlines())
    assert deleted["recycle"]["deletedAt"] == listed["deleted"] != ""
    assert deleted["names"] == {"lastVm": "db-1", "lastVmCertain": True, "vm": None, "primaryStorage": "local-ssd"}
    [_, there] = every("volumeRow", run(["show", PG_DATA, READY, "--json"], at))
    assert (there["recycle"]["deletedAt"], there["names"]["vm"]) == (None, "db-1")


def test_list_and_show_of_vms(at: dict[str, str]) -> None:
    assert len(every("vmRow", run(["list", "--vms", "--json"], at))) == 2
    assert len(every("vmRow", run(["list", "--vms", "-o", "ndjson"], at))) == 2
    shown = run(["show", "--vm", "web-2", "--json"], at).json()
    check("vmRow", shown)
    assert shown["names"] == {"primaryStorage": "local-ssd"}
    assert len(every("vmRow", run(["show", "--vm", "web-2", "--vm", "web-1", "--json"], at))) == 2


def test_the_others(at: dict[str, str]) -> None:
    every("finding", run(["doctor", "--json"], at))
    every("setting", run(["config", "show", "--json"], at))
    every("session", run(["whoami", "--json"], at))
    run(["recover", PG_DATA], at)
    check("inventory", run(["attach", PG_DATA, "--json"], at).json())
    many = every("attachment", run(["attach", PG_DATA, READY, NOBODY, "--json"], at))
    assert [one["outcome"] for one in many] == ["already", "already", "failed"]
    would = every("attachment", run(["attach", PG_DATA, "--dry-run", "-o", "ndjson"], at))
    assert [one["outcome"] for one in would] == ["already"]
    [of_run] = run(["runs", "-o", "name"], at).out.split()
    assert run(["runs", "forget", of_run, "--json"], at).json() == []
    for command in ("list", "show"):
        columns = every("column", run([command, "--columns", "help", "--json"], at))
        assert {"column": "uuid", "shows": "32 hex digits"} in columns


FAILING: list[tuple[list[str], dict[str, str], int]] = [
    (["recover", NOBODY], {}, 1),
    (["recover", "backup"], {}, 1),
    (["recover", PG_DATA], DEAD, 5),
    (["recover", PG_DATA], {"ZVOL_SESSION": "b" * 32}, 4),
    (["recover", "--all", "--yes"], DEAD, 5),
    (["list"], DEAD, 5),
    (["list"], {"ZVOL_SESSION": "b" * 32}, 4),
    (["show", NOBODY], {}, 1),
    (["show", "nobody", "nowhere"], {}, 1),
    (["show", "--vm", NOBODY], {}, 1),
    (["show", "--vm", "nobody", "--vm", "nowhere"], {}, 1),
    (["show", "--vm", "web-2"], DEAD, 5),
    (["list", "--vms"], DEAD, 5),
    (["list", "--vms"], {"ZVOL_SESSION": "b" * 32}, 4),
    (["show", PG_DATA, PG_WAL], DEAD, 5),
    (["show", "pg-data", "pg-wal"], DEAD, 5),
    (["attach", NOBODY], {}, 1),
    (["attach", PG_DATA], DEAD, 5),
    (["attach", "pg-data", PG_WAL, READY], DEAD, 5),
    (["attach", "pg-data", "db-1"], DEAD, 5),
    (["whoami"], DEAD, 5),
    (["login", "--account", "admin", "--password-stdin"], {}, 4),
    (["logout"], {"ZVOL_SESSION": "", "ZVOL_HOST": "http://zstack.example.com"}, 9),
]


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.mark.parametrize(
    ("way", "arguments", "more", "code"),
    [("option", *case) for case in FAILING]
    + [(way, *case) for way in ("environment", "profile") for case in FAILING if case[0][0] in ("list", "show")],
)
def test_on_failure_stdout_is_empty_and_stderr_ends_with_an_object(
    way: str, arguments: list[str], more: dict[str, str], code: int, env: dict[str, str], unchanged: Sandbox
) -> None:
    env |= {"ZVOL_HOST": unchanged.host, "ZVOL_SESSION": unchanged.session} | more
    options = ["--json"] if way == "option" else []
    if way == "environment":
        env["ZVOL_OUTPUT"] = "json"
    if way == "profile":
        folder = Path(env["HOME"]) / ".config" / "zvol"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("profiles:\n  it:\n    output: json\n")
        options = ["-p", "it"]
    ran = run([*arguments, *options], env, stdin="wrong\n")
    assert (ran.code, ran.out) == (code, ""), ran
    check("failure", ran.error())
    assert ran.error()["exitCode"] == code


@pytest.mark.parametrize("format", ["json", "ndjson", "name"])
@pytest.mark.parametrize("arguments", [["list"], ["show", PG_DATA], ["list", "--vms"], ["show", "--vm", "web-2"]])
def test_columns_are_refused_where_they_choose_nothing(
    format: str, arguments: list[str], env: dict[str, str], unchanged: Sandbox
) -> None:
    env |= {"ZVOL_HOST": unchanged.host, "ZVOL_SESSION": unchanged.session}
    with_columns = [*arguments, "--columns", "name"]
    ran = run([*with_columns, "-o", format], env)
    assert (ran.code, ran.out) == (2, "")
    assert "--columns works with -o table, " in ran.err
    assert f" or csv-bom; the output is {format}\n" in ran.err
    assert run(with_columns, env | {"ZVOL_OUTPUT": format}).err == ran.err
    assert run([*with_columns, "-o", "csv"], env | {"ZVOL_OUTPUT": format}).out.splitlines()[0] == "name"


def test_headers_of_csv_have_one_style(env: dict[str, str], unchanged: Sandbox) -> None:
    env |= {"ZVOL_HOST": unchanged.host, "ZVOL_SESSION": unchanged.session}
    for arguments in (
        ["recover", PG_DATA, "--dry-run"],
        ["list"],
        ["list", "--vms"],
        ["runs"],
        ["doctor"],
        ["config", "show"],
        ["whoami"],
    ):
        header = run([*arguments, "-o", "csv"], env).out.splitlines()[0].split(",")
        assert all(re.fullmatch("[a-z]+(-[a-z]+)*", one) for one in header), (arguments, header)
    assert "job-uuid" in run(["recover", PG_DATA, "--dry-run", "-o", "csv"], env).out.splitlines()[0].split(",")


def test_usage_errors_are_text(at: dict[str, str]) -> None:
    for arguments in (
        ["recover"],
        ["recover", "\x1b"],
        ["list", "--limit", "x"],
        ["list", "--nosuch"],
        ["list", "--vms", "--last-vm", "x"],
        ["show", "--vm", "x", PG_DATA],
        ["-p", "x", "list"],
    ):
        ran = run([*arguments, "--json"], at)
        assert (ran.code, ran.out) == (2, "")
        assert not ran.err.splitlines()[-1].startswith("{")


def test_an_empty_answer_is_empty_only_when_that_is_known(at: dict[str, str], cloud: Sandbox) -> None:
    for arguments in (["list", "--name", "x"], ["recover", "--name", "x"], ["recover", "-"], ["show", "-"], ["resume"]):
        ran = run([*arguments, "--json"], at)
        assert (ran.code, ran.out) == (0, "[]\n")
        assert run([*arguments, "-o", "ndjson"], at).out == ""
    assert run(["list", "--name", "x", "--fail-if-empty", "--json"], at).code == 1
