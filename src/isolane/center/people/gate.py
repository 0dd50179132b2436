"""This file stands between the network and every route; it guards that nobody gets past it who has no right to.

For each request, before a byte of its body is read: which line of the table of rights is it, who asks, may he, and
may he at this site; for what changes something also whether a page of ours sent it. A browser says where a request
comes from (Sec-Fetch-Site, Origin) and is believed when it says "elsewhere"; a form must say that it comes from here
and carry its session's token; everything else is JSON, which no foreign page can send unasked. Programs with a token
are not asked this: no browser sends their header by itself.

The application must ask `confirmed` for each route: it answers nothing that the gate took for another route.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote

from isolane.center.people.cookies import DEVICE, PENDING, SESSION, Cookies
from isolane.center.people.identify import NOBODY, Identify
from isolane.center.people.pace import Pace
from isolane.center.people.rights import Right, RightsTable, Who
from isolane.center.store.people_views import GATE, Caller, Visit, set_caller
from isolane.center.store.port import UnavailableError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[HTTPStatus, str], App]
"""Makes the answer of a refusal."""

FORM_BYTES_MAX = 65_536
_FORM = "application/x-www-form-urlencoded"
_LOOK_S = 1.0
"""How often it is asked whether the session of a stream still holds."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "bearer "
_API = "/api/"


