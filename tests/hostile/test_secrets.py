"""No secret is printed or written, with -v and --debug: every command, every credential, servers that send it back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trustme

from tests.support import secret_markers
from tests.support.echo_server import MODES, echo_server
from tests.support.process import PG_DATA, ZVOL, Ran, environment
from tests.support.process import run as started
from tests.support.profiles import fast
from tests.support.secret_markers import KEY_ID, KEY_SECRET, OTHER_SESSION, PASSWORD, PROXY_PASSWORD, SESSION
from tests.support.tree import commands, leaves
from tests.support.warm import run

FAST = fast(100)
VERBOSE = ("-v", "--debug")
WITH_SERVER = {
    "recover": [PG_DATA, "--json"],
    "resume": ["--json"],
    "list": [],
    "show": [PG_DATA],
    "attach": [PG_DATA, "f" * 32],
    "login": ["--account", "admin", "--password-stdin"],
    "logout": [],
    "whoami": [],
    "doctor": [],
}
WITHOUT_SERVER = {
    "runs": [],
    "runs forget": ["20261125-083000-1a2b3c"],
    "config init": [],
    "config show": [],
    "config validate": [],
    "sandbox reset": [],
    "completion": ["bash"],
    "help": ["environment"],
    "version": [],
}
EXCLUDED = {"sandbox serve"}
"""It serves until it is stopped, and prints the session of its own cloud; it has no other secret."""

CREDENTIALS = {
    "session": {"ZVOL_SESSION": SESSION},
    "password": {"ZSTACK_ACCOUNT_NAME": "admin", "ZSTACK_ACCOUNT_PASSWORD": PASSWORD},
    "access key": {"ZSTACK_ACCESS_KEY_ID": KEY_ID, "ZSTACK_ACCESS_KEY_SECRET": KEY_SECRET},
}
CASES = [(mode, "session", name) for mode in MODES for name in WITH_SERVER] + [
    (mode, credential, name)
    for mode in MODES
    for credential in ("password", "access key")
    for name in ("recover", "list")
]


def run_checked(name: str, arguments: list[str], env: dict[str, str], command: tuple[str, ...] = FAST) -> Ran:
    """Run a command with all output, and search for secrets in everything that it printed and wrote."""
    home = Path(env["HOME"])
    before = secret_markers.files(home)
    ran = run([*name.split(), *arguments, *VERBOSE], env, stdin=f"{PASSWORD}\n", command=command)
    secret_markers.check(ran, home, before)
    return ran


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home")


def test_every_command_is_tested() -> None:
    assert {*WITH_SERVER, *WITHOUT_SERVER, *EXCLUDED} == set(leaves())


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, str]]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield {mode: stack.enter_context(echo_server(mode)) for mode in MODES}


@pytest.mark.parametrize(("mode", "credential", "name"), CASES)
def test_a_server_that_sends_secrets_back(
    mode: str, credential: str, name: str, hosts: dict[str, str], env: dict[str, str]
) -> None:
    ran = run_checked(name, WITH_SERVER[name], env | CREDENTIALS[credential] | {"ZVOL_HOST": hosts[mode]})
    assert ran.code != 70, ran
    assert " ms" in ran.err or name in ("resume", "logout"), ran.err  # the verbose output was on


@pytest.mark.parametrize("name", WITHOUT_SERVER)
def test_a_command_without_a_server(name: str, env: dict[str, str]) -> None:
    everything = (
        CREDENTIALS["session"]
        | CREDENTIALS["password"]
        | CREDENTIALS["access key"]
        | {"ZVOL_HOST": "http://127.0.0.1:1"}
    )
    assert run_checked(name, WITHOUT_SERVER[name], env | everything).code in (0, 2)


@pytest.mark.parametrize("name", WITH_SERVER)
def test_an_unreachable_host(name: str, env: dict[str, str]) -> None:
    run_checked(name, WITH_SERVER[name], env | CREDENTIALS["session"] | {"ZVOL_HOST": "http://127.0.0.1:1"})


def test_an_untrusted_certificate_and_a_server_without_tls(env: dict[str, str], hosts: dict[str, str]) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with echo_server("page", context) as host:
        for url in (host, hosts["page"].replace("http:", "https:")):
            for credential in CREDENTIALS.values():
                assert run_checked("list", [], env | credential | {"ZVOL_HOST": url}, ZVOL).code in (4, 9)


def test_a_proxy_with_a_password(env: dict[str, str], hosts: dict[str, str]) -> None:
    address = hosts["page"].removeprefix("http://").removesuffix("/zstack")
    more = {"HTTPS_PROXY": f"http://me:{PROXY_PASSWORD}@{address}", "ZVOL_HOST": "https://zstack.example.com"}
    for name in ("list", "config show", "doctor", "whoami"):
        run_checked(name, [], env | CREDENTIALS["session"] | more)


def test_login_stores_only_the_session(env: dict[str, str], hosts: dict[str, str]) -> None:
    assert run_checked("login", WITH_SERVER["login"], env | {"ZVOL_HOST": hosts["names"]}, ZVOL).code == 0
    [stored] = [path for path in secret_markers.files(Path(env["HOME"])) if path.parent.name == "sessions"]
    assert OTHER_SESSION in stored.read_text()
    assert secret_markers.leaks(stored.read_bytes(), (PASSWORD, secret_markers.HASH)) == []
    for name in ("whoami", "show", "doctor", "logout"):
        run_checked(name, WITH_SERVER[name], env | {"ZVOL_HOST": hosts["names"]})


@pytest.mark.parametrize(
    "text",
    [
        f"profiles: {{it: {{host: 'https://x', session: '{SESSION}",
        f"profiles:\n  it:\n    host: https://x\n    session: {SESSION}{SESSION}\n",
        f"profiles:\n  it:\n    host: https://x\n    password: {PASSWORD}\n    access_key_secret: {KEY_SECRET}\n",
        f"{SESSION}: {KEY_SECRET}\n",
        f"- {SESSION}\n- '{PASSWORD}'\n",
        f"profiles:\n  it:\n    host: https://me:{PROXY_PASSWORD}@x\n    proxy: http://me:{PROXY_PASSWORD}@x:1\n",
        f"profiles:\n\tit: {SESSION}\n",
        f"profiles:\n  it: &a {SESSION}\n  two: *a\n  three: !!python/name:{KEY_SECRET}\n",
    ],
)
@pytest.mark.parametrize("name", ["list", "config show", "config validate"])
def test_a_broken_configuration(name: str, text: str, env: dict[str, str]) -> None:
    folder = Path(env["HOME"]) / ".config" / "zvol"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(text)
    (folder / "config.yaml").chmod(0o600)
    assert run_checked(name, [], env).code == 2


def test_a_journal_that_cannot_be_written(env: dict[str, str], hosts: dict[str, str]) -> None:
    state = Path(env["HOME"]) / ".local" / "state"
    state.mkdir(parents=True)
    (state / "zvol").write_text("in the credential")
    for name in ("recover", "runs", "resume", "doctor"):
        arguments = WITH_SERVER.get(name, [])
        run_checked(name, arguments, env | CREDENTIALS["session"] | {"ZVOL_HOST": hosts["names"]})


BUG = """
import os, sys
from zvol.zstack import client
def broken(self, *arguments, **options):
    session, secret = os.environ["ZVOL_SESSION"], (arguments, options)
    raise RuntimeError(f"{session} {secret} {self}" + session)
