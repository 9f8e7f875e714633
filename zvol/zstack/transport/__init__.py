"""The only place that speaks HTTP: one request, sent once, bounded in time and size.

`send` returns an Answer or raises NeverSent or MaybeSent, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from zvol import __version__
from zvol.clock import Clock, CommandDeadline, SystemClock
from zvol.errors import MaybeSent, NeverSent
from zvol.model import Endpoint
from zvol.text import human_duration
from zvol.zstack.answers import Answer
from zvol.zstack.transport.current import sending
from zvol.zstack.transport.deadline import RequestDeadline
from zvol.zstack.transport.dial import Dialer
from zvol.zstack.transport.error_text import (
    MAYBE_HTTPS,
    UnacceptableAnswer,
    never_sent,
    no_answer,
    refused_by_tls,
    stale,
)
from zvol.zstack.transport.proxy_errors import Proxy

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 5.0
"""A 5.2.1 drops idle connections after about 30 s, and a PUT on a dropped one cannot be told from a lost answer."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""Maximum bytes of the body of an answer."""

AuthHeaders = Callable[[str, str], Mapping[str, str]]
"""Returns the headers that authenticate a request, from its method and its path (from /v1 on)."""


class Transport:
    """A pool of connections to one endpoint, for up to `concurrency` threads at the same time.

    `ca_file` replaces the usual certificate authorities, `proxy` is a URL for https endpoints, and `proxy_from` names
    where it is set; nothing of this is taken from the environment.  `trace` gets one line per request, without headers;
    `dialer` looks up names and connects.
    No request continues after `deadline`, which bounds them all together.
    Raises ConfigError when the CA file cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
        proxy_from: str = "",
        concurrency: int = 16,
        clock: Clock | None = None,
        trace: Callable[[str], None] | None = None,
        dialer: Dialer | None = None,
        deadline: CommandDeadline | None = None,
    ) -> None:
        from zvol.zstack.transport.session import HttpSession

        self.endpoint = endpoint
        self._proxy = Proxy(proxy, proxy_from) if proxy and endpoint.scheme == "https" else None
        self._own_ca = ca_file is not None
        self._answered = False
        self._clock = clock or SystemClock()
        self._trace = trace
        self._dialer = dialer or Dialer()
        self.deadline = deadline or CommandDeadline(self._clock)
        context = None
        if endpoint.scheme == "https":
            from zvol.zstack.transport import tls

            context = tls.context(ca_file)
        proxy_url = self._proxy.url if self._proxy is not None else None
        self._session = HttpSession(endpoint.origin, f"zvol/{__version__}", concurrency, context, proxy_url)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
        auth: AuthHeaders | None = None,
        timeout: float = 30.0,
        max_seconds: float = 0.0,
        max_bytes: int = MAX_BYTES,
        fresh_until: float | None = None,
    ) -> Answer:
        """Send one request and return the whole answer within `timeout` seconds, from the look-up to the last byte.

        An answer that keeps arriving may take up to `max_seconds`.
        `fresh_until`: monotonic seconds of the clock after which its first byte must not leave (NeverSent, `stale`); a
        connection that was opened for it is kept for the next request with a `fresh_until`.
        Raises NeverSent when not a byte of the request can have left, MaybeSent when there is no whole answer.
        """
        began = self._clock.monotonic()
        deadline = self._request_deadline(timeout, max_seconds, fresh_until)
        try:
            url = self.endpoint.base + quote(path, safe="/%") + _encoded(query)
            data = None if body is None else json.dumps(body, allow_nan=False).encode("ascii")
            request_headers = {**(headers or {}), **(auth(method, path) if auth else {})}
            if data is not None:
                request_headers["Content-Type"] = "application/json;charset=UTF-8"
            with sending(deadline, self._dialer):
                answer = self._exchange(method, url, data, request_headers, max_bytes)
        except Exception as exc:  # noqa: BLE001  (no exception of requests, urllib3 or ssl may leave this package)
            self._write_trace(method, path, query, began, "no answer" if deadline.sent else "not sent")
            raise self._failure(exc, method, deadline, began) from None
        self._answered = True
        self._write_trace(method, path, query, began, str(answer.status))
        return answer._replace(sent_at=deadline.sent_at)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    # ---- inside --------------------------------------------------------------------------------------------------
    def _request_deadline(self, timeout: float, max_seconds: float, fresh_until: float | None) -> RequestDeadline:
        """Return the deadline of a request, not later than the command's; raises NeverSent when that has expired."""
        left, real = self.deadline.remaining(), self._clock.real
        if self.deadline.expired:
            raise NeverSent("time", self._time_is_up())
        return RequestDeadline(
            real(min(timeout, left)),
            connecting=real(CONNECT_SECONDS),
            idle=real(IDLE_SECONDS),
            max_seconds=real(min(max_seconds, left)),
            clock=self._clock.monotonic,
            fresh_until=fresh_until,
        )

    def _failure(self, exc: Exception, method: str, deadline: RequestDeadline, began: float) -> NeverSent | MaybeSent:
        """Return whether anything of a failed request may have left, and what went wrong.

        A read that the server's TLS refused counts as never sent: it had no effect, and repeating it does not help.
        """
        if deadline.sent:
            refused = refused_by_tls(exc, self.endpoint.address)
            if refused is not None and method == "GET":
                return refused
            text, hint = no_answer(exc, deadline) if refused is None else (refused.message, refused.hint)
            plain = self.endpoint.scheme == "http" and not self._answered and not deadline.received
            hint = hint or (MAYBE_HTTPS if plain and not deadline.expired else "")
            return MaybeSent(self._or_time_is_up(text), begun=deadline.received > 0, late=deadline.expired, hint=hint)
        if deadline.stale:
            return stale(self.endpoint, self._clock.monotonic() - began)
        never = never_sent(exc, deadline, self.endpoint, proxy=self._proxy, own_ca=self._own_ca)
        return NeverSent(never.reason, self._or_time_is_up(never.message), never.hint)

    def _or_time_is_up(self, text: str) -> str:
        return f"{text}; {self._time_is_up()}" if self.deadline.expired else text

    def _time_is_up(self) -> str:
        return f"time is up after {human_duration(self.deadline.seconds)} (--timeout)"

    def _exchange(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        response = self._session.send_once(method, url, data, headers)
        try:
            content = _read(response, max_bytes)
        except BaseException:
            response.close()
            raise
        return Answer(response.status_code, content, {k.lower(): v for k, v in response.headers.items()})

    def _write_trace(
        self, method: str, path: str, query: Sequence[tuple[str, str]], began: float, outcome: str
    ) -> None:
        if self._trace is not None:
            what = re.sub(r"/sessions/[^/]+", "/sessions/***", path)
            what += "?" + "&".join(f"{k}={v}" for k, v in query) if query else ""
            self._trace(f"{method} {what} {outcome} {(self._clock.monotonic() - began) * 1000:.0f} ms")


def _encoded(query: Sequence[tuple[str, str]]) -> str:
    return "?" + urlencode(query, quote_via=quote) if query else ""


def _read(response: requests.Response, max_bytes: int) -> bytes:
    """Read the body to its end, so that the connection can be reused; raises UnacceptableAnswer."""
    headers = response.raw.headers
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnacceptableAnswer("a compressed answer, which was not requested")
    lengths, coding = headers.getlist("Content-Length"), headers.getlist("Transfer-Encoding")
    if len(set(lengths)) > 1 or (lengths and coding) or not all(re.fullmatch("[0-9]{1,15}", one) for one in lengths):
        raise UnacceptableAnswer("an answer of unclear length")
    content: bytes = response.raw.read(max_bytes + 1, decode_content=False)
    if len(content) > max_bytes:
        raise UnacceptableAnswer(f"an answer of more than {max_bytes} bytes")
    response.raw.read(1, decode_content=False)
    return content
