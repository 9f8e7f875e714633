"""Errors of the way to the server: names, connections, proxies, certificates."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.docs.troubleshooting.row import Around, Row, World
from tests.support.authority import Authority, only_old
from tests.support.pages import PAGES
from tests.support.ports import CLOSED, accepting_nobody
from tests.support.wire import Behaviour, hangs, raw, resets, says

FAR = "https://zstack.invalid:8443"
SESSION = {"ZVOL_SESSION": "a" * 32}


def server(
    behave: Behaviour,
    *,
    greet: Behaviour | None = None,
    scheme: str = "http",
    tls: Callable[[Path], ssl.SSLContext] | None = None,
) -> Around:
    """Serve in the place of the sandbox."""

    @contextmanager
    def around(world: World) -> Iterator[None]:
        context = tls(world.folder) if tls is not None else None
        hello = None if greet is None else lambda client: greet(client, b"")
        with raw(behave, context, hello) as one:
            world.env |= SESSION | {"ZVOL_HOST": f"{scheme}://127.0.0.1:{one.port}"}
            if (world.folder / "ca.pem").exists():
                world.env["ZVOL_CA_FILE"] = str(world.folder / "ca.pem")
            yield

    return around


def through(
    behave: Behaviour,
    *,
    greet: Behaviour | None = None,
    scheme: str = "http",
    user: str = "",
    tls: Callable[[Path], ssl.SSLContext] | None = None,
) -> Around:
    """Serve as the proxy before a server far away."""

    @contextmanager
    def around(world: World) -> Iterator[None]:
        with server(behave, greet=greet, tls=tls)(world):
            port = world.env["ZVOL_HOST"].rpartition(":")[2]
            world.env |= {"ZVOL_HOST": FAR, "HTTPS_PROXY": f"{scheme}://{user}127.0.0.1:{port}"}
            world.env.pop("ZVOL_CA_FILE", None)
            yield

    return around


@contextmanager
def full(world: World) -> Iterator[None]:
    """Listen, and accept nobody."""
    with accepting_nobody("127.0.0.1") as port:
        world.env |= SESSION | {"ZVOL_HOST": f"http://127.0.0.1:{port}"}
        yield


@contextmanager
def deaf_proxy(world: World) -> Iterator[None]:
    with full(world):
        world.env |= {"HTTPS_PROXY": world.env["ZVOL_HOST"], "ZVOL_HOST": FAR}
        yield


def signed(folder: Path) -> ssl.SSLContext:
    return Authority(folder).server()


def expired(folder: Path) -> ssl.SSLContext:
    day = timedelta(days=1)
    return Authority(folder).server(starts=-2 * day, ends=-day)


def old(folder: Path) -> ssl.SSLContext:
    return only_old(Authority(folder).server())


def asking(folder: Path) -> ssl.SSLContext:
    """Return the TLS of a server that wants a client certificate."""
    context = Authority(folder).server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "ca.pem")
    return context


def named(folder: Path) -> ssl.SSLContext:
    """Return the TLS of a server that knows only other names."""
    context = Authority(folder).server()
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    return context


def resets_hello(client: socket.socket, _request: bytes) -> bool:
    """Break a connection once the client has begun to speak TLS."""
    client.recv(1)
    return resets(client)


def status(line: str) -> Behaviour:
    return says(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())


NOTHING = says(b"")
ROWS = (
    # ---- names and connections
    Row("cannot resolve {host}", "list", 5, env=SESSION | {"ZVOL_HOST": FAR}, cloud=False),
    Row("{host} refuses the connection", "list", 5, env=SESSION | {"ZVOL_HOST": f"http://127.0.0.1:{CLOSED}"}),
    Row("{host} does not answer", "list --timeout 2s", 5, around=full),
    Row("{host} cannot be reached", "list", 5, env=SESSION | {"ZVOL_HOST": "https://255.255.255.255"}),
    Row("the connection was closed before the answer", "list", 5, around=server(NOTHING)),
    Row("the connection was reset", "list", 5, around=server(resets)),
    Row("it sent {one}", "list", 5, around=server(says(PAGES["compressed"]))),
    Row("it sent what is not HTTP/1.1", "list", 5, around=server(says(PAGES["ssh"]))),
    Row(
        "the connection broke before the answer was complete ({name})",
        "list",
        5,
        around=server(says(PAGES["longer than it is"])),
    ),
    Row("no complete answer within the time allowed", "list --timeout 2s", 5, around=server(hangs)),
    Row("{message}; time is up after", "list --timeout 2s", 5, around=full),
    Row(
        "the connection broke before the answer was complete ({name}); time",
        "list --timeout 2s",
        5,
        around=server(hangs),
    ),
    # ---- TLS
    Row(
        "{place} does not speak TLS",
        "list",
        9,
        around=server(NOTHING, scheme="https", greet=says(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    ),
    Row("broke in the TLS handshake", "list", 5, around=server(NOTHING, scheme="https", greet=resets_hello)),
    Row(
        "does not finish the TLS handshake", "list --timeout 2s", 5, around=server(NOTHING, scheme="https", greet=hangs)
    ),
    Row(
        "is not trusted: {rstrip}",
        "list",
        9,
        "It is not of an authority that this machine knows, or it has expired, or it is for another name.",
        around=server(NOTHING, scheme="https", tls=expired),
    ),
    Row("speaks only outdated TLS", "list", 9, around=server(NOTHING, scheme="https", tls=old)),
    Row("wants a client certificate", "list", 9, around=server(NOTHING, scheme="https", tls=asking)),
    Row("has no certificate for the name", "list", 9, around=server(NOTHING, scheme="https", tls=named)),
    # ---- proxies
    Row(
        "cannot resolve {name}", "list", 5, env=SESSION | {"ZVOL_HOST": FAR, "HTTPS_PROXY": "http://proxy.invalid:3128"}
    ),
    Row(
        "{name} refuses the connection",
        "list",
        5,
        env=SESSION | {"ZVOL_HOST": FAR, "HTTPS_PROXY": f"http://127.0.0.1:{CLOSED}"},
    ),
    Row("{name} does not answer", "list --timeout 2s", 5, around=deaf_proxy),
    Row(
        "{name} cannot be reached",
        "list",
        5,
        env=SESSION | {"ZVOL_HOST": FAR, "HTTPS_PROXY": "http://255.255.255.255:1"},
    ),
    Row("(407)", "list", 5, around=through(status("407 Proxy Authentication Required"))),
    Row("{name} cannot reach {host} (", "list", 5, around=through(status("502 Bad Gateway"))),
    Row("{name} does not allow connections to {host} (", "list", 5, around=through(status("403 Forbidden"))),
    Row("{name} does not know CONNECT (", "list", 5, around=through(status("501 Not Implemented"))),
    Row("does not answer the request to connect to", "list --timeout 2s", 5, around=through(hangs)),
    Row("it closed, or is no HTTP proxy", "list", 5, around=through(NOTHING)),
    Row(
        "the certificate of {name} is not trusted: {verify",
        "list",
        9,
        around=through(NOTHING, scheme="https", tls=signed),
    ),
    Row(
        "does not speak TLS, although",
        "list",
        5,
        around=through(NOTHING, scheme="https", greet=says(b"HTTP/1.1 400 Bad\r\n\r\n")),
    ),
)
