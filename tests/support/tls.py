"""A TLS entrance before a sandbox, with a certificate of its own authority."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

from tests.support.ports import free_port


@contextmanager
def tls(host: str, folder: Path, name: str = "127.0.0.1") -> Iterator[tuple[str, Path]]:
    """Serve a sandbox's host URL with TLS; yields the https URL and the file of the authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    port = int(host.rpartition(":")[2].partition("/")[0])
    listener = socket.create_server(("127.0.0.1", free_port()))

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(client, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            back = threading.Thread(target=pump, args=(server, inside), daemon=True)
            back.start()
            pump(inside, server)
            back.join(60)

    threading.Thread(target=accept, daemon=True).start()
    try:
        mine = listener.getsockname()[1]
        yield host.replace("http:", "https:").replace(f":{port}/", f":{mine}/"), ca_file
    finally:
        listener.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until one side ends, and close the other."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
