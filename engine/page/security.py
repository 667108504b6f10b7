"""Who may ask: this machine's own browser with the token of this session, from this page and from no other."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from ..exchanges.network.http import Request

#: Names under which a browser reaches this machine.
HOSTS = ("127.0.0.1", "localhost", "[::1]")
#: The header that a request brings along when it changes something.
HEADER = "x-touchline-token"
#: Nothing from elsewhere, no script or style in the page itself, no other page around this one.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


class Door:
    """The checks that every request passes, and the token of this session."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self.port = 0

    @property
    def cookie(self) -> str:
        """The name of the cookie: of this port, since cookies of a host are shared by its ports."""
        return f"touchline-{self.port}"

    @property
    def set_cookie(self) -> tuple[str, str]:
        """The header that lets a browser in which has shown the token once."""
        return "Set-Cookie", f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    def is_here(self, request: Request) -> bool:
        """Whether a request was meant for this server, and not for a name that somebody let point to it."""
        return request.headers.get("host", "") in {f"{host}:{self.port}" for host in HOSTS}

    def is_own(self, request: Request) -> bool:
        """Whether a request comes from this page, or from none: a browser says where it comes from."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
        own = {f"http://{host}:{self.port}" for host in HOSTS}
        return (origin is None or origin in own) and site in ("none", "same-origin")

    def knows(self, given: str | None) -> bool:
        """Whether a text is the token."""
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def may_read(self, request: Request) -> bool:
        """Whether a request shows the token, as a header or in the cookie."""
        return self.knows(request.headers.get(HEADER)) or self.knows(self._in_cookie(request.headers))

    def may_change(self, request: Request) -> bool:
        """Whether a request may change something: it comes from here and brings the token itself."""
        return self.is_own(request) and self.knows(request.headers.get(HEADER))

    def _in_cookie(self, headers: Mapping[str, str]) -> str | None:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return None
        return None if found is None else found.value
