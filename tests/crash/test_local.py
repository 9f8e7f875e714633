"""Faults of this machine: a disk that is full, read-only or broken, and a journal that cannot be read."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.crash.world import CLAIMED, Started, World, reported
from tests.support.fault_proxy import Rule, proxy
from tests.support.process import Ran, environment, wait_for
from tests.support.profiles import FAST

RUNNING = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no prlimit here")


def limited(cloud: World, env: dict[str, str], arguments: Sequence[str], size: int) -> Ran:
    """Run zvol where no file may grow beyond a size."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    process = subprocess.Popen(
        [*FAST, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit
    )
    return cloud.end(process)


def broken(cloud: World, volumes: Sequence[str], ran: Ran, env: dict[str, str]) -> None:
    """The journal broke at some point: 7, one clear line, every volume is reported, and a resume ends it."""
    assert ran.code == 7, ran
    assert "cannot write the journal" in ran.err
    results = reported(ran)
    assert {one["uuid"] for one in results} == set(volumes)
    sent = cloud.submitted(volumes)
    for one in results:
        assert (one["outcome"] == "not-sent") == (one["uuid"] not in sent), one
    cloud.never_two(volumes)
    known = sum(one["planned"] + one["pending"] + one["finished"] for one in cloud.run_list(env))
    hints = ran.err + "".join(one["error"]["hint"] for one in results if one["error"])
    assert ("then run `zvol resume`" in hints) is (known > 0), "the hint leads to what is in the journal"
    assert ("then run the same command again" in hints) is (known == 0)
    assert cloud.run(env, "resume", "-o", "ndjson").code == 0
    assert cloud.run(env, "recover", *volumes, "-o", "ndjson").code == 0
    cloud.never_two(volumes)


def open_jobs(ran: Ran) -> list[dict[str, str]]:
    """Return the open jobs from the one line of stderr that lists them."""
    [line] = [line for line in ran.err.splitlines() if line.startswith('{"openJobs"')]
    jobs: list[dict[str, str]] = json.loads(line)["openJobs"]
    return jobs


def test_a_disk_that_is_full_at_every_place(cloud: World) -> None:
    """The limit grows page by page until nothing is in the way any more."""
    seen = set()
    for size in range(32768 + 2000, 32768 * 8, 5 * 4096):
        env, volumes = cloud.home(), cloud.targets(8)
        ran = limited(cloud, env, ["recover", *volumes, "-o", "ndjson", "--concurrency", "1"], size)
        if ran.code == 0:
            break
        seen.add(len(cloud.submitted(volumes)))
        broken(cloud, volumes, ran, env)
    else:
        raise AssertionError("it never works")
    assert 0 in seen


@RUNNING
def test_what_is_open_when_the_disk_is_full_is_reported_as_json(cloud: World, tmp_path: Path) -> None:
    """The journal can be written up to the first group of intents; the server then lets every PUT hang."""
    with proxy(cloud.cloud.host, Rule("put", "lose"), Rule("job", "page", 1, 999), Rule("back", "page", 1, 999)) as (
        host,
        between,
    ):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start_python(env, "recover", volume, "-o", "ndjson", "--timeout", "90s")
        wait_for(lambda: len(between.puts()) == 1)
        block(process)
        ran = cloud.end(process)
    assert ran.code == 7, ran
    [result] = reported(ran)
    assert result["outcome"] == "unknown"
    assert open_jobs(ran) == [{"uuid": volume, "jobUuid": result["jobUuid"]}]
    assert len(between.puts()) == 1


@RUNNING
def test_a_journal_that_fails_only_at_the_end_is_7_and_the_outcome_is_reported(cloud: World, tmp_path: Path) -> None:
    release_file = tmp_path / "go"
    with proxy(cloud.cloud.host, Rule("put", "hold-answer", file=release_file)) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        process = cloud.start_python(env, "recover", volume, "--json")
        assert between.held.wait(60)
        block(process)
        release_file.touch()
        ran = cloud.end(process)
    assert ran.code == 7, ran
    assert ran.json()["status"] == "Ready"
    assert "cannot write the journal" in ran.err


