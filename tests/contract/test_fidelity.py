"""The sandbox against a running 5.2.1: captured exchanges are replayed, and the answers have the same shape.

`wire/` holds the exchanges, one file each: request, empty line, answer.  Each case says in which state it finds the
cloud.  Compared are the status, the kind of the body (JSON, text, empty), the keys and types at every level, the error
code, and that there is no Content-Type.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zvol.recovery.dates import parse_server_date
from zvol.sandbox import Switches
from zvol.sandbox.seed import ADMIN, TENANT, fill
from zvol.sandbox.server import Server
from zvol.sandbox.store import Store, put

WIRE = Path(__file__).with_name("wire")
SESSION = "0a76047c92034bc6a314743c74cbee12"
OPS = ("8b0a6d2f76b54e21b1e6d406d61c872b", "86b43535e4a846c690c2001beadc6593")
V, X, R, N = (
    "47a6c00d065144d7ab87757e2084a668",
    "8be1fe01dc1243c69c176e6be1d58ad6",
    "c42b4eeb73154f85b8800b40a8d36cc0",
    "38850d60d4b94935a4c9d1fc0c1d0312",
)
OWNED = "42f0e2eb6ac34da9b73232e5569ba010"


@dataclass(frozen=True)
class Exchange:
    """A captured request and its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    kind: str
    shape: Any
    code: str | None
    text: str


@dataclass(frozen=True)
class Case:
    """A request to replay in a state of the cloud, and the file of its job's end if it has one."""

    file: str
    state: str = "ready"
    end: str = ""


CASES = [
    Case("001-noauth-query"),
    Case("002-auth-malformed"),
    Case("003-auth-unknown-type"),
    Case("004-auth-bogus-session"),
    Case("005-auth-empty-session"),
    Case("006-unknown-url"),
    Case("007-login-wrong-password"),
    Case("008-login-unknown-account"),
    Case("009-login-missing-field"),
    Case("010-login-bad-json"),
    Case("011-login-empty-body"),
    Case("012-login-ok"),
    Case("013-session-validate"),
    Case("015-query-volumes", "root only"),
    Case("016-query-ps"),
    Case("017-query-vms"),
    Case("018-query-gc-volume"),
    Case("031-query-gc-volume2"),
    Case("032-create-volume", "ready", "035-create-volume-poll2"),
    Case("036-recover-not-deleted-202", "ready", "039-recover-not-deleted-poll1"),
    Case("040-delete", "ready", "043-delete-poll2"),
    Case("044-get-deleted", "deleted"),
    Case("045-query-deleted", "deleted one"),
    Case("046-recover-seed-curl", "deleted"),
    Case("047-recover-seed-curl-empty-tags", "deleted"),
    Case("048-recover-empty-body", "deleted"),
    Case("049-recover-bad-json", "deleted"),
    Case("050-recover-two-actions", "deleted"),
    Case("051-recover-bad-systemtag", "deleted", "053-recover-bad-systemtag-poll1"),
    Case("054-get-after-badtag"),
    Case("055-recover-usertag", "ready", "057-recover-usertag-poll1"),
    Case("058-get-recovered"),
    Case("059-usertags"),
    Case("063-recover-unknown", "ready", "065-recover-unknown-poll1"),
    Case("066-recover-root", "ready", "068-recover-root-poll1"),
    Case("069-recover-bad-uuid", "ready", "254-baduuid-poll"),
    Case("074-recover-jobuuid", "deleted", "076-recover-jobuuid-poll"),
    Case("079-recover-jobuuid-bad", "deleted"),
    Case("080-recover-jobuuid-dashed", "deleted"),
    Case("081-poll-unknown"),
    Case("082-poll-badid"),
    Case("083-wrong-method"),
    Case("084-get-actions"),
    Case("085-timeout-bad", "deleted"),
    Case("086-timeout-neg", "deleted"),
    Case("087-bogus-session-recover", "deleted", "252-bogus-poll"),
    Case("088-textplain", "deleted"),
    Case("089-noctype", "deleted"),
    Case("131-usertags-after"),
    Case("133-create-usertag", "ready", "135-create-usertag-poll1"),
    Case("136-create-usertag-dup", "tagged", "138-create-usertag-dup-poll1"),
    Case("139-usertags-after2", "tagged"),
    Case("147-query-by-usertag", "tagged"),
    Case("148-recover-tagged", "deleted", "150-recover-tagged-poll1"),
    Case("155-recover-attached", "attached", "157-recover-attached-poll1"),
    Case("158-delete-attached", "attached", "161-delete-attached-poll2"),
    Case("162-get-deleted-attached", "deleted after attached"),
    Case("163-attach-deleted", "deleted", "165-attach-deleted-poll1"),
    Case("166-recover-after-attached", "deleted after attached", "168-recover-after-attached-poll1"),
    Case("169-reattach", "detached", "172-reattach-poll2"),
    Case("173-attach-again", "attached", "175-attach-again-poll1"),
    Case("176-detach", "attached", "178-detach-poll1"),
    Case("179-get-detached", "detached"),
    Case("180-expunge-not-deleted", "ready", "182-expunge-not-deleted-poll1"),
    Case("186-expunge", "deleted"),
    Case("190-recover-expunged", "absent", "192-recover-expunged-poll1"),
    Case("193-get-expunged", "absent"),
    Case("210-query", "named"),
    Case("211-query", "named"),
    Case("212-query", "named"),
    Case("213-query", "named"),
    Case("214-query", "named"),
    Case("215-query", "named"),
    Case("216-query"),
    Case("217-query"),
    Case("218-query", "named"),
    Case("220-query", "named"),
    Case("221-query"),
    Case("222-query"),
    Case("224-query"),
    Case("225-query"),
    Case("226-query"),
    Case("227-query"),
    Case("268-ops-gc"),
    Case("265-ops-recover-others", "deleted", "267-ops-recover-others-poll1"),
    Case("272-logout"),
    Case("273-after-logout", "logged out"),
    Case("274-validate-gone", "logged out"),
    Case("311-get-noinst", "deleted"),
    Case("312-recover-noinst", "deleted", "314-recover-noinst-poll1"),
    Case("315-gc-direct", "ready", "317-gc-direct-poll1"),
    Case("332-mn-list"),
    Case("333-mn-version"),
    Case("334-mn-time"),
    Case("335-mn-time-noauth"),
    Case("336-mn-ready"),
    Case("403-validation-only", "deleted", "405-validation-only-poll1"),
    Case("406-validation-only-unknown", "ready", "408-validation-only-unknown-poll1"),
    Case("409-timeout-300", "ready", "411-timeout-300-poll1"),
    Case("486-timezone"),
    Case("522-resource-accounts"),
    Case("523-snapshots"),
]


