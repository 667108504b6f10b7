"""Requests to one exchange by an adapter of requests that asks itself nothing twice.

It has no session: it takes no proxies, credentials or certificates from the environment, follows no redirect, as a
signature is for one host, keeps no cookies, and sends nothing again.
"""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import requests
from certifi import where
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_TIMEOUT_SECONDS = (5.0, 30.0)  # to connect, between bytes
_KEPT = 10  #: connections that stay open


class _Whole(HTTPConnection):
    """Sends a request's head and body together: one packet, and one wait for the other threads."""

    _held: list[bytes] | None = None

    def request(self, *args: Any, **options: Any) -> None:
        """Write a request."""
        self._held = []
        try:
            super().request(*args, **options)
            whole = b"".join(self._held)
        finally:
            self._held = None
        self.send(whole)

    def putheader(self, header: Any, *values: Any) -> None:
        """Add a header; none of ours is one to be left out, which is not looked for."""
        http.client.HTTPConnection.putheader(self, header, *values)

    def send(self, data: Any) -> None:
        """Write, or keep until the request is whole."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class _WholeSecure(_Whole, HTTPSConnection):
    """The same, encrypted."""


class ExchangeAdapter(HTTPAdapter):
    """Sends requests to the host of one address; may be shared by threads."""

    def __init__(self, address: str) -> None:
        super().__init__(pool_maxsize=_KEPT, max_retries=0)
        parts = urlsplit(address)
        self._host, self._begins = f"{parts.scheme}://{parts.netloc}", parts.path
        self._pool: HTTPConnectionPool | None = None

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> requests.Response:
        """Send one request; ``path`` comes after the address, with its query."""
        request = requests.PreparedRequest()
        request.method, request.body = method, body
        request.url = self._host + self._begins + path
        request.headers = headers  # pyright: ignore[reportAttributeAccessIssue]  # nobody asks for one by another case
        return self.send(request, timeout=_TIMEOUT_SECONDS, verify=where())

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """The connections to the host, whose certificate is checked; looked up once."""
        if self._pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            super().cert_verify(pool, request.url, verify, cert)
            kind: Any = _WholeSecure if pool.scheme == "https" else _Whole
            pool.ConnectionCls = kind
            self._pool = pool
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """How certificates are checked was told to the connections when they were looked up."""

    def request_url(self, request: Any, proxies: Any) -> str:
        """What stands in a request's first line: all but the host."""
        return request.url[len(self._host) :]

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Make the answer, of which status, headers and content are read."""
        answer = requests.Response()
        answer.status_code, answer.headers, answer.raw = resp.status, resp.headers, resp
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._pool = None
        super().close()
