"""All ways to provoke errors, in the groups of the page; and the few errors that are not provoked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.docs.troubleshooting import (
    rows_configuration,
    rows_local,
    rows_names,
    rows_network,
    rows_outcomes,
    rows_server,
    rows_usage,
)
from tests.docs.troubleshooting.row import Row


@dataclass(frozen=True, slots=True)
class Group:
    """A section of the page."""

    title: str
    intro: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An error that another test provokes through the command, as `file::function`."""

    error: str
    code: int
    test: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Hidden:
    """An error that cannot be provoked from outside, and why."""

    error: str
    code: int
    why: str


GROUPS: Final = (
    Group(
        "The command line",
        "Nothing was sent. `zvol COMMAND --help` shows what a command takes.",
        rows_usage.ROWS,
    ),
    Group(
        "Configuration and credentials",
        "Nothing was sent. What is wrong in a file, a variable or an option begins with its place: `config.yaml:7:11: "
        "host …`, `environment ZVOL_HOST: …`. `zvol config validate` lists all mistakes, and `zvol config show` says "
        "where each value is from.",
        rows_configuration.ROWS,
    ),
    Group(
        "Network, proxies and certificates",
        "zvol did not reach the server, or does not trust what it reached. `zvol doctor` checks one thing after the "
        "other.",
        rows_network.ROWS,
    ),
    Group(
        "What the server says",
        "The server, or something before it, answered. Lines such as `SYS.1006: …` below the message are the server's "
        "own words. Messages about an answer that lacks something, or has something twice, mean that no ZStack "
        "sent it as it arrived: set `host` to the management node itself, without the gateway or cache before it.",
        rows_server.ROWS,
    ),
    Group(
        "Volumes and VMs that were named",
        "`zvol list` shows deleted volumes, `zvol list --vms` destroyed VMs, `zvol list --status any` all volumes.",
        rows_names.ROWS,
    ),
    Group(
        "How a recovery can end",
        "The message ends with what was seen last, and when (UTC).",
        rows_outcomes.ROWS,
    ),
    Group(
        "This machine: journal, files, terminal",
        "The journal is `~/.local/state/zvol/journal.db`, or below `XDG_STATE_HOME`. It holds what may still act on "
        "the server: do not delete it.",
        rows_local.ROWS,
    ),
)

FRESH: Final = "tests/faults/test_fresh.py::test_connections_that_are_always_too_slow"
ELSEWHERE: Final = (
    Elsewhere("no thread can be started", 7, "tests/e2e/test_threads.py::test_without_any_thread_nothing_is_sent"),
    Elsewhere("not sent: 3 times the last look", 5, FRESH, "Each new connection took over ten seconds."),
    Elsewhere("it took {number} s until the request", 5, FRESH),
    Elsewhere("cannot {write the output | use {filename}}", 7, "tests/e2e/test_exit_table.py::full"),
)

FALLBACK: Final = "it is said only if the answer that led to it were lost within zvol"
HIDDEN: Final = (
    Hidden("the server redirects", 9, FALLBACK),
    Hidden("the server refused", 1, FALLBACK),
    Hidden("nothing was sent", 5, FALLBACK),
    Hidden("the server does not answer", 5, FALLBACK),
    Hidden("the answer belongs to another request", 5, "such an answer has been recognised before"),
    Hidden("an inventory whose VM is no UUID", 5, "the volume is refused in other words when its VM cannot be read"),
    Hidden("holds a character that no path has", 7, "the checks of options, variables and files refuse such a path"),
    Hidden("has a user or a password that is not UTF-8", 2, "it is refused as one that must be percent-encoded"),
    Hidden("no request can be made to {host}", 5, "the checks of `host` refuse what requests would refuse"),
    Hidden("has a key that is too short", 9, "it depends on the build of OpenSSL: most say it in their own words"),
    Hidden(
        "the time allowed was over before",
        5,
        "the machine must be slow at one moment, between the connection and the first byte",
    ),
    Hidden("time is up: the request that was sent", 3, "time must be up while the next request is being written down"),
    Hidden("zvol was stopped before it was sent", 5, "a signal must come while the request waits for its turn"),
    Hidden("time is up after {time} (--timeout)", 5, "time must be up between two requests, not during one"),
    Hidden("cannot lock", 7, "it needs a file system without locks"),
    Hidden("cannot remove", 7, "it needs a folder that cannot be written although a session was stored there"),
    Hidden("has been in use by another process", 7, "it takes 30 seconds of real time"),
    Hidden("another zvol has set it aside", 7, "two runs must find the damage at the same moment"),
    Hidden("and cannot be set aside", 7, "it needs a folder that cannot be written, with a journal that can"),
    Hidden("the journal {path} is damaged ({reason})", 7, "it needs a damaged journal that cannot be written, either"),
    Hidden("of an older zvol still uses the journal", 7, "it needs a running zvol of an earlier release"),
)


def provoked() -> list[Row]:
    return [row for group in GROUPS for row in group.rows]