def exchange(name: str) -> Exchange:
    """Read a captured exchange."""
    raw = (WIRE / f"{name}.http").read_bytes()
    request, _, reply = raw.partition(b"\nHTTP/1.1 ")
    head, _, body = request.partition(b"\n\n")
    first, *lines = head.decode().splitlines()
    method, _, path = first.partition(" ")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    reply_head, _, content = reply.partition(b"\n\n")
    text = content.decode().rstrip("\n")
    status = int(reply_head[:3])
    assert b"Content-Type" not in reply_head
    return Exchange(method, path, headers, body.strip(), status, kind_of(text), shape_of(text), code_of(text), text)


def kind_of(text: str) -> str:
    if not text:
        return "empty"
    return "json" if text.startswith("{") else "text"


def shape_of(text: str) -> Any:
    return shape(json.loads(text)) if text.startswith("{") else None


def shape(value: Any, key: str = "") -> Any:
    """Return the keys and types of a JSON value; of a list that of its first item, of `schema` only that it is one."""
    if isinstance(value, dict) and key == "schema":
        return "schema"
    if isinstance(value, dict) and value and all(len(name) == 32 for name in value):
        return {"<uuid>": shape(next(iter(value.values())))}
    if isinstance(value, dict):
        return {name: shape(item, name) for name, item in sorted(value.items()) if name != "cost"}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def code_of(text: str) -> str | None:
    error = json.loads(text).get("error") if text.startswith("{") else None
    return error["code"] if error else None


