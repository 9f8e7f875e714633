"""What completion offers, and what it leaves alone."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_server import SESSION, fake_server
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, sandbox
from tests.support.shells import SLOW, candidates, values
from tests.support.warm import run
from zvol.cli.shells import SHELLS

FOLDER = Path(__file__).parents[2] / "completions"
FILES = {"bash": "zvol.bash", "zsh": "_zvol", "fish": "zvol.fish"}
HOSTILE = ("$(touch pwned)", "`touch pwned`", "; touch pwned", "a b", "*", "-x", "'q", '"', "x|y", "prod\\", "a\tb\nc")
FAST = (*SLOW[:-1], "10")
PLAIN = re.compile(r"[A-Za-z0-9_.@+-]+")


def profiles(env: dict[str, str], text: str) -> dict[str, str]:
    folder = Path(env["HOME"]) / ".config" / "zvol"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(text)
    (folder / "config.yaml").chmod(0o600)
    return env


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """One cloud for all tests, which change nothing in it."""
    folder = tmp_path_factory.mktemp("completion")
    with sandbox(folder / "cloud") as cloud:
        yield cloud, environment(folder / "home", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})


@pytest.mark.parametrize("shell", SHELLS)
def test_the_files_are_what_the_command_prints(shell: str, env: dict[str, str]) -> None:
    assert (FOLDER / FILES[shell]).read_text() == run(["completion", shell], env).out


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("zvol re", ["recover", "resume"]),
        ("zvol ", ["recover", "resume", "list"]),
        ("zvol recover --stri", ["--strict"]),
        ("zvol recover --json --strict --exp", ["--expiring-within", "--expect"]),
        ("zvol -o nd", ["ndjson"]),
        ("zvol list --sort na", ["name"]),
        ("zvol list --sort=na", ["--sort=name"]),
        ("zvol list --output=cs", ["--output=csv", "--output=csv-bom"]),
        ("zvol list --columns last", ["last-vm", "last-vm-uuid"]),
        ("zvol list --columns name,last", ["name,last-vm", "name,last-vm-uuid"]),
        ("zvol list --columns=last-vm,last", ["--columns=last-vm,last-vm-uuid"]),
        ("zvol list --vms --columns memory,cp", ["memory,cpu"]),
        ("zvol list --columns he", ["help"]),
        ("zvol list --columns name,he", []),
        ("zvol help e", ["exit-codes", "environment"]),
        ("zvol help rec", ["recover"]),
        ("zvol completion ", ["bash", "zsh", "fish"]),
        ("zvol recover 'unfinished ", []),
        ("zvol recover \\", []),
    ],
)
def test_what_is_offered_without_a_server(line: str, found: list[str], env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        more = {"ZVOL_HOST": host, "ZVOL_SESSION": "a" * 32} if "recover '" not in line and line[-1:] != "\\" else {}
        assert values(line, env | more)[: len(found) or None] == found
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(("line", "value"), [("zvol --config co", "co"), ("zvol list --config=co", "--config=co")])
def test_the_shell_completes_file_names(line: str, value: str, env: dict[str, str]) -> None:
    assert candidates(line, env) == [("file", value, "")]


def test_profiles_are_those_of_the_given_file(env: dict[str, str], tmp_path: Path) -> None:
    names = ", ".join(f"'{name.replace(chr(39), 2 * chr(39))}': {{host: https://x}}" for name in HOSTILE[:-1])
    profiles(env, f"profiles: {{prod: {{host: https://x}}, test-2: {{host: https://y}}, {names}}}")
    assert run(["config", "validate"], env).code == 0
    (tmp_path / "other.yaml").write_text("profiles: {elsewhere: {host: https://x}}")
    assert values("zvol -p ", env) == ["prod", "test-2"]
    assert values("zvol list --profile=te", env) == ["--profile=test-2"]
    assert values(f"zvol --config {tmp_path / 'other.yaml'} -p ", env) == ["elsewhere"]
    profiles(env, "profiles: [")
    assert values("zvol -p ", env) == values("zvol recover ", env) == []


def test_volumes_by_name_with_their_time_left(world: tuple[Sandbox, dict[str, str]]) -> None:
    _, env = world
    found = candidates("zvol recover ", env)
    names = [value for _, value, _ in found]
    assert names[:3] == ["pg-data", "pg-wal", "web-2-uploads"], "the last deleted first"
    assert "backup" not in names, "two have this name"
    assert [text.split(",")[0] for _, value, text in found if len(value) == 32][:2] == ["backup", "backup"]
    assert re.fullmatch(r"200 GiB, 2d \d\dh left", found[0][2])
    assert all(PLAIN.fullmatch(value) and " left" in text for _, value, text in found)
    assert values("zvol recover pg-", env) == values("zvol show pg-", env) == ["pg-data", "pg-wal"]
    assert values("zvol recover pg-data pg-", env) == ["pg-wal"]
    ((_, value, text),) = candidates(f"zvol recover {PG_WAL[:-1]}2", env)
    assert (value, text.split(",")[0]) == (PG_WAL, "pg-wal")
    assert PG_DATA not in names


def test_other_names(world: tuple[Sandbox, dict[str, str]], tmp_path: Path) -> None:
    cloud, env = world
    found = candidates("zvol recover --vm ", env)
    assert [value for _, value, _ in found] == ["web-2", "old-app"]
    assert all(re.fullmatch(r"6d \d+h left", text) for _, _, text in found)
    assert values("zvol show --vm=web", env) == ["--vm=web-2"]
    assert "team-data" in values("zvol attach ", env)
    assert values("zvol attach pg-", env) == [], "they are deleted"
    for command in ("resume", "runs forget"):
        assert values(f"zvol {command} ", env) == []
    mine = environment(tmp_path / "mine", {"ZVOL_HOST": cloud.host, "ZVOL_SESSION": cloud.session})
    run(["recover", "web-2-uploads"], mine)
    try:
        (made,) = run(["runs", "-o", "name"], mine).out.split()
        for command in ("resume", "runs forget"):
            assert values(f"zvol {command} ", mine) == [made]
        assert values("zvol runs ", mine) == ["forget", made]
    finally:
        cloud.delete("d0a7a5e0c0de4b1e8a5efeedbead0013")


def test_the_sandbox_has_names_too(env: dict[str, str]) -> None:
    assert values("zvol --sandbox recover pg-", env) == ["pg-data", "pg-wal"]


def test_names_are_asked_for_once_and_hostile_ones_are_not_offered(env: dict[str, str]) -> None:
    with fake_server(HOSTILE) as server:
        found = candidates("zvol recover ", env | {"ZVOL_HOST": server.host, "ZVOL_SESSION": SESSION})
        assert len(found) == len(HOSTILE)
        assert all(re.fullmatch(r"[0-9a-f]{32}", value) for _, value, _ in found)
        asked = [target for method, target in server.seen if target.startswith("/zstack/v1/volumes")]
        assert len(asked) == 1
        assert "limit=500" in asked[0]
        assert len(server.seen) <= 4, server.seen


@pytest.mark.parametrize(
    "credential",
    [
        "session_command: [touch, {home}/pwned]",
        "account: admin, password_command: [touch, {home}/pwned]",
        "account: admin, password_file: password",
    ],
)
def test_no_program_is_run_and_nobody_is_logged_in(credential: str, env: dict[str, str]) -> None:
    with fake_server(["a"]) as server:
        profiles(env, f"profiles: {{p: {{host: '{server.host}', {credential.format(home=env['HOME'])}}}}}")
        (Path(env["HOME"]) / ".config/zvol/password").write_text("password")
        (Path(env["HOME"]) / ".config/zvol/password").chmod(0o600)
        assert values("zvol -p p recover ", env) == []
        assert server.seen == []
    assert not list(Path(env["HOME"]).rglob("pwned"))


def test_a_server_that_does_not_answer_is_waited_for_for_a_second(env: dict[str, str]) -> None:
    """On a fast clock; without that limit it would be half an hour."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        env |= {"ZVOL_HOST": host, "ZVOL_SESSION": "a" * 32}
        assert candidates("zvol recover ", env, FAST) == []
        server.settimeout(0)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_session_that_has_ended_offers_nothing(world: tuple[Sandbox, dict[str, str]]) -> None:
    cloud, env = world
    assert values("zvol recover ", env | {"ZVOL_SESSION": "f" * 32}) == []
    assert values("zvol recover ", env | {"ZVOL_HOST": "http://127.0.0.1:1"}) == []
    assert cloud.status(PG_DATA) == "Deleted"