for name in ("resource", "resources", "volumes", "list_volumes", "list_resources"):
    assert hasattr(client.Client, name), name
    setattr(client.Client, name, broken)
from zvol.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("name", ["recover", "list", "show", "attach"])
def test_a_bug_of_zvol_itself(name: str, env: dict[str, str], hosts: dict[str, str]) -> None:
    """With --debug the traceback shows where, but neither the message of the exception nor the values of variables."""
    home = Path(env["HOME"])
    more = CREDENTIALS["session"] | {"ZVOL_HOST": hosts["names"]}
    ran = run([name, *WITH_SERVER[name], *VERBOSE], env | more, command=(sys.executable, "-c", BUG))
    secret_markers.check(ran, home, {})
    assert ran.code == 70
    assert "RuntimeError" in ran.err
    assert "in broken" in ran.err


def test_no_secret_in_the_process_list_nor_in_a_helper(env: dict[str, str], hosts: dict[str, str]) -> None:
    """The helper reads the command line of every process of the machine, and its own environment."""
    home = Path(env["HOME"])
    seen, helper, stored = home / "seen", home / "helper", home / "password"
    stored.write_text(PASSWORD)
    helper.write_text(
        f"#!/bin/sh\ncat /proc/[0-9]*/cmdline >>{seen} 2>/dev/null\nenv >>{seen}\nulimit -c >>{seen}\ncat {stored}\n"
    )
    helper.chmod(0o700)
    folder = home / ".config" / "zvol"
    folder.mkdir(parents=True)
    host = hosts["names"]
    (folder / "config.yaml").write_text(
        f"profiles:\n  it:\n    host: {host}\n    account: admin\n    password_command: [{helper}]\n"
    )
    for name in ("list", "recover", "login"):
        arguments = ["--account", "admin"] if name == "login" else WITH_SERVER[name]
        ran = started([name, *arguments, *VERBOSE], env | {"ZSTACK_SESSION": "x"}, command=FAST)
        assert secret_markers.leaks((ran.out + ran.err).encode()) == []
    text = seen.read_bytes()
    assert text.count(b"tests.support.fast") >= 3
    assert secret_markers.leaks(text) == []
    assert b"\n0\n" in text  # no core file either


