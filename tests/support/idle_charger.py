"""This file is a charger that does business through a real relay and tap; it guards that its restarts are counted.

It speaks OCPP 2.0.1 as plain messages on a WebSocket, and so does its CSMS: a foreign peer to the relay between them.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from support.relay import relaying
from support.tap_process import Tap

_NOW = "2026-01-01T00:00:00Z"
_OWN_CALLS = """
[[value.listen]]
address = "127.0.0.1:0"
path = "/ocpp"
[value.own_calls]
enabled_for = ["CP-1"]
audit = "own-calls.jsonl"
actions_v2 = ["Reset"]
"""
_VERSION: Any = ["ocpp2.0.1"]


class IdleCharger:
    """The charger CP-1.

    Attributes:
        resets: Payloads of the restarts that it was asked for, each of which it accepts.
    """

    def __init__(self, peer: ClientConnection) -> None:
        self._peer, self._number = peer, 0
        self._answered: dict[str, asyncio.Event] = {}
        self.resets: list[Any] = []

    async def run(self) -> None:
        """Answer what is asked, for ever."""
        async for text in self._peer:
            message = json.loads(text)
            if message[0] == 2:
                self.resets.append(message[3])
                await self._peer.send(json.dumps([3, message[1], {"status": "Accepted"}]))
            elif message[1] in self._answered:
                self._answered.pop(message[1]).set()

    async def call(self, action: str, payload: dict[str, Any]) -> None:
        """Tell the CSMS something and wait for its answer."""
        self._number += 1
        name, answered = f"c{self._number}", asyncio.Event()
        self._answered[name] = answered
        await self._peer.send(json.dumps([2, name, action, payload]))
        async with asyncio.timeout(30):
            await answered.wait()

    async def begin(self) -> None:
        """Boot, and say that nobody is there."""
        station = {"model": "m", "vendorName": "v"}
        await self.call("BootNotification", {"chargingStation": station, "reason": "PowerUp"})
        status = {"timestamp": _NOW, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        await self.call("StatusNotification", status)

    async def transaction(self, event: str) -> None:
        """Begin or end a transaction, and say what the connector is then."""
        reason = "Authorized" if event == "Started" else "StopAuthorized"
        told = {"eventType": event, "timestamp": _NOW, "triggerReason": reason, "seqNo": 0}
        await self.call("TransactionEvent", {**told, "transactionInfo": {"transactionId": "t"}, "evse": {"id": 1}})


async def _business(peer: ServerConnection) -> None:
    """Be the CSMS: take everything."""
    async for text in peer:
        message = json.loads(text)
        if message[0] == 2:
            boot = {"currentTime": _NOW, "interval": 300, "status": "Accepted"}
            told = boot if message[2] == "BootNotification" else {}
            await peer.send(json.dumps([3, message[1], told]))


@asynccontextmanager
async def charging(folder: Path) -> AsyncIterator[IdleCharger]:
    """Run tap, relay, CSMS and charger in a folder whose sockets a health process shares, until the block ends."""
    tap = Tap(folder)
    tap.output = folder / "tap-output"
    tap.output.touch()
    await asyncio.to_thread(tap.start)
    try:
        async with serve(_business, "127.0.0.1", 0, subprotocols=_VERSION) as server:
            csms = f'url = "ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"'
            async with (
                relaying(folder, csms, listen=_OWN_CALLS) as relay,
                connect(f"ws://127.0.0.1:{relay.ports[0]}/ocpp/CP-1", subprotocols=_VERSION) as peer,
            ):
                charger = IdleCharger(peer)
                answering = asyncio.create_task(charger.run())
                await charger.begin()
                yield charger
                await peer.close()
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
    finally:
        if tap.process is not None and tap.process.poll() is None:
            await asyncio.to_thread(tap.stop)
