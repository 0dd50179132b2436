"""This file is a charger made of `websockets` alone; it guards that each session ends in another way."""

import asyncio
import json
import ssl
import sys
from typing import Any

from bench.interop.peers import raw
from bench.interop.peers.journal import Journal, say_case
from bench.interop.peers.security import Orders
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

_DEADLINE_S = 20.0


class Charger:
    """The sessions of one case."""

    def __init__(self, orders: Orders, case: str) -> None:
        self._orders = orders
        self._case = case
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
            async with self._open() as connection:
                await connection.close(code, reason)
                self._ended(connection)
        for code, reason in raw.SERVER_CLOSES:
            await self._order("close", code=code, reason=reason)
        await self._order("abort")
        await self.abort()
        if self._case.startswith("deflate"):
            # Compressed, it fits in one segment. Of a long one the server leaves a part unread, so that a reset follows
            # its 1009 at once; relays, which are still writing then, lose the 1009 (docs/reference/interop.md).
            await self.broken("x" * (raw.MESSAGE_MAX + 1))
        await self.broken(b"\xff\xfe", text=True)

    async def refused(self, prefix: str, **how: Any) -> None:  # noqa: ANN401 - see `_open`
        """Be told no by the server."""
        try:
            async with self._open(prefix, **how):
                self.journal.add("status", "let in")
        except InvalidStatus as error:
            self.journal.add("status", f"{error.response.status_code} {error.response.reason_phrase}")
            self.journal.fields("refusal", error.response.headers.raw_items())
            self.journal.message(bytes(error.response.body or b""))

    async def strangers(self) -> None:
        """Trust nobody who is there, then be nobody whom the server trusts."""
        if self._orders.profile >= 2:
            await self._unknown(
                self._orders.client("", ca=self._orders.stranger_ca, identified=False), "an untrusted server"
            )
        if self._orders.profile == 3:
            await self._unknown(self._orders.client("", identified=False), "no client certificate")

    async def exchange(self) -> None:
        """Send and receive messages of all sorts, in one piece and in many, with pings in between."""
        async with self._open("CP%2D", query="?a=1&b=%20") as connection:
            response = connection.response
            self.journal.add("status", response.status_code if response else None)
            self.journal.fields("response", response.headers.raw_items() if response else [])
            self.journal.add("subprotocol", connection.subprotocol)
            for each in raw.messages(1):
                await connection.send(each)
            await connection.send(["a", "", "b\u2713", "c" * 70_000])
            await connection.send([b"\x00", b"\x01" * 70_000])
            await (await connection.ping(raw.PING))
            self.journal.add("pong", raw.PING)
            await connection.send(raw.order("ping"))
            await self._receive(connection, 1)
            await connection.send(raw.order("send"))
            await self._receive(connection, len(raw.messages(2)) + 1)
            await connection.close(1000, "bye")
            self._ended(connection)

    async def abort(self) -> None:
        """Go away without a word."""
        async with self._open() as connection:
            await connection.send("before the end")
            await (await connection.ping(raw.PING))
            connection.transport.abort()
            await connection.wait_closed()
            self._ended(connection)

    async def broken(self, data: str | bytes, *, text: bool | None = None) -> None:
        """Send what the server must not take."""
        async with self._open() as connection:
            try:
                await connection.send(data, text=text)
                await self._receive(connection, 1)
            except ConnectionClosed:
                self._ended(connection)

    async def _unknown(self, context: ssl.SSLContext | None, what: str) -> None:
        try:
            async with self._open(context=context) as connection:
                await connection.recv()
            self.journal.add(what, "let in")
        except (ssl.SSLError, ConnectionError, InvalidMessage):
            self.journal.add(what, "no handshake")

    async def _order(self, what: str, **more: object) -> None:
        async with self._open() as connection:
            await connection.send(raw.order(what, **more))
            try:
                await self._receive(connection, 1)
            except ConnectionClosed:
                self._ended(connection)

    async def _receive(self, connection: ClientConnection, count: int) -> None:
        for _ in range(count):
            fragments = [part async for part in connection.recv_streaming()]
            self.journal.message("".join(fragments) if isinstance(fragments[0], str) else b"".join(fragments))  # type: ignore[arg-type]
            if len(fragments) > 1:
                self.journal.add("fragments", [len(part) for part in fragments])

    def _ended(self, connection: ClientConnection) -> None:
        self.journal.add("close", f"{connection.close_code} {connection.close_reason}")

    def _open(
        self,
        prefix: str = "CP-",
        *,
        query: str = "",
        password: bytes | None = None,
        context: ssl.SSLContext | None = None,
    ) -> connect:
        segment = f"{prefix}{self._case}"
        secret = {} if password is None else {"password": password}
        return connect(
            f"{self._orders.url}/{segment}{query}",
            ssl=context or self._orders.client(segment),
            additional_headers=self._orders.fields(segment, **secret),
            subprotocols=raw.OFFER,  # type: ignore[arg-type]
            compression="deflate" if self._case.startswith("deflate") else None,
            max_size=None,
            ping_interval=None,
            proxy=None,
            close_timeout=5,
        )


async def main() -> None:
    """Play every case."""
    orders = Orders(**json.loads(sys.argv[1]))
    for case in orders.cases:
        charger = Charger(orders, case)
        async with asyncio.timeout(_DEADLINE_S):
            await charger.play()
        say_case(case, charger.journal)


if __name__ == "__main__":
    asyncio.run(main())
