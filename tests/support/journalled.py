"""This file plays chargers and a CSMS that journal every byte, on the sans-I/O core of `websockets`.

It guards that a comparison of both journals sees what a relay did to the bytes: the digests are over what the sockets
gave and took after the upgrade, not over messages.
"""

import asyncio
import contextlib
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from support.listening import listening

OCPP = Subprotocol("ocpp1.6")


@dataclass
class Journal:
    """What one end of one connection has sent and received since the upgrade: running digests and sizes."""

    sent: Any = field(default_factory=hashlib.sha256)
    received: Any = field(default_factory=hashlib.sha256)
    sent_bytes: int = 0
    received_bytes: int = 0

    def facts(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Give ((sent digest, size), (received digest, size))."""
        return (self.sent.hexdigest(), self.sent_bytes), (self.received.hexdigest(), self.received_bytes)


class _End:
    """One end of one connection: bytes in, frames out, everything journalled after the upgrade."""

    def __init__(
        self, protocol: ClientProtocol | ServerProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.protocol, self.reader, self.writer = protocol, reader, writer
        self.journal = Journal()

    async def flush(self, *, journalled: bool = True) -> None:
        for data in self.protocol.data_to_send():
            if data and journalled:
                self.journal.sent.update(data)
                self.journal.sent_bytes += len(data)
            if data:
                self.writer.write(data)
            elif self.writer.can_write_eof():  # how the protocol says that its side of the stream is over
                self.writer.write_eof()
            else:
                self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def read_head(self) -> None:
        self.protocol.receive_data(await self.reader.readuntil(b"\r\n\r\n"))

    async def messages(self) -> AsyncIterator[str]:
        """Give text messages until the connection ends."""
        while data := await self.reader.read(65_536):
            self.journal.received.update(data)
            self.journal.received_bytes += len(data)
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield bytes(event.data).decode()
            await self.flush()

    async def send(self, message: Any) -> None:  # noqa: ANN401 - JSON
        self.protocol.send_text(json.dumps(message).encode())
        await self.flush()

    def close(self) -> None:
        self.writer.close()


class JournallingCsms:
    """A CSMS that answers every CALL and calls back now and then; `journals` by charger, in order of connection."""

    def __init__(self) -> None:
        self.journals: dict[str, list[Journal]] = {}
        self.port = 0
        self._transactions = count(1)

    @contextlib.asynccontextmanager
    async def serving(self, context: ssl.SSLContext | None = None) -> AsyncIterator["JournallingCsms"]:
        """Serve on a free loopback port."""
        async with listening(self._serve, context) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol(subprotocols=[OCPP])
        end = _End(protocol, reader, writer)
        await end.read_head()
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        await end.flush(journalled=False)
        self.journals.setdefault(request.path.rpartition("/")[2], []).append(end.journal)
        with contextlib.suppress(ConnectionError):
            async for message in end.messages():
                await self._answer(end, json.loads(message))
        end.close()

    async def _answer(self, end: _End, message: list[Any]) -> None:
        if message[0] != 2:
            return
        answer: dict[str, Any] = {}
        if message[2] == "StartTransaction":
            answer = {"transactionId": next(self._transactions), "idTagInfo": {"status": "Accepted"}}
        await end.send([3, message[1], answer])
        if message[2] == "StopTransaction":
            await end.send([2, f"csms-{message[1]}", "TriggerMessage", {"requestedMessage": "StatusNotification"}])


class JournallingCharger:
    """A charger that runs transactions one after the other and never reconnects: a lost connection is a failed test."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.journal = Journal()
        self.transactions = 0
        self.longest_wait_s = 0.0
        self._ids = count(1)

    async def run(self, url: str, stop: asyncio.Event, context: ssl.SSLContext | None = None) -> None:
        """Connect, run transactions until `stop` is set, finish the one under way, close.

        Raises:
            ConnectionError: The connection ended before its time.
        """
        uri = parse_uri(f"{url}/{self.identity}")
        protocol = ClientProtocol(uri, subprotocols=[OCPP])
        reader, writer = await asyncio.open_connection(uri.host, uri.port, ssl=context)
        end = _End(protocol, reader, writer)
        protocol.send_request(protocol.connect())
        await end.flush(journalled=False)
        await end.read_head()
        protocol.events_received()
        if protocol.handshake_exc:
            raise protocol.handshake_exc
        self.journal = end.journal
        messages = end.messages()
        await self._call(end, messages, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        while not stop.is_set():
            await self._transaction(end, messages)
        protocol.send_close(1000)
        await end.flush()
        async for _ in messages:
            continue
        end.close()

    async def _transaction(self, end: _End, messages: AsyncIterator[str]) -> None:
        meter = 1000 * self.transactions
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        await self._call(end, messages, "StatusNotification", status)
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": meter, "timestamp": "2026-01-01T00:00:00Z"}
        answer = await self._call(end, messages, "StartTransaction", start)
        for step in range(20):
            sampled = [{"value": str(meter + step), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
            value = [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": sampled}]
            body = {"connectorId": 1, "transactionId": answer["transactionId"], "meterValue": value}
            await self._call(end, messages, "MeterValues", body)
            await asyncio.sleep(0.02)
        stop = {"transactionId": answer["transactionId"], "meterStop": meter + 20, "timestamp": "2026-01-01T00:00:00Z"}
        await self._call(end, messages, "StopTransaction", stop)
        self.transactions += 1

    async def _call(self, end: _End, messages: AsyncIterator[str], action: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        unique = f"{self.identity}-{next(self._ids)}"
        began_s = asyncio.get_running_loop().time()
        await end.send([2, unique, action, body])
        async for text in messages:
            message = json.loads(text)
            if message[0] == 2:
                await end.send([3, message[1], {"status": "Accepted"}])
            elif message[1] == unique:
                self.longest_wait_s = max(self.longest_wait_s, asyncio.get_running_loop().time() - began_s)
                return message[2]
        raise ConnectionError(f"{self.identity}: the connection ended while {action} waited for its answer")
