"""The only door to HTTP: one request, sent once, bounded in time and size.

`send` brings an Answer or raises exactly NeverSent or MaybeSent.  What `requests` and urllib3 do on their own is
switched off here: redirects, retries, cookies, .netrc, CA bundles and proxies from the environment, compression.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from zvol import __version__
from zvol.clock import Clock, SystemClock
from zvol.errors import MaybeSent, NeverSent
from zvol.model import Endpoint
from zvol.zstack.answers import Answer
from zvol.zstack.transport.guard import Guard, why_never_sent, why_no_answer

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
    from the environment.  `trace` gets one line a request, without headers.
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
    ) -> None:
        self.endpoint = endpoint
        self._ca_file = ca_file
        self._proxy = proxy
        self._concurrency = concurrency
        self._clock = clock or SystemClock()
        self._trace = trace
        self._session: requests.Session | None = None
        self._lock = threading.Lock()
        self._last_used = self._clock.monotonic()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
        auth: Auth | None = None,
        deadline: float = 30.0,
        fresh: bool = False,
        limit: int = BODY_LIMIT,
    ) -> Answer:
        """Send one request and return the whole answer within `deadline` seconds.

        `fresh` closes idle connections first when nothing was sent for a while.  Raises NeverSent when not a byte of it
        can have left, MaybeSent for everything else that is not an answer.
        """
        began = self._clock.monotonic()
        url = self.endpoint.base + quote(path, safe="/%") + ("?" + urlencode(query, quote_via=quote) if query else "")
        data = None if body is None else json.dumps(body, allow_nan=False).encode("ascii")
        guard = Guard()
        try:
            session = self._ready(fresh=fresh, now=began)
            request_headers = {**(headers or {}), **(auth(method, path) if auth else {})}
            if data is not None:
                request_headers["Content-Type"] = "application/json;charset=UTF-8"
            with guard.until(self._clock.real(deadline)):
                answer = self._exchange(session, method, url, data, request_headers, deadline, limit)
        except Exception as exc:  # noqa: BLE001  (nothing of requests, urllib3 or ssl may leave this room)
            self._note(method, path, query, began, "not sent" if not guard.connected else "no answer")
            if guard.connected:
                raise MaybeSent(why_no_answer(exc, guard)) from None
            raise NeverSent(*why_never_sent(exc, self.endpoint, guard)) from None
        finally:
            self._last_used = self._clock.monotonic()
        self._note(method, path, query, began, str(answer.status))
        return answer

    def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    # ---- inside --------------------------------------------------------------------------------------------------
    def _exchange(
        self,
        session: requests.Session,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        deadline: float,
        limit: int,
    ) -> Answer:
        response = session.request(
            method,
            url,
            data=data,
            headers=dict(headers),
            timeout=(self._clock.real(min(CONNECT_SECONDS, deadline)), self._clock.real(deadline)),
            verify=self._ca_file or True,
            proxies={"https": self._proxy} if self._proxy else {},
            allow_redirects=False,
            stream=True,
        )
        try:
            content = _read(response, limit)
        except BaseException:
            response.close()
            raise
        return Answer(response.status_code, content, {k.lower(): v for k, v in response.headers.items()})

    def _ready(self, *, fresh: bool, now: float) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = self._new_session()
            elif fresh and now - self._last_used > IDLE_SECONDS:
                for adapter in self._session.adapters.values():
                    adapter.close()
            return self._session

    def _new_session(self) -> requests.Session:
        import http.cookiejar

        import requests

        from zvol.zstack.transport.guard import guarded_adapter

        class Session(requests.Session):
            def get_redirect_target(self, _resp: object) -> None:
                """Even unfollowed, requests prepares the next request, and swallows the body for it."""

        session = Session()
        session.trust_env = False
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        session.headers.clear()
        session.headers.update(
            {"User-Agent": f"zvol/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"},
        )
        session.adapters.clear()
        session.mount(self.endpoint.origin + "/", guarded_adapter(self._concurrency))
        return session

    def _note(self, method: str, path: str, query: Sequence[tuple[str, str]], began: float, outcome: str) -> None:
        if self._trace is not None:
            what = re.sub(r"/sessions/[^/]+", "/sessions/***", path)
            what += "?" + "&".join(f"{k}={v}" for k, v in query) if query else ""
            self._trace(f"{method} {what} {outcome} {(self._clock.monotonic() - began) * 1000:.0f} ms")


def _read(response: requests.Response, limit: int) -> bytes:
    """Read the body to its end, so that the connection can be used again; ValueError when it is not to be read."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise ValueError("a compressed answer, which was not asked for")
    content: bytes = response.raw.read(limit + 1, decode_content=False)
    if len(content) > limit:
        raise ValueError(f"an answer of more than {limit} bytes")
    response.raw.read(1, decode_content=False)
    return content
