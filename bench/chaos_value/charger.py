"""This file is a charger that survives everything; it guards that nothing is sent that its memory does not hold.

Meter: a loop starts, meters and ends transactions, connected or not. Link: a loop connects, boots, sends what waits one
call at a time, and takes a message out of the memory when it is answered. After a death the transaction that ran is
ended with the register as it was kept, as a charger does after a power loss.
"""

import asyncio
import json
import random
import ssl
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.chaos_value.frames import FrameJournal
from bench.chaos_value.memory import Memory, Waiting, load, save
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from isolane.sim.billing import Metered
from isolane.sim.records import utc_now

_METER_S = (0.4, 1.2)
_REST_S = (0.2, 2.0)
_BACKOFF_S = (0.1, 1.0)
_ANSWER_S = 15.0
_CONNECTION_S = (8.0, 60.0)
"""After so long the charger ends its connection in order, so that this happens between the deaths too."""


class Charger:
    """One charger.

    Args:
        identity: Its name; even numbers speak 1.6, odd ones 2.0.1.
        url: Of the relay.
        tls: For wss.
        folder: Where its memory is.
        journal: Where its frames are written down.
    """

    def __init__(
        self, identity: str, url: str, tls: ssl.SSLContext | None, folder: Path, journal: FrameJournal
    ) -> None:
        self.identity = identity
        self._is_v16 = int(identity[-1]) % 2 == 0
        self._url = f"{url}/{identity}"
        self._tls = tls
        self._path = folder / f"{identity}.json"
        self._journal = journal
        self._memory: Memory = load(self._path)
        self._rng = random.Random(f"{identity} {self._memory.deaths}")
        self._filled = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._mark = ""
        self._metered_all = False
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End what runs, send what waits, and let `run` return."""
        self._leaving.set()

    async def run(self) -> None:
        """Live until told to leave and all is answered."""
        self._memory.deaths += 1
        if self._memory.running:
            self._end()
        self._save()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._meter())
            group.create_task(self._link())

    # The meter.

    async def _meter(self) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(*_REST_S))
            if self._leaving.is_set():
                break
            self._begin()
            for _ in range(self._rng.randint(1, 5)):
                await asyncio.sleep(self._rng.uniform(*_METER_S))
                self._memory.register_wh += self._rng.randint(1, 400)
                self._tell("Updated")
                if self._leaving.is_set():
                    break
            self._end()
        self._metered_all = True

    def _begin(self) -> None:
        memory = self._memory
        ref = str(uuid.uuid4())
        memory.running, memory.seq_no = ref, 0
        known = None if self._is_v16 else ref
        memory.transactions[ref] = Metered(self.identity, ref, memory.register_wh, transaction=known)
        self._tell("Started")

    def _end(self) -> None:
        memory = self._memory
        memory.transactions[memory.running].stop_wh = memory.register_wh
        self._tell("Ended")
        memory.running = ""
        self._save()

    def _tell(self, kind: str) -> None:
        memory = self._memory
        memory.waiting.append(Waiting(kind, memory.running, memory.register_wh, utc_now(), memory.seq_no))
        memory.seq_no += 1
        self._save()
        self._filled.set()

    def _save(self) -> None:
        save(self._path, self._memory)

    # The link.

    async def _link(self) -> None:
        tries = 0
        while not self._metered_all or self._memory.waiting:
            try:
                await self._connection()
                tries = 0
            except (OSError, WebSocketException, TimeoutError):
                tries += 1
            low, high = _BACKOFF_S
            await asyncio.sleep(min(high, low * 2 ** min(tries, 6)) * self._rng.uniform(0.5, 1))

    async def _connection(self) -> None:
        name = "ocpp1.6" if self._is_v16 else "ocpp2.0.1"
        async with connect(
            self._url, subprotocols=[Subprotocol(name)], ssl=self._tls, proxy=None, ping_interval=None, close_timeout=3
        ) as socket:
            self._mark, calls = f"{self.identity}-{uuid.uuid4().hex[:12]}", 0
            self._answers.clear()
            reader = asyncio.create_task(self._read(socket))
            ended = False
            try:
                end = asyncio.get_running_loop().time() + self._rng.uniform(*_CONNECTION_S)
                await self._call(socket, calls, "BootNotification", _BOOT[name])
                while asyncio.get_running_loop().time() < end:
                    calls += 1
                    if not await self._send_next(socket, calls):
                        break
                await socket.close()
                ended = socket.close_code == 1000 and socket.protocol.close_rcvd is not None
            finally:
                reader.cancel()
                self._journal.note(self._mark, "whole" if ended else "cut")

    async def _send_next(self, socket: ClientConnection, number: int) -> bool:
        """Send what waits, or a heartbeat; False when there is nothing more to come."""
        memory = self._memory
        if not memory.waiting:
            if self._metered_all:
                return False
            self._filled.clear()
            try:
                await asyncio.wait_for(self._filled.wait(), 1.0)
            except TimeoutError:
                await self._call(socket, number, "Heartbeat", {})
            return True
        message = memory.waiting[0]
        metered = memory.transactions[message.ref]
        action, body = _v16(message, metered) if self._is_v16 else _v201(message)
        answer = await self._call(socket, number, action, body)
        if action == "StartTransaction":
            metered.transaction = str(answer["transactionId"])
        memory.waiting.pop(0)
        self._save()
        return True

    async def _call(
        self, socket: ClientConnection, number: int, action: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        unique_id = f"{self._mark}.{number}"
        answer: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[unique_id] = answer
        await self._write(socket, [2, unique_id, action, body])
        async with asyncio.timeout(_ANSWER_S):
            return await answer

    async def _write(self, socket: ClientConnection, message: list[Any]) -> None:
        text = json.dumps(message)
        mark = self._mark
        self._journal.note(mark, "sent", text)
        try:
            await socket.send(text)
        except (ConnectionClosed, asyncio.CancelledError):  # cancelled where it waited behind a Close
            self._journal.note(mark, "cut")
            raise

    async def _read(self, socket: ClientConnection) -> None:
        """Give answers to whoever waits, and answer the CSMS's calls."""
        mark = self._mark
        try:
            async for text in socket:
                self._journal.note(mark, "came", str(text))
                message = json.loads(text)
                if message[0] == 2:
                    if socket.state is State.OPEN:  # behind its own Close frame a charger sends nothing
                        await self._write(socket, [3, message[1], {"status": "UnknownVendorId"}])
                elif message[1] in self._answers and message[0] == 3:
                    self._answers.pop(message[1]).set_result(message[2])
                else:
                    self._give_up(RuntimeError(f"{self.identity}: {text!r} is no answer to a call"))
        except ConnectionClosed as error:
            self._give_up(error)
        else:
            self._give_up(ConnectionError("the CSMS ended the connection"))

    def _give_up(self, error: Exception) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
                answer.exception()


