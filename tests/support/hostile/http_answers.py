"""Answers that a broken or hostile server may give to a PUT, as data: what is sent first, and then for ever."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import Final

from tests.support.wire import UUID

MEGABYTE: Final = 1 << 20
ACCEPTED: Final = b'{"location":"http://192.0.2.1:8080/zstack/v1/api-jobs/%s","apiTimeout":60000}' % UUID.encode()
REDIRECTS: Final = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Says:
    """`first`, then `forever` again and again until the other side has enough."""

    first: bytes
    forever: bytes = b""


def answer(*headers: bytes, body: bytes = ACCEPTED, status: bytes = b"HTTP/1.1 202 Accepted") -> bytes:
    return b"\r\n".join([status, *headers]) + b"\r\n\r\n" + body


def length(body: bytes = ACCEPTED) -> bytes:
    return b"Content-Length: %d" % len(body)


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


_CHUNKED: Final = b"Transfer-Encoding: chunked"
_BOMB: Final = gzip.compress(b"\0" * 20 * MEGABYTE)
_DEFLATE: Final = zlib.compress(b"\0" * 20 * MEGABYTE)
_LENGTHS: Final = (
    b"-1",
    b"-0",
    b"+5",
    b"0x10",
    b"1e3",
    b"5, 5",
    b"5, 6",
    b"5;6",
    b" ",
    b"",
    b"five",
    b"9" * 30,
    b"\xb2",
)

UNCLEAR: Final[dict[str, Says]] = {
    # ---- without end ----
    "an endless body": Says(answer(body=b""), b"x" * 65536),
    "an endless body of HTTP/1.0": Says(answer(status=b"HTTP/1.0 202 Accepted", body=b""), b"x" * 65536),
    "a body of the longest length": Says(answer(b"Content-Length: 999999999999999", body=b""), b"x" * 65536),
    "endless chunks": Says(answer(_CHUNKED, body=b""), chunk(b"x" * 65536)),
    "endless small chunks": Says(answer(_CHUNKED, body=b""), b"1\r\nx\r\n" * 5000),
    "an endless chunk": Says(answer(_CHUNKED, body=b"ffffffffffff\r\n"), b"x" * 65536),
    "an endless chunk size": Says(answer(_CHUNKED, body=b""), b"0" * 65536),
    "an endless chunk extension": Says(answer(_CHUNKED, body=b"5;"), b"x" * 65536),
    "an endless trailer": Says(answer(_CHUNKED, body=chunk(ACCEPTED) + b"0\r\nX: "), b"x" * 65536),
    "endless trailers": Says(answer(_CHUNKED, body=chunk(ACCEPTED) + b"0\r\n"), b"X: y\r\n" * 5000),
    "an endless status line": Says(b"HTTP/1.1 202 ", b"x" * 65536),
    "an endless header": Says(b"HTTP/1.1 202 Accepted\r\nX: ", b"x" * 65536),
    "endless headers": Says(b"HTTP/1.1 202 Accepted\r\n", b"X: y\r\n" * 5000),
    "an endless folded header": Says(b"HTTP/1.1 202 Accepted\r\nX: y\r\n", b" y\r\n" * 5000),
    "endless 100": Says(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "endless 102": Says(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 500),
    "endless 103 with headers": Says(b"", b"HTTP/1.1 103 Early Hints\r\n" + b"Link: x\r\n" * 90 + b"\r\n"),
    "an endless 100": Says(b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n" * 5000),
    "an endless NUL": Says(b"", b"\0" * 65536),
    "endless blank lines": Says(b"", b"\r\n" * 5000),
    # ---- too much ----
    "a header of a megabyte": Says(answer(b"X: " + b"y" * MEGABYTE, length())),
    "six megabytes of headers": Says(answer(*[b"X-%d: " % n + b"y" * 60_000 for n in range(101)], length())),
    "10,000 headers": Says(answer(*[b"X-%d: y" % n for n in range(10_000)], length())),
    "a body of two megabytes": Says(answer(length(b"x" * 2 * MEGABYTE), body=b"x" * 2 * MEGABYTE)),
    # ---- compressed, though nobody asked for it ----
    **{
        f"{coding.decode() or 'an empty coding'} of a bomb": Says(
            answer(b"Content-Encoding: " + coding, length(bomb), body=bomb)
        )
        for coding, bomb in (
            *((name, _BOMB) for name in (b"gzip", b"x-gzip", b"GZIP", b"gzip, gzip", b"identity, gzip")),
            *((name, _DEFLATE) for name in (b"deflate", b"br", b"zstd", b"compress", b"aes128gcm")),
        )
    },
    "a bomb that claims to be plain": Says(answer(length(_BOMB), body=_BOMB)),
    "a transfer coding": Says(answer(b"Transfer-Encoding: gzip", body=_BOMB)),
    "two transfer codings": Says(answer(b"Transfer-Encoding: gzip, chunked", body=chunk(ACCEPTED) + b"0\r\n\r\n")),
    # ---- of a length that is not clear ----
    **{f"a length of {value!r}": Says(answer(b"Content-Length: " + value)) for value in _LENGTHS},
    "two lengths": Says(answer(length(), b"Content-Length: 5")),
    "the other two lengths": Says(answer(b"Content-Length: 5", length())),
    "too long a length": Says(answer(b"Content-Length: %d" % (len(ACCEPTED) + 1))),
    "too short a length": Says(answer(b"Content-Length: %d" % (len(ACCEPTED) - 1))),
    "length and chunks": Says(answer(length(), _CHUNKED, body=chunk(ACCEPTED) + b"0\r\n\r\n")),
    **{
        f"a chunk size of {size!r}": Says(answer(_CHUNKED, body=size + b"\r\n" + ACCEPTED + b"\r\n0\r\n\r\n"))
        for size in (b"", b"-5", b"zz", b"g", b" ", b"\xff", b"7fffffffffffffff", b"5")
    },
    "chunks without the last": Says(answer(_CHUNKED, body=chunk(ACCEPTED))),
    "a chunk without its end": Says(answer(_CHUNKED, body=chunk(ACCEPTED)[:-4])),
    # ---- no head ----
    "nothing": Says(b""),
    "HTTP/0.9": Says(ACCEPTED),
    "HTTP/2": Says(answer(length(), status=b"HTTP/2 202")),
    "HTTP/3.0": Says(answer(length(), status=b"HTTP/3.0 202 Accepted")),
    "HTTP/1.1 and no status": Says(answer(length(), status=b"HTTP/1.1")),
    "a status of two digits": Says(answer(length(), status=b"HTTP/1.1 99 Odd")),
    "a status of four digits": Says(answer(length(), status=b"HTTP/1.1 2020 Odd")),
    "a negative status": Says(answer(length(), status=b"HTTP/1.1 -202 Odd")),
    "a status in other digits": Says(answer(length(), status="HTTP/1.1 ２０２ Odd".encode())),
    "ICY": Says(answer(length(), status=b"ICY 202 OK")),
    "RTSP": Says(answer(length(), status=b"RTSP/1.0 202 OK")),
    "SSH": Says(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "mail": Says(b"220 mail.example ESMTP\r\n"),
    "TLS": Says(b"\x15\x03\x03\x00\x02\x02\x46"),
    "a NUL in the status line": Says(answer(length(), status=b"HTTP/1.1\x00 202 Accepted")),
    "half a head": Says(b"HTTP/1.1 202 Accepted\r\nContent-Type: te"),
    "half a body": Says(answer(length(), body=ACCEPTED[:20])),
    "other protocols": Says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" + answer(length())),
    "a header without a name": Says(answer(b": x", b"X", b"no colon here", body=b"")),
    # ---- a whole answer, and not ZStack's ----
    **{
        f"{status} with a page": Says(answer(length(b"<html>"), body=b"<html>", status=b"HTTP/1.1 %d X" % status))
        for status in (200, 202, 204, 304, 400, 403, 404, 407, 418, 429, 500, 502, 503, 504, 511, 599, 999)
    },
}
"""None of them is an answer of ZStack's; each may follow a PUT that has arrived."""

