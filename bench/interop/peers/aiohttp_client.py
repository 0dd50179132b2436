"""This file is a charger made of `aiohttp`; it guards that it plays the same sessions as the other raw charger."""

import asyncio
import json
import ssl
import sys
from typing import Any

import aiohttp  # type: ignore[import-not-found]  # installed for the peers only
from bench.interop.peers import raw
from bench.interop.peers.journal import Journal, say_case
from bench.interop.peers.security import Orders
from yarl import URL  # type: ignore[import-not-found]  # comes with aiohttp

_DEADLINE_S = 20.0
_DATA = {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}


class Charger:
    """The sessions of one case."""

    def __init__(self, orders: Orders, case: str, session: Any, answers: list[Any]) -> None:  # noqa: ANN401 - aiohttp has no types here
        self._orders = orders
        self._case = case
        self._session = session
        self._answers = answers
        self.journal = Journal(case)

    async def play(self) -> None:
        """Play every session."""
        await self.refused("nobody-")
        await self.refused("busy-")
        if "Authorization" in self._orders.fields("x"):
            await self.refused("CP-", password=b"wrong")
        await self.strangers()
        await self.exchange()
        for code, reason in raw.CLIENT_CLOSES:
            async with self._open() as websocket:
                await websocket.close(code=code, message=reason.encode())
                self.journal.add("close by us, answered with", websocket.close_code)
        for code, reason in raw.SERVER_CLOSES:
            await self._order("close", code=code, reason=reason)
        await self._order("abort")
        await self.abort()
        if self._case.startswith("deflate"):
            # Compressed, it fits in one segment. Of a long one the server leaves a part unread, so that a reset follows
            # its 1009 at once; relays, which are still writing then, lose the 1009 (docs/reference/interop.md).
            await self.too_large()

    async def refused(self, prefix: str, **how: Any) -> None:  # noqa: ANN401 - see `_open`
        """Be told no by the server."""
        try:
            async with self._open(prefix, **how):
                self.journal.add("status", "let in")
        except aiohttp.WSServerHandshakeError as error:
            self.journal.add("status", f"{error.status} {self._answers[-1].reason}")
            self._answered("refusal")

    async def strangers(self) -> None:
        """Trust nobody who is there, then be nobody whom the server trusts."""
        if self._orders.profile >= 2:
            await self._unknown(
                self._orders.client("", ca=self._orders.stranger_ca, identified=False), "an untrusted server"
            )
        if self._orders.profile == 3:
            await self._unknown(self._orders.client("", identified=False), "no client certificate")

    async def exchange(self) -> None:
        """Send and receive messages of all sorts, with pings in between."""
        async with self._open("CP%2D", query="?a=1&b=%20") as websocket:
            self.journal.add("status", self._answers[-1].status)
            self._answered("response")
            self.journal.add("subprotocol", websocket.protocol)
            self.journal.add("deflate", websocket.compress)
            for each in raw.messages(1):
                await (websocket.send_str(each) if isinstance(each, str) else websocket.send_bytes(each))
            await websocket.ping(raw.PING)
            await self._receive(websocket, 1)
            await websocket.send_str(raw.order("ping"))
            await self._receive(websocket, 2)
            await websocket.send_str(raw.order("send"))
            await self._receive(websocket, len(raw.messages(2)) + 1)
            await websocket.close(code=1000, message=b"bye")
            self.journal.add("close by us, answered with", websocket.close_code)

    async def abort(self) -> None:
        """Go away without a word."""
        async with self._open() as websocket:
            await websocket.send_str("before the end")
            await websocket.ping(raw.PING)
            await self._receive(websocket, 1)
            websocket.get_extra_info("socket").shutdown(2)
            await self._receive(websocket, 1)

    async def too_large(self) -> None:
        """Send what the server must not take."""
        async with self._open() as websocket:
            await websocket.send_str("x" * (raw.MESSAGE_MAX + 1))
            await self._receive(websocket, 1)

    async def _unknown(self, context: ssl.SSLContext | None, what: str) -> None:
        try:
            async with self._open(context=context):
                self.journal.add(what, "let in")
        except aiohttp.ClientError:
            self.journal.add(what, "no handshake")

    async def _order(self, what: str, **more: object) -> None:
        async with self._open() as websocket:
            await websocket.send_str(raw.order(what, **more))
            await self._receive(websocket, 1)

    async def _receive(self, websocket: Any, count: int) -> None:  # noqa: ANN401 - aiohttp has no types here
        while count:
            message = await websocket.receive()
            if message.type in _DATA:
                self.journal.message(message.data)
            elif message.type in {aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG}:
                self.journal.add(message.type.name.lower(), bytes(message.data))
                if message.type == aiohttp.WSMsgType.PING:
                    await websocket.pong(message.data)
            else:
                # What came counts: close_code tells 1006 where the library's own answer finds the socket gone.
                came = (
                    f"{message.data} {message.extra}"
                    if message.type == aiohttp.WSMsgType.CLOSE
                    else websocket.close_code
                )
                self.journal.add("close", f"{message.type.name} {came}")
                return
            count -= 1

    def _answered(self, kind: str) -> None:
        fields = self._answers[-1].raw_headers
        self.journal.fields(kind, [(name.decode(), value.decode()) for name, value in fields])

    def _open(
        self,
        prefix: str = "CP-",
        *,
        query: str = "",
        password: bytes | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Any:  # noqa: ANN401 - aiohttp has no types here
        segment = f"{prefix}{self._case}"
        secret = {} if password is None else {"password": password}
        secure = context or self._orders.client(segment)
        return self._session.ws_connect(
            URL(f"{self._orders.url}/{segment}{query}", encoded=True),
            protocols=raw.OFFER,
            headers=self._orders.fields(segment, **secret),
            compress=15 if self._case.startswith("deflate") else 0,
            autoping=False,
            max_msg_size=0,
            ssl=True if secure is None else secure,
        )


async def main() -> None:
    """Play every case."""
    orders = Orders(**json.loads(sys.argv[1]))
    answers: list[Any] = []
    tracing = aiohttp.TraceConfig()

    async def answered(_session: object, _context: object, told: Any) -> None:  # noqa: ANN401 - aiohttp has no types here
        answers.append(told.response)

    tracing.on_request_end.append(answered)
    async with aiohttp.ClientSession(trace_configs=[tracing]) as session:
        for case in orders.cases:
            charger = Charger(orders, case, session, answers)
            async with asyncio.timeout(_DEADLINE_S):
                await charger.play()
            say_case(case, charger.journal)


if __name__ == "__main__":
    asyncio.run(main())
