"""Access keys against a sandbox that verifies each signature, as the commercial edition does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fault_proxy import proxy
from tests.support.process import PG_DATA, PG_WAL, Sandbox, environment, sandbox
from tests.support.tls import tls
from tests.support.warm import run
from zvol.sandbox.names import ACCESS_KEY, ACCESS_SECRET

KEY = {"ZSTACK_ACCESS_KEY_ID": ACCESS_KEY, "ZSTACK_ACCESS_KEY_SECRET": ACCESS_SECRET}


@contextmanager
def commercial(tmp_path: Path, *options: str) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """Serve a sandbox that knows access keys; yields it with the environment of somebody who has one."""
    with sandbox(tmp_path / "cloud", "--access-keys", *options) as cloud:
        yield cloud, environment(tmp_path / "home", KEY | {"ZVOL_HOST": cloud.host})


def profile(env: dict[str, str], host: str, body: str = "", secret: str = ACCESS_SECRET) -> dict[str, str]:
    """Return an environment whose profile has the key."""
    folder = Path(env["HOME"]) / ".config" / "zvol"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key").write_text(f"{secret}\n")
    (folder / "key").chmod(0o600)
    lines = f"    host: {host}\n    access_key_id: {ACCESS_KEY}\n    access_key_secret_file: key\n    {body}\n"
    (folder / "config.yaml").write_text("profiles:\n  it:\n" + lines)
    return {name: value for name, value in env.items() if not name.startswith(("ZVOL", "ZSTACK"))}


@pytest.mark.parametrize("zone", ["Etc/UTC", "Asia/Shanghai", "America/St_Johns", "Pacific/Kiritimati"])
@pytest.mark.parametrize("strict", [False, True], ids=["wall clocks", "instants"])
def test_every_request_is_signed_and_right_both_ways(tmp_path: Path, zone: str, strict: bool) -> None:
    options = ["--zone", zone, *(["--check-time-zone"] if strict else [])]
    with commercial(tmp_path, *options) as (cloud, env), proxy(cloud.host) as (host, between):
        env = env | {"ZVOL_HOST": host}
        ran = run(["recover", PG_DATA, "pg-wal", "--reattach", "-o", "ndjson"], env)
        assert ran.code == 0, ran
        assert {one.scheme for one in between.seen[2:]} == {"ZStack"}
        assert {one.kind for one in between.seen} >= {"put", "job", "list", "read"}
        assert not any("/accounts/" in one.path for one in between.seen)
        assert cloud.status(PG_DATA) == cloud.status(PG_WAL) == "Ready"
        assert ACCESS_SECRET not in ran.out + ran.err


def test_many_at_once(tmp_path: Path) -> None:
    with commercial(tmp_path, "--extra", "150") as (cloud, env):
        ran = run(["recover", "--all", "--yes", "-o", "name"], env)
        assert ran.code == 0, ran
        assert len(ran.out.split()) > 150
        assert "the recycle bin is empty" in run(["list"], env).err
        cloud.never_two_alive()


def test_a_profile_over_https(tmp_path: Path) -> None:
    with commercial(tmp_path) as (cloud, env), tls(cloud.host, tmp_path) as (host, ca_file):
        env = profile(env, host, f"ca_file: {ca_file}")
        assert run(["recover", PG_DATA], env).code == 0
        found = run(["whoami", "--json"], env).json()[0]
        assert (found["sessionFrom"], found["valid"], found["profile"]) == ("access key", True, "it")


@pytest.mark.parametrize(
    "command", [["list"], ["recover", PG_DATA], ["recover", "pg-data"], ["whoami"], ["show", PG_DATA]]
)
def test_a_wrong_key_is_4(tmp_path: Path, command: list[str]) -> None:
    with commercial(tmp_path) as (cloud, env):
        for wrong in ({"ZSTACK_ACCESS_KEY_SECRET": "MARKER-0123"}, {"ZSTACK_ACCESS_KEY_ID": "nobodyskey1"}):
            ran = run([*command, "--debug", "-v"], env | wrong)
            assert ran.code == 4, ran
            assert "Check the id and the secret of the access key" in ran.err
            assert "MARKER" not in ran.out + ran.err
        assert cloud.events() == []


@pytest.mark.parametrize(
    "command", [["list"], ["recover", PG_DATA], ["recover", "pg-data"], ["whoami"], ["show", PG_DATA]]
)
def test_a_server_of_the_open_edition_knows_none(tmp_path: Path, command: list[str]) -> None:
    with sandbox(tmp_path / "cloud") as cloud:
        ran = run(command, environment(tmp_path / "home", KEY | {"ZVOL_HOST": cloud.host}))
        assert ran.code == 4, ran
        assert "knows no access keys" in ran.err
        assert cloud.events() == []


def test_a_wrong_zone_is_explained_with_both_clocks(tmp_path: Path) -> None:
    with commercial(tmp_path, "--zone", "Asia/Shanghai", "--no-timezone-api") as (cloud, env):
        ran = run(["recover", PG_DATA], profile(env, cloud.host, "timezone: America/New_York"))
        assert ran.code == 4, ran
        assert "requestTimeTooSkewed" in ran.err
        assert "(zone from the profile); this machine's clock shows" in ran.err
        assert "GMT-0" in ran.err
        assert cloud.events() == []
        assert run(["recover", PG_DATA], profile(env, cloud.host, "timezone: Asia/Shanghai")).code == 0


def test_without_a_zone_nothing_is_signed(tmp_path: Path) -> None:
    with commercial(tmp_path, "--no-timezone-api") as (cloud, env), proxy(cloud.host) as (host, between):
        ran = run(["recover", PG_DATA], env | {"ZVOL_HOST": host})
        assert ran.code == 4
        assert "Set `timezone` in the profile" in ran.err
        assert "ZStack" not in {one.scheme for one in between.seen}


@pytest.mark.parametrize("more", [{"ZVOL_INSECURE_HTTP": "1"}, {}])
def test_plain_http_beyond_this_machine_is_refused_whatever_is_allowed(tmp_path: Path, more: dict[str, str]) -> None:
    env = environment(tmp_path / "home", KEY | {"ZVOL_HOST": "http://192.0.2.1:8080"} | more)
    for command in (["list"], ["recover", PG_DATA], ["whoami"]):
        ran = run(command, env, timeout=30)
        assert (ran.code, ran.out) == (9, "")
        assert "plain http" in ran.err
    ran = run(["list"], profile(env, "http://192.0.2.1:8080", "insecure_http: true"), timeout=30)
    assert ran.code == 9
    assert "an access key is not used over plain http" in ran.err


def test_a_key_goes_only_to_the_host_of_its_own_level(tmp_path: Path) -> None:
    with commercial(tmp_path) as (cloud, env), proxy(cloud.host) as (host, between):
        elsewhere = {name: value for name, value in env.items() if name != "ZVOL_HOST"}
        profile(env, "https://192.0.2.1")
        (Path(env["HOME"]) / ".config" / "zvol" / "config.yaml").write_text(f"profiles:\n  it:\n    host: {host}\n")
        ran = run(["list"], elsewhere)  # the key of the environment, the host of a profile
        assert ran.code == 2
        assert "goes only to ZVOL_HOST" in ran.err
        ran = run(["list"], profile(env, "https://192.0.2.1") | {"ZVOL_HOST": host})  # and the other way round
        assert ran.code == 2
        assert between.seen == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ZSTACK_ACCESS_KEY_ID": ""}, "ZSTACK_ACCESS_KEY_SECRET: also needs ZSTACK_ACCESS_KEY_ID"),
        ({"ZSTACK_ACCESS_KEY_SECRET": ""}, "ZSTACK_ACCESS_KEY_ID: also needs ZSTACK_ACCESS_KEY_SECRET"),
        ({"ZSTACK_ACCESS_KEY_ID": "a:b"}, "must be the id of an access key"),
        ({"ZSTACK_ACCESS_KEY_ID": "a b"}, "must be the id of an access key"),
        ({"ZSTACK_ACCESS_KEY_ID": "a\r\nX: y"}, "must be the id of an access key"),
        ({"ZSTACK_ACCESS_KEY_ID": "schlüssel"}, "must be the id of an access key"),
        ({"ZSTACK_ACCESS_KEY_SECRET": "MARKER\udcff"}, "is not UTF-8"),
    ],
)
def test_incomplete_and_malformed_keys(tmp_path: Path, change: dict[str, str], message: str) -> None:
    env = environment(tmp_path / "home", KEY | {"ZVOL_HOST": "http://127.0.0.1:9"} | change)
    ran = run(["list"], {name: value for name, value in env.items() if value})
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "MARKER" not in ran.err


def test_a_session_that_was_given_comes_first(tmp_path: Path) -> None:
    with commercial(tmp_path) as (cloud, env), proxy(cloud.host) as (host, between):
        assert run(["list", "-o", "name"], env | {"ZVOL_HOST": host, "ZVOL_SESSION": cloud.session}).code == 0
        assert {one.scheme for one in between.seen} == {"OAuth"}


def test_a_dead_host_and_one_that_is_not_trusted(tmp_path: Path) -> None:
    env = environment(tmp_path / "home", KEY | {"ZVOL_HOST": "http://127.0.0.1:1"})
    assert run(["list"], env).code == 5
    with commercial(tmp_path) as (cloud, env), tls(cloud.host, tmp_path) as (host, _):
        assert run(["recover", PG_DATA], env | {"ZVOL_HOST": host}).code == 9