class _RefusedError(Exception):
    """Answer this instead."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Gate:
    """An ASGI application in front of another.

    Args:
        app: The one behind.
        table: Who may what.
        identify: Says who asks.
        cookies: Their names.
        pace: Each caller's share.
        origin: What browsers have in their address line, None for ``http://`` and whatever loopback name they used.
        proxies: Addresses whose X-Forwarded-For is believed.
        problem: Makes the API's refusals.
        page: Makes the pages'.
        bounce: Makes a page that leads on to an address of ours at once.
    """

    def __init__(
        self,
        app: App,
        *,
        table: RightsTable,
        identify: Identify,
        cookies: Cookies,
        pace: Pace,
        origin: str | None,
        proxies: frozenset[str],
        problem: Answer,
        page: Answer,
        bounce: Callable[[str], App],
    ) -> None:
        self._app = app
        self._table = table
        self._identify = identify
        self._cookies = cookies
        self._pace = pace
        self._origin = origin
        self._proxies = proxies
        self._problem = problem
        self._page = page
        self._bounce = bounce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or answer it."""
        if scope["type"] != "http":
            return
        try:
            await self._let_through(scope, receive, send)
        except _RefusedError as refused:
            make = self._problem if scope["path"].startswith(_API) else self._page
            await make(refused.status, refused.sentence)(scope, receive, send)

    async def _let_through(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        cookies = self._cookies.read(scope["headers"])
        visit = Visit(
            self._address(scope, headers),
            headers.get("user-agent", ""),
            cookies.get(SESSION, ""),
            cookies.get(DEVICE, ""),
            cookies.get(PENDING, ""),
        )
        found = self._table.find(scope["method"], scope["path"])
        try:
            who = await self._who(headers, visit)
        except UnavailableError as error:
            raise _RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be read now") from error
        if not who.open and not self._pace.takes(who.name or f"@{visit.address}"):
            raise _RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "this is more than your share of requests")
        if found is None:
            await self._unknown(who, scope, receive, send)
            return
        right, named = found
        if not right.allows(who):
            if who is NOBODY:
                await self._to_log_in(scope, headers, receive, send)
                return
            raise _RefusedError(HTTPStatus.FORBIDDEN, "you have no right to this")
        _check_sites(who, named, scope)
        if right.is_stream and not headers.get("authorization"):
            self._check_listener(headers, scope)
        if right.method not in _SAFE:
            receive = await self._check_change(right, who, headers, scope, receive)
        set_caller(who, visit)
        scope[GATE] = right.path
        if right.is_stream:
            await self._stream(who, visit, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # Who

    async def _who(self, headers: dict[str, str], visit: Visit) -> Caller:
        shown = headers.get("authorization", "")
        if shown:
            program = None
            if shown.lower().startswith(_BEARER):
                program = await self._identify.by_token(shown[len(_BEARER) :].strip())
            if program is None:
                raise _RefusedError(HTTPStatus.UNAUTHORIZED, "this token opens nothing")
            return program
        person = await self._identify.by_cookie(visit.session) if visit.session else None
        return person or await self._identify.nobody()

    def _address(self, scope: Scope, headers: dict[str, str]) -> str:
        """Give where a request comes from; what a proxy says counts only if the proxy is ours."""
        client = scope.get("client")
        address = str(client[0]) if client else ""
        if address in self._proxies:
            hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
            address = next((hop for hop in reversed(hops) if hop not in self._proxies), address)
        return address[:64]

    # Refusals

    async def _unknown(self, who: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application say that there is no such thing; its routes answer nothing without a line's path.

        That a public path knows no such method is public too.
        """
        if who is NOBODY and not self._table.is_public(scope["path"]):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "log in first")
        set_caller(NOBODY, Visit())
        scope[GATE] = None
        await self._app(scope, receive, send)

    async def _to_log_in(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith((_API, "/fragments/")) or scope["method"] != "GET":
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "log in first")
        query = scope["query_string"].decode("latin-1")
        # One slash, or a browser would take the first step for a host.
        here = "/" + quote(path.lstrip("/")) + (f"?{query}" if query else "")
        if headers.get("sec-fetch-site") == "cross-site":
            # A link from elsewhere, a mail say, brings no Strict cookie; the same request from a page of ours does.
            await self._bounce(here)(scope, receive, send)
            return
        location = f"/login?next={quote(here, safe='')}".encode()
        await send(
            {"type": "http.response.start", "status": HTTPStatus.SEE_OTHER, "headers": [(b"location", location)]}
        )
        await send({"type": "http.response.body", "body": b""})

    # Foreign pages

    def _check_listener(self, headers: dict[str, str], scope: Scope) -> None:
        """Refuse a stream to a foreign page: it could not read it, but would hold a place."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in {None, "same-origin", "none"} or origin not in {None, self._own(scope, headers)}:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "another site's page may not listen")

    async def _check_change(
        self, right: Right, who: Caller, headers: dict[str, str], scope: Scope, receive: Receive
    ) -> Receive:
        """Refuse what a foreign page may have sent; gives the body again, if it had to be read."""
        if headers.get("authorization"):
            return receive
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in {None, "same-origin"} or origin not in {None, self._own(scope, headers)}:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "this was sent by another site's page")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not right.is_form:
            if kind not in {"", "application/json"}:
                raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
            return receive
        if site is None and origin is None:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "a form says where it comes from")
        if kind != _FORM:
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send a form")
        body = await _read(receive)
        if who.form_token and right.who is not Who.ANYBODY:
            said = parse_qs(body.decode("latin-1")).get("form_token", [""])
            if len(said) != 1 or not hmac.compare_digest(said[0].encode(), who.form_token.encode()):
                raise _RefusedError(HTTPStatus.FORBIDDEN, "this form is of another session; open the page again")
        return _again(body, receive)

    def _own(self, scope: Scope, headers: dict[str, str]) -> str:
        return self._origin or f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"

    # Streams

    async def _stream(self, who: Caller, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for as long as the caller is who he was; then the client is told that the stream has ended."""
        begun = ended = False

        async def watched(event: MutableMapping[str, Any]) -> None:
            nonlocal begun, ended
            begun = True
            ended = event["type"] == "http.response.body" and not event.get("more_body", False)
            await send(event)

        answering = asyncio.ensure_future(self._app(scope, receive, watched))
        try:
            while not answering.done():
                await asyncio.wait({answering}, timeout=_LOOK_S)
                if not answering.done() and not await self._still(who, visit, scope):
                    break
        finally:
            was_done = answering.done()
            answering.cancel()
            await asyncio.wait({answering})
        if was_done:
            answering.result()
        elif begun and not ended:
            await send({"type": "http.response.body", "body": b""})

    async def _still(self, who: Caller, visit: Visit, scope: Scope) -> bool:
        try:
            return await self._who(_headers(scope), visit) == who
        except _RefusedError:
            return False
        except UnavailableError:
            return True


def _headers(scope: Scope) -> dict[str, str]:
    """Give the headers by name; of one that comes twice, where that has no meaning, nothing that could be believed."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _check_sites(who: Caller, named: dict[str, str], scope: Scope) -> None:
    """Refuse a site of another tenant, wherever the request names it, as if it did not exist."""
    asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("site", [])
    for site in [*asked, *([named["site"]] if "site" in named else [])]:
        if not who.sees(site):
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such site")


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the form was cut")
        body += event.get("body", b"")
        if len(body) > FORM_BYTES_MAX:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {FORM_BYTES_MAX} bytes")
        if not event.get("more_body", False):
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
