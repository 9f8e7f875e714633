"""A host with several addresses, some of them dead: what works is found soon, and tried first from then on.

How soon is counted in the addresses that were tried and the waits for an answer, which no load of the machine changes.
"""

from __future__ import annotations

import errno
import selectors
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

import pytest

from tests.support.jumping import JumpingClock
from tests.support.ports import CLOSED, accepting_nobody
from tests.support.wire import OK, Raw, raw, says
from zvol.clock import SystemClock
from zvol.errors import NeverSent
from zvol.model import Endpoint
from zvol.zstack.transport import Transport, connections, happy_eyeballs
from zvol.zstack.transport import deadline as request_deadline
from zvol.zstack.transport.deadline import RequestDeadline
from zvol.zstack.transport.dial import Dialer
from zvol.zstack.transport.happy_eyeballs import STAGGER, Address, ConnectionRace, interleave_families

MOMENT = 0.05
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
HOST = Endpoint("http", "zstack.example", 80)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a full queue drops connections on Linux")


def address(port: int, family: int = socket.AF_INET) -> Address:
    where = ("::1", port, 0, 0) if family == socket.AF_INET6 else ("127.0.0.1", port)
    return family, socket.SOCK_STREAM, 6, "", where


def deadline(seconds: float = 60.0) -> RequestDeadline:
    return RequestDeadline(seconds, connecting=seconds, idle=5.0, clock=SystemClock().monotonic)


def transport(*addresses: Address) -> Transport:
    return Transport(HOST, dialer=Dialer(lambda *_about, **_more: addresses))


class Races:
    """What all races did: the ports that were tried in turn, and the waits in which no address answered, in seconds."""

    def __init__(self) -> None:
        self.tried: list[int] = []
        self.waits: list[float] = []


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> Races:
    """Return what is tried; a wait for silent addresses takes a moment, after which the clock jumps to its end."""
    found, start, clock = Races(), ConnectionRace._start, JumpingClock()
    for module in (connections, request_deadline, happy_eyeballs):
        monkeypatch.setattr(module, "real_now", clock.monotonic)

    class CountingSelector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            assert timeout is not None
            ready = super().select(moment := min(timeout, MOMENT))
            if not ready:
                found.waits.append(timeout)
                clock.jump(timeout - moment)
            return ready

    def noted(race: ConnectionRace[socket.socket], one: Address) -> None:
        found.tried.append(one[4][1])
        start(race, one)

    monkeypatch.setattr(selectors, "DefaultSelector", CountingSelector)
    monkeypatch.setattr(ConnectionRace, "_start", noted)
    return found


@linux
def test_a_dead_first_address_costs_a_moment_and_only_once(races: Races) -> None:
    with accepting_nobody("127.0.0.1") as port, raw(says(CLOSING)) as server:
        made = transport(address(port), address(server.port))
        for _ in range(5):
            made.send("GET", "/v1/volumes")
        assert races.tried == [port, *[server.port] * 5]
        assert sum(races.waits) == pytest.approx(STAGGER, abs=0.05)
        assert server.connections == 5
        made.close()


