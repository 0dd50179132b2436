"""This file stands before every page and answer; it guards that no foreign web page can read or embed it.

A name that an attacker lets point here would bring his page's scripts to a listener on loopback: so only the center's
own names are answered. The policy allows no inline script or style and no foreign origin; an answer that brings
its own, stricter one keeps that. Who may ask for what is the gate's affair (`center.people`), which stands behind this.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none at all a browser says of our own forms that they come from "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
}
_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_POLICY = b"content-security-policy"
_UNCACHED = ("/api/",)
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")


class Guard:
    """An ASGI application in front of another.

    Args:
        app: The one behind.
        hosts: Names that are answered to, without ports.
        is_tls: Whether browsers come over TLS and shall do so from now on.
    """

    def __init__(self, app: App, hosts: frozenset[str] = HOSTS, *, is_tls: bool = False) -> None:
        self._app = app
        self._hosts = hosts
        self._headers = [*_ENCODED, *([_ONLY_TLS] if is_tls else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse strangers' names, add headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        extra = list(self._headers)
        if scope["path"].startswith(_UNCACHED):
            extra.append((b"cache-control", b"no-store"))
        elif scope["path"].startswith("/static/"):
            extra.append((b"cache-control", b"no-cache"))  # asked for again, so that no page mixes two releases

        async def guarded(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                own = event.get("headers", ())
                brings = any(name.lower() == _POLICY for name, _ in own)
                event["headers"] = [*own, *(line for line in extra if not (brings and line[0] == _POLICY))]
            await send(event)

        if _host(scope) not in self._hosts:
            body = b"This center answers only to its own name"
            if self._hosts is HOSTS:
                body = b"This center answers only to loopback names; open http://127.0.0.1 or http://localhost.\n"
            start = {"type": "http.response.start", "status": 421, "headers": [(b"content-type", b"text/plain")]}
            await guarded(start)
            await guarded({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, guarded)


def _host(scope: Scope) -> str:
    """Give the one Host without its port; "" if there is none or more than one."""
    hosts: list[str] = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        return ""
    host, colon, port = hosts[0].rpartition(":")
    return host if colon and port.isdigit() else hosts[0]
