"""Long lists over real sockets: on a slow line, and while others change what is listed."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.process import Sandbox, environment, sandbox
from tests.support.profiles import FAST
from tests.support.warm import run

"""The time allowed for a page that says nothing is a third of a second."""


@contextmanager
def line(cloud: Sandbox, pace: float = float("inf"), wait: float = 0.0) -> Iterator[str]:
    """A relay before the sandbox that carries `pace` bytes a second to the client, each answer after `wait` seconds."""
    url = urlsplit(cloud.host)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((url.hostname or "", url.port or 0)) as far, suppress(OSError):
                back = threading.Thread(target=self.back, args=(far,), daemon=True)
                back.start()
                while data := self.request.recv(1 << 16):
                    far.sendall(data)
                far.shutdown(socket.SHUT_WR)
                back.join()

        def back(self, far: socket.socket) -> None:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 13)
            with suppress(OSError):
                while data := far.recv(1 << 12):
                    time.sleep(wait if data.startswith(b"HTTP/1.1") else 0)
                    time.sleep(len(data) / pace)
                    self.request.sendall(data)
                self.request.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{relay.server_address[1]}{url.path}"
        relay.shutdown()


def deleted(cloud: Sandbox) -> set[str]:
    found = cloud.call("GET", "/v1/volumes?q=status%3DDeleted&q=type%3DData&limit=100000")[1]["inventories"]
    return {one["uuid"] for one in found}


def test_a_slow_line(tmp_path: Path) -> None:
    """A page of a thousand takes more than twice the time of the longest one, so smaller ones are asked for."""
    with sandbox(tmp_path / "cloud", "--extra", "1100") as cloud, line(cloud, pace=200_000) as host:
        env = environment(tmp_path / "home", {"ZVOL_HOST": host, "ZVOL_SESSION": cloud.session})
        ran = run(["list", "-o", "name", "-v"], env, command=FAST)
        assert ran.code == 0, ran.err
        assert sorted(ran.out.split()) == sorted(deleted(cloud))
        pages = [text for text in ran.err.splitlines() if "/v1/volumes?" in text]
        limits = [int(text.partition("limit=")[2].partition("&")[0]) for text in pages]
        assert limits[0] == 1000
        assert 50 < limits[-1] < 1000
        assert limits == sorted(limits, reverse=True)


def test_a_list_that_others_change_all_the_time(tmp_path: Path) -> None:
    """Ten recoveries a second, some between any two pages: every untouched volume is in the list, exactly once."""
    with sandbox(tmp_path / "cloud", "--extra", "4000") as cloud, line(cloud, wait=0.4) as host:
        before = deleted(cloud)
        touched, ended = sorted(before)[::20], threading.Event()

        def change() -> None:
            for uuid in touched:
                cloud.call("PUT", f"/v1/volumes/{uuid}/actions", {"recoverDataVolume": {}})
                if ended.wait(0.1):
                    return

        others = threading.Thread(target=change)
        others.start()
        try:
            env = environment(tmp_path / "home", {"ZVOL_HOST": host, "ZVOL_SESSION": cloud.session})
            ran = run(["list", "-o", "name"], env)
        finally:
            ended.set()
            others.join()
        assert ran.code == 0, ran.err
        found = ran.out.split()
        assert len(found) == len(set(found))
        assert before - set(touched) <= set(found) <= before