@linux
def test_threads_learn_it_together(races: Races) -> None:
    """Each of them waits at most once, and whoever comes later not at all."""
    with accepting_nobody("127.0.0.1") as port, raw(says(CLOSING)) as server:
        made = transport(address(port), address(server.port))
        threads = [threading.Thread(target=made.send, args=("GET", "/v1/volumes")) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(races.tried) <= 32
        assert sum(races.waits) <= 16 * (STAGGER + 0.05)
        races.tried.clear()
        made.send("GET", "/v1/volumes")
        assert races.tried == [server.port]
        assert server.connections == 17
        made.close()


def test_what_was_learnt_is_given_up_when_it_works_no_more() -> None:
    with raw(says(CLOSING)) as server:
        gone = Raw(says(CLOSING))
        made = transport(address(CLOSED), address(gone.port), address(server.port))
        made.send("GET", "/v1/volumes")
        assert (gone.connections, server.connections) == (1, 0)
        with suppress(OSError):
            gone.listener.shutdown(socket.SHUT_RDWR)
        gone.close()
        for _ in range(2):
            made.send("GET", "/v1/volumes")
        assert (gone.connections, server.connections) == (1, 2)
        made.close()


def test_one_that_refuses_holds_up_nobody(races: Races) -> None:
    with raw(says(CLOSING)) as server:
        made = transport(*[address(CLOSED) for _ in range(5)], address(server.port))
        made.send("GET", "/v1/volumes")
        assert (len(races.tried), races.waits) == (6, [])
        made.close()


class Noted(socket.socket):
    """Remembers all sockets of its kind."""

    made: list[Noted] = []

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        Noted.made.append(self)


@linux
def test_who_loses_is_closed() -> None:
    Noted.made.clear()
    with accepting_nobody("127.0.0.1") as first, accepting_nobody("127.0.0.1") as second, raw(says(OK)) as server:
        sock, found = ConnectionRace(Noted, deadline()).run([address(first), address(second), address(server.port)])
        assert found == address(server.port)
        assert [one.fileno() == -1 for one in Noted.made] == [True, True, False]
        assert sock is Noted.made[2]
        assert 1.0 < (sock.gettimeout() or 0) <= 60.0, "what follows has the rest of the time"
        sock.close()


@linux
def test_nobody_is_left_open_when_time_is_up(races: Races) -> None:
    Noted.made.clear()
    with accepting_nobody("127.0.0.1") as first, accepting_nobody("127.0.0.1") as second, pytest.raises(TimeoutError):
        ConnectionRace(Noted, deadline(20.0)).run([address(first), address(second)])
    assert [one.fileno() for one in Noted.made] == [-1, -1]


@linux
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_the_most_telling_error_is_told(order: tuple[int, ...], races: Races) -> None:
    """That one refuses says more than that one is silent, and that more than that this machine has no way there."""
    no_way = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("255.255.255.255", 80))
    with accepting_nobody("127.0.0.1") as silent:
        addresses = [address(CLOSED), address(silent), no_way]
        for most, expected in ((3, "refused"), (2, "connect-timeout")):
            made = transport(*[addresses[number] for number in order if number >= 3 - most])
            with pytest.raises(NeverSent) as caught:
                made.send("GET", "/v1/volumes", timeout=60)
            made.close()
            assert caught.value.reason == expected


def test_a_kind_of_address_that_this_machine_does_not_have() -> None:
    class Fourth(socket.socket):
        def __init__(self, family: int, *about: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "not here")
            super().__init__(family, *about)

    with raw(says(OK)) as server:
        sock, _ = ConnectionRace(Fourth, deadline()).run([address(1, socket.AF_INET6), address(server.port)])
        sock.close()
    with pytest.raises(OSError, match="not here"):
        ConnectionRace(Fourth, deadline()).run([address(1, socket.AF_INET6)])


def test_a_name_without_addresses() -> None:
    with pytest.raises(NeverSent) as caught:
        transport().send("GET", "/v1/volumes")
    assert caught.value.reason == "address"


def test_families_take_turns() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    found = interleave_families([address(1, six), address(2, six), address(3, six), address(4, four), address(5, four)])
    assert [one[4][1] for one in found] == [1, 4, 2, 5, 3]
    found = interleave_families([address(1, six), address(2, four), address(3, four)])
    assert [one[4][1] for one in found] == [1, 2, 3]
    assert interleave_families([]) == []
    assert interleave_families([address(1), address(2)]) == [address(1), address(2)]


@linux
def test_connecting_has_a_time_of_its_own_and_is_waited_for_asleep(races: Races) -> None:
    """A tenth of its five seconds here, not the whole of the request's; few long waits, not many short ones."""

    class Quick(SystemClock):
        def real(self, seconds: float) -> float:
            return seconds / 10

    with accepting_nobody("127.0.0.1") as first, accepting_nobody("127.0.0.1") as second:
        made = Transport(HOST, dialer=Dialer(lambda *_about, **_more: [address(first), address(second)]), clock=Quick())
        with pytest.raises(NeverSent):
            made.send("GET", "/v1/volumes", timeout=100)
        assert races.tried == [first, second]
        assert STAGGER <= sum(races.waits) <= 0.55
        assert len(races.waits) <= 4
        made.close()


@linux
def test_of_many_dead_ones_each_has_its_turn_in_time(races: Races) -> None:
    with accepting_nobody("127.0.0.1") as port, raw(says(CLOSING)) as server:
        made = transport(*[address(port)] * 12, address(server.port))
        made.send("GET", "/v1/volumes", timeout=2.5)
        assert races.tried == [*[port] * 12, server.port]
        assert sum(races.waits) <= 2.5
        made.close()
