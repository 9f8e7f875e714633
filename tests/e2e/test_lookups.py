"""Each look-up is taken away from each command, and what follows is what docs/internals/lookups.md says.

The look-ups are those that the commands are seen to ask for: one that is not in the table fails the test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.fault_proxy import Proxy, Rule, Seen, proxy
from tests.support.pages import page
from tests.support.process import PG_DATA, READY, ZVOL, Ran, Sandbox, environment, sandbox
from tests.support.profiles import FAST
from tests.support.warm import run
from zvol.sandbox.names import ACCESS_KEY, ACCESS_SECRET

DOCUMENT = Path(__file__).parents[2] / "docs" / "internals" / "lookups.md"
PAGE_502 = page("502 Bad Gateway")
SHARED = "d0a7a5e0c0de4b1e8a5efeedbead000e"
WEB_2 = "50e70000c0de4b1e8a5efeedbead0004"
SCRATCH = "d0a7a5e0c0de4b1e8a5efeedbead000f"
KEY = {"ZSTACK_ACCESS_KEY_ID": ACCESS_KEY, "ZSTACK_ACCESS_KEY_SECRET": ACCESS_SECRET}
PASSWORD = {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": "password"}


@dataclass(frozen=True)
class LookUp:
    """A row of the table."""

    what: str
    rests: str
    filter: str
    alarm: str


def table() -> dict[str, LookUp]:
    """Return the rows of the page by request."""
    rows = [line.strip("|").split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")][2:]
    found = {}
    for what, requests, rests, _shown, filter, alarm in ([cell.strip() for cell in row] for row in rows):
        for request in re.findall(r"`([^`]+)`", requests):
            assert request not in found
            found[request] = LookUp(what, rests, filter, alarm)
    return found


TABLE = table()

COMMANDS: dict[str, tuple[list[str], dict[str, str]]] = {
    **{
        " ".join(arguments): (arguments, {})
        for arguments in (
            ["list"],
            ["list", "--status", "any", "--type", "any"],
            ["list", "--name", "pg-*"],
            ["list", "--type", "Root"],
            ["list", "--vms"],
            ["list", "--vms", "--expiring-within", "9d"],
            ["list", "--vms", "--deleted-since", "9d"],
            ["list", "--last-vm", "db-1"],
            ["list", "--last-vm", "nobody"],
            ["list", "--primary-storage", "nothing"],
            ["list", "--deleted-since", "3h"],
            ["list", "--expiring-within", "12h", "--exit-code"],
            ["list", "--expiring-within", "1h", "--exit-code"],
            ["list", "--expiring-within", "9d", "--last-vm", "db-1", "--exit-code"],
            ["list", "--expiring-within", "9d", "--tagged", "production", "--exit-code"],
            ["show", PG_DATA],
            ["show", SCRATCH, "pg-data"],
            ["show", "--vm", "web-2"],
            ["show", "--vm", WEB_2],
            ["recover", PG_DATA],
            ["recover", PG_DATA, "--reattach", "--user-tag", "x"],
            ["recover", "pg-data"],
            ["recover", "nobody"],
            ["recover", "backup"],
            ["recover", "--all", "--yes"],
            ["recover", "--name", "pg-*", "--yes"],
            ["recover", "--last-vm", "db-1", "--yes"],
            ["recover", "--primary-storage", "ceph-main", "--yes"],
            ["recover", "--tagged", "owner:dba", "--yes"],
            ["recover", "--deleted-since", "3h", "--yes"],
            ["recover", "--deleted-before", "60h", "--yes"],
            ["recover", "--expiring-within", "12h", "--yes"],
            ["recover", "--expiring-within", "12h", "--dry-run"],
            ["attach", READY],
            ["attach", SHARED, "db-1"],
            ["attach", "shared-home", "web-1"],
            ["doctor"],
            ["whoami"],
            ["runs"],
            ["resume"],
        )
    },
    "list, with a key": (["list"], KEY),
    "recover, with a key": (["recover", PG_DATA], KEY),
    "list, with a password": (["list"], PASSWORD),
    "resume, of an open run": (["resume"], {}),
    "recover, with a password": (["recover", "--deleted-since", "3h", "--yes"], PASSWORD),
}


def request_of(seen: Seen) -> str:
    """Return a request as the table writes it: with its first condition, without what changes from run to run."""
    parts = urlsplit(seen.path)
    path = re.sub(r"/[0-9a-f]{32}(?=/|$)", "/*", parts.path.partition("/zstack")[2])
    pairs = parse_qsl(parts.query)
    conditions = [re.split(r"(?<=[=])", value)[0] for name, value in pairs if name == "q"]
    rest = conditions[0] if conditions else "sort=+name" if ("sort", "+name") in pairs else ""
    action = seen.action if path.endswith("/actions") else ""
    return " ".join(filter(None, (seen.method, path, rest, action)))


def rule_for(seen: Seen) -> Rule:
    """Return what breaks such requests."""
    parts = urlsplit(seen.path)
    first = re.search(r"q=[A-Za-z]+[^&=]*(?:%3D)?", parts.query)
    path = re.escape(re.sub(r"[0-9a-f]{32}", "UUID", parts.path)).replace("UUID", "[0-9a-f]{32}")
    narrow = re.escape(re.match(r"q=[A-Za-z]+(?:%[0-9A-F]{2}|[?!])*", first[0])[0]) if first else ""  # type: ignore[index]
    if not first:
        by_name = "sort=%2Bname" in parts.query
        narrow = "(?=.*sort=%2Bname)" if by_name else "(?!.*(?:q=|sort=%2Bname))"
    more = f"[?].*{narrow}" if parts.query and first else f"[?]{narrow}" if parts.query else "$"
    return Rule("any", "page", last=10**6, page=PAGE_502, path=f"{path}{more}", action_key=seen.action)


class Clouds:
    """Sandboxes one after the other: the next one is started when a request may have changed the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self._stack = ExitStack()
        self._current: Sandbox | None = None
        self._undisturbed: dict[str, tuple[int, dict[str, Seen]]] = {}

    @property
    def current(self) -> Sandbox:
        if self._current is None:
            self.number += 1
            self._current = self._stack.enter_context(sandbox(self.folder / f"cloud-{self.number}", "--access-keys"))
        return self._current

    def leave(self) -> None:
        self._stack.close()
        self._current = None

    @contextmanager
    def one_run(self, folder: Path, name: str, *rules: Rule) -> Iterator[tuple[Ran, Proxy]]:
        """Run a command once, on an unchanged cloud."""
        arguments, more = COMMANDS[name]
        cloud = self.current
        with proxy(cloud.host, *rules) as (host, between):
            env = environment(folder, {"ZVOL_HOST": host, **(more or {"ZVOL_SESSION": cloud.session})})
            if name == "resume, of an open run":
                between.rules = (Rule("put", "drop", last=9),)
                assert run(["recover", PG_DATA, "--timeout", "20s"], env, command=FAST).code == 3
                between.seen, between.counts, between.rules = [], {}, rules
            quick = [] if arguments[0] in ("doctor", "runs", "whoami") else ["--timeout", "20s"]
            yield run([*arguments, *quick], env, command=FAST if arguments[0] == "resume" else ZVOL), between
        if any(changes(one) for one in between.seen):
            self.leave()

    def undisturbed(self, folder: Path, name: str) -> tuple[int, dict[str, Seen]]:
        """Return how a command ends when nothing breaks, and what it asks for; it is run once."""
        if name not in self._undisturbed:
            with self.one_run(folder, name) as (ran, between):
                self._undisturbed[name] = ran.code, {request_of(one): one for one in between.seen}
        return self._undisturbed[name]


