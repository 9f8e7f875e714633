"""`zvol config`, `zvol sandbox reset`, `zvol help` and `zvol runs` as a new user meets them."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from tests.support.process import PG_DATA, environment
from tests.support.terminal import on_terminal
from tests.support.warm import run


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home")


def test_init_writes_a_private_file_that_is_correct_and_never_overwrites(env: dict[str, str]) -> None:
    assert run(["config", "init"], env).code == 0
    path = Path(env["HOME"]) / ".config" / "zvol" / "config.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run(["config", "validate"], env).code == 0
    shown = run(["config", "show"], env)
    assert shown.code == 0
    assert "https://zstack.example.com:8443/zstack" in shown.out
    assert f"{path}:5:11" in shown.out
    path.write_text("mine")
    shown = run(["--sandbox", "config", "show"], env)
    assert "environment" not in shown.out
    again = run(["config", "init"], env)
    assert (again.code, path.read_text()) == (2, "mine")


@pytest.mark.parametrize(("more", "then"), [([], "config validate"), (["--host", "https://z", "-p", "a b"], "doctor")])
def test_init_names_the_next_command_for_the_file_that_it_wrote(
    env: dict[str, str], more: list[str], then: str
) -> None:
    path = Path(env["HOME"]) / "other file.yaml"
    ran = run(["config", "init", "--config", str(path), *more], env)
    assert (ran.code, ran.err.endswith(f"run: zvol --config '{path}' {then}\n")) == (0, True), ran.err


def test_all_mistakes_at_once_with_their_places(env: dict[str, str]) -> None:
    path = Path(env["HOME"]) / "c.yaml"
    path.write_text("profiles:\n  a:\n    hots: https://z\n    timeout: soon\n")
    path.chmod(0o600)
    ran = run(["config", "validate", "--config", str(path)], env)
    assert (ran.code, ran.out) == (2, "")
    assert f"{path}:3:5" in ran.err
    assert f"{path}:4:14" in ran.err
    assert "did you mean host" in ran.err


def test_secrets_are_not_shown(env: dict[str, str]) -> None:
    more = {"ZVOL_HOST": "https://z", "ZVOL_SESSION": "c0ffee" * 5 + "00"}
    for format in ("table", "json", "csv"):
        ran = run(["config", "show", "-o", format], env | more)
        assert ran.code == 0
        assert "c0ffee" not in ran.out + ran.err


# ---- config init on a terminal ----------------------------------------------------------------------------------
def test_init_asks_what_it_needs(env: dict[str, str]) -> None:
    shown = on_terminal(
        ["config", "init"],
        env,
        replies=[
            (b"Host, as https", "zstack.example.com\n"),
            (b"must begin with https", "https://z.example.com:8443\n"),
            (b"Account", "admin\n"),
            (b"Program", "pass 'zstack/the admin'\n"),
        ],
    )
    assert shown.code == 0, shown.text
    assert "now run: zvol doctor" in shown.text
    found = {one["key"]: one for one in run(["config", "show", "--json"], env).json()}
    assert found["host"]["value"] == "https://z.example.com:8443/zstack"
    assert found["account"]["value"] == "admin"
    assert found["password_command"]["value"] == "pass ***"
    assert run(["config", "validate"], env).code == 0


@pytest.mark.parametrize(
    ("replies", "code", "holds"),
    [
        ([(b"Host", "https://z\n"), (b"Account", "\n")], 0, "session_command"),
        ([(b"Host", "https://z\n"), (b"Account", "it\n"), (b"Program", "\n")], 0, "`zvol login` asks"),
        ([(b"Host", "http://10.0.0.1\n"), (b"Allow it", "y\n"), (b"Account", "\n")], 0, "    insecure_http: true"),
        ([(b"Host", "http://10.0.0.1\n"), (b"Allow it", "n\n")], 2, None),
        ([(b"Host", "\x03")], 130, None),
        ([(b"Host", "\x04")], 1, None),
        ([(b"Host", "https://u:MARKER@z\n"), (b"user or a password", "\x03")], 130, None),
    ],
)
def test_answers_to_init(env: dict[str, str], replies: list[tuple[bytes, str]], code: int, holds: str | None) -> None:
    shown = on_terminal(["config", "init"], env, replies=replies)
    assert shown.code == code, shown.text
    assert "Traceback" not in shown.text
    path = Path(env["HOME"]) / ".config" / "zvol" / "config.yaml"
    assert path.exists() is (holds is not None)
    if holds is not None:
        assert holds in path.read_text()
        assert run(["config", "validate"], env).code == 0


def test_init_asks_nothing_that_was_given_and_nothing_with_no_input(env: dict[str, str], tmp_path: Path) -> None:
    there = tmp_path / "c.yaml"
    shown = on_terminal(
        ["config", "init", "--no-input", "-p", "生产", "--host", "https://z", "--config", str(there)], env
    )
    assert shown.code == 0
    ran = run(["config", "show", "--config", str(there), "--json"], env)
    found = {one["key"]: one["value"] for one in ran.json()}
    assert (found["profile"], found["host"]) == ("生产", "https://z:443/zstack")
    for bad in (["--host", "https://u:MARKER@z"], ["-p", "x" * 65], ["-p", "a\tb"]):
        ran = run(["config", "init", "--config", str(tmp_path / "d.yaml"), *bad], env, stdin="never read")
        assert ran.code == 2
        assert "MARKER" not in ran.err
    assert not (tmp_path / "d.yaml").exists()


@pytest.mark.parametrize("value", ["0", "false"])
def test_init_asks_with_a_false_no_input(value: str, env: dict[str, str]) -> None:
    replies = [(b"Host", "https://z\n"), (b"Account", "\n")]
    shown = on_terminal(["config", "init"], env | {"ZVOL_NO_INPUT": value}, replies=replies)
    assert shown.code == 0, shown.text
    assert "Host, as https://HOST[:PORT]" in shown.text


@pytest.mark.parametrize(("value", "code"), [("1", 0), ("maybe", 2)])
def test_init_asks_nothing_with_a_true_or_a_wrong_no_input(value: str, code: int, env: dict[str, str]) -> None:
    shown = on_terminal(["config", "init"], env | {"ZVOL_NO_INPUT": value})
    assert shown.code == code, shown.text
    assert "Host, as" not in shown.text
    assert ("ZVOL_NO_INPUT: must be true or false" in shown.text) is (code == 2)


def test_validate_looks_at_the_files_that_profiles_name(env: dict[str, str]) -> None:
    path = Path(env["HOME"]) / "c.yaml"
    path.write_text("profiles:\n  a:\n    host: https://z\n    ca_file: gone.pem\n  b:\n    session_file: open\n")
    (path.parent / "open").write_text("x")
    (path.parent / "open").chmod(0o644)
    ran = run(["config", "validate", "--config", str(path)], env)
    assert ran.code == 2
    assert f"{path}:4:14: ca_file: {path.parent}/gone.pem cannot be read" in ran.err
    assert f"{path}:6:19: session_file: " in ran.err


def test_show_names_the_source_of_each_value(env: dict[str, str]) -> None:
    path = Path(env["HOME"]) / "c.yaml"
    body = (
        "host: https://z\n    timeout: 5m\n    account: it\n    password_command: [pass, MARKER]\n    timezone: +08:00"
    )
    path.write_text(f"profiles:\n  a:\n    {body}\n")
    more = {"ZVOL_OUTPUT": "json", "ZVOL_TIMEOUT": "7m", "HTTPS_PROXY": "http://u:MARKER@p:1"}
    ran = run(["config", "show", "--config", str(path), "--no-input"], env | more)
    found = {one["key"]: (one["value"], one["source"]) for one in ran.json()}
    assert found["host"] == ("https://z:443/zstack", f"{path}:3:11")
    assert found["timeout"] == ("7m", "environment ZVOL_TIMEOUT")
    assert found["no_input"] == ("true", "option --no-input")
    assert found["concurrency"] == ("16", "default")
    assert found["password_command"] == ("pass ***", f"{path}:6:23")
    assert found["timezone"][1] == f"{path}:7:15"
    assert "MARKER" not in ran.out + ran.err


def test_reset_makes_the_sandbox_as_it_was(env: dict[str, str]) -> None:
    run(["--sandbox", "recover", PG_DATA], env)
    assert run(["--sandbox", "show", PG_DATA, "--json"], env).json()["status"] == "Ready"
    assert run(["sandbox", "reset"], env).code == 0
    assert run(["--sandbox", "show", PG_DATA, "--json"], env).json()["status"] == "Deleted"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--port {port}", "port {port} is in use"),
        ("--zone Mars/X", "'Mars/X' must be a time zone"),
        ("--job-time -1", "not a number of"),
    ],
)
def test_a_sandbox_that_cannot_be_served(env: dict[str, str], options: str, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run(["sandbox", "serve", *options.format(port=port).split()], env)
    assert (ran.code, says.format(port=port) in ran.err) == (2, True), ran


def test_runs_are_remembered(env: dict[str, str]) -> None:
    assert run(["runs", "--json"], env).json() == []
    run(["--sandbox", "recover", PG_DATA], env)
    [found] = run(["--sandbox", "runs", "--json"], env).json()
    assert (found["finished"], found["pending"], found["planned"], found["alive"]) == (1, 0, 0, False)


@pytest.mark.parametrize("topic", ["exit-codes", "environment", "output"])
def test_help_topics(topic: str, env: dict[str, str]) -> None:
    ran = run(["help", topic], env)
    assert ran.code == 0
    assert len(ran.out.splitlines()) > 10
    assert max(len(line) for line in ran.out.splitlines()) <= 80


def test_help_of_a_command_and_what_was_meant(env: dict[str, str]) -> None:
    shown = run(["help", "config", "show"], env)
    assert (shown.code, shown.out) == (0, run(["config", "show", "--help"], env).out)
    for arguments in (["lsit"], ["help", "lsit"]):
        ran = run(arguments, env)
        assert (ran.code, ran.err.splitlines()[0].partition("'")[2]) == (2, "lsit'. Did you mean list?")


def test_every_command_has_help_with_an_example(env: dict[str, str]) -> None:
    section = run(["--help"], env).out.split("Commands:\n")[1].split("\n\n")[0]
    commands = [line.split()[0] for line in section.splitlines() if line[2:3].strip()]
    assert {"recover", "resume", "list", "show", "attach", "login", "doctor"} <= set(commands)
    for name in commands:
        ran = run([name, "--help"], env)
        assert ran.code == 0
        assert "\nExample" in ran.out, name
