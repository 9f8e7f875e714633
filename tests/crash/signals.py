"""Every signal in every phase of a run: what it must end with, and that nothing is sent after it."""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.world import World, reported
from tests.support.fault_proxy import Proxy, Rule, proxy
from tests.support.kinds import VOLUMES
from tests.support.process import Ran, wait_for
from tests.support.warm import Process, start, start_on

SIGNALS: dict[str, tuple[int, ...]] = {
    "INT": (signal.SIGINT,),
    "INT INT": (signal.SIGINT, signal.SIGINT),
    "TERM": (signal.SIGTERM,),
    "HUP": (signal.SIGHUP,),
    "PIPE": (signal.SIGPIPE,),
    "TSTP CONT": (signal.SIGTSTP, signal.SIGCONT),
    "KILL": (signal.SIGKILL,),
}
CODES = {"INT": 130, "INT INT": 130, "TERM": 143, "HUP": 129, "PIPE": 0, "TSTP CONT": 0, "KILL": -9}
ALWAYS = 999


@dataclass
class RunningCase:
    """A run that is going on: its user, its targets, the proxy before the server, and what holds it up."""

    world: World
    env: dict[str, str]
    targets: list[str]
    between: Proxy
    release_file: Path
    command: list[str] = field(default_factory=list)

    def puts(self) -> int:
        return len(self.between.puts())

    @property
    def out(self) -> Path:
        return self.release_file.with_suffix(".out")

    def start(self) -> Process:
        arguments = self.command or self.world.recover(self.targets)
        with self.out.open("wb") as out:
            return start(arguments, self.env, stdout=out, command=self.world.fast)


@dataclass(frozen=True, slots=True)
class Phase:
    """When the signal comes: `rules` get the release_file as their file, `reached` tells when it is time."""

    rules: tuple[Rule, ...] = ()
    reached: Callable[[RunningCase], bool] = lambda running: running.between.held.is_set()
    targets: int = 1
    prepare: Callable[[RunningCase], None] = lambda _scene: None
    release: Callable[[RunningCase], None] = lambda running: running.release_file.touch()
    opens: bool = True  # something is open in the journal


def ask_a_command(running: RunningCase) -> None:
    """Have the session come from a command that waits."""
    file = Path(running.env["HOME"]) / ".config/zvol/config.yaml"
    session = running.world.cloud.session
    go = running.release_file
    script = f"touch {go}.asked; while ! [ -e {go} ]; do sleep 0.01; done; echo {session}"
    file.write_text(file.read_text().replace(f"session: '{session}'", f'session_command: [sh, -c, "{script}"]'))


LOCKED: dict[str, sqlite3.Connection] = {}


def lock_the_journal(running: RunningCase) -> None:
    """Make the first commit of the run wait."""
    running.world.run(running.env, *running.world.recover(running.world.targets(1)))
    path = Path(running.env["HOME"]) / ".local/state/zvol/journal.db"
    LOCKED[str(running.release_file)] = db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    running.between.seen.clear()
    running.between.volumes.clear()


def unlock_the_journal(running: RunningCase) -> None:
    db = LOCKED.pop(str(running.release_file))
    db.execute("ROLLBACK")
    db.close()


def leave_something_open(running: RunningCase) -> None:
    """Kill a run whose PUT the proxy lost, and resume it then."""
    process = running.world.start(running.env, *running.world.recover(running.targets))
    wait_for(lambda: running.puts() == 1)
    process.kill()
    process.communicate()
    running.command = ["resume", "-o", "ndjson"]


PHASES = {
    "before the first read": Phase(
        (), lambda running: Path(f"{running.release_file}.asked").exists(), prepare=ask_a_command, opens=False
    ),
    "in the read": Phase((Rule("look", "hold"),), opens=False),
    "before the PUT": Phase(
        (),
        lambda running: bool(running.between.seen) and pause(0.4),
        prepare=lock_the_journal,
        release=unlock_the_journal,
    ),
    "PUT held": Phase((Rule("put", "hold"),)),
    "PUT answer held": Phase((Rule("put", "hold-answer"),)),
    "watching": Phase((Rule("job", "hold", 1, ALWAYS), Rule("back", "hold", 1, ALWAYS))),
    "quiet time": Phase((Rule("put", "drop"),), lambda running: running.puts() == 1 and pause(0.3)),
    "between targets": Phase((Rule("put", "hold", 3, 3),), lambda running: running.between.held.is_set(), targets=5),
    "one of two is reported": Phase(
        (Rule("put", "hold", 2, 2),), lambda running: running.out.stat().st_size > 0, targets=2
    ),
    "in resume": Phase(
        (Rule("put", "hang"), Rule("back", "hold", 1, ALWAYS), Rule("job", "hold", 1, ALWAYS)),
        prepare=leave_something_open,
    ),
}


