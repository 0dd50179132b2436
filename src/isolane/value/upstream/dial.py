"""This file asks the CSMS; it guards that the charger is answered only when the CSMS has, and with what the CSMS said.

One `Upstream` for the site. A dial ends with a whole answer within `connect_s`, TCP, TLS and HTTP of every endpoint
together (endpoints.py), or with `Refused`: 502 when no endpoint can be reached or speaks WebSocket, 504 when that
takes too long, 503 when so many want to dial that this charger's turn would come after `dial_wait_s`. A wss:// CSMS
that cannot prove its name is not reached; there is no way back to plaintext. An answer is an answer whatever its
status: only silence sends a charger to the next endpoint.
"""

import asyncio
import logging
import ssl
from collections import Counter
from math import ceil
from random import randrange

import h11

from isolane.security.tls import client_context
from isolane.value.door.handshake import Answer, Upgrade, request_north, switching
from isolane.value.door.head import END
from isolane.value.failures import Refused
from isolane.value.legs.pace import Bucket
from isolane.value.legs.stream import Stream, keep_alive
from isolane.value.legs.tls_stream import TlsStream
from isolane.value.settings import Csms, Limits
from isolane.value.upstream.endpoints import Endpoint, Endpoints
from isolane.value.upstream.reach import reach

_log = logging.getLogger(__name__)

_ANSWER_HEAD_BYTES_MAX = 65_536
_ANSWER_BODY_BYTES_MAX = 65_536
"""An error page; a longer one is not passed on, its status is."""
_REST_BYTES_MAX = 65_536
"""Bytes taken behind an answer until the splice takes over, which is at once but where a password is stored first."""


