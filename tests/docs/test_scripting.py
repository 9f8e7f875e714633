"""The lines of docs/scripting.md are run as scripts, cron and systemd run them."""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.screens import CRONS, Block, blocks, marked, shell
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, sandbox

PAGE = "docs/scripting.md"
SCRIPTS = [block.text for block in blocks(PAGE) if block.language == "sh" and not block.mark]
NO_CREDENTIAL = {"ZVOL_HOST": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("cloud") / "cloud") as made:
        yield made


@pytest.fixture
def script_env(cloud: Sandbox) -> dict[str, str]:
    for volume in (PG_DATA, PG_WAL):
        if cloud.status(volume) == "Ready":
            cloud.delete(volume)
    return {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session}


def script(holding: str) -> str:
    (found,) = (text for text in SCRIPTS if holding in text)
    return found


def test_each_block_is_run_by_one_of_these_tests() -> None:
    assert len(SCRIPTS) == 7
    marks = {block.mark for block in blocks(PAGE) if block.mark}
    assert marks == {
        "cron", "cron set-up", "alarm", "serve", "systemctl", "zvol-recover.service", "zvol-recover.timer"
    }  # fmt: skip


def test_json_of_one_volume(tmp_path: Path, script_env: dict[str, str]) -> None:
    ran = shell(f"set -e\n{script('.installPath')}", environment(tmp_path / "home", script_env), tmp_path / "home")
    assert ran.returncode == 0
    path, outcome = ran.stdout.splitlines()
    assert path.endswith(f"/{PG_DATA}.qcow2")
    assert outcome == "already"


def test_json_of_several(tmp_path: Path, script_env: dict[str, str]) -> None:
    home = tmp_path / "home"
    ran = shell(f"set -e\n{script('-o ndjson')}", environment(home, script_env), home)
    assert ran.returncode == 0
    rows = [line.split("\t") for line in ran.stdout.splitlines()]
    assert sorted(rows[:2]) == [[PG_DATA, "recovered"], [PG_WAL, "recovered"]]
    assert len(rows) == 2 + 8
    left = [int(row[2]) for row in rows[2:]]
    assert left == sorted(left)


def test_exactly_two_or_none(tmp_path: Path, script_env: dict[str, str], cloud: Sandbox) -> None:
    home = tmp_path / "home"
    real, dry = script("--expect 2").splitlines()
    for line, code, said in (
        (dry, 0, "2 would-recover"),
        (real.replace("2 --yes", "3 --yes"), 2, "3 were expected"),
        (real, 0, "2 recovered"),
    ):
        ran = shell(line, environment(home, script_env), home)
        assert (ran.returncode, said in ran.stdout) == (code, True), ran.stdout
        assert cloud.status(PG_DATA) == ("Ready" if line == real else "Deleted")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({}, 0, ""),
        ({"ZVOL_SESSION": "0" * 32}, 4, "get a session"),
        ({"ZVOL_HOST": "http://127.0.0.1:1"}, 0, "run again later"),
        ({"ZVOL_HOST": "nonsense://"}, 1, "read the messages"),
    ],
    ids=["0", "4", "5", "2"],
)
def test_the_codes_are_told_apart(
    more: dict[str, str], code: int, said: str, tmp_path: Path, script_env: dict[str, str]
) -> None:
    """3 and the signals lead to `zvol resume`, which has its own tests."""
    home = tmp_path / "home"
    env = environment(home, script_env | more)
    (home / "uuids.txt").write_text(f"{PG_DATA}\n")
    ran = shell(script("zvol recover - -q < uuids.txt"), env, home)
    assert (ran.returncode, said in ran.stdout) == (code, True), ran.stdout
    assert bool(ran.stdout) == bool(more)


@pytest.mark.parametrize(
    ("more", "limit", "said"),
    [
        ({}, "12h", "these are destroyed within 12 hours:"),
        ({}, "1h", ""),
        ({"ZVOL_SESSION": "0" * 32}, "12h", "could not look"),
        (NO_CREDENTIAL, "12h", "could not look"),
        ({"ZVOL_HOST": "nonsense://"}, "12h", "not set up"),
    ],
    ids=["10", "0", "4", "5", "2"],
)
def test_the_alarm_tells_its_reasons_apart(
    more: dict[str, str], limit: str, said: str, tmp_path: Path, script_env: dict[str, str]
) -> None:
    home = tmp_path / "home"
    text = script("> soon.txt").replace("12h", limit)
    ran = shell(text, environment(home, script_env | more), home)
    assert said in ran.stdout
    assert ("archive-2019" in ran.stdout) == ("these are" in said)
    if not said:
        assert not [line for line in ran.stdout.splitlines() if not line.startswith("zvol")], ran.stdout