_BOOT: Mapping[str, Mapping[str, Any]] = {
    "ocpp1.6": {"chargePointVendor": "isolane soak", "chargePointModel": "AC"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "isolane soak", "model": "DC"}},
}
_CONTEXTS = {"Started": "Transaction.Begin", "Updated": "Sample.Periodic", "Ended": "Transaction.End"}
_TRIGGERS = {"Started": "Authorized", "Updated": "MeterValuePeriodic", "Ended": "StopAuthorized"}


def _v16(message: Waiting, metered: Metered) -> tuple[str, Mapping[str, Any]]:
    """Write a transaction message of OCPP 1.6; the id is the one in the answer to the start."""
    if message.kind == "Started":
        return "StartTransaction", {
            "connectorId": 1,
            "idTag": "CARD",
            "meterStart": message.wh,
            "timestamp": message.utc,
        }
    transaction = int(metered.transaction or 0)
    if message.kind == "Ended":
        return "StopTransaction", {"transactionId": transaction, "meterStop": message.wh, "timestamp": message.utc}
    value = {"timestamp": message.utc, "sampledValue": [{"value": str(message.wh), "unit": "Wh"}]}
    return "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [value]}


def _v201(message: Waiting) -> tuple[str, Mapping[str, Any]]:
    """Write a TransactionEvent of OCPP 2.0.1."""
    sample = {"value": message.wh, "context": _CONTEXTS[message.kind], "unitOfMeasure": {"unit": "Wh"}}
    return "TransactionEvent", {
        "eventType": message.kind,
        "timestamp": message.utc,
        "triggerReason": _TRIGGERS[message.kind],
        "seqNo": message.seq_no,
        "transactionInfo": {"transactionId": message.ref},
        "meterValue": [{"timestamp": message.utc, "sampledValue": [sample]}],
    }
