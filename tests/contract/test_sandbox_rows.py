"""What the rows of a sandbox show and how it refuses, on both sides of each release that changed it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.contract.cloud import NEVER_USED, PG_DATA, READY, Client, running
from zvol.sandbox import names

DB_1 = names.DB_1
UNKNOWN = "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa"
NOT_A_FIELD = "VolumeInventory] not having field["

FIELDS = [
    ("volumes", "volumeQos", "3.1", "3.2"),
    ("volumes", "lastVmInstanceUuid", "4.3.36", "4.4"),
    ("volumes", "lastVmInstanceUuid", "3.10.40", "4.4.65"),
    ("volumes", "lastDetachDate", "4.3.36", "4.4"),
    ("volumes", "lastAttachDate", "4.7.24", "4.8"),
    ("volumes", "lastAttachDate", "4.7", "zsphere-4.0"),
    ("volumes", "protocol", "4.8.22", "5.0"),
    ("volumes", "protocol", "zsphere-4.10.0", "5.0"),
    ("vm-instances", "vmCdRoms", "3.2", "3.3"),
    ("vm-instances", "architecture", "4.1.1", "4.1.2"),
    ("vm-instances", "guestOsType", "4.1.1", "4.1.2"),
    ("vm-instances", "reservedMemorySize", "5.2.1", "zsphere-4.2"),
    ("global-configurations", "id", "4.3.17", "4.3.18"),
    ("accounts", "state", "zsphere-4.3", "zsphere-4.10.0"),
    ("accounts", "state", "5.2.1", "zsphere-4.10.0"),
]
JSON_FIELDS = ("vmCdRoms",)


def attach_all_dates(client: Client) -> str:
    """Give a volume a value in each of its fields, and return its uuid."""
    assert client.end(client.recover(PG_DATA)).status == 200
    assert client.end(client.send("POST", f"/v1/volumes/{PG_DATA}/vm-instances/{DB_1}", {})).status == 200
    return PG_DATA


@pytest.mark.parametrize(("path", "field", "without", "with_it"), FIELDS)
def test_a_field_is_in_inventories_and_queries_since_a_release(
    tmp_path: Path, path: str, field: str, without: str, with_it: str
) -> None:
    for version, there in ((without, False), (with_it, True)):
        with running(tmp_path / version, version=version) as client:
            shown = client.send("GET", f"/v1/{path}").json["inventories"]
            selected = client.query(f"/v1/{path}", fields=field)
            assert selected.status == (200 if there else 503)
            ordered = client.query(f"/v1/{path}", sort=f"-{field}")
            found = client.query(f"/v1/{path}", f"{field} not null", count="true")
            if field not in JSON_FIELDS:
                assert {ordered.status, found.status} == {200 if there else 503}
            if field not in ("protocol", "volumeQos"):  # which no seeded volume has
                assert any(field in row for row in shown) == there
            if not there:
                assert {answer.error["code"] for answer in (selected, ordered, found)} == {"SYS.1000"}
                assert f"not having field[{field}]" in found.error["details"]
                assert f"has no field[{field}]" in selected.error["details"]


@pytest.mark.parametrize(
    ("version", "there"),
    [
        ("4.3.36", set()),
        ("4.4.65", {"lastDetachDate", "lastVmInstanceUuid"}),
        ("4.8.22", {"lastDetachDate", "lastVmInstanceUuid", "lastAttachDate"}),
        ("zsphere-4.10.0", {"lastDetachDate", "lastVmInstanceUuid", "lastAttachDate"}),
        ("5.2.1", {"lastDetachDate", "lastVmInstanceUuid", "lastAttachDate"}),
    ],
)
def test_fields_of_a_job_and_of_the_volumes_inside_a_vm(tmp_path: Path, version: str, there: set[str]) -> None:
    dates = {"lastDetachDate", "lastVmInstanceUuid", "lastAttachDate"}
    with running(tmp_path, version=version) as client:
        attach_all_dates(client)
        vm = client.send("GET", f"/v1/vm-instances/{DB_1}").json["inventories"][0]
        [inside] = [row for row in vm["allVolumes"] if row["uuid"] == PG_DATA]
        assert dates & set(inside) == there
        client.end(client.send("DELETE", f"/v1/volumes/{PG_DATA}"))
        recovered = client.end(client.recover(PG_DATA)).json["inventory"]
        assert dates & set(recovered) == there
        nested = client.query("/v1/vm-instances", f"allVolumes.lastVmInstanceUuid={DB_1}", count="true")
        assert nested.status == (200 if there else 503)


def test_the_state_of_a_nic(tmp_path: Path) -> None:
    for version, there in (("4.4.65", False), ("4.5", True), ("zsphere-4.10.0", True)):
        with running(tmp_path / version, version=version) as client:
            vm = client.send("GET", f"/v1/vm-instances/{DB_1}").json["inventories"][0]
            assert [("state" in nic) for nic in vm["vmNics"]] == [there]


def test_the_fields_of_a_session(tmp_path: Path) -> None:
    digest = hashlib.sha512(b"password").hexdigest()
    body = {"logInByAccount": {"accountName": "admin", "password": digest}}
    for version, there in (("3.1", False), ("3.2", True)):
        with running(tmp_path / version, version=version) as client:
            shown = client.send("PUT", "/v1/accounts/login", body).json["inventory"]
            assert ("noSessionEvaluation" in shown) == there


def test_zsphere_does_not_select_the_shareable_flag(tmp_path: Path) -> None:
    for version, status in (("5.2.1", 200), ("zsphere-4.3", 200), ("zsphere-4.10.0", 503)):
        with running(tmp_path / version, version=version) as client:
            answer = client.query("/v1/volumes", fields="uuid,isShareable")
            assert (answer.status, answer.error.get("code")) == (status, None if status == 200 else "SYS.1000")
            row = client.volume(READY)
            assert row is not None
            assert row["isShareable"] is False


def test_a_negative_limit(tmp_path: Path) -> None:
    for version, status in (("3.10.40", 200), ("4.0", 503), ("4.4.65", 503)):
        with running(tmp_path / version, version=version) as client:
            assert client.query("/v1/volumes", "uuid=abc", limit="-1").status == status


# ---- errors ------------------------------------------------------------------------------------------------------
PLAIN = ("code", "description", "details")


@pytest.mark.parametrize(
    ("version", "of_a_job", "of_a_session", "of_a_login"),
    [
        ("3.5", PLAIN, (*PLAIN, "elaboration"), (*PLAIN, "elaboration")),
        ("3.6", PLAIN, (*PLAIN, "elaboration", "messages", "cost"), (*PLAIN, "elaboration", "messages", "cost")),
        ("3.10.40", PLAIN, (*PLAIN, "elaboration", "messages", "cost"), (*PLAIN, "elaboration", "messages", "cost")),
        (
            "4.4.65",
            (*PLAIN, "cost"),
            (*PLAIN, "elaboration", "messages", "cost"),
            (*PLAIN, "elaboration", "messages", "cost"),
        ),
        (
            "4.6",
            (*PLAIN, "cost"),
            (*PLAIN, "elaboration", "messages", "cost"),
            (*PLAIN, "elaboration", "location", "messages", "cost"),
        ),
        (
            "zsphere-4.10.0",
            (*PLAIN, "cost"),
            (*PLAIN, "elaboration", "messages", "cost"),
            (*PLAIN, "elaboration", "location", "messages", "cost"),
        ),
        (
            "5.0",
            ("causes", *PLAIN, "cost"),
            (*PLAIN, "elaboration", "messages", "cost"),
            (*PLAIN, "elaboration", "location", "messages", "cost"),
        ),
    ],
)
def test_the_fields_of_an_error(
    tmp_path: Path, version: str, of_a_job: tuple[str, ...], of_a_session: tuple[str, ...], of_a_login: tuple[str, ...]
) -> None:
    with running(tmp_path, version=version) as client:
        assert tuple(client.end(client.recover(READY)).error) == of_a_job
        session, client.session = client.session, "0" * 32
        assert tuple(client.send("GET", "/v1/volumes").error) == of_a_session
        client.session = session
        wrong = {"logInByAccount": {"accountName": "admin", "password": "x"}}
        assert tuple(client.send("PUT", "/v1/accounts/login", wrong).error) == of_a_login


NOT_DELETED = {
    "english": "the volume[uuid:{}] is not in status of deleted. This is operation is to recover a deleted data volume",
    "old": "云盘[uuid:{}]未处于删除状态。此操作将覆盖一个被删除的数据云盘",
    "new": "云盘[uuid:{}]未处于删除状态。此操作将覆盖一个被删除的云盘",
}


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("3.2", "old"),
        ("3.3", "english"),
        ("3.5.3", "english"),
        ("3.6", "old"),
        ("3.10.40", "old"),
        ("4.4.65", "old"),
        ("4.5", "new"),
        ("zsphere-4.10.0", "new"),
        ("5.2.1", "new"),
    ],
)
def test_the_language_and_the_words_of_a_refusal(tmp_path: Path, version: str, words: str) -> None:
    with running(tmp_path / "zh", version=version) as client:
        assert client.end(client.recover(READY)).error["details"] == NOT_DELETED[words].format(READY)
    with running(tmp_path / "en", version=version, locale="en_US") as client:
        assert client.end(client.recover(READY)).error["details"] == NOT_DELETED["english"].format(READY)


@pytest.mark.parametrize(
    ("version", "login", "session", "order", "mandatory"),
    [
        (
            "3.10.40",
            "wrong account name or password",
            "错误信息: session过期，或者提供了不正确的session id",
            "invalid order by clause, inventory[VolumeInventory] doesn't have field[x]",
            "org.zstack.header.identity.APILogInByAccountMsg",
        ),
        (
            "4.4.65",
            "wrong account name or password",
            "错误信息: session 已过期，或者提供了不正确的 session id。",
            "invalid order by clause, inventory[VolumeInventory] doesn't have field[x]",
            "org.zstack.header.message.ApiMessageParamValidator",
        ),
        (
            "zsphere-4.10.0",
            "错误信息: 错误的帐号或密码",
            "错误信息: session 已过期，或者提供了不正确的 session id。",
            "ORDER BY子句无效，库存[VolumeInventory]没有字段[x]",
            "org.zstack.header.message.ApiMessageParamValidator",
        ),
    ],
)
def test_other_words_that_were_captured(
    tmp_path: Path, version: str, login: str, session: str, order: str, mandatory: str
) -> None:
    with running(tmp_path, version=version) as client:
        wrong = {"logInByAccount": {"accountName": "admin", "password": "x"}}
        assert client.send("PUT", "/v1/accounts/login", wrong).error["details"] == login
        assert client.query("/v1/volumes", sort="x").error["details"].endswith(f"ZQLError: {order}")
        missing = client.send("PUT", "/v1/accounts/login", {"logInByAccount": {"accountName": "admin"}})
        assert f"of message[{mandatory}]" in missing.error["details"]
        client.session = "0" * 32
        assert client.send("GET", "/v1/volumes").error["elaboration"] == session


@pytest.mark.parametrize(
    ("version", "unknown", "malformed"),
    [
        ("5.2.1", "invalid field[uuid], resource[uuid:{}, type:VolumeVO] not found", None),
        ("zsphere-4.3", "invalid field[uuid], resource[uuid:{}, type:VolumeVO] not found", None),
        (
            "zsphere-4.10.0",
            "invalid field[uuid] for APIRecoverDataVolumeMsg, resource[uuid:{}, type:VolumeVO] not found",
            "invalid value[{}] of field[uuid]",
        ),
    ],
)
def test_a_uuid_that_names_nothing(tmp_path: Path, version: str, unknown: str, malformed: str | None) -> None:
    with running(tmp_path, version=version) as client:
        for uuid, text in ((UNKNOWN, unknown), ("f" * 32, malformed or unknown), ("x", malformed or unknown)):
            error = client.end(client.recover(uuid)).error
            assert (error["code"], error["details"]) == ("SYS.1003", text.format(uuid))
        assert client.end(client.recover(NEVER_USED)).status == 200
