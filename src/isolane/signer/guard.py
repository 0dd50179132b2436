"""This file stands before the page; it guards that nothing from elsewhere can have it opened, embedded or pressed.

Only the names of this machine, with our port, are answered: a name that an attacker lets point here is not. What
changes something has to come from a page of ours, said by the browser (Origin, Sec-Fetch-Site), as a form of limited
size.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

BODY_BYTES_MAX: Final = 16_384
_FORM: Final = "application/x-www-form-urlencoded"
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none at all a browser says of our own forms that they come from "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), camera=(), microphone=()",
    "cache-control": "no-store",
}
_ENCODED: Final = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI application in front of another.

    Args:
        app: The one behind.
        port: Where the page listens.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or answer it."""
        if scope["type"] != "http":
            return

        async def guarded(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event.get("headers", ()), *_ENCODED]
            await send(event)

        refused = self._refusal(scope)
        body = b"" if refused or scope["method"] != "POST" else await _read(receive)
        if body is None:
            refused = (413, "too long")
        if refused:
            status, words = refused
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await guarded({"type": "http.response.start", "status": status, "headers": headers})
            await guarded({"type": "http.response.body", "body": words.encode() + b"\n"})
            return
        await self._app(scope, _again(body or b"", receive), guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421, "This signer answers only to 127.0.0.1 and localhost, with its port."
        site, origin = _one(scope, b"sec-fetch-site"), _one(scope, b"origin")
        if scope["method"] in {"GET", "HEAD"}:
            is_link = _one(scope, b"sec-fetch-mode") == "navigate" and _one(scope, b"sec-fetch-dest") == "document"
            if site in {"cross-site", "same-site"} and not is_link:
                return 403, "Another page may lead here, but not look in here."
            return None
        if scope["method"] != "POST":
            return 405, "Only GET and POST are known here."
        if origin != f"http://{hosts[0]}" or site not in {None, "same-origin"}:
            return 403, "This was not sent by a page of this signer."
        kind = (_one(scope, b"content-type") or "").partition(";")[0].strip().lower()
        return None if kind == _FORM else (415, "Send a form.")


def _one(scope: Scope, name: bytes) -> str | None:
    """Give a header; of one that comes twice, what nobody would believe."""
    found = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return None if not found else found[0] if len(found) == 1 else ", ".join(found)


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
        if event["type"] == "http.disconnect" or not event.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
