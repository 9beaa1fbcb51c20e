"""Who may ask: names that the server is called by, pages that may post, and the token; and what browsers are told."""

import ipaddress
import secrets
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from regraft.server.answers import Json
from regraft.server.refused import Refused
from regraft.server.settings import Settings

UNAUTHORISED = 401
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
WITHOUT_TOKEN = ("/v2/health/live", "/v2/health/ready", "/login")  # and what is static
STATIC = "/static/"
COOKIE = "regraft-session"
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
ANYWHERE = {"0.0.0.0", "::"}  # addresses that mean all of a machine's
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


@dataclass(frozen=True)
class Guard:
    """What is asked of every request."""

    settings: Settings
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)  # what a signed-in browser has

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raise Refused for a request that may not be answered."""
        host = headers.get("host", "")
        if not self.is_own(host_in(host)):
            raise Refused(421, "this server is not called by that name; open it by the address that it printed")
        if method in CHANGING:
            check_origin(headers, host)
        open_to_all = path in WITHOUT_TOKEN or path.startswith(STATIC)
        if self.settings.token and not open_to_all and not self.knows(headers):
            raise Refused(
                401,
                "the token is missing or wrong; send it as Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The names that a request may call this server by; asking for the machine's own may take a moment."""
        bound = self.settings.host.lower()
        own = {bound, *map(str.lower, self.settings.names)}
        if is_loopback(bound) or bound in ANYWHERE:
            own |= LOCAL_NAMES
        if bound in ANYWHERE:
            own |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        return frozenset(own)

    def is_own(self, name: str | None) -> bool:
        """Whether a request's host is one that the server was bound to: a name of another's may lead here too."""
        if name is None or name in self.own_names:
            return name is not None
        bound = self.settings.host.lower()
        return is_loopback(name) if is_loopback(bound) else bound in ANYWHERE and is_address(name)

    def knows(self, headers: Headers) -> bool:
        """Whether a request brings the token, or the cookie of a browser that signed in with it."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and same(cookie.value, self.session)

    def is_token(self, given: str) -> bool:
        """Whether it is the token."""
        return same(given, self.settings.token or "")


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing."""
    return bool(other) and compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def host_in(text: str) -> str | None:
    """The name or address in a Host header, without its port; None where it is none."""
    try:
        name = urlsplit(f"//{text}").hostname
    except ValueError:
        return None
    return name if name and not set(text) & set("/?#@\\") else None


def is_address(name: str) -> bool:
    """Whether it is an IP address, which no name server can turn to another machine."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether only this machine itself can ask there."""
    return name == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def check_origin(headers: Headers, host: str) -> None:
    """Raise Refused where another site's page asks."""
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit_netloc(origin) != host.lower()
    if foreign or headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refused(403, "a page of another site asks; only the server's own page may")


def urlsplit_netloc(origin: str) -> str | None:
    """Host and port of an origin."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class Secured:
    """The guard before an application."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await (self.app if scope["type"] == "lifespan" else closed)(scope, receive, send)
            return

        headers = Headers(scope=scope)
        try:
            self.guard.check(scope["method"], scope["path"], headers)
        except Refused as refused:
            scope["route_name"] = "refused"
            answer: Response = Json({"error": str(refused)}, refused.status, refused.headers)
            if refused.status == UNAUTHORISED and is_browser(scope["method"], headers):
                answer = RedirectResponse("/login", 303)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def is_browser(method: str, headers: Headers) -> bool:
    """Whether somebody opens a page."""
    return method == "GET" and "text/html" in headers.get("accept", "")


def tell(message: MutableMapping[str, Any]) -> None:
    """Add the headers that a route has not set by itself."""
    own = list(message.get("headers", ()))
    there = {name.lower() for name, _ in own}
    message["headers"] = own + [header for header in ENCODED if header[0] not in there]


async def closed(scope: Scope, receive: Receive, send: Send) -> None:
    """There are no web sockets here."""
    await send({"type": "websocket.close", "code": 1008})
