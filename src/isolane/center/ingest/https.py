"""This file takes telemetry by HTTPS POST; it guards that the path's gateway is the one that the certificate names.

POST /ingest/v1/<site>/<gateway>/<kind> with the message as body. 200 and a `Downlink` when it is committed; 422 for a
message that will never be readable and has no key to name it by; 403 for a sender who is not believed; 429 for one who
sends more than its share; 503 while nothing can be stored.

POST /ingest/v1/<site>/<gateway>/bundle with several messages: one `Downlink` that answers for each when all are
committed. One that is poison leaves the others as they are; one that no key names is refused by its place.

POST /ingest/v1/<site>/<gateway>/errands?wait_s=N with the gateway's newest statement, or nothing: the answer, as soon
as there is something and after so many seconds at the latest, is what the center brings (`wire.errand.Errands`).
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import msgspec

from isolane.center.ingest.answer import merge
from isolane.center.ingest.intake import Intake, Received
from isolane.center.ingest.peer import peer
from isolane.center.ingest.quota import Gates, QuotaError
from isolane.center.ingest.relay import Relay
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.store.port import RefusedError, UnavailableError
from isolane.wire import errand
from isolane.wire.bundle import KIND, MESSAGES_MAX, Part, unpack
from isolane.wire.uplink import MESSAGE_BYTES_MAX, Up, encode

_BODY_S = 30.0
"""A gateway on the slowest link we know (GSM, 1 kB/s) sends a usual block in a second or two."""
_STEPS = 6
_KINDS = frozenset({*(kind for kind in Up if kind is not Up.STATEMENT), KIND, errand.KIND})
_UNREAD = frozenset({HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT})
"""A body that was not read to its end cannot be followed by another request."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Problem(Exception):  # noqa: N818 - it ends a request, it is no error of this program
    """An answer that is not 200."""

    status: HTTPStatus
    detail: str


class IngestApp:
    """The ASGI application of the ingest listener.

    Args:
        intake: Commits.
        gates: Each gateway's share.
        suspicions: Are told what no gateway of ours would do.
        relay: Has what is to be brought to gateways; None: nothing is.
    """

    def __init__(self, intake: Intake, gates: Gates, suspicions: Suspicions, relay: Relay | None = None) -> None:
        self._intake = intake
        self._relay = relay
        self._gates = gates
        self._suspicions = suspicions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, kind, body = HTTPStatus.OK, "application/json", await self._answer(scope, receive)
        except _Problem as problem:
            status, kind = problem.status, "application/problem+json"
            content = {"type": "about:blank", "title": status.phrase, "status": status, "detail": problem.detail}
            body = json.dumps(content).encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if status in _UNREAD:
            headers.append((b"connection", b"close"))
        if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
            headers.append((b"retry-after", b"5"))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        site, gateway, kind = _place(scope)
        name = peer(scope)
        if not name or name != gateway:
            self._suspicions.refused(name, f"posts as gateway {gateway}", _address(scope))
            raise _Problem(HTTPStatus.FORBIDDEN, f"this certificate does not speak for gateway {gateway}")
        payload = await _body(scope, receive)
        if kind == errand.KIND:
            return await self._errands(scope, site, gateway, payload)
        parts = [(kind, payload)] if isinstance(kind, Up) else _unpacked(payload)
        received = await self._commit(scope, site, gateway, parts)
        refused = []
        for place, ((kind, payload), one) in enumerate(zip(parts, received, strict=True)):
            if one.poison:
                self._suspicions.poison((site, gateway), kind, payload, one.poison, peer=_address(scope))
                if not one.downlink.poison:
                    refused.append(place)
        if refused and len(parts) == 1:
            raise _Problem(HTTPStatus.UNPROCESSABLE_ENTITY, received[0].poison)
        takes = MESSAGES_MAX if any(kind is Up.LEDGER for kind, _ in parts) else 0
        merged = merge(one.downlink for one in received)
        return encode(msgspec.structs.replace(merged, bundle=takes, refused=tuple(refused)))

    async def _errands(self, scope: Scope, site: str, gateway: str, payload: bytes) -> bytes:
        """Take a statement, then wait for what is to be brought."""
        if self._relay is None:
            raise _Problem(HTTPStatus.NOT_FOUND, "this center brings nothing")
        wait_s = _wait_s(scope)
        with self._told(scope, gateway):
            await self._gates.of(gateway).wait(len(payload))
            try:
                await self._intake.stated(site, gateway, payload)
            except ValueError as error:
                self._suspicions.poison((site, gateway), Up.STATEMENT, payload, str(error), peer=_address(scope))
                raise _Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        return errand.encode(await self._relay.wait(gateway, wait_s))

    async def _commit(self, scope: Scope, site: str, gateway: str, parts: list[Part]) -> list[Received]:
        with self._told(scope, gateway):
            for _, payload in parts:
                await self._gates.of(gateway).wait(len(payload))
            return await self._intake.receive_all(site, gateway, parts)

    @contextlib.contextmanager
    def _told(self, scope: Scope, gateway: str) -> Iterator[None]:
        """Turn what is refused into an answer, and tell of it."""
        try:
            yield
        except QuotaError as error:
            self._suspicions.over_quota(gateway, str(error), _address(scope))
            raise _Problem(HTTPStatus.TOO_MANY_REQUESTS, str(error)) from error
        except RefusedError as error:
            self._suspicions.refused(gateway, str(error), _address(scope))
            raise _Problem(HTTPStatus.FORBIDDEN, str(error)) from error
        except UnavailableError as error:
            raise _Problem(HTTPStatus.SERVICE_UNAVAILABLE, "nothing can be stored now") from error


def _unpacked(payload: bytes) -> list[Part]:
    try:
        return unpack(payload)
    except ValueError as error:
        raise _Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _place(scope: Scope) -> tuple[str, str, Up | str]:
    """Give site, gateway and kind of message, the word for a bundle or for errands."""
    steps = scope["path"].split("/")
    if len(steps) != _STEPS or steps[:3] != ["", "ingest", "v1"] or steps[5] not in _KINDS:
        raise _Problem(HTTPStatus.NOT_FOUND, "post to /ingest/v1/<site>/<gateway>/<kind>")
    if scope["method"] != "POST":
        raise _Problem(HTTPStatus.METHOD_NOT_ALLOWED, "POST only")
    kind = steps[5]
    return steps[3], steps[4], kind if kind in {KIND, errand.KIND} else Up(kind)


def _wait_s(scope: Scope) -> float:
    """Give how long a question may wait, s."""
    told = parse_qs(scope.get("query_string", b"").decode("ascii", "replace")).get("wait_s", ["0"])[0]
    try:
        return min(max(float(told), 0.0), errand.WAIT_S_MAX)
    except ValueError as error:
        raise _Problem(HTTPStatus.BAD_REQUEST, "wait_s is a number of seconds") from error


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Read a bounded body in bounded time."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if length.isdigit() and int(length) > MESSAGE_BYTES_MAX:
        raise _Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MESSAGE_BYTES_MAX} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise _Problem(HTTPStatus.BAD_REQUEST, "the body was cut")
                body += event.get("body", b"")
                if len(body) > MESSAGE_BYTES_MAX:
                    raise _Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MESSAGE_BYTES_MAX} bytes")
                if not event.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise _Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {_BODY_S:.0f} s") from error
