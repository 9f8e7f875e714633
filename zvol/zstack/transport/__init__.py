"""The only door to HTTP: one request, sent once, bounded in time and size.

`send` brings an Answer or raises exactly NeverSent or MaybeSent.  What `requests` and urllib3 do on their own is
switched off here: redirects, retries, cookies, .netrc, CA bundles and proxies from the environment, compression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from zvol import __version__
from zvol.clock import Clock, SystemClock, TimeLimit
from zvol.errors import MaybeSent, NeverSent
from zvol.model import Endpoint
from zvol.text import human_duration
from zvol.zstack.answers import Answer
from zvol.zstack.transport.deadline import RequestDeadline, running
from zvol.zstack.transport.dial import Dialer
from zvol.zstack.transport.error_text import UnacceptableAnswer, never_sent, no_answer, stale

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 5.0
"""A 5.2.1 drops idle connections after about 30 s, and a PUT on a dropped one cannot be told from a lost answer."""

BODY_LIMIT: Final = 32 * 1024 * 1024

Auth = Callable[[str, str], Mapping[str, str]]
"""From method and path (starting at /v1) to the headers that authenticate the request."""


class Transport:
    """A pool of connections to one endpoint, for up to `concurrency` threads at the same time.

    `ca_file` replaces the usual certificate authorities, `proxy` is a URL for https endpoints; nothing of this is taken
    from the environment.  `trace` gets one line a request, without headers; `dialer` is how names are looked up.
    No request goes on when `limit` is over: it bounds them all together.
    Raises ConfigError when the CA file is of no use.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
        concurrency: int = 16,
        clock: Clock | None = None,
        trace: Callable[[str], None] | None = None,
        dialer: Dialer | None = None,
        limit: TimeLimit | None = None,
    ) -> None:
        from zvol.zstack.transport.connections import Adapter, HttpSession

        self.endpoint = endpoint
        self._proxies = {"https": proxy} if proxy and endpoint.scheme == "https" else {}
        self._clock = clock or SystemClock()
        self._trace = trace
        self._dialer = dialer or Dialer()
        self.limit = limit or TimeLimit(self._clock)
        context = None
        if endpoint.scheme == "https":
            from zvol.zstack.transport import tls

            context = tls.context(ca_file)
        self._session = HttpSession(endpoint.origin, Adapter(concurrency, context), f"zvol/{__version__}")

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
        auth: Auth | None = None,
        timeout: float = 30.0,
        longest: float = 0.0,
        limit: int = BODY_LIMIT,
        fresh_until: float | None = None,
    ) -> Answer:
        """Send one request and return the whole answer within `timeout` seconds, whatever takes them.

        An answer that keeps coming may take up to `longest` seconds.
        `fresh_until`: monotonic seconds of the clock after which its first byte must not leave (NeverSent, `stale`); a
        connection that was opened for it is kept for the next request that must be fresh.
        Raises NeverSent when not a byte of it can have left, MaybeSent for everything else that is not an answer.
        """
        began = self._clock.monotonic()
        deadline = self._deadline(timeout, longest, fresh_until)
        try:
            url = self.endpoint.base + quote(path, safe="/%") + _encoded(query)
            data = None if body is None else json.dumps(body, allow_nan=False).encode("ascii")
            request_headers = {**(headers or {}), **(auth(method, path) if auth else {})}
            if data is not None:
                request_headers["Content-Type"] = "application/json;charset=UTF-8"
            with running(deadline):
                answer = replace(self._exchange(method, url, data, request_headers, limit), sent_at=deadline.sent_at)
        except Exception as exc:  # noqa: BLE001  (nothing of requests, urllib3 or ssl may leave this room)
            self._note(method, path, query, began, "no answer" if deadline.sent else "not sent")
            raise self._failed(exc, deadline, began) from None
        self._note(method, path, query, began, str(answer.status))
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    # ---- inside --------------------------------------------------------------------------------------------------
    def _deadline(self, deadline: float, longest: float, fresh_until: float | None) -> RequestDeadline:
        """Begin a request that ends with the command's own time; raises NeverSent when that is over."""
        left, real = self.limit.left(), self._clock.real
        if self.limit.over:
            raise NeverSent("time", self._time_is_up())
        return RequestDeadline(
            self._dialer,
            real(min(deadline, left)),
            connecting=real(CONNECT_SECONDS),
            idle=real(IDLE_SECONDS),
            longest=real(min(longest, left)),
            clock=self._clock.monotonic,
            fresh_until=fresh_until,
        )

    def _failed(self, exc: Exception, deadline: RequestDeadline, began: float) -> NeverSent | MaybeSent:
        """Say what a failure means: whether anything of the request may have left, and what went wrong."""
        if deadline.sent:
            text = self._or_time_is_up(no_answer(exc, deadline))
            return MaybeSent(text, begun=deadline.received > 0, late=deadline.expired)
        if deadline.too_old:
            return stale(self.endpoint, self._clock.monotonic() - began)
        never = never_sent(exc, deadline, self.endpoint, proxy=bool(self._proxies))
        return NeverSent(never.reason, self._or_time_is_up(never.message), never.hint)

    def _or_time_is_up(self, text: str) -> str:
        return f"{text}; {self._time_is_up()}" if self.limit.over else text

    def _time_is_up(self) -> str:
        return f"time is up after {human_duration(self.limit.seconds)} (--timeout)"

    def _exchange(self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], limit: int) -> Answer:
        response = self._session.request(
            method,
            url,
            data=data,
            headers=dict(headers),
            verify=True,
            proxies=self._proxies,
            allow_redirects=False,
            stream=True,
        )
        try:
            content = _read(response, limit)
        except BaseException:
            response.close()
            raise
        return Answer(response.status_code, content, {k.lower(): v for k, v in response.headers.items()})

    def _note(self, method: str, path: str, query: Sequence[tuple[str, str]], began: float, outcome: str) -> None:
        if self._trace is not None:
            what = re.sub(r"/sessions/[^/]+", "/sessions/***", path)
            what += "?" + "&".join(f"{k}={v}" for k, v in query) if query else ""
            self._trace(f"{method} {what} {outcome} {(self._clock.monotonic() - began) * 1000:.0f} ms")


def _encoded(query: Sequence[tuple[str, str]]) -> str:
    return "?" + urlencode(query, quote_via=quote) if query else ""


def _read(response: requests.Response, limit: int) -> bytes:
    """Read the body to its end, so that the connection can be used again; raises Unfit when it is not to be read."""
    headers = response.raw.headers
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnacceptableAnswer("a compressed answer, which was not asked for")
    lengths, coding = headers.getlist("Content-Length"), headers.getlist("Transfer-Encoding")
    if len(set(lengths)) > 1 or (lengths and coding) or not all(re.fullmatch("[0-9]{1,15}", one) for one in lengths):
        raise UnacceptableAnswer("an answer whose length is not clear")
    content: bytes = response.raw.read(limit + 1, decode_content=False)
    if len(content) > limit:
        raise UnacceptableAnswer(f"an answer of more than {limit} bytes")
    response.raw.read(1, decode_content=False)
    return content