TAKEN: Final[dict[str, bytes]] = {
    "as it should be": answer(length()),
    "in one chunk": answer(_CHUNKED, body=chunk(ACCEPTED) + b"0\r\n\r\n"),
    "in chunks of a byte": answer(_CHUNKED, body=b"".join(chunk(bytes([b])) for b in ACCEPTED) + b"0\r\n\r\n"),
    "in chunks with extensions and trailers": answer(
        _CHUNKED, body=b"%x;a=b\r\n%s\r\n0;c\r\nX: y\r\n\r\n" % (len(ACCEPTED), ACCEPTED)
    ),
    "to the end of the connection": answer(),
    "in HTTP/1.0": answer(length(), status=b"HTTP/1.0 202 Accepted"),
    "after informational answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    + answer(length()),
    "with a folded header": answer(b"X-A: b\r\n c", length()),
    "with bare line feeds": answer(length()).replace(b"\r\n", b"\n"),
    "without a reason": answer(length(), status=b"HTTP/1.1 202"),
    "with a reason in Chinese": answer(length(), status="HTTP/1.1 202 已接受".encode()),
    "with 90 headers": answer(*[b"X-%d: y" % n for n in range(90)], length()),
    "with the length twice": answer(length(), length()),
    "as identity": answer(b"Content-Encoding: identity", length()),
    "with a type that is not true": answer(b"Content-Type: image/png", length()),
    "with a cookie for everybody": answer(b"Set-Cookie: a=b; Domain=.example.com; Path=/", length()),
}
"""Odd, and yet answers."""


def targets(port: int, sentinel: int) -> dict[str, bytes]:
    """Return where a redirect may point to: the same server, the sentinel, and what is no place at all."""
    here, there = f"127.0.0.1:{port}", f"127.0.0.1:{sentinel}"
    return {
        "the same host": f"http://{here}/zstack/v1/volumes/x/actions".encode(),
        "a path": b"/zstack/v1/elsewhere",
        "itself": b"",
        "another host": f"http://{there}/".encode(),
        "another host, without a scheme": f"//{there}/".encode(),
        "another host, https": f"https://{there}/".encode(),
        "another host, as a user": f"http://{here}@{there}/".encode(),
        "another name": f"http://localhost:{sentinel}/".encode(),
        "a backslash": f"http:\\\\{there}\\".encode(),
        "a file": b"file:///etc/passwd",
        "a script": b"javascript:alert(1)",
        "ten megabytes": b"http://x/" + b"y" * 10 * MEGABYTE,
        "60 kilobytes": f"http://{there}/".encode() + b"y" * 60_000,
        "controls": f"http://{there}/\x1b]0;x\x07\x9b2J".encode("latin-1"),
    }