def changes(seen: Seen) -> bool:
    return seen.method == "POST" or seen.kind == "put"


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    made = Clouds(tmp_path_factory.mktemp("clouds"))
    yield made
    made.leave()


def expected(name: str, row: LookUp, undisturbed: int) -> int | None:
    """Return the exit code that the table says; None where another page does."""
    arguments, more = COMMANDS[name]
    options = re.findall(r"`([^`]+)`", row.rests)
    if row.rests == "the protocol" or (arguments[0] == "recover" and "to recover them: the protocol" in row.what):
        return None
    if "if no login shows it" in row.what and more == PASSWORD:
        return undisturbed
    if arguments[0] == "doctor":
        return 1
    alarm = "--exit-code" in arguments
    rests = row.rests == "everything" or any(option in arguments for option in options)
    if "an access key" in row.rests and more == KEY:
        return 5
    return undisturbed if not rests else int(row.alarm if alarm else row.filter)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_look_up_of_a_command_is_taken_away(name: str, tmp_path: Path, clouds: Clouds) -> None:
    usual, asked = clouds.undisturbed(tmp_path / "whole", name)
    assert asked.keys() <= TABLE.keys(), "a look-up that the page does not speak of"
    for number, (request, seen) in enumerate(asked.items()):
        code = expected(name, TABLE[request], usual)
        half_an_hour = (
            COMMANDS[name][0] == ["resume"] and "getVersion" in request
        )  # on simulated time: test_settle_policy
        if code is None or half_an_hour:
            continue
        with clouds.one_run(tmp_path / str(number), name, rule_for(seen)) as (ran, between):
            assert between.counts.get(0), (request, rule_for(seen).path)
        assert ran.code == code, (request, ran)
        if code == 5:
            others = name.startswith("show") and "pg-data" in name  # the volume that was asked for by its UUID
            assert ran.out == "" or "not-sent" in ran.out or others, (request, ran)
            assert not any(changes(one) for one in between.seen), request


def test_the_page_speaks_of_nothing_else(tmp_path: Path, clouds: Clouds) -> None:
    """Each row is asked for by some command; what only special cases ask for is named here."""
    special = {
        "PUT /v1/management-nodes/actions getVersion",
        "GET /v1/management-nodes",
        "GET /v1/primary-storage sort=+name",
        "GET /v1/l3-networks/ip-address l3NetworkUuid=",
        "DELETE /v1/accounts/sessions/*",
    }
    asked: set[str] = set()
    for name in COMMANDS:
        asked |= clouds.undisturbed(tmp_path / re.sub(r"\W", "-", name), name)[1].keys()
    assert TABLE.keys() - asked <= special
