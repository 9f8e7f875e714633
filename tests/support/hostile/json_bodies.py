"""Bodies that a broken or hostile server may send instead of ZStack's JSON, as data; none of them says anything."""

from __future__ import annotations

import json
from typing import Any, Final

UUID: Final = "a" * 32
OTHER: Final = "b" * 32
READY: Final = {"uuid": UUID, "status": "Ready", "type": "Data"}
ERROR: Final = {"code": "SYS.1006", "description": "no", "details": "no"}


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _around(text: str) -> dict[str, bytes]:
    """Return a piece of text in the places where a reader may stumble over it."""
    inner = text.encode("utf-8", "surrogatepass")
    ready = _dump(READY)[:-1]
    return {
        f"{text[:24]!r} alone": inner,
        f"{text[:24]!r} in a list": b"[" + inner + b"]",
        f"{text[:24]!r} beside an inventory": b'{"inventory":' + ready + b'},"x":' + inner + b"}",
        f"{text[:24]!r} in an inventory": b'{"inventories":[' + ready + b',"size":' + inner + b"}]}",
    }


_TOKENS: Final = [
    *("NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999", "1" * 5000, "-" + "1" * 5000, "1" * 21),
    *("0x10", "01", "+1", ".5", "1.", "1e", "--1", "1_000", "１２", "True", "None", "undefined", "'x'", "x"),
    *('"\\ud800"', '"\\udc00\\ud800"', '"\ud800"', '"\\x41"', '"\\u12"', '"a\nb"', '"a\x00b"', '"a\tb"'),
    *("[" * 65 + "]" * 65, '{"a":' * 65 + "1" + "}" * 65, "0." + "1" * 500, '{"a":1,"a":2}'),
]

_WHOLE: Final = _dump({"inventory": READY, "inventories": [READY], "location": f"http://x/v1/api-jobs/{UUID}"})

NOT_JSON: Final[dict[str, bytes]] = {
    **{name: body for token in _TOKENS for name, body in _around(token).items()},
    "nothing": b"",
    "blanks": b" \r\n\t",
    "a NUL": b"\x00",
    "a BOM": b"\xef\xbb\xbf" + _WHOLE,
    "two BOMs": b"\xef\xbb\xbf\xef\xbb\xbf" + _WHOLE,
    **{
        f"in {name}": _WHOLE.decode().encode(name)
        for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7")
        if name != "utf-7"
    },
    "in EBCDIC": _WHOLE.decode().encode("cp500"),
    "Latin-1": b'{"inventories":[{"uuid":"' + UUID.encode() + b'","status":"Ready","name":"caf\xe9"}]}',
    "overlong UTF-8": b'{"inventory":{"uuid":"' + UUID.encode() + b'","status":"Read\xc1\xb9"}}',
    "twice": _WHOLE + _WHOLE,
    "followed by text": _WHOLE + b" x",
    "followed by a NUL": _WHOLE + b"\x00",
    "after a guard": b")]}',\n" + _WHOLE,
    "as JSONP": b"callback(" + _WHOLE + b");",
    "with a comment": b"/* x */" + _WHOLE,
    "with a last comma": _WHOLE[:-1] + b",}",
    "with a number as key": b'{1:2,"inventories":[]}',
    "with bare keys": b"{inventories:[]}",
    "in quotes of the other kind": _WHOLE.replace(b'"', b"'"),
    "an error twice": b'{"error":{"code":"SYS.1006"},"error":{"code":"SYS.1007"}}',
    "an inventory twice": b'{"inventory":' + _dump(READY) + b',"inventory":' + _dump(READY) + b"}",
    "a uuid twice": b'{"inventories":[{"uuid":"%s","uuid":"%s","status":"Ready"}]}' % (OTHER.encode(), UUID.encode()),
    "a status twice": b'{"inventories":[{"uuid":"%s","status":"Deleted","status":"Ready"}]}' % UUID.encode(),
    **{f"cut after {part} of 8": _WHOLE[: len(_WHOLE) * part // 8] for part in range(1, 8)},
    **{f"without its last {count}": _WHOLE[:-count] for count in (1, 2, 3)},
    "brackets": b"[" * 200_000,
    "braces": b'{"a":' * 100_000,
    "an open string": b'{"inventories":"' + b"\\" * 100_000,
    **{f"a page with {status}": b"<html><h1>%d</h1></html>" % status for status in (200, 404, 502, 503)},
    "XML": b'<?xml version="1.0"?><Error><Code>SYS.1006</Code></Error>',
    "YAML": b"inventories: []\n",
    "a form": b"inventories=&error=SYS.1006",
    "Base64": b"eyJpbnZlbnRvcmllcyI6W119",
    "a pickle": b"\x80\x04]\x94.",
    "a gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}
"""No JSON, or none that a strict reader takes."""

_ODD: Final[list[Any]] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    "",
    "x",
    "\u0000",
    [],
    [None],
    {},
    {"a": None},
    [[READY]],
]

NOT_ZSTACK: Final[dict[str, bytes]] = {
    **{f"{value!r} alone": _dump(value) for value in _ODD if value != {}},
    **{f"inventory {value!r}": _dump({"inventory": value}) for value in _ODD},
    **{
        f"inventories {value!r}": _dump({"inventories": value})
        for value in _ODD
        if value != []
        and value != [{}]
        and not (isinstance(value, list) and all(isinstance(one, dict) for one in value))
    },
    **{f"location {value!r}": _dump({"location": value}) for value in _ODD},
    **{f"error {value!r}": _dump({"error": value}) for value in _ODD},
    **{f"code {value!r}": _dump({"error": {"code": value}}) for value in _ODD if value != "x"},
    **{
        f"total {value!r}": _dump({"inventories": [], "total": value})
        for value in _ODD
        if value not in (None, 0) or value is False
    },
    **{f"uuid {value!r}": _dump({"inventory": {**READY, "uuid": value}}) for value in _ODD},
    **{
        f"status {value!r}": _dump({"inventory": {**READY, "status": value}})
        for value in _ODD
        if not (isinstance(value, str) and value)
    },
    "a code of a line": _dump({"error": {"code": "SYS.1006\n"}}),
    "a code in Chinese": _dump({"error": {"code": "系统.1006"}}),
    "a code without end": _dump({"error": {"code": "S" * 65}}),
    "an error beside an inventory": _dump({"error": ERROR, "inventory": READY, "inventories": []}),
    "somebody else's job": _dump({"location": "http://x/operations/7", "apiTimeout": 1000}),
    "a message": _dump({"message": "no upstream", "status": 503}),
    "a status object": _dump({"kind": "Status", "status": "Failure", "code": 403}),
}
"""JSON that ZStack does not write, whatever the status."""

FIELDS: Final = (
    *("name", "description", "primaryStorageUuid", "vmInstanceUuid", "diskOfferingUuid", "rootImageUuid"),
    *("installPath", "type", "format", "size", "actualSize", "deviceId", "state", "createDate", "lastOpDate"),
    *("isShareable", "lastVmInstanceUuid", "lastDetachDate"),
)

ODD_FIELDS: Final[list[dict[str, Any]]] = [
    {**READY, "status": "Deleted", field: value} for field in FIELDS for value in _ODD
]
"""Inventories of volumes, each with one field that is not what it should be; what they say of the volume counts."""
