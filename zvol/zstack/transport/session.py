"""A session of `requests`, with its automatic behaviour switched off.

Imported inside functions only, because it imports requests and ssl.
"""

from __future__ import annotations

import http.cookiejar
import ssl  # noqa: TID253
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import requests  # noqa: TID253
from requests.adapters import HTTPAdapter  # noqa: TID253

from zvol.zstack.transport.connections import POOLS


class Adapter(HTTPAdapter):
    """Uses the pools of `connections.py`; the certificate authorities are those of `context`."""

    def __init__(self, concurrency: int, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=concurrency + 2, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        context = self._context
        manager = super().proxy_manager_for(proxy, ssl_context=context, proxy_ssl_context=context, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the credentials of a proxy's URL in UTF-8; requests knows Latin-1 only."""
        user, at, _ = proxy.partition("://")[2].rpartition("@")
        credentials = ":".join(unquote(part) for part in user.partition(":")[::2])
        return {"Proxy-Authorization": f"Basic {b64encode(credentials.encode()).decode()}"} if at else {}

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Leave the authorities to the context."""


class HttpSession(requests.Session):
    """The session of one origin.

    A recovery must be sent exactly once, to the host that the user named, with the credentials that zvol chose; so
    everything that requests does by itself is off: retries and redirects could send a request twice or elsewhere,
    .netrc, cookies, proxies and CA bundles of the environment would change who sends it and who is trusted, and
    compression would hide the size of an answer.
    """

    def __init__(
        self, origin: str, agent: str, concurrency: int, context: ssl.SSLContext | None, proxy: str | None
    ) -> None:
        super().__init__()
        self._proxies = {"https": proxy} if proxy else {}
        self.trust_env = False
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self.headers.clear()
        self.headers.update({"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"})
        self.adapters.clear()
        self.mount(origin + "/", Adapter(concurrency, context))

    def send_once(self, method: str, url: str, data: bytes | None, headers: Mapping[str, str]) -> requests.Response:
        """Send a request and return the answer, its body not yet read."""
        return self.request(
            method,
            url,
            data=data,
            headers=dict(headers),
            verify=True,
            proxies=self._proxies,
            allow_redirects=False,
            stream=True,
        )

    def get_redirect_target(self, _resp: object) -> None:
        """Return none: requests prepares the next request even if it is not to follow, and reads the body for it."""
