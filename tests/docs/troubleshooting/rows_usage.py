"""Errors of the command line: nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.docs.troubleshooting.row import Row, World
from tests.support.process import PG_DATA, READY


@contextmanager
def no_home(world: World) -> Iterator[None]:
    del world.env["HOME"]
    yield


@contextmanager
def odd_home(world: World) -> Iterator[None]:
    world.env["HOME"] = "home"
    yield


@contextmanager
def taken(world: World) -> Iterator[None]:
    world.write("taken.yaml", "profiles: {}\n")
    yield


NAMES = "\n".join(str(number) for number in range(100_001))

ROWS = (
    # ---- commands and their arguments
    Row("No such command", "restore pg-data", 2, "The first word is no command."),
    Row("No such {command | topic or command}", "help nonsense", 2),
    Row("list takes no names", "list pg-data", 2),
    Row("--exit-code needs", "list --exit-code", 2),
    Row("cannot be used with --vms", "list --vms --last-vm db-1", 2),
    Row("--columns works with list and show", "recover x --columns uuid", 2),
    Row("--columns works with -o", "list --json --columns uuid", 2),
    Row("no column", "list --columns nmae", 2, "--columns names a column that there is not."),
    Row("the sandbox needs no login", "--sandbox login", 2),
    Row("give VOLUMEs, or filters", "recover pg-data --all", 2, "VOLUMEs, filters, --all and --vm were mixed."),
    Row("nothing to recover: ", "recover", 2, "Nothing was named."),
    Row("--vm works with", "recover --vm web-2 --user-tag x", 2),
    Row("--vm does not read standard input", "recover --vm -", 2),
    Row("VOLUMEs and --vm cannot be combined", "show pg-data --vm web-2", 2),
    Row("Missing argument", "show", 2),
    Row("--same-account needs RUN", "resume --same-account", 2),
    Row("VM is empty", f"attach {READY} ''", 2),
    Row("there is no place for the file", "config init", 2, "zvol does not know where your files are.", around=no_home),
    Row("{path} exists already", "config init --config <folder>/taken.yaml", 2, around=taken),
    Row("there is no configuration file", "config validate", 2, cloud=False, around=odd_home),
    # ---- VOLUMEs and lists of them
    Row("more than 100,000", "recover -", 2, stdin=NAMES),
    Row(
        "is empty, holds a control character or has more",
        "recover -",
        2,
        "An empty line, for example.",
        stdin="a\n\nb\n",
    ),
    Row(
        "...}') {what}",
        "recover -",
        2,
        "A line is not a UUID or a name alone: a comment, JSON, a row of a table, a shortened UUID.",
        stdin=f"# {PG_DATA}\t\n",
    ),
    Row("standard input is longer", "recover -", 2, stdin=("x" * 999 + "\n") * 17_000),
    Row("has a control character in it; nothing was sent", "list --name 'a\r'", 2),
    Row("standard input is {what}, not a list", "recover -", 2, stdin="PK\x03\x04"),
    Row("of standard input is UTF-16", "recover -", 2, stdin="ab\nc\0d\0e\0\n"),
    Row("standard input is {UTF-32 | UTF-16}", "recover -", 2, stdin="\udcff\udcfeA\0"),
    Row(
        "of standard input is not UTF-8",
        "recover -",
        2,
        "The list is in another encoding, such as GB18030.",
        stdin="\udce4\n",
    ),
    Row("pass --yes to confirm when", "recover --all --no-input", 2),
    Row("were expected; nothing was sent", "recover pg-data --expect 2 --dry-run", 2, "--expect was not right."),
    # ---- values of options
    Row("a tag must not be empty", "recover pg-data --user-tag ''", 2),
    Row("'{value}' changes what the server does", "recover pg-data --system-tag validationOnly", 2),
    Row("'{value}' is not a number from", "recover pg-data --expect x", 2),
    Row("'{value}' is not a number of seconds", "sandbox serve --job-time x", 2),
    Row("'{value}' {reason}{", "sandbox serve --version nine", 2, "The sandbox does not know this release."),
    Row("{{version} | ZStack {version}} has no access keys", "sandbox serve --version 3.1 --access-keys", 2),
    Row("'{text}' is neither a duration nor a date", "list --deleted-since yesterday", 2),
    Row("'{text}' is more than", "list --deleted-since 9999d", 2),
    Row("{text} has no unit", "list --deleted-since 90", 2),
    Row("there is no {name} {value}", "list --status Redy", 2, "--status names a status that there is not."),
    Row("the name of a profile must have", f"config init -p {'x' * 65}", 2),
    Row("option --host:", "config init --host nowhere", 2),
    Row("no password was given", "login --account admin", 2, "There is no terminal to ask for the password."),
    Row("no account was named", "login", 2, "Neither the option nor the settings name the account."),
    Row("an account or a user must not", "login --account 'a\tb' --password-stdin", 2),
    Row("these settings are of", "login --account b", 2, env={"ZSTACK_ACCOUNT_NAME": "a"}),
    Row("there is no run", "resume 123", 2, "The journal has no run of this name."),
)
