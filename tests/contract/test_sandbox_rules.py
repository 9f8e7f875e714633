"""Rules of the contract that no captured exchange shows."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.cloud import NEVER_USED, PG_DATA, READY, Client, log_in
from zvol.sandbox import Switches, embedded, names
from zvol.sandbox.jobs import CHECKED

DB_1 = "50e70000c0de4b1e8a5efeedbead0001"


def test_seed(client: Client) -> None:
    rows = client.query("/v1/volumes", "type=Data", "status=Deleted").json["inventories"]
    names = [row["name"] for row in rows]
    assert len(rows) >= 10
    assert len(names) - len(set(names)) == 1
    assert all(re.fullmatch(r"[0-9a-f]{12}[1-5][0-9a-f]{3}[89ab][0-9a-f]{15}", row["uuid"]) for row in rows)
    pg_data = next(row for row in rows if row["uuid"] == PG_DATA)
    assert (pg_data["name"], pg_data["lastVmInstanceUuid"]) == ("pg-data", DB_1)
    assert any("[/red]" in name and "\x1b" in name for name in names)
    gone = client.query("/v1/volumes", "type=Root", "status=Deleted").json["inventories"]
    states = {row["name"]: row["state"] for row in client.send("GET", "/v1/vm-instances").json["inventories"]}
    assert states == {"db-1": "Running", "web-1": "Stopped", "old-app": "Destroyed", "web-2": "Destroyed"}
    assert [row["name"] for row in gone] == ["ROOT-for-old-app", "ROOT-for-web-2"]
    storages = client.send("GET", "/v1/primary-storage").json["inventories"]
    assert {row["state"] for row in storages} == {"Enabled", "Disabled"}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "text"),
    [
        (
            "PUT",
            "/v1/volumes/x/actions",
            b'{"x"',
            {},
            500,
            "java.io.EOFException: End of input at line 1 column 5 path $.",
        ),
        ("PUT", "/v1/volumes/x/actions", b"null", {}, 500, ""),
        ("PUT", "/v1/volumes/x/actions", b'{"x": {}}', {}, 400, "the body doesn't contain action mapping to the URL"),
        ("PUT", "/v1/volumes/x/actions", b'{"recoverDataVolume": {}}', {}, 400, "missing header 'Authorization'"),
        (
            "PUT",
            "/v1/volumes/x/actions",
            b'{"recoverDataVolume": "x"}',
            {"Authorization": "OAuth x"},
            500,
            "java.lang.String cannot be cast to java.util.Map",
        ),
        (
            "PUT",
            "/v1/volumes/x/actions",
            b'{"recoverDataVolume": {}, "systemTags": "x"}',
            {"Authorization": "OAuth x", "X-API-Timeout": "5"},
            500,
            "java.lang.String cannot be cast to java.util.List",
        ),
        ("DELETE", "/v1/api-jobs/x", None, {}, 405, "only GET method is allowed for querying job status"),
        ("HEAD", "/v1/volumes/x/actions", None, {}, 405, ""),
        ("GET", "/v1/volumes/", None, {}, 404, "no api mapping to /v1/volumes/"),
        ("DELETE", "/v1/volumes/x/actions", None, {}, 500, "No delete API found for the path[/zstack/v1/volumes/x/act"),
    ],
)
def test_requests_refused_by_the_http_layer(
    client: Client, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, text: str
) -> None:
    answer = client.raw(method, path, body, **headers)
    assert answer.status == status
    assert answer.body.decode().startswith(text)
    assert bool(answer.body) == bool(text)
    assert "content-type" not in answer.headers


def test_lenient_json(client: Client) -> None:
    for body in (b"{recoverDataVolume:{}}", b"{'recoverDataVolume': null}", b'{"recoverDataVolume":{"uuid":"other"}}'):
        answer = client.raw("PUT", f"/v1/volumes/{READY}/actions", body, Authorization=f"OAuth {client.session}")
        assert client.end(answer).error["code"] == "SYS.1006"


def test_existence_before_session_before_owner(client: Client) -> None:
    tenant = log_in(client, names.TENANT_NAME)
    assert tenant.end(tenant.recover(PG_DATA)).error["code"] == "SYS.1006"
    assert "所有者" in tenant.end(tenant.recover(READY)).error["details"]
    assert tenant.volume(PG_DATA) is None
    tenant.session = "0" * 32
    assert tenant.end(tenant.recover("0" * 32)).error["code"] == "SYS.1003"
    assert tenant.end(tenant.recover(PG_DATA)).error["code"] == "ID.1001"
    tenant.close()


def test_quota_before_status(client: Client) -> None:
    tenant = log_in(client, names.TENANT_NAME)
    mine, alive = "d0a7a5e0c0de4b1e8a5efeedbead000f", "d0a7a5e0c0de4b1e8a5efeedbead0010"
    quota = {"updateQuota": {"identityUuid": names.TENANT, "name": "volume.data.num", "value": 1}}
    assert client.end(client.send("PUT", "/v1/accounts/quotas/actions", quota)).status == 200
    assert tenant.end(tenant.recover(mine)).error["code"] == "ID.1003"
    assert tenant.end(tenant.recover(alive)).error["code"] == "ID.1003"
    assert client.end(client.recover(mine)).status == 200, "admin has no quota"
    denied = tenant.send(
        "PUT", "/v1/global-configurations/volume/expungePeriod/actions", {"updateGlobalConfig": {"value": "1"}}
    )
    assert "拒绝" in tenant.end(denied).error["details"]
    tenant.close()


def test_deleting_a_missing_volume(client: Client) -> None:
    assert client.end(client.send("DELETE", "/v1/volumes/aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa")).body == b"{}"
    assert client.end(client.send("DELETE", "/v1/volumes/nothing")).error["code"] == "SYS.1003"
    assert client.end(client.send("DELETE", f"/v1/volumes/{PG_DATA}")).error["code"] == "SYS.1006"
    root = "d0a7a5e0c0de4b1e8a5efeedbead000a"
    assert client.end(client.send("DELETE", f"/v1/volumes/{root}")).error["code"] == "SYS.1007"


def test_the_last_operation_date_changes_with_each_change(client: Client, tmp_path: Path) -> None:
    from zvol.sandbox import advance

    before = client.volume(PG_DATA)
    assert before is not None
    path, deleted = f"/v1/volumes/{PG_DATA}/actions", before["lastOpDate"]
    advance(tmp_path, 60)
    same = client.end(client.send("PUT", path, {"updateVolume": {"name": "pg-data"}}))
    assert same.json["inventory"]["lastOpDate"] == deleted
    other = client.end(client.send("PUT", path, {"updateVolume": {"name": "PG-DATA"}}))
    assert other.json["inventory"]["lastOpDate"] != deleted
    assert client.end(client.recover(NEVER_USED)).json["inventory"]["status"] == "NotInstantiated"


def test_dry_run_and_a_tag_that_only_resembles_it(client: Client) -> None:
    path = f"/v1/volumes/{PG_DATA}/actions"
    dry = {"recoverDataVolume": {}, "systemTags": ["ephemeral::validationOnly"]}
    assert client.end(client.send("PUT", path, dry)).body == b"{}"
    assert client.status(PG_DATA) == "Deleted"
    assert (
        client.end(client.send("PUT", path, {"recoverDataVolume": {}, "systemTags": ["validationOnly"]})).status == 200
    )
    assert client.status(PG_DATA) == "Ready"
    tags = client.query("/v1/user-tags", f"resourceUuid={PG_DATA}").json["inventories"]
    assert [row["tag"] for row in tags] == ["production", "owner:dba"]


def test_a_unique_path_is_found_with_any_method(client: Client) -> None:
    assert client.send("POST", "/v1/volumes").json["inventories"]
    made = client.end(client.send("GET", "/v1/volumes/data?name=accident&diskSize=1"))
    assert made.json["inventory"]["name"] == "accident"
    storage = client.send("GET", "/v1/primary-storage").json["inventories"][0]["uuid"]
    client.end(client.send("GET", f"/v1/primary-storage/{storage}"))
    assert storage not in str(client.send("GET", "/v1/primary-storage").json), "this GET deletes"


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        (f"uuid?={PG_DATA},{READY}", 2),
        ("name!?=pg-data,backup", 17),
        ("name~=pg\\_%", 0),
        ("name~=pg%", 2),
        ("name!~=%a%", 8),
        ("__userTag__=production", 4),
        ("__userTag__!=production", 16),
        ("vmInstance.name=db-1", 2),
        ("primaryStorage.state=Disabled", 2),
        ("primaryStorage.__userTag__=x", 0),
        ("snapshot.name=nightly", 1),
        ("vmInstanceUuid is null", 14),
        ("vmInstanceUuid not null", 6),
        ("isShareable=false", 20),
        ("size>=1073741824000", 1),
        ("status=foo", 0),
        ("lastOpDate<2000-01-01 00:00:00", 0),
    ],
)
def test_query_conditions(client: Client, condition: str, count: int) -> None:
    assert client.query("/v1/volumes", condition, count="true").json["total"] == count


@pytest.mark.parametrize(
    ("conditions", "options", "status", "text"),
    [
        (("name=it's",), {}, 503, "ParseCancellationException"),
        (("x is not null",), {}, 503, "ParseCancellationException"),
        (("nosuch.name=x",), {}, 503, "invalid nested query condition"),
        (("vmInstance.nosuch=x",), {}, 503, "VmInstanceInventory] not having field[nosuch]"),
        (("size=big",), {}, 503, "NumberFormatException"),
        (("name=",), {}, 400, "is not a key-value pair split by ="),
        ((), {"limit": "many"}, 400, "Invalid query parameter. 'limit' must be an integer"),
        ((), {"start": "-1"}, 503, "cannot be negative"),
        (("is null",), {}, 500, ""),
        (("__userTag__~=%s",), {}, 503, "SYS.1000"),
    ],
)
def test_invalid_queries(
    client: Client, conditions: tuple[str, ...], options: dict[str, str], status: int, text: str
) -> None:
    answer = client.query("/v1/volumes", *conditions, **options)
    assert answer.status == status
    assert text in answer.body.decode()


def test_paging(client: Client) -> None:
    everything = client.query("/v1/volumes", sort="-size", fields="uuid,size").json["inventories"]
    sizes = [row["size"] for row in everything]
    assert sizes == sorted(sizes, reverse=True)
    page = client.query("/v1/volumes", sort="-size", fields="uuid,size", start="3", limit="4", replyWithCount="true")
    assert page.json["inventories"] == everything[3:7]
    assert page.json["total"] == len(everything)
    assert (
        client.send("GET", f"/v1/volumes/{PG_DATA}?fields=uuid&q=name=other").json["inventories"][0]["name"]
        == "pg-data"
    )


def test_attach_and_the_fields_after_a_deletion(client: Client) -> None:
    client.end(client.recover(PG_DATA))
    attached = client.end(client.send("POST", f"/v1/volumes/{PG_DATA}/vm-instances/{DB_1}", {}))
    assert attached.json["inventory"]["deviceId"] == 2
    wrong = client.send("POST", f"/v1/volumes/{READY}/vm-instances/50e70000c0de4b1e8a5efeedbead0003", {})
    assert client.end(wrong).error["code"] == "SYS.1006"
    client.end(client.send("DELETE", f"/v1/volumes/{PG_DATA}"))
    row = client.volume(PG_DATA)
    assert row is not None
    assert (row["status"], row["lastVmInstanceUuid"]) == ("Deleted", DB_1)
    assert "vmInstanceUuid" not in row
    assert "deviceId" not in row


def test_jobs_of_one_volume_run_one_after_the_other(tmp_path: Path) -> None:
    """All three are checked before the first one is executed."""
    job_time = 3.0
    with embedded(tmp_path, Switches(job_time=job_time)) as cloud:
        client = Client(cloud.host, cloud.session)
        first, second = client.recover(PG_DATA), client.recover(PG_DATA)
        time.sleep(1.1 * CHECKED * job_time)
        gone = client.send("PUT", f"/v1/volumes/{PG_DATA}/actions", {"expungeDataVolume": {}})
        ends = [client.end(one).status for one in (first, second, gone)]
        client.close()
    assert ends == [200, 200, 200], "all passed the check, all succeed"


def test_sessions(client: Client) -> None:
    tenant = log_in(client, names.TENANT_NAME)
    path = f"/v1/accounts/sessions/{tenant.session}"
    assert tenant.raw("GET", f"{path}/valid").json == {"valid": True}
    assert tenant.raw("DELETE", path).body == b"{}"
    assert tenant.raw("DELETE", path).body == b"{}"
    assert tenant.raw("GET", f"{path}/valid").json == {"valid": False}
    assert tenant.send("GET", "/v1/volumes").error["code"] == "ID.1001"
    tenant.close()


def test_bodies_are_never_compressed_and_idle_connections_close(tmp_path: Path) -> None:
    with embedded(tmp_path, Switches(idle_timeout=0.2)) as cloud:
        client = Client(cloud.host, cloud.session)
        began = time.monotonic()
        answer = client.send("GET", "/v1/volumes", Accept_Encoding="gzip")
        assert "content-encoding" not in answer.headers
        assert client.connection.sock is not None
        client.connection.sock.settimeout(60)
        assert client.connection.sock.recv(1) == b""
        assert time.monotonic() - began > 0.19
        client.close()


def test_a_broken_connection_does_not_affect_other_clients(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    parts = urlsplit(f"http://{client.connection.host}:{client.connection.port}")
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as raw:
        raw.sendall(b"PUT /zstack/v1/volumes HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    assert client.status(PG_DATA) == "Deleted"
    assert capfd.readouterr() == ("", "")