class AnswerReader:
    """Reads one HTTP answer, bytes in, answer out.

    A plain 101 that comes whole, which nearly all do, needs no parser.
    """

    def __init__(self) -> None:
        self._parser: h11.Connection | None = None
        self._head: h11.Response | h11.InformationalResponse | None = None
        self._body = b""
        self.rest = b""
        """What follows a 101: the CSMS's first frames."""

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes, b"" for the end of the stream; give the answer when it is whole.

        Raises:
            Refused: 502; it is not HTTP, or ends early.
        """
        if self._parser is None:
            head, end, rest = data.partition(END)
            if end and (switched := switching(head)):
                self.rest = rest
                return switched
            self._parser = _parser()
        try:
            self._parser.receive_data(data)
            return self._next(self._parser)
        except h11.RemoteProtocolError as error:
            raise Refused(502, "bad-answer") from error

    def _next(self, parser: h11.Connection) -> Answer | None:
        while True:
            event = parser.next_event()
            if isinstance(event, h11.InformationalResponse) and event.status_code != 101:  # noqa: PLR2004 - 100, 103
                continue
            if isinstance(event, h11.InformationalResponse):
                self._head = event
                self.rest = parser.trailing_data[0]
                return self._answer()
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body = (
                    b"" if len(self._body) + len(event.data) > _ANSWER_BODY_BYTES_MAX else self._body + event.data
                )
            elif isinstance(event, h11.EndOfMessage):
                return self._answer()
            elif event is h11.NEED_DATA:
                return None
            else:
                raise h11.RemoteProtocolError("the stream ended before the answer")

    def _answer(self) -> Answer:
        if self._head is None:
            raise h11.RemoteProtocolError("no head")
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers)
        return Answer(self._head.status_code, self._head.reason.decode("latin-1"), fields, self._body)


def _parser() -> h11.Connection:
    """Give a parser that has asked what every dial asks."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_ANSWER_HEAD_BYTES_MAX)
    upgrade = [("Host", "csms"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
    parser.send(h11.Request(method="GET", target="/", headers=upgrade))
    parser.send(h11.EndOfMessage())
    return parser


class CsmsLeg(asyncio.Protocol):
    """The CSMS's leg until its answer is whole and the splice takes over.

    Attributes:
        stream: The leg.
        rest: Bytes behind a 101.
        ended: Whether the CSMS has ended the stream behind a 101.
        joined: Whether the splice has taken it over.
    """

    __slots__ = ("_reader", "_request", "answer", "ended", "joined", "rest", "stream")

    def __init__(self, request: bytes, answer: "asyncio.Future[Answer]") -> None:
        self._request = request
        self._reader = AnswerReader()
        self.answer = answer
        self.rest = bytearray()
        self.ended = False
        self.joined = False
        self.stream: Stream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self.stream = transport  # type: ignore[assignment]  # TCP transports and TlsStream are Streams
        self.stream.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read the answer."""
        if self.answer.done():
            self.rest += data
            if len(self.rest) > _REST_BYTES_MAX:
                self.stream.pause_reading()
            return
        self._feed(data)
        self.rest += self._reader.rest

    def eof_received(self) -> bool:
        """An answer may end with the stream."""
        if self.answer.done():
            self.ended = True
        else:
            self._feed(b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up."""
        self.ended = True
        if not self.answer.done():
            self.answer.set_exception(Refused(502, "unreachable", detail=str(exc or "the CSMS closed")))
            self.answer.exception()  # the dial may be gone already; then nobody asks for it

    def _feed(self, data: bytes) -> None:
        try:
            answer = self._reader.feed(data)
        except Refused as refused:
            self.answer.set_exception(refused)
            self.answer.exception()
            return
        if answer is not None:
            self.answer.set_result(answer)


class Upstream:
    """The CSMS of the site.

    Args:
        csms: Where it is.
        limits: `dead_s` and everything about dials apply.

    Attributes:
        endpoints: What is known of its endpoints.
        dials: Dials by endpoint and whether they were answered.

    Raises:
        IsolaneError: A certificate cannot be used.
    """

    def __init__(self, csms: Csms, limits: Limits) -> None:
        self.endpoints = Endpoints(csms.all_urls, csms.connect_s)
        self.dials: Counter[tuple[str, str]] = Counter()
        self._csms = csms
        self._connect_s = csms.connect_s
        self._dead_s = limits.dead_s
        self._wait_s_max = limits.dial_wait_s
        self._turns = Bucket(limits.dials_per_s, limits.dials_burst)
        self._dials = asyncio.Semaphore(limits.dials)
        self._loop = asyncio.get_running_loop()  # kept: asking for it is a system call before Python 3.12
        secure = any(endpoint.secure for endpoint in self.endpoints.all)
        self._context = client_context(csms.ca, csms.certificate, csms.key) if secure else None

    def reload(self) -> None:
        """Read trust and client identity again, for the next dial.

        Raises:
            IsolaneError: A file cannot be used; the context stays what it was.
        """
        csms = self._csms
        if self._context is not None:
            self._context = client_context(csms.ca, csms.certificate, csms.key)

    def hold_to(self, limits: Limits) -> None:
        """Use other limits for who dials from now on."""
        self._dead_s = limits.dead_s
        self._wait_s_max = limits.dial_wait_s
        self._turns = Bucket(limits.dials_per_s, limits.dials_burst)
        self._dials = asyncio.Semaphore(limits.dials)

    async def ask(self, upgrade: Upgrade, context: ssl.SSLContext | None = None) -> tuple[CsmsLeg, Answer]:
        """Dial, when it is this charger's turn, and give the CSMS's answer.

        The caller ends the leg or splices it.

        Args:
            upgrade: What is asked.
            context: This charger's TLS context, None for the site's.

        Raises:
            Refused: See the top of this file.
        """
        await self._turn()
        endpoint: Endpoint | None = None
        refused: Refused | None = None
        try:
            async with asyncio.timeout_at(self._loop.time() + self._connect_s), self._dials:
                for endpoint in self.endpoints.order():
                    try:
                        reached = await self._dial(endpoint, upgrade, context or self._context)
                    except Refused as failed:
                        refused = failed
                        self._failed(endpoint, failed.detail)
                        continue
                    self.endpoints.worked(endpoint)
                    self.dials[endpoint.name, "answered"] += 1
                    return reached
        except TimeoutError as error:
            if endpoint is not None:
                self._failed(endpoint, "timeout")
            raise Refused(504, "timeout") from error
        raise refused or Refused(502, "unreachable")

    async def _turn(self) -> None:
        """Wait until one more may dial; a CSMS that restarts is not met with all chargers at once."""
        wait_s = self._turns.reserve(self._wait_s_max)
        if wait_s is None:
            back_s = ceil(self._turns.wait_s(1))
            raise Refused(503, "busy", (("Retry-After", str(back_s + randrange(back_s + 1))),))
        if wait_s:
            await asyncio.sleep(wait_s)

    def _failed(self, endpoint: Endpoint, reason: str) -> None:
        if not endpoint.failures:
            _log.warning("csms-endpoint-down endpoint=%s reason=%r", endpoint.name, reason)
        self.endpoints.failed(endpoint)
        self.dials[endpoint.name, "failed"] += 1

    async def _dial(
        self, endpoint: Endpoint, upgrade: Upgrade, context: ssl.SSLContext | None
    ) -> tuple[CsmsLeg, Answer]:
        leg = CsmsLeg(request_north(upgrade, endpoint.host_field, endpoint.path), self._loop.create_future())
        protocol: asyncio.Protocol = leg
        if endpoint.secure and context is not None:
            protocol = TlsStream(context, leg, server=False, name=endpoint.host)
        tcp: asyncio.Transport | None = None
        done = False
        try:
            tcp = await _connect(self._loop, endpoint, protocol)
            keep_alive(tcp.get_extra_info("socket"), self._dead_s)
            answer = await leg.answer
            done = True
        except (OSError, ssl.SSLError) as error:
            raise Refused(502, "unreachable", detail=str(error)) from error
        finally:
            if not done and tcp is not None:
                tcp.abort()
        return leg, answer


async def _connect(
    loop: asyncio.AbstractEventLoop, endpoint: Endpoint, protocol: asyncio.Protocol
) -> asyncio.Transport:
    """Connect to an endpoint: an address at once, a name as reach.py does.

    Raises:
        OSError: It cannot be reached.
    """
    if endpoint.is_address:
        tcp, _ = await loop.create_connection(lambda: protocol, endpoint.host, endpoint.port)
        return tcp
    sock = await reach(endpoint.host, endpoint.port, endpoint.address)
    try:
        endpoint.address = sock.getpeername()
        tcp, _ = await loop.create_connection(lambda: protocol, sock=sock)
    except BaseException:
        sock.close()
        raise
    return tcp