def test_open_runs_and_tags(tmp_path: Path, script_env: dict[str, str], cloud: Sandbox) -> None:
    home = tmp_path / "home"
    env = environment(home, script_env)
    ran = shell(f"set -e\n{script('--user-tag')}{script('xargs zvol runs')}", env, home)
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count(PG_WAL) >= 2
    tags = cloud.call("GET", f"/v1/user-tags?q=resourceUuid={PG_WAL}")[1]["inventories"]
    assert "incident-42" in {tag["tag"] for tag in tags}


def test_the_cron_lines_repair_themselves_and_raise_the_alarm(
    tmp_path: Path, script_env: dict[str, str], cloud: Sandbox
) -> None:
    home = tmp_path / "home"
    ran = shell(marked(PAGE, "cron set-up"), environment(home, script_env), home)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert (home / "to-recover.txt").read_text().split() in ([PG_WAL, PG_DATA], [PG_DATA, PG_WAL])
    assert {path.stat().st_mode & 0o77 for path in (home / ".config" / "zvol").iterdir()} == {0}
    bare = environment(home)
    repair, alarm = (marked(PAGE, mark).split(maxsplit=5)[5] for mark in ("cron", "alarm"))
    for _ in range(2):
        ran = shell(repair, bare, home, CRONS, with_zvol=False)
        assert (ran.returncode, ran.stdout) == (0, "")
        assert cloud.status(PG_DATA) == "Ready"
    assert "look at the recycle bin" in shell(alarm, bare, home, CRONS, with_zvol=False).stdout
    lines = (home / ".config/zvol/env").read_text()
    (home / ".config/zvol/env").write_text(lines.replace(cloud.host, "http://127.0.0.1:1"))
    assert "look at the recycle bin" not in shell(alarm, bare, home, CRONS, with_zvol=False).stdout


def unit(name: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(marked(PAGE, name))
    return read


def test_the_service_does_what_it_says(tmp_path: Path, script_env: dict[str, str], cloud: Sandbox) -> None:
    """As systemd would: its command, its environment, and its credential in a folder of its own."""
    home, folder = tmp_path / "home", tmp_path / "credentials"
    env = environment(home)
    folder.mkdir(mode=0o700)
    (folder / "session").write_text(cloud.session)
    (folder / "session").chmod(0o400)
    (home / "to-recover.txt").write_text(f"{PG_DATA}\n{PG_WAL}\n")
    text = marked(PAGE, "zvol-recover.service")
    service = unit("zvol-recover.service")["Service"]
    assert service["LoadCredential"].partition(":")[0] == "session"
    assert service["SuccessExitStatus"] == "5 6"
    lines = [line.removeprefix("Environment=") for line in text.splitlines() if line.startswith("Environment=")]
    variables = dict(line.replace("%h", str(home)).replace("%d", str(folder)).split("=", 1) for line in lines)
    assert variables["ZVOL_HOST"] == "https://zstack.example.com:8443"
    variables |= {"ZVOL_HOST": cloud.host, "CREDENTIALS_DIRECTORY": str(folder)}
    program, option, line = shlex.split(service["ExecStart"])
    assert (program, option) == ("/bin/sh", "-c")
    shell("true", env, home)  # puts zvol into ~/.local/bin
    ran = shell(line, env | variables, home, variables["PATH"], with_zvol=False)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert cloud.status(PG_DATA) == cloud.status(PG_WAL) == "Ready"


def test_the_timer_starts_the_service() -> None:
    timer = unit("zvol-recover.timer")
    assert timer["Timer"]["OnCalendar"] == "*:0/10"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert marked(PAGE, "systemctl").splitlines()[-1].split()[-1] == "zvol-recover.timer"


def test_its_sandbox_can_be_served(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = shell(marked(PAGE, "serve"), environment(home), home)
    assert ran.returncode == 0
    assert PG_DATA in ran.stdout


def test_blocks_are_read_with_their_marks() -> None:
    assert blocks(PAGE)[0] == Block("", "sh", SCRIPTS[0])
