"""Errors of the configuration: the file, variables, credentials and where they are. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.docs.troubleshooting.row import Row, World

HOSTS = {
    "is empty or holds a space": "a b",
    "must be plain ASCII": "https://zståck",
    "must begin with https:// or http://": "zstack.example.com",
    "must not hold a query": "https://h/#/login",
    "must not hold a user": "https://me:pw@h",
    "has an IPv6 address without brackets": "https://2001:db8::1",
    "has an invalid address or port": "https://h:99999",
    "has an IPv6 address with a zone": "https://[fe80::1%25eth0]",
    "has no valid host name": "https:///zstack",
    "has an invalid path": "https://h/../x",
    "must end before /v1": "https://h/zstack/v1",
    "must end before /api": "https://h/zstack/api",
}
"""What is wrong with a host, and such a host."""

VALUES = {
    "is empty or holds a control character": "account: ' '",
    "must be the 32 hex digits of a session": "session: 'x'",
    "must be the id of an access key": "access_key_id: 'a b'",
    "must be a duration with its unit": "timeout: soon",
    "must be between 1 and": "timeout: 0s",
    "must be a number from 1 to 64": "concurrency: 65",
    "must be one of": "output: xml",
    "must be a time zone that this machine knows": "timezone: Mars/Base",
    "must be a list: the program": "session_command: ['']",
    "holds a control character": 'session_command: ["a\\0"]',
    "is a SOCKS proxy": "proxy: socks5://p:1080",
    "exclude each other": f"session: '{'a' * 32}'\n    session_file: f",
    "{key} also needs": "access_key_id: abc",
    "proxy is for https hosts only": "host: http://h\n    proxy: http://p:3128",
    "not {kind names}: no shell reads it": "session_command: pass",
    "must be true or false, without quotes, not": "insecure_http: [1]",
    "and YAML reads": "account: 0123",
    "unknown key": "hots: https://h",
    "tags are not allowed": "account: !x y",
    "aliases are not allowed": "account: *x",
    "anchors are not allowed": "account: &x y",
    "a key in {the file | profiles | profile {name}} must be text": "1: y",
    "a key in {the file | profiles | profile {name}} is empty": "'': y",
    "duplicate key": "account: a\n    account: b",
    "merge keys are not allowed": "<<: {account: a}",
}
"""What is wrong with a profile, and such a profile."""


def document() -> str:
    """Return a file with all these mistakes, each in a profile of its own; YAML itself accepts it."""
    profiles = [f"host: '{host}'" for host in HOSTS.values()] + list(VALUES.values())
    lines = [f"  p{number}:\n    {text}\n" for number, text in enumerate(profiles) if "*x" not in text]
    long = f"  {'x' * 65}: {{}}\n  map: text\n"
    return "current: nobody\nprofiles:\n" + "".join(lines) + long


def profile(*lines: str) -> str:
    return "profiles:\n  p:\n    host: https://zstack.invalid\n" + "".join(f"    {line}\n" for line in lines)


def program(script: str, what: str = "session") -> str:
    return profile(f"{what}_command: [sh, -c, '{script}']")


@contextmanager
def exposed(world: World) -> Iterator[None]:
    world.write("secret", "a" * 32, mode=0o644)
    yield


@contextmanager
def large(world: World) -> Iterator[None]:
    world.write("secret", "a" * 5000)
    yield


@contextmanager
def latin(world: World) -> Iterator[None]:
    world.write("secret", b"\xe4\n")
    yield


@contextmanager
def empty(world: World) -> Iterator[None]:
    world.write("secret", b"\n")
    yield


@contextmanager
def linked(world: World) -> Iterator[None]:
    """Log in, and put a link in the place of the stored session."""
    assert world.run("--host <host> login --account admin --password-stdin").code in (0, 2)
    yield


@contextmanager
def stored_link(world: World) -> Iterator[None]:
    log_in(world)
    [file] = (world.state / "sessions").iterdir()
    file.rename(world.folder / "elsewhere")
    file.symlink_to(world.folder / "elsewhere")
    yield


@contextmanager
def stored_folder(world: World) -> Iterator[None]:
    log_in(world)
    [file] = (world.state / "sessions").iterdir()
    file.unlink()
    file.mkdir()
    yield


def log_in(world: World) -> None:
    from tests.support.warm import run

    del world.env["ZVOL_SESSION"]
    ran = run(["login", "--account", "admin", "--password-stdin"], world.env, stdin="password\n")
    assert ran.code == 0, ran.err


@contextmanager
def in_a_file(world: World) -> Iterator[None]:
    """Put a file where the folder of the state would be."""
    world.write("home/.local/state/zvol/sessions", "")
    yield


SECRET = "session_file: <folder>/secret"
ENV = {"ZVOL_HOST": "https://zstack.invalid", "ZVOL_SESSION": "a" * 32}

ROWS = (
    # ---- the file
    Row(
        (
            *HOSTS,
            *(name for name, text in VALUES.items() if "*x" not in text),
            "current names no profile",
            "the name of a profile has more",
            "{the file | profiles | profile {name}} must be a mapping",
        ),
        "config validate",
        2,
        config=document(),
    ),
    Row("aliases are not allowed", "config validate", 2, config="current: &a x\nprofiles: {p: {account: *a}}\n"),
    Row("there may be more mistakes", "config validate", 2, config="".join(f"k{n}: 1\n" for n in range(60))),
    Row("begins a second document", "config validate", 2, config="profiles: {}\n---\nprofiles: {}\n"),
    Row("is one value too many", "config validate", 2, config="current: [" + "1," * 20_001 + "]\n"),
    Row("is nested more than", "config validate", 2, config="a: " + "[" * 30 + "]" * 30 + "\n"),
    Row("is not YAML here", "config validate", 2, config="profiles: {\n"),
    Row("is UTF-16", "config validate", 2, config=b"\xff\xfea\0"),
    Row("is not UTF-8 here", "config validate", 2, config=b"a: \xe4\n"),
    Row("has a character here", "config validate", 2, config="a: \x01\n"),
    # ---- profiles
    Row("there is no profile {value} in", "list -p nobody", 2, config=profile()),
    Row("there is no profile {value}: ", "list -p nobody", 2, "There is no configuration file.", cloud=False),
    Row("{path} has several profiles", "list", 2, config="profiles: {a: {}, b: {}}\n"),
    Row("profile {profile} has no host", "list", 2, config="profiles: {a: {account: x}}\n"),
    Row("no host is configured", "list", 2, cloud=False),
    # ---- variables
    Row("also needs {other}", "list", 2, env={"ZSTACK_ACCESS_KEY_ID": "abc", "ZVOL_SESSION": ""}),
    Row("must be true or false", "list", 2, env={"ZVOL_NO_INPUT": "perhaps"}),
    Row("must be a port", "list", 2, env={"ZSTACK_HOST": "h", "ZSTACK_PORT": "0"}, cloud=False),
    Row("is not UTF-8", "list", 2, env={"ZSTACK_ACCOUNT_NAME": "a", "ZSTACK_ACCOUNT_PASSWORD": "\udce4"}),
    Row(
        "{reason}; correct it, or set NO_PROXY",
        "list",
        2,
        "HTTPS_PROXY is wrong.",
        env=ENV | {"HTTPS_PROXY": "socks5://p"},
    ),
    Row("has a user or a password that must be", "list", 2, env=ENV | {"HTTPS_PROXY": "http://a:b#c@p:1"}),
    Row("is in quotes, which are a part of it", "list", 2, env=ENV | {"HTTPS_PROXY": "'http://p:1'"}),
    Row("{host} is plain http", "list", 9, env=ENV | {"ZVOL_HOST": "http://zstack.invalid"}),
    # ---- credentials
    Row("there is no session for {host}", "list", 4, config=profile()),
    Row("there is no session", "doctor", 1, config="profiles: {p: {host: <host>}}\n"),
    Row(
        "there is no session for the host of",
        "list --host https://other.invalid",
        2,
        config=profile("session: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"),
    ),
    Row(
        "is set, and the host is that of profile",
        "list",
        2,
        "The session is of the environment, the host is not.",
        config=profile(),
        env={"ZVOL_SESSION": "a" * 32},
    ),
    Row(
        "there is no session for profile",
        "list",
        2,
        config=profile(),
        env={"ZSTACK_ACCOUNT_NAME": "a", "ZSTACK_ACCOUNT_PASSWORD": "b"},
    ),
    Row(
        "an access key is not used over plain http",
        "list",
        9,
        env={
            "ZVOL_HOST": "http://zstack.invalid",
            "ZVOL_INSECURE_HTTP": "1",
            "ZSTACK_ACCESS_KEY_ID": "abc",
            "ZSTACK_ACCESS_KEY_SECRET": "def",
        },
        cloud=False,
    ),
    Row(
        "the secret of the access key is empty",
        "list",
        2,
        config=profile("access_key_id: abc", "access_key_secret_file: <folder>/secret"),
        around=empty,
    ),
    Row(
        "the password is not UTF-8",
        "list",
        2,
        config=profile("account: a", "password_file: <folder>/secret"),
        around=latin,
    ),
    Row(
        "there is no password in the first line",
        "list",
        2,
        config=profile("account: a", "password_file: <folder>/secret"),
        around=empty,
    ),
    Row("a password is set, but no account", "list", 2, env=ENV | {"ZVOL_SESSION": "", "ZSTACK_ACCOUNT_PASSWORD": "b"}),
    Row("{the file's first line | what session_command prints}", "list", 2, config=program("echo x")),
    Row(
        "{password_command | session_command | access_key_secret_command} cannot be run",
        "list",
        2,
        config=profile("session_command: [/nowhere]"),
    ),
    Row("{password_command | session_command | access_key_secret_command} printed", "list", 2, config=program("yes")),
    Row(
        "{password_command | session_command | access_key_secret_command} did not end",
        "list --timeout 1s",
        4,
        config=program("sleep 9"),
    ),
    Row("{password_command | session_command | access_key_secret_command} {ended", "list", 4, config=program("exit 7")),
    # ---- files
    Row(
        "cannot be read: {reason}",
        "list",
        2,
        "A file that a setting names is missing or not yours.",
        config=profile(SECRET),
    ),
    Row("is not a file", "list", 2, config=profile("session_file: /")),
    Row("has more than", "list", 2, config=profile(SECRET), around=large),
    Row("holds a secret and others can use it", "list", 2, config=profile(SECRET), around=exposed),
    Row("is a symbolic link, and it holds a secret", "list", 2, around=stored_link),
    Row("{path} is not a folder", "login --account admin --password-stdin", 7, stdin="password\n", around=in_a_file),
    # ---- CA files
    Row("the CA file is a directory", "list", 2, env=ENV | {"ZVOL_CA_FILE": "/"}),
    Row("the CA file is no regular file", "list", 2, env=ENV | {"ZVOL_CA_FILE": "/dev/null"}),
    Row("the CA file holds no certificate in PEM form", "list", 2, env=ENV | {"ZVOL_CA_FILE": "/etc/hostname"}),
    Row("the CA file cannot be read", "list", 2, env=ENV | {"ZVOL_CA_FILE": "/nowhere"}),
)
