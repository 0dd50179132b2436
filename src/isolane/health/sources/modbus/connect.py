"""This file keeps one Modbus TCP connection; it guards that whatever the peer does ends in time, as answer or reason.

The Modbus library does the protocol. In front of its parser stands a gate that sees every byte first and ends the
connection on what no sound peer sends. A connection that ended is opened again after a pause that doubles until an
answer has come.
"""

import asyncio
import logging
from collections import Counter
from typing import Any, cast

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from isolane.config.values import Address
from isolane.core.clock import Clock
from isolane.core.samples import Reason
from isolane.devices.point import BIT_TABLES
from isolane.health.sources.modbus.gate import Expected, Gate
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.reads import ReadFailure, refusal
from isolane.health.sources.patience import Patience

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
# What it would log is a reading with its reason here, once per cycle instead of once per packet.

_BUFFER_BYTES_MAX = 1 << 20
"""The library drops a longer buffer before the gate sees it; the loop reads 256 KiB at once."""
_SILENT_MAX = 3
"""Requests in a row without any answer after which the connection is taken for dead."""


class Connection:
    """One TCP connection to a Modbus server, opened when needed; reads come one after another.

    Args:
        address: Of the server.
        timeout_s: How long to wait for the connection, s.
        pause_s_max: Longest pause before the next attempt to connect, s.
        clock: For the pauses.
    """

    def __init__(self, address: Address, timeout_s: float, pause_s_max: float, clock: Clock) -> None:
        self.counts: Counter[str] = Counter()
        self.generation = 0
        """Rises with every connection: what was learnt of a device on an older one may be wrong."""
        self._address = address
        self._timeout_s = timeout_s
        self._patience = Patience(pause_s_max, clock)
        self._client: AsyncModbusTcpClient | None = None
        self._gate = Gate(self._broke)
        self._broken: asyncio.Future[Reason] | None = None
        self._silent = 0

    async def open(self) -> bool:
        """Connect if there is no connection and no pause to keep; tell whether there is one."""
        if self._client is not None:
            return True
        if self._patience.left_s > 0:
            return False
        self.counts["connects"] += 1
        gate = Gate(self._broke)
        client = AsyncModbusTcpClient(
            self._address.host,
            port=self._address.port,
            timeout=2 * self._timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=gate.pass_on,
            trace_connect=lambda connected: None if connected else self._broke(gate, Reason.DISCONNECTED),
        )
        client.ctx.max_buffer_size = _BUFFER_BYTES_MAX
        self._client, self._gate = client, gate
        self._broken = asyncio.get_running_loop().create_future()
        connecting = asyncio.ensure_future(client.connect())
        connected = False
        try:
            await asyncio.wait({connecting}, timeout=self._timeout_s)
            connected = connecting.done() and connecting.result()
        finally:
            await _dispose(connecting)
            if not connected:
                self.counts["connects_failed"] += 1
                self._end()
        self.generation += connected
        self._silent = 0
        return connected

    async def read(self, unit: int, span: Span, timeout_s: float) -> list[int]:
        """Read registers (or bits) of one unit.

        Args:
            unit: Modbus unit id.
            span: What to read; within the protocol's limits.
            timeout_s: How long to wait for the answer, s.

        Raises:
            ReadFailure: There is no connection, or no answer that can be used.
        """
        if self._client is None or self._broken is None:
            raise ReadFailure(Reason.DISCONNECTED)
        self.counts["requests"] += 1
        self._gate.expect(Expected(unit, span))
        broken = self._broken
        asked = asyncio.ensure_future(_ask(self._client, unit, span))
        try:
            waiting: set[asyncio.Future[Any]] = {asked, broken}
            await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and not asked.exception():
                return self._answered(asked.result(), span)
            raise self._failed(broken, by_library=asked.done())
        finally:
            self._gate.expect(None)
            await _dispose(asked)

    async def close(self) -> None:
        """End the connection, and let the loop dispose of its socket."""
        self._end()
        await asyncio.sleep(0)

    def _answered(self, answer: ModbusPDU, span: Span) -> list[int]:
        self._silent = 0
        self._patience.succeeded()
        if answer.isError():
            self.counts["exceptions"] += 1
            raise refusal(answer.exception_code)
        self.counts["answers"] += 1
        return [int(bit) for bit in answer.bits[: span.words]] if span.table in BIT_TABLES else list(answer.registers)

    def _failed(self, broken: asyncio.Future[Reason], *, by_library: bool) -> ReadFailure:
        if broken.done():
            return ReadFailure(broken.result())
        if by_library:
            self._broke(self._gate, Reason.MALFORMED)
            return ReadFailure(Reason.MALFORMED)
        self.counts["timeouts"] += 1
        self._silent += 1
        if self._silent >= _SILENT_MAX:
            self._end()
        return ReadFailure(Reason.TIMEOUT)

    def _broke(self, gate: Gate, reason: Reason) -> None:
        """Note that the connection ended; called by the gate and by the library."""
        if gate is not self._gate or self._broken is None or self._broken.done():
            return
        self.counts["malformed" if reason is Reason.MALFORMED else "disconnects"] += 1
        self._broken.set_result(reason)
        self._end()

    def _end(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        self._patience.failed()
        if client.ctx.transport is not None:
            cast("asyncio.WriteTransport", client.ctx.transport).abort()
        client.close()


async def _dispose(task: "asyncio.Future[Any]") -> None:
    """End a task of the library and look at its outcome, so that none is reported as never seen.

    The library's calls run in tasks of their own and are only ever waited for: its `wait_for` loses a cancellation that
    falls together with a result (CPython 3.11), and a source that lost its stop would never end.
    """
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _ask(client: AsyncModbusTcpClient, unit: int, span: Span) -> ModbusPDU:
    match span.table:
        case "coil":
            return await client.read_coils(span.address, count=span.words, device_id=unit)
        case "discrete":
            return await client.read_discrete_inputs(span.address, count=span.words, device_id=unit)
        case "holding":
            return await client.read_holding_registers(span.address, count=span.words, device_id=unit)
        case "input":
            return await client.read_input_registers(span.address, count=span.words, device_id=unit)
