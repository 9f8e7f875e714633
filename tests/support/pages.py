"""Answers of other software than ZStack: proxies, portals, starting servers, broken and hostile ones."""

from __future__ import annotations

import gzip
import json

from tests.support.http_messages import answer

JSON = "application/json"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY = CONTINUE + b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def page(status: str, *more: str) -> bytes:
    return answer(status, f"<html><h1>{status}</h1></html>".encode(), *more)


def document(status: str, value: object, *more: str) -> bytes:
    return answer(status, json.dumps(value).encode(), *more, kind=JSON)


def raw(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


PAGES = {
    "200 portal": answer("200 OK", b"<html>Please log in to the network</html>"),
    "200 nothing": answer("200 OK", b""),
    "204": raw("HTTP/1.1 204 No Content\nContent-Length: 0"),
    "206": answer("206 Partial Content", b"{", kind=JSON),
    "300 page": answer("300 Multiple Choices", b"", "Location: http://TRAP/"),
    "304": answer("304 Not Modified", b""),
    "400 page": page("400 Bad Request"),
    "401 page": page("401 Unauthorized", "WWW-Authenticate: Basic realm=proxy"),
    "403 page": page("403 Forbidden"),
    "404 page": answer("404 Not Found", b"<html>HTTP Status 404 - Not Found</html>"),
    "404 nothing": answer("404 Not Found", b""),
    "405 page": page("405 Method Not Allowed"),
    "407": page("407 Proxy Authentication Required"),
    "408": page("408 Request Timeout", "Connection: close"),
    "413": page("413 Payload Too Large"),
    "429": page("429 Too Many Requests", "Retry-After: 1"),
    "429 wait long": page("429 Too Many Requests", "Retry-After: 86400"),
    "429 garbled": page("429 Too Many Requests", "Retry-After: soon"),
    "500 page": page("500 Internal Server Error"),
    "501": page("501 Not Implemented"),
    "502 page": page("502 Bad Gateway"),
    "503 page": page("503 Service Unavailable", "Retry-After: 1"),
    "503 nothing": answer("503 Service Unavailable", b""),
    "504 page": page("504 Gateway Timeout"),
    "520": page("520 Unknown"),
    "599": page("599 Odd"),
    "999": page("999 Beyond"),
    "200 json object": document("200 OK", {"status": "ok"}),
    "200 json list": document("200 OK", []),
    "200 json null": document("200 OK", None),
    "200 json text": document("200 OK", "inventories"),
    "200 half a json": answer("200 OK", b'{"inventories": [', kind=JSON),
    "200 json twice": answer("200 OK", b'{"a":1,"a":2}', kind=JSON),
    "200 json nan": answer("200 OK", b'{"size": NaN}', kind=JSON),
    "200 json too deep": answer("200 OK", b"[" * 100_000 + b"]" * 100_000, kind=JSON),
    "200 json huge number": answer("200 OK", b'{"size":' + b"9" * 5000 + b"}", kind=JSON),
    "200 no utf-8": answer("200 OK", b'{"inventories": "\xff\xfe"}', kind=JSON),
    "202 of somebody": document("202 Accepted", {"id": 7}),
    "400 json": document("400 Bad Request", {"message": "bad request"}),
    "401 json": document("401 Unauthorized", {"error": "unauthorized"}),
    "404 json": document("404 Not Found", {"detail": "Not Found"}),
    "500 json": document("500 Internal Server Error", {"error": {"message": "oops"}}),
    "503 json": document("503 Service Unavailable", {"message": "no upstream"}),
    "503 json error text": document("503 Service Unavailable", {"error": "overloaded"}),
    "503 json code number": document("503 Service Unavailable", {"error": {"code": 503, "message": "overloaded"}}),
    "503 json odd code": document("503 Service Unavailable", {"error": {"code": "no healthy upstream"}}),
    "compressed": answer("200 OK", gzip.compress(b"{}"), "Content-Encoding: gzip", kind=JSON),
    "longer than it is": raw("HTTP/1.1 200 OK\nContent-Length: 5000\nConnection: close", b"{}"),
    "bad length": raw("HTTP/1.1 200 OK\nContent-Length: many", b"{}"),
    "two lengths": raw("HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3", b"{}x"),
    "bad chunks": raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    "half a chunk": raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"ff\r\n{}"),
    "huge head": raw("HTTP/1.1 200 OK\nX-Fill: " + "a" * 70_000, b""),
    "many headers": raw("HTTP/1.1 200 OK\n" + "\n".join(f"X-{n}: a" for n in range(200)), b""),
    "no http": b"\x16\x03\x01 this is no HTTP at all\r\n\r\n",
    "http/0.9": b"<html>hello</html>\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no status": b"HTTP/1.1 \r\n\r\n",
    "odd status": b"HTTP/1.1 abc def\r\n\r\n",
    "only 100": CONTINUE,
    "nul bytes": b"\x00" * 300,
}

CLOSING = (
    *("only 100", "longer than it is", "bad length", "two lengths"),
    *("bad chunks", "half a chunk", "huge head", "many headers"),
)
"""Answers after which it is impossible to find the start of the next one."""

BROKEN = (*CLOSING, "compressed", "no http", "http/0.9", "ssh", "no status", "odd status", "nul bytes")
"""Those of which no whole answer can be made."""

PATIENT = ("429", "429 garbled", "503 page")
"""Those that ask for a wait that is short enough for a list or a login, which is repeated then."""

REDIRECTS = {
    status.split()[0]: answer(status, b"", "Location: http://TRAP/elsewhere")
    for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")
} | {"302 without a place": answer("302 Found", b"")}

EXPIRED = answer("404 Not Found", b"the job has been expired", kind="text/plain")
DUPLICATE = answer("400 Bad Request", b"Duplicate job uuid[%s]" % (b"a" * 32), kind="text/plain")
RUNNING = document("202 Accepted", {})
EMPTY = document("200 OK", {})


def failure(code: str) -> bytes:
    """Return a failure of ZStack itself, as a server without jobs answers at once."""
    return document("503 Service Unavailable", {"error": {"code": code, "description": "no", "details": "no"}})
