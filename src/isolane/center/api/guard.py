"""This file stands before every page and answer; it guards that no foreign web page can read or embed it.

There are no users yet and the listener is on loopback, so whoever can reach it may read. A name that an attacker lets
point to 127.0.0.1 would bring his page's scripts here: so only loopback's own names are answered. The policy allows no
inline script or style and no foreign origin.
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
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
}
_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_UNCACHED = ("/api/",)


class Guard:
    """An ASGI application in front of another.

    Args:
        app: The one behind.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse strangers' names, add headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        extra = list(_ENCODED)
        if scope["path"].startswith(_UNCACHED):
            extra.append((b"cache-control", b"no-store"))
        elif scope["path"].startswith("/static/"):
            extra.append((b"cache-control", b"no-cache"))  # asked for again, so that no page mixes two releases

        async def guarded(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event.get("headers", ()), *extra]
            await send(event)

        if _host(scope) not in HOSTS:
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