class Cloud:
    """A sandbox whose database can be put into any captured state."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.server = Server(directory, 0, Switches(job_time=0.01), None)
        self.server.start()
        self.connection = http.client.HTTPConnection("127.0.0.1", int(self.server.host.split(":")[2].split("/")[0]))

    def close(self) -> None:
        self.connection.close()
        self.server.stop()
        self.store.close()

    def send(self, one: Exchange) -> tuple[int, dict[str, str], str]:
        self.connection.request(one.method, quoted(one.path), one.body or None, one.headers)
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def end(self, location: str) -> tuple[int, dict[str, str], str]:
        """Poll a job until it has ended."""
        path = "/v1/api-jobs/" + location.rpartition("/")[2]
        until = time.monotonic() + 10
        while True:
            answer = self.send(Exchange("GET", path, {}, b"", 0, "", None, None, ""))
            if answer[0] != 202:
                return answer
            assert time.monotonic() < until

    def become(self, state: str) -> None:
        now = time.time()
        with self.store.change() as db:
            fill(db, 0)
            db.execute("DELETE FROM resources WHERE kind IN ('volume', 'tag', 'snapshot', 'vm', 'storage')")
            sessions = {SESSION: ADMIN} | ({} if state == "logged out" else dict.fromkeys(OPS, TENANT))
            for session, account in sessions.items():
                db.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (session, account, now + 7200))
            put(db, "vm", inventory("017-query-vms"), account=ADMIN, now=now)
            put(db, "storage", inventory("016-query-ps"), account=ADMIN, now=now)
            for row in rows(state):
                account = TENANT if row["uuid"] == OWNED else ADMIN
                put(db, "volume", row, account=account, now=now)
            if state == "tagged":
                tag = {"uuid": "f" * 32, "resourceUuid": X, "resourceType": "VolumeVO", "tag": "incident-42"}
                put(db, "tag", tag | {"type": "User", "createDate": now}, account=ADMIN, now=now)


def rows(state: str) -> list[dict[str, Any]]:
    """Return the volumes of a state, with the fields the real ones had."""
    if state == "root only":
        return [inventory("015-query-volumes", R)]
    if state == "deleted one":
        return [inventory("044-get-deleted")]
    status = "Deleted" if state.startswith("deleted") else "Ready"
    attached = {"attached": "157", "deleted after attached": "162-get-deleted-attached", "detached": "179-get-detached"}
    second = inventory(attached.get(state, "150-recover-tagged-poll1")) if state != "attached" else inventory(ATTACHED)
    found = [
        inventory("058-get-recovered") | {"status": status},
        second | {"uuid": X},
        inventory("015-query-volumes", R),
    ]
    found[1]["status"] = status
    if state != "named":
        found.append(inventory("311-get-noinst") | {"status": "Deleted" if status == "Deleted" else "NotInstantiated"})
    found.append(inventory("058-get-recovered") | {"uuid": OWNED, "name": "own", "status": "Ready"})
    if state == "named":
        first = inventory("058-get-recovered")
        found += [first | {"uuid": f"{n}" * 32, "name": f"q-{n}"} for n in range(4)]
    return [row for row in found if not (state == "absent" and row["uuid"] == X)]


ATTACHED = "172-reattach-poll2"


def inventory(name: str, uuid: str | None = None) -> dict[str, Any]:
    """Return the first (or a named) inventory of a captured answer as a row of the sandbox."""
    document = json.loads(exchange(name).text)
    found = document.get("inventories") or [document["inventory"]]
    row: dict[str, Any] = next(item for item in found if uuid in (None, item["uuid"]))
    for key, value in row.items():
        if key.endswith("Date"):
            date = parse_server_date(value)
            assert date is not None
            row[key] = date.timestamp()
    return row


def quoted(path: str) -> str:
    """Return a path as it goes over the wire; the captures show some of it decoded."""
    return path.replace(" ", "%20").replace(">", "%3E").replace("<", "%3C")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    yield made
    made.close()


def agrees(answer: tuple[int, dict[str, str], str], captured: Exchange) -> None:
    status, headers, text = answer
    assert status == captured.status, text
    assert kind_of(text) == captured.kind, text
    assert code_of(text) == captured.code, text
    assert shape_of(text) == captured.shape, text
    assert "Content-Type" not in headers
    assert "Date" in headers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_the_sandbox_answers_as_the_real_one(case: Case, cloud: Cloud) -> None:
    captured = exchange(case.file)
    cloud.become(case.state)
    answer = cloud.send(captured)
    agrees(answer, captured)
    if case.end:
        agrees(cloud.end(json.loads(answer[2])["location"]), exchange(case.end))


def test_at_least_sixty_exchanges_are_compared() -> None:
    names = {case.file for case in CASES} | {case.end for case in CASES if case.end}
    assert len(names) >= 60
    files = {file.stem for file in WIRE.glob("*.http")}
    assert names <= files
    assert (WIRE / "LIST").read_text().split() == sorted(files)
