"""Each switch changes what it names and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.contract.cloud import NEVER_USED, PG_DATA, READY, Client, events, running, wait_for_last
from zvol.sandbox import advance, names

GIB_200 = 200 * 2**30


@pytest.mark.parametrize(("locale", "text"), [("zh_CN", "云盘"), ("en_US", "is not in status of deleted")])
def test_locale(tmp_path: Path, locale: str, text: str) -> None:
    with running(tmp_path, locale=locale) as client:
        error = client.end(client.recover(READY)).error
        assert text in error["details"]
        assert error["description"] == "An operation failed"
        assert client.query("/v1/volumes", "name=x").status == 200
        client.session = "f" * 32
        elaboration = client.send("GET", "/v1/volumes").error["elaboration"]
        assert elaboration.startswith("错误信息: " if locale == "zh_CN" else "Error message: ")


def test_doubles(tmp_path: Path) -> None:
    with running(tmp_path, doubles=True) as client:
        body = client.send("GET", f"/v1/volumes/{PG_DATA}").body
        assert b'"size":2.147483648E11' in body
        assert client.volume(PG_DATA) is not None
        row = client.volume(READY)
        assert row is not None
        assert isinstance(row["size"], float)
    with running(tmp_path) as client:
        assert f'"size":{GIB_200}'.encode() in client.send("GET", f"/v1/volumes/{PG_DATA}").body


def test_synchronous(tmp_path: Path) -> None:
    with running(tmp_path, synchronous=True) as client:
        body: dict[str, list[str]] = {"systemTags": [], "userTags": []}
        done = client.send("PUT", f"/v1/volumes/{PG_DATA}/actions", body)
        assert done.status == 200
        assert done.json["inventory"]["status"] == "Ready"
        assert b'"size":2.147483648E11' in done.body
        assert client.recover(NEVER_USED).json["inventory"]["status"] == "NotInstantiated"
        again = client.recover(PG_DATA)
        assert (again.status, again.error["code"]) == (503, "SYS.1006")


@pytest.mark.parametrize(
    ("dates", "text"),
    [
        ("java8", "%b {day}, %Y {hour}:%M:%S %p"),
        ("java9", "%b {day}, %Y, {hour}:%M:%S %p"),
        ("java20", "%b {day}, %Y, {hour}:%M:%S\u202f%p"),
    ],
)
def test_zone_and_dates(tmp_path: Path, dates: str, text: str) -> None:
    with running(tmp_path, zone="Asia/Shanghai", dates=dates) as client:
        zone = client.send("GET", "/v1/management-nodes/platform-timezone").json
        assert zone == {"offset": "+08:00", "timezone": "Asia/Shanghai", "success": True}
        seconds = client.raw("PUT", "/v1/management-nodes/actions", b'{"getCurrentTime":{}}').json["currentTime"][
            "Seconds"
        ]
        row = client.volume(PG_DATA)
        assert row is not None
        moments = [datetime.fromtimestamp(seconds - 7200 - late, ZoneInfo("Asia/Shanghai")) for late in range(60)]
        assert row["lastOpDate"] in {at.strftime(text.format(day=at.day, hour=at.hour % 12 or 12)) for at in moments}


def test_no_time_zone_api(tmp_path: Path) -> None:
    with running(tmp_path, timezone_api=False) as client:
        answer = client.send("GET", "/v1/management-nodes/platform-timezone")
        assert (answer.status, answer.body) == (404, b"no api mapping to /v1/management-nodes/platform-timezone")


def test_job_time(tmp_path: Path) -> None:
    """The volume is back before its job says so."""
    with running(tmp_path, job_time=1.0) as client:
        began = time.monotonic()
        accepted = client.recover(PG_DATA)
        assert client.job(accepted.job).body == b"{}"
        assert client.end(accepted).status == 200
        assert time.monotonic() - began > 0.98
        wait_for_last(tmp_path / "ledger", "finished")
        times = {event["event"]: event["time"] for event in events(tmp_path / "ledger")}
        assert times["ended"] + 0.35 < times["finished"]


def test_location_and_content_type(tmp_path: Path) -> None:
    with running(tmp_path, location="192.0.2.1:8080", content_type="application/json") as client:
        accepted = client.recover(PG_DATA)
        assert accepted.json["location"] == f"http://192.0.2.1:8080/zstack/v1/api-jobs/{accepted.job}"
        assert accepted.headers["content-type"] == "application/json"
        assert client.end(accepted).status == 200


def test_volumes_are_expunged_when_their_period_ends(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        oldest = "d0a7a5e0c0de4b1e8a5efeedbead0006"
        client.config("deletionPolicy", "Never", "vm")
        assert client.status(oldest) == "Deleted"
        advance(tmp_path, 4 * 3600)
        until = time.monotonic() + 60
        while client.status(oldest) is not None:
            assert time.monotonic() < until
        assert client.status(PG_DATA) == "Deleted"
        assert client.end(client.recover(oldest)).error["code"] == "SYS.1003"
        client.config("deletionPolicy", "Never")
        advance(tmp_path, 20 * 86400)
        time.sleep(0.6)
        assert client.status(PG_DATA) == "Deleted", "the policy of now counts"
        client.config("expungePeriod", "60")
        client.config("deletionPolicy", "Delay")
        until = time.monotonic() + 60
        while client.status(PG_DATA) is not None:
            assert time.monotonic() < until
        root = "d0a7a5e0c0de4b1e8a5efeedbead0009"
        assert client.status(root) == "Deleted", "only data volumes are expunged"


def _signed(client: Client, path: str, *, secret: str = names.ACCESS_SECRET, ahead: int = 0) -> dict[str, str]:
    date = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(time.time() + ahead))
    signed = hmac.new(secret.encode(), f"GET\n{date}\n{path}".encode(), hashlib.sha1).digest()
    return {"Authorization": f"ZStack {names.ACCESS_KEY}:{base64.b64encode(signed).decode()}", "Date": date}


def test_access_keys(tmp_path: Path) -> None:
    with running(tmp_path, access_keys=True) as client:
        path = f"/v1/volumes/{PG_DATA}"
        assert client.raw("GET", path, None, **_signed(client, path)).json["inventories"][0]["uuid"] == PG_DATA
        assert client.raw("GET", path, None, **_signed(client, path, secret="x")).body == b"wrong accessKey signature"
        late = client.raw("GET", path, None, **_signed(client, path, ahead=3600))
        assert (late.status, late.body) == (403, b"requestTimeTooSkewed")
    with running(tmp_path) as client:
        refused = client.raw("GET", path, None, **_signed(client, path))
        assert refused.status == 500
        assert b"was not registered by any RestAuthenticationBackend" in refused.body
