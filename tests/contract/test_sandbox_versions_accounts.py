"""Sessions, logins, signed requests and what a node says of itself, on both sides of where a release changed it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.contract.capture import Answer
from tests.contract.cloud import PG_DATA, Client, log_in, running
from zvol.sandbox import advance, names

DIGEST = hashlib.sha512(b"password").hexdigest()
NOT_OAUTH = b"Authorization type must be 'OAuth'"
TIME_ZONE = "/v1/management-nodes/platform-timezone"


# ---- sessions and logins -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("version", "slides"), [("2.3", False), ("2.6.9", False), ("3.0", True), ("5.2.1", True)])
@pytest.mark.parametrize("use", ["query", "job"])
def test_whether_using_a_session_extends_it(tmp_path: Path, version: str, slides: bool, use: str) -> None:
    with running(tmp_path, version=version) as client:
        tenant = log_in(client, "dev-team")
        advance(tmp_path, 7000)
        if use == "query":
            assert tenant.query("/v1/volumes").status == 200
        else:
            assert tenant.end(tenant.recover("d0a7a5e0c0de4b1e8a5efeedbead000f")).status == 200
        advance(tmp_path, 7300)
        late = tenant.query("/v1/volumes")
        assert late.status == (200 if slides else 503)
        assert late.error.get("code") == (None if slides else "ID.1001")
        advance(tmp_path, 7300 + 7100 if slides else 7300)
        assert tenant.query("/v1/volumes").status == (200 if slides else 503)
        tenant.close()


def user(client: Client) -> Answer:
    asked = {"accountName": "dev-team", "userName": names.USER_NAME, "password": DIGEST}
    return client.raw("PUT", "/v1/accounts/users/login", _json({"logInByUser": asked}))


@pytest.mark.parametrize("version", ["2.3", "3.10.40", "5.2.1", "zsphere-4.2", "zsphere-4.3"])
def test_a_user_logs_in(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        assert user(client).json["inventory"]["userUuid"] == names.USER


@pytest.mark.parametrize("version", ["zsphere-4.10.0", "4.10.2"])
def test_a_server_without_users(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        refused = user(client)
        assert (refused.status, refused.body) == (404, b"no api mapping to /v1/accounts/users/login")
        tenant = log_in(client, "dev-team")
        assert tenant.query("/v1/volumes").status == 200
        tenant.close()


@pytest.mark.parametrize(("version", "known"), [("3.10.40", False), ("4.5.9", False), ("4.6", True), ("5.2.1", True)])
def test_the_login_of_any_kind(tmp_path: Path, version: str, known: bool) -> None:
    asked = {"logIn": {"username": "admin", "password": DIGEST, "loginType": "account"}}
    with running(tmp_path, version=version) as client:
        answer = client.raw("PUT", "/v1/login", _json(asked))
        assert answer.status == (200 if known else 404)
        if not known:
            assert answer.body == b"no api mapping to /v1/login"


@pytest.mark.parametrize(
    ("version", "java"),
    [
        ("3.10.40", "org.zstack.header.identity.APILogInBy{}Msg"),
        ("4.4.65", "org.zstack.header.message.ApiMessageParamValidator"),
        ("5.2.1", "org.zstack.header.message.ApiMessageParamValidator"),
    ],
)
def test_the_class_that_the_error_of_a_login_names(tmp_path: Path, version: str, java: str) -> None:
    with running(tmp_path, version=version) as client:
        for path, key, kind in (("", "logInByAccount", "Account"), ("/users", "logInByUser", "User")):
            error = client.raw("PUT", f"/v1/accounts{path}/login", _json({key: {}})).error
            text = f"field[password] of message[{java.format(kind)}] is mandatory, can not be null"
            assert (error["code"], error["details"]) == ("SYS.1007", text)


@pytest.mark.parametrize("version", ["3.0", "3.10.40", "4.4.65", "5.2.1", "zsphere-4.10.0"])
def test_reading_a_session_logs_out(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version) as client:
        tenant = log_in(client, "dev-team")
        assert tenant.send("GET", f"/v1/accounts/sessions/{tenant.session}/valid").json == {"valid": True}
        assert tenant.send("GET", f"/v1/accounts/sessions/{tenant.session}").status == 200
        assert tenant.send("GET", f"/v1/accounts/sessions/{tenant.session}/valid").json == {"valid": False}
        tenant.close()


# ---- signed requests ---------------------------------------------------------------------------------------------
def signed(client: Client, date: str | None = None, format: str = "%a, %d %b %Y %H:%M:%S GMT") -> Answer:
    """Send a signed query; the date is that of the server unless one is given."""
    seconds = client.raw("PUT", "/v1/management-nodes/actions", _json({"getCurrentTime": {}})).json["currentTime"]
    date = date or datetime.fromtimestamp(seconds["Seconds"], UTC).strftime(format)
    text = f"GET\n{date}\n/v1/volumes".encode()
    signature = base64.b64encode(hmac.new(names.ACCESS_SECRET.encode(), text, hashlib.sha1).digest()).decode()
    return client.raw("GET", "/v1/volumes", Authorization=f"ZStack {names.ACCESS_KEY}:{signature}", Date=date)


@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("version", ["3.0", "3.1.9", "3.2", "5.2.1"])
def test_since_when_there_are_access_keys(tmp_path: Path, version: str, keys: bool) -> None:
    with running(tmp_path, version=version, access_keys=keys, locale="en_US") as client:
        answer = signed(client)
        if version.startswith(("3.0", "3.1")):
            assert (answer.status, answer.body) == (400, NOT_OAUTH)
        elif keys:
            assert answer.status == 200
        else:
            assert answer.status == 500
            assert b"was not registered by any RestAuthenticationBackend" in answer.body


@pytest.mark.parametrize(
    ("version", "zone"), [("3.2", ""), ("4.6.9", ""), ("4.7", "z"), ("5.2.1", "z"), ("zsphere-4.2", "z")]
)
def test_how_the_format_of_the_date_is_named(tmp_path: Path, version: str, zone: str) -> None:
    with running(tmp_path, version=version, access_keys=True) as client:
        answer = signed(client, "yesterday")
        assert answer.status == 400
        assert answer.body == f"'Date' format error, correct format is 'EEE, dd MMM yyyy HH:mm:ss {zone}'".encode()


@pytest.mark.parametrize(
    ("version", "locale", "status"),
    [
        ("3.2", "zh_CN", 400),
        ("3.4", "zh_CN", 400),
        ("3.9.9", "zh_CN", 400),
        ("3.9.9", "en_US", 200),
        ("3.10", "zh_CN", 200),
    ],
)
def test_the_language_of_the_date(tmp_path: Path, version: str, locale: str, status: int) -> None:
    with running(tmp_path, version=version, locale=locale, access_keys=True) as client:
        answer = signed(client)
        assert answer.status == status
        assert status == 200 or answer.body.startswith(b"'Date' format error")


@pytest.mark.parametrize(("version", "status"), [("3.6.9", 403), ("3.7", 200)])
def test_whether_the_zone_of_the_date_is_looked_at(tmp_path: Path, version: str, status: int) -> None:
    zone = {"zone": "Asia/Shanghai", "locale": "en_US"}
    with running(tmp_path, version=version, access_keys=True, check_time_zone=True, **zone) as client:
        answer = signed(client)
        assert answer.status == status
        assert status == 200 or answer.body == b"requestTimeTooSkewed"


# ---- what a node says of itself ----------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["2.3", "3.0", "3.10.40", "4.0.9"])
def test_the_time_zone_is_a_query_of_nodes(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version, zone="Asia/Shanghai") as client:
        answer = client.send("GET", TIME_ZONE)
        assert (answer.status, answer.json) == (200, {"schema": {}, "inventories": []})
        known = client.send("GET", f"/v1/management-nodes/{names.NODE}").json["inventories"]
        assert [node["uuid"] for node in known] == [names.NODE]
        nobody = client.send("GET", TIME_ZONE, Authorization="OAuth x")
        assert (nobody.status, nobody.error["code"]) == (503, "ID.1001")


@pytest.mark.parametrize("version", ["4.1", "4.4.65", "5.2.1", "zsphere-4.10.0"])
def test_the_time_zone_needs_no_session(tmp_path: Path, version: str) -> None:
    with running(tmp_path, version=version, zone="Asia/Shanghai") as client:
        answer = client.send("GET", TIME_ZONE, Authorization="OAuth x")
        assert answer.json == {"offset": "+08:00", "timezone": "Asia/Shanghai", "success": True}


@pytest.mark.parametrize(
    ("version", "code"),
    [("2.3", None), ("2.5.9", None), ("2.6", "SYS.1006"), ("3.10.40", "SYS.1006"), ("5.2.1", "SYS.1006")],
)
def test_who_may_query_the_nodes(tmp_path: Path, version: str, code: str | None) -> None:
    with running(tmp_path, version=version) as client:
        tenant = log_in(client, "dev-team")
        paths = ["/v1/management-nodes", *([] if version == "5.2.1" else [TIME_ZONE])]
        for path in paths:
            answer = tenant.send("GET", path)
            assert answer.status == (200 if code is None else 503)
            assert answer.error.get("code") == code
        assert client.query("/v1/management-nodes").status == 200
        tenant.close()


@pytest.mark.parametrize(
    ("version", "software"),
    [
        ("3.10.40", "Jetty(9.2.9.v20150224)"),
        ("4.4.65", "Jetty(9.4.49.v20220914)"),
        ("zsphere-4.10.0", "Jetty(9.4.51.v20230217)"),
        ("5.2.1", "Jetty(9.4.51.v20230217)"),
    ],
)
def test_the_captured_servers_and_their_java(tmp_path: Path, version: str, software: str) -> None:
    with running(tmp_path, version=version) as client:
        answer = client.send("PUT", f"/v1/volumes/{PG_DATA}/actions")
        assert answer.headers["server"] == software
        assert answer.status == 500
        assert (answer.body == b"") == (version == "5.2.1")
        assert version == "5.2.1" or answer.body.startswith(b'Cannot invoke "java.util.Map.containsKey(Object)"')


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()
