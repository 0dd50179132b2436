"""This file speaks EST; it guards that a code is taken at one door and a certificate at the other.

Two listeners, the same words: the enrolment listener asks nobody for a certificate and knows `simpleenroll`; the
ingest listener lets nobody in without one and knows `simplereenroll`. Both give `cacerts`. Paths may hold a leg's name
as label (`/.well-known/est/receipt/simpleenroll`); without one the leg is Channel B's, or that of the certificate.

Source: RFC 7030.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from cryptography import x509

from isolane.center.ingest.enrolment import Enrolment, TooManyError
from isolane.center.ingest.https import Receive, Scope, Send
from isolane.center.ingest.peer import certificate, serial
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.store.port import RefusedError, UnavailableError
from isolane.core.failures import IsolaneError
from isolane.security.est import ANSWER_TYPE, PATH, REQUEST_BYTES_MAX, REQUEST_TYPE, write_certificates
from isolane.security.legs import Leg

_log = logging.getLogger(__name__)

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_BODY_S = 30.0
_ENROL, _RENEW, _AUTHORITIES = "simpleenroll", "simplereenroll", "cacerts"


class _Problem(Exception):  # noqa: N818 - it ends a request, it is no error of this program
    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class EstApp:
    """An ASGI application.

    Args:
        enrolment: Issues.
        authorities: Gives the CA certificates that gateways should know.
        suspicions: Are told of who is refused.
        following: What answers other paths; with it this is the ingest listener's, without it the enrolment listener's.
        is_shut_out: Tells of a certificate's serial number whether it is revoked. In TLS 1.2 a session that is taken up
            again brings none that TLS would look up.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        authorities: Callable[[], Sequence[x509.Certificate]],
        suspicions: Suspicions,
        following: App | None = None,
        is_shut_out: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._enrolment = enrolment
        self._authorities = authorities
        self._suspicions = suspicions
        self._following = following
        self._is_shut_out = is_shut_out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        is_good = not self._is_shut_out(serial(scope))
        if is_good and self._following is not None and not scope["path"].startswith(f"{PATH}/"):
            await self._following(scope, receive, send)
            return
        headers = [(b"connection", b"close")]
        try:
            if not is_good:
                raise _Problem(HTTPStatus.FORBIDDEN, "this certificate is revoked")  # noqa: TRY301 - one place answers
            answer = write_certificates(await self._answer(scope, receive))
            status, kind = HTTPStatus.OK, ANSWER_TYPE
            headers.append((b"content-transfer-encoding", b"base64"))
        except _Problem as problem:
            status, kind, answer = problem.status, "text/plain; charset=utf-8", f"{problem}\n".encode()
            if status is HTTPStatus.UNAUTHORIZED:
                headers.append((b"www-authenticate", b'Basic realm="enrolment"'))
            if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
                headers.append((b"retry-after", b"60"))
        headers += [(b"content-type", kind.encode()), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Scope, receive: Receive) -> Sequence[x509.Certificate]:
        what, leg = _place(scope["path"])
        if what == _AUTHORITIES:
            _check(scope, "GET")
            return self._known()
        mine = _ENROL if self._following is None else _RENEW
        if what != mine:
            raise _Problem(HTTPStatus.NOT_FOUND, f"this listener knows cacerts and {mine}")
        _check(scope, "POST")
        try:
            if self._following is None:
                login = _login(scope)
                body = await _body(receive)
                return await self._enrolment.enrol(login, leg or Leg.HEALTH, body, _address(scope))
            return await self._enrolment.renew(certificate(scope), await _body(receive), _address(scope), leg)
        except TooManyError as error:
            words = "too many codes were wrong; wait a quarter of an hour"
            raise _Problem(HTTPStatus.TOO_MANY_REQUESTS, words) from error
        except RefusedError as error:
            self._suspicions.refused("", f"enrolment: {error}", _address(scope))
            status = HTTPStatus.UNAUTHORIZED if self._following is None else HTTPStatus.FORBIDDEN
            raise _Problem(status, str(error)) from error
        except ValueError as error:
            raise _Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        except (OSError, UnavailableError, IsolaneError) as error:
            _log.error("est-unavailable error=%s", error)
            raise _Problem(HTTPStatus.SERVICE_UNAVAILABLE, "nothing can be issued now") from error

    def _known(self) -> Sequence[x509.Certificate]:
        try:
            return self._authorities()
        except IsolaneError as error:
            _log.error("est-unavailable error=%s", error)
            raise _Problem(HTTPStatus.SERVICE_UNAVAILABLE, "nothing can be told now") from error


def _place(path: str) -> tuple[str, Leg | None]:
    """Give operation and leg of a path."""
    steps = path.removeprefix(f"{PATH}/").split("/") if path.startswith(f"{PATH}/") else []
    if len(steps) == 1 and steps[0] in {_ENROL, _RENEW, _AUTHORITIES}:
        return steps[0], None
    if len(steps) == 2 and steps[0] in set(Leg) and steps[1] in {_ENROL, _RENEW, _AUTHORITIES}:  # noqa: PLR2004 - label and operation
        return steps[1], Leg(steps[0])
    raise _Problem(HTTPStatus.NOT_FOUND, f"ask for {PATH}/[health|value|receipt/]operation")


def _check(scope: Scope, method: str) -> None:
    if scope["method"] != method:
        raise _Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} only")
    headers = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip()
    if method == "POST" and kind != REQUEST_TYPE.encode():
        raise _Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {REQUEST_TYPE}")


def _login(scope: Scope) -> tuple[str, str]:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    try:
        kind, _, text = given[0].partition(b" ")
        name, colon, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (IndexError, binascii.Error, UnicodeDecodeError):
        kind, name, colon, secret = b"", "", "", ""
    if len(given) != 1 or kind.lower() != b"basic" or not colon:
        raise _Problem(HTTPStatus.UNAUTHORIZED, "log in with the gateway's name and the code's secret")
    return name, secret


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _body(receive: Receive) -> bytes:
    """Read a bounded body in bounded time."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise _Problem(HTTPStatus.BAD_REQUEST, "the body was cut")
                body += event.get("body", b"")
                if len(body) > REQUEST_BYTES_MAX:
                    raise _Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {REQUEST_BYTES_MAX} bytes")
                if not event.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise _Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {_BODY_S:.0f} s") from error