def block(process: Started) -> None:
    """From now on no file of this process can be written beyond its first byte; pipes and sockets are no files."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, 1))


def strace(*options: str) -> list[str]:
    """Return a command that makes system calls fail; skips where there is no strace, or it may not trace."""
    command = ["strace", "-f", "-qq", "-o", "/dev/null", *options]
    if (
        shutil.which("strace") is None
        or subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no strace that works here")
    return command


@pytest.mark.parametrize("fault", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_disk_fails_at_a_sync(number: int, fault: str, cloud: World) -> None:
    command = strace("-e", f"inject=fdatasync,fsync:error={fault}:when={number}")
    env, volumes = cloud.home(), cloud.targets(3)
    ran = cloud.run(env, "recover", *volumes, "-o", "ndjson", command=[*command, *FAST])
    assert ran.code in (0, 7), ran
    if ran.code == 7:
        broken(cloud, volumes, ran, env)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(fd, bytes(4096)):
            pass
    os.close(fd)


def test_a_small_disk_that_is_full(cloud: World, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        env, volumes = cloud.home() | {"XDG_STATE_HOME": str(disk)}, cloud.targets(4)
        fill(disk / "filler")
        ran = cloud.run(env, "recover", *volumes, "-o", "ndjson")
        assert ran.code == 7, ran
        assert not cloud.submitted(volumes)
        assert "make room" in ran.err.lower()
        (disk / "filler").unlink()
        assert cloud.run(env, "recover", *volumes, "-o", "ndjson").code == 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_became_read_only(cloud: World, tmp_path: Path) -> None:
    """`runs` and `resume` look at what is there; what would have to be written is 7."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        env, volumes = cloud.home() | {"XDG_STATE_HOME": str(disk)}, cloud.targets(4)
        assert cloud.run(env, "recover", volumes[0]).code == 0
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert [one["finished"] for one in cloud.run_list(env)] == [1]
        assert cloud.run(env, "resume").code == 0
        assert cloud.run(env, "recover", volumes[0]).code == 0, "what is back already needs no journal"
        ran = cloud.run(env, "recover", volumes[1], "-o", "ndjson")
        assert ran.code == 7, ran
        assert not cloud.submitted(volumes[1:])
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        process = cloud.start(env, "recover", *volumes[1:], command=cloud.shim(CLAIMED))
        cloud.end(process)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert [one["alive"] for one in cloud.run_list(env)] == [False, False]
        ran = cloud.run(env, "resume", "-o", "ndjson")
        assert ran.code == 7, ran
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert cloud.run(env, "resume", "-o", "ndjson").code == 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_damaged_journal_is_7_and_the_next_run_works(cloud: World) -> None:
    env, [volume] = cloud.home(), cloud.targets(1)
    journal = Path(env["HOME"]) / ".local/state/zvol/journal.db"
    journal.parent.mkdir(parents=True, mode=0o700)
    for command in (["recover", volume], ["resume"], ["runs"]):
        journal.unlink(missing_ok=True)
        journal.write_bytes(b"garbage" * 1000)
        ran = cloud.run(env, *command)
        assert (ran.code, ran.out) == (7, ""), ran
        assert "is damaged (file is not a database); it is kept as" in ran.err
        assert not cloud.submitted([volume])
    assert cloud.run(env, "recover", volume).code == 0
    assert len(list(journal.parent.glob("journal.db.damaged-*"))) == 3


def test_nothing_open_needs_no_journal_no_server_and_no_time(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    ended = subprocess.run(
        [*FAST, "resume"], env=env | {"ZVOL_HOST": "http://127.0.0.1:1"}, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "zvol: nothing to resume\n")
    assert not list((tmp_path / "home").rglob("journal.db"))


def test_nothing_open_makes_no_request(cloud: World) -> None:
    with proxy(cloud.cloud.host) as (host, between):
        env, [volume] = cloud.home(host), cloud.targets(1)
        assert cloud.run(env, "recover", volume).code == 0
        before = len(between.seen)
        ran = cloud.run(env, "resume", "-q")
        assert (ran.code, ran.out, ran.err) == (0, "", "")
        assert cloud.run(env, "resume", "--json").json() == []
        assert len(between.seen) == before


# ---- the output ----------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(("stdout", "code"), [("closed", 7), ("full", 7), ("nobody reads", 0)])
@pytest.mark.parametrize("command", ["recover", "resume"])
def test_an_output_that_cannot_be_written_stops_no_recovery(command: str, stdout: str, code: int, cloud: World) -> None:
    env, volumes = cloud.home(), cloud.targets(4)
    arguments = [command, *volumes]
    if command == "resume":
        cloud.run(env, "recover", *volumes, command=cloud.shim(CLAIMED))
        arguments = ["resume"]
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [*FAST, *arguments, "-o", "ndjson"],
            env=env,
            stdout=full if stdout == "full" else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=(lambda: os.close(1)) if stdout == "closed" else None,
        )
    if process.stdout is not None:
        process.stdout.close()
        process.stdout = None
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode == code, err
    assert ("could not be written to stdout" in err) == (code == 7)
    assert ("(4 recovered)\n" in err) == (code == 7)
    assert all(cloud.cloud.status(volume) == "Ready" for volume in volumes)
    assert cloud.run(env, "resume").code == 0
    cloud.never_two(volumes)
