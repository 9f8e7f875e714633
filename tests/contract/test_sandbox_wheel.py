"""The sandbox in the wheel has what zvol and users' scripts need, and nothing that only tests need."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cloud import Client
from tests.support.process import environment
from tests.support.sandbox_apis import APIS
from tests.support.warm import run, start
from zvol.sandbox import Switches, embedded
from zvol.sandbox.api import Api

DB_1 = "50e70000c0de4b1e8a5efeedbead0001"
UUID = "f" * 32
SERVE_HELP = ["sandbox", "serve", "--help"]
EXPUNGE: dict[str, Any] = {"expungeDataVolume": {}}
RECOVER_VM: dict[str, Any] = {"recoverVmInstance": {}}
ONLY_TESTS = [api for api in APIS if api.name not in ("getVolumeFormat", "createSystemTag")]
"""The path of getVolumeFormat is that of a volume, too; that of createSystemTag is the one where tags are queried."""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with embedded(tmp_path / "cloud", Switches(job_time=0.01)) as cloud:
        made = Client(cloud.host, cloud.session)
        yield made
        made.close()


@pytest.mark.parametrize(
    "command",
    [
        "list --last-vm db-1 --primary-storage local-ssd --expiring-within 9d",
        "list --tagged production --deleted-since 9d",
        "show pg-data",
        "list --vms",
        "show --vm web-2",
        "recover pg-data --reattach --user-tag mine",
        "attach shared-home web-1",
        "whoami",
        "doctor",
    ],
)
def test_commands_need_no_other_api(command: str, tmp_path: Path) -> None:
    ran = run(["--sandbox", *command.split(), "-v"], environment(tmp_path / "home"))
    assert ran.code == 0, ran
    statuses = re.findall(r" (?:GET|PUT|POST) /v1/\S+ (\d+) ", ran.err)
    assert statuses
    assert set(statuses) <= {"200", "202"}, ran.err


@contextmanager
def served(env: dict[str, str], *options: str) -> Iterator[dict[str, str]]:
    """Run `zvol sandbox serve`; yields the environment with its address."""
    child = start(["sandbox", "serve", *options], env, stdout=subprocess.PIPE, stderr=2)
    assert child.stdout is not None
    try:
        yield env | {"ZVOL_HOST": child.stdout.readline().strip().removeprefix("export ZVOL_HOST=")}
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


def test_logging_in_and_out_needs_no_other_api(tmp_path: Path) -> None:
    with served(environment(tmp_path / "home")) as env:
        for command in (
            "login --account admin --password-stdin",
            "whoami",
            "logout",
            "login --account dev-team --user operator --password-stdin",
            "logout",
        ):
            ran = run(command.split(), env, stdin="password")
            assert ran.code == 0, ran


def test_the_access_key_is_the_one_in_the_help_text(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    found = re.search(r"access key (\S+) has the secret (\S+)\.", " ".join(run(SERVE_HELP, env).out.split()))
    assert found is not None
    with served(env, "--access-keys") as env:
        signed = env | {"ZSTACK_ACCESS_KEY_ID": found[1], "ZSTACK_ACCESS_KEY_SECRET": found[2]}
        assert run(["show", "pg-data"], signed).code == 0
        assert run(["show", "pg-data"], signed | {"ZSTACK_ACCESS_KEY_SECRET": "another"}).code == 4


def test_a_script_can_delete_attach_and_expunge(client: Client) -> None:
    made = client.end(client.send("POST", "/v1/volumes/data", {"params": {"name": "mine", "diskSize": 2**30}}))
    mine, actions = made.json["inventory"]["uuid"], f"/v1/volumes/{made.json['inventory']['uuid']}/actions"
    for method, path, body in (
        ("POST", f"/v1/volumes/{mine}/vm-instances/{DB_1}", {}),
        ("PUT", actions, {"updateVolume": {"name": "ours"}}),
        ("DELETE", f"/v1/volumes/{mine}/vm-instances", None),
        ("DELETE", f"/v1/volumes/{mine}", None),
        ("PUT", actions, {"recoverDataVolume": {}}),
        ("DELETE", f"/v1/volumes/{mine}", None),
        ("PUT", actions, EXPUNGE),
        ("DELETE", f"/v1/vm-instances/{DB_1}", None),
        ("PUT", f"/v1/vm-instances/{DB_1}/actions", RECOVER_VM),
    ):
        assert client.end(client.send(method, path, body)).status == 200, path
    assert client.volume(mine) is None
    assert client.config("deletionPolicy", "Never").status == 200


@pytest.mark.parametrize("api", ONLY_TESTS, ids=lambda api: f"{api.name} {api.path}")
def test_it_has_no_api_that_only_tests_need(api: Api, client: Client) -> None:
    path = "/".join(UUID if part.startswith("{") else part for part in api.path.split("/"))
    body: dict[str, Any] | None = None if api.method in ("GET", "DELETE") else {api.name: {}, "params": {}}
    answer = client.send(api.method, path, body)
    assert (answer.status, answer.kind) in ((400, "text"), (404, "text"))


@pytest.mark.parametrize(
    "option", ["--faults", "--synchronous", "--doubles", "--location=192.0.2.1:1", "--dates=java9"]
)
def test_serve_has_no_switch_that_only_tests_need(option: str, tmp_path: Path) -> None:
    ran = run(["sandbox", "serve", option], environment(tmp_path / "home"))
    assert (ran.code, "no such option" in ran.err) == (2, True), ran
