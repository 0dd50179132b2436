"""This file is a charger and a CSMS beside an update; it guards that each call is sent until it is answered.

As OCPP has it: a call waits while there is no connection, and is sent again, under its own number, when its answer did
not come before the connection ended.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

_OCPP = Subprotocol("ocpp1.6")
_WHEN = "2026-01-01T00:00:00Z"
_AGAIN_S = 0.1
_ANSWER_S = 90.0


@dataclass
class Csms:
    """What has arrived, and the server."""

    arrived: list[str] = field(default_factory=list)
    server: Server | None = None

    @property
    def port(self) -> int:
        """Give the port."""
        if self.server is None:
            raise RuntimeError("the CSMS does not run")
        return int(next(iter(self.server.sockets)).getsockname()[1])

    async def answer(self, charger: ServerConnection) -> None:
        """Answer every call."""
        info = {"idTagInfo": {"status": "Accepted"}, "transactionId": 7, "status": "Accepted"}
        with contextlib.suppress(ConnectionClosed):
            async for message in charger:
                number = json.loads(message)[1]
                self.arrived.append(number)
                await charger.send(json.dumps([3, number, {**info, "currentTime": _WHEN, "interval": 300}]))


@contextlib.asynccontextmanager
async def csms() -> AsyncIterator[Csms]:
    """Run a CSMS."""
    running = Csms()
    async with serve(running.answer, "127.0.0.1", 0, subprotocols=[_OCPP]) as running.server:
        yield running


class Visitor:
    """A charger that comes back whenever its connection ends.

    Args:
        port: Of the relay.

    Attributes:
        sent: Numbers of the calls, in order.
        away_s: The longest time without a connection, s.
        times_away: How often the connection ended.
    """

    def __init__(self, port: int) -> None:
        self._url = f"ws://127.0.0.1:{port}/ocpp/CP1"
        self._link: ClientConnection | None = None
        self.sent: list[str] = []
        self.away_s = 0.0
        self.times_away = 0

    @contextlib.asynccontextmanager
    async def there(self) -> AsyncIterator["Visitor"]:
        """Be there."""
        task = asyncio.create_task(self._come_back())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _come_back(self) -> None:
        since = time.monotonic()
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(self._url, subprotocols=[_OCPP], proxy=None, open_timeout=5) as link:
                    self.away_s = max(self.away_s, time.monotonic() - since)
                    self._link = link
                    await link.wait_closed()
                    since, self._link = time.monotonic(), None
                    self.times_away += 1
            await asyncio.sleep(_AGAIN_S)

    async def connected(self) -> None:
        """Wait for a connection."""
        async with asyncio.timeout(_ANSWER_S):
            while self._link is None:  # noqa: ASYNC110 - it comes and goes, and whoever waits looks again anyway
                await asyncio.sleep(_AGAIN_S)

    async def call(self, action: str, payload: dict[str, Any]) -> None:
        """Make a call and wait for its answer.

        Raises:
            TimeoutError: It was never answered.
        """
        number = str(len(self.sent))
        self.sent.append(number)
        async with asyncio.timeout(_ANSWER_S):
            while True:
                await self.connected()
                with contextlib.suppress(OSError, WebSocketException, AttributeError):
                    link = self._link
                    if link is not None:
                        await link.send(json.dumps([2, number, action, payload]))
                        while json.loads(await link.recv())[1] != number:
                            pass
                        return
                await asyncio.sleep(_AGAIN_S)

    async def boot(self) -> None:
        """Say who is there, and that it is free."""
        await self.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        await self.status("Available")

    async def begin(self) -> None:
        """Begin a transaction."""
        await self.status("Preparing")
        start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": _WHEN}
        await self.call("StartTransaction", start)
        await self.status("Charging")

    async def end(self) -> None:
        """End the transaction."""
        await self.call("StopTransaction", {"transactionId": 7, "meterStop": 10, "timestamp": _WHEN})
        await self.status("Finishing")
        await self.status("Available")

    async def status(self, status: str) -> None:
        """Say how the connector is."""
        await self.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status})
