"""The deadline and the dialer of the request that a thread is sending.

They are kept per thread because nothing can be passed through `requests` and urllib3 to the sockets.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import NamedTuple

from zvol.zstack.transport.deadline import RequestDeadline
from zvol.zstack.transport.dial import Dialer


class CurrentRequest(NamedTuple):
    deadline: RequestDeadline
    dialer: Dialer


_current = threading.local()


@contextlib.contextmanager
def sending(deadline: RequestDeadline, dialer: Dialer) -> Iterator[None]:
    """Set them for this thread inside the block."""
    _current.request = CurrentRequest(deadline, dialer)
    try:
        yield
    finally:
        _current.request = None


def current_request() -> CurrentRequest:
    """Return the request of this thread; raises RuntimeError when there is none: no socket is used outside of one."""
    request: CurrentRequest | None = getattr(_current, "request", None)
    if request is None:
        raise RuntimeError("a connection outside of a request")
    return request


def current_deadline() -> RequestDeadline:
    """Return the deadline of the request of this thread."""
    return current_request().deadline