def case(world: World, name: str, number: str) -> None:
    """Bring a run into a phase, send it the signal, and see how it ends and that it can be finished."""
    phase = PHASES[name]
    release_file = world.folder / f"release_file-{world.homes}"
    reads = {} if world.kind is VOLUMES else {"look": "vm-look", "back": "vm-back"}
    rules = [Rule(reads.get(r.kind, r.kind), r.action, r.first, r.last, file=release_file) for r in phase.rules]
    with proxy(world.cloud.host, *rules) as (host, between):
        running = RunningCase(world, world.home(host), world.targets(phase.targets), between, release_file)
        phase.prepare(running)
        if name == "between targets":
            running.command = world.recover(running.targets, "--concurrency", "1")
        process = running.start()
        wait_for(lambda: phase.reached(running))
        sent = running.puts()
        send(process, SIGNALS[number])
        goes_on = number in ("PIPE", "TSTP CONT")
        if goes_on or phase.release is unlock_the_journal:
            phase.release(running)
        ran = ended(process, running.out)
        after = running.puts()
        if not release_file.exists() and phase.release is not unlock_the_journal:
            phase.release(running)
        world.true(ran)
        late = -SIGNALS[number][-1] if number == "INT INT" else CODES[number]  # the second found it at its end
        assert ran.code in (CODES[number], late), (name, number, ran)
        if not goes_on:
            assert after == sent, (name, number, ran)
        unfinished = any(one["outcome"] in ("unknown", "not-sent") for one in reported(ran))
        if CODES[number] > 0 and phase.opens and unfinished:
            assert "finish with: zvol resume" in ran.err, ran
        if name in ("PUT answer held", "watching", "quiet time") and number == "INT":
            assert ran.err.startswith("zvol: stopping: nothing new is sent; "), ran
        between.heal()
        if name == "before the PUT":
            assert world.run(running.env, "resume", "-o", "ndjson").code == 0
            assert world.run(running.env, *world.recover(running.targets)).code == 0
            world.never_two(running.targets)
        else:
            world.finish(running.env, running.targets)


def send(process: Process, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.15 if len(numbers) > 1 else 0)


def ended(process: Process, out: Path) -> Ran:
    _, err = process.communicate()
    assert "Traceback" not in err, err
    return Ran(process.returncode, out.read_text(), err)


def pause(seconds: float) -> bool:
    time.sleep(seconds)
    return True


# ---- where a person is asked -------------------------------------------------------------------------------------
PROMPTS = {
    "confirmation": (["recover", "--name", "bulk-00999"], b"[y/N]"),
    "password": (["login", "--account", "admin"], b"Password"),
}


def prompted(world: World, name: str, number: str) -> None:
    """Send a signal while a question is on the terminal: it ends at once, and nothing was sent."""
    arguments, question = PROMPTS[name]
    env = world.home()
    before = len(world.cloud.events())
    fd, terminal = os.openpty()
    process = start_on(terminal, arguments, env)
    shown = b""
    while question not in shown:
        assert select.select([fd], [], [], 60)[0], shown
        try:
            shown += os.read(fd, 4096)
        except OSError as ended:
            raise AssertionError(f"it ended with {process.wait()} before the question: {shown!r}") from ended
    pause(0.3)  # the question is shown a moment before it is read; python may sleep on a signal that comes in between
    for one in SIGNALS[number]:
        process.send_signal(one)
        time.sleep(0.1 if len(SIGNALS[number]) > 1 else 0)
    if CODES[number] == 0:
        os.write(fd, b"n\n")
    with draining(fd) as rest:
        code = process.wait()
    text = (shown + b"".join(rest)).decode()
    assert "Traceback" not in text, text
    expected = CODES[number] or (1 if name == "confirmation" else 4)
    assert code == expected, (name, number, text)
    assert len(world.cloud.events()) == before


@contextmanager
def draining(fd: int) -> Iterator[list[bytes]]:
    """Read what comes from a terminal, so that its writer does not wait."""
    read: list[bytes] = []

    def drain() -> None:
        try:
            while data := os.read(fd, 4096):
                read.append(data)
        except OSError:
            pass

    reader = threading.Thread(target=drain)
    reader.start()
    yield read
    reader.join(60)
    os.close(fd)