def test_no_option_takes_a_secret() -> None:
    for path, command in commands():
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag:
                texts = f"{' '.join(option.opts)} {option.envvar or ''}".lower()
                assert not any(text in texts for text in ("password", "secret", "session", "token", "key")), path
                assert option.envvar is None


SWAPPED = {
    "a session for its file": ("session_file", "ZVOL_SESSION_FILE", SESSION),
    "a header for its file": ("session_file", "ZVOL_SESSION_FILE", f"OAuth {SESSION}"),
    "a password for its file": ("password_file", "", PASSWORD),
    "a key for its file": ("access_key_secret_file", "", f"{KEY_SECRET[:20]}/{KEY_SECRET[20:]}"),
    "a session for a program": ("session_command", "", [SESSION]),
    "a session as an argument": ("session_command", "", ["false", SESSION]),
    "a password as an argument": ("password_command", "", ["echo", PASSWORD]),
    "a file for a session": ("session", "ZVOL_SESSION", f"{SESSION}0"),
    "a list for a session": ("session", "", [SESSION]),
    "a password for a list": ("password_command", "", PASSWORD),
}


@pytest.mark.parametrize("name", SWAPPED)
def test_a_secret_in_the_place_of_something_else(name: str, env: dict[str, str], hosts: dict[str, str]) -> None:
    """People put a secret where the name of its file or program belongs, and the other way round."""
    key, variable, value = SWAPPED[name]
    folder = Path(env["HOME"]) / ".config" / "zvol"
    folder.mkdir(parents=True)
    more = {"account": "admin"} if "password" in key else {"access_key_id": KEY_ID} if "key" in key else {}
    profile = {"host": hosts["names"], **more, key: value}
    (folder / "config.yaml").write_text(json.dumps({"profiles": {"it": profile}}))
    (folder / "config.yaml").chmod(0o600)
    for command in ("list", "config show", "config validate", "doctor", "whoami"):
        assert run_checked(command, [], env).code != 70
        if variable:
            run_checked(command, [], env | {"ZVOL_HOST": hosts["names"], variable: str(value)})
