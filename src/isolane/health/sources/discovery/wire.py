"""This file asks a Modbus wire single questions; it guards that only reading functions ever leave it, one at a time."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.settings import SerialSettings

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
# A scan expects silence and refusals; they are its findings, not news for a log.

_BASIC_IDENTIFICATION = 1
_TEXT_MAX = 64


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that says no.

    Attributes:
        code: Modbus exception code.
    """

    code: int


Answer = list[int] | Refused | None
"""Registers, a refusal, or None for silence."""


class Wire:
    """A connection or serial bus, for questions one after another; use it with ``async with``.

    Args:
        place: Where to ask.
        timeout_s: How long to wait for a connection and for an answer, s.
        framing: "rtu" for a device server that passes RTU frames through TCP; a serial port is always rtu.
        gap_s: Silence between questions, s.
    """

    def __init__(
        self,
        place: Address | SerialSettings,
        timeout_s: float,
        framing: Literal["tcp", "rtu"] = "tcp",
        gap_s: float = 0.02,
    ) -> None:
        self.questions = 0
        self._place = place
        self._gap_s = gap_s
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient
        if isinstance(place, Address):
            framer = FramerType.RTU if framing == "rtu" else FramerType.SOCKET
            self._client = AsyncModbusTcpClient(
                place.host, port=place.port, framer=framer, timeout=timeout_s, retries=0, reconnect_delay=0
            )
        else:
            self._client = AsyncModbusSerialClient(
                str(place.path),
                baudrate=place.baud,
                parity=place.parity[0].upper(),
                stopbits=place.stop_bits,
                timeout=timeout_s,
                retries=0,
                reconnect_delay=0,
            )

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            IsolaneError: Nothing is there, or this user may not use it.
        """
        if isinstance(self._place, SerialSettings):
            _check_port(self._place.path)
        if not await self._client.connect():
            raise self._unreachable()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        self._client.close()
        await asyncio.sleep(0)

    async def read(self, unit: int, span: Span) -> Answer:
        """Read holding or input registers of a unit.

        Raises:
            IsolaneError: The connection is gone and cannot be had again.
        """
        if span.table not in {"holding", "input"}:
            raise ValueError(f"{span.table} is not in registers")
        await self._ready()
        read = self._client.read_holding_registers if span.table == "holding" else self._client.read_input_registers
        try:
            answer: ModbusPDU = await read(span.address, count=span.words, device_id=unit)
        except ModbusException:
            return None
        if answer.isError():
            return Refused(int(getattr(answer, "exception_code", 0)))
        return list(answer.registers) if len(answer.registers) == span.words else None

    async def identification(self, unit: int) -> Mapping[str, str] | None:
        """Ask for the basic device identification (function 0x2B/0x0E); None if there is no such answer.

        Raises:
            IsolaneError: See `read`.
        """
        await self._ready()
        try:
            answer: ModbusPDU = await self._client.read_device_information(
                read_code=_BASIC_IDENTIFICATION, object_id=0, device_id=unit
            )
        except ModbusException:
            return None
        held: object = None if answer.isError() else getattr(answer, "information", None)
        if not isinstance(held, dict):
            return None
        return {name: text for number, name in enumerate(_OBJECTS) if (text := _printable(held.get(number)))}

    async def _ready(self) -> None:
        self.questions += 1
        await asyncio.sleep(self._gap_s)
        if not self._client.connected and not await self._client.connect():
            raise self._unreachable()

    def _unreachable(self) -> IsolaneError:
        if isinstance(self._place, Address):
            return IsolaneError(
                f"cannot connect to {self._place}",
                "check address and port (502 by custom), that Modbus TCP is enabled on the device, "
                "and that no other program holds its only connection",
            )
        return IsolaneError(
            f"cannot open {self._place.path}", "check that no other program uses it and that it knows this speed"
        )


_OBJECTS = ("vendor", "model", "firmware")
"""Objects 0 to 2. Source: MODBUS Application Protocol V1.1b3, 6.21."""


def _printable(value: object) -> str:
    """Give the printable ASCII of a device's text: it is hostile input and goes to a terminal."""
    if not isinstance(value, bytes):
        return ""
    return "".join(chr(byte) for byte in value if 0x20 <= byte < 0x7F).strip()[:_TEXT_MAX]  # noqa: PLR2004 - ASCII


def _check_port(path: Path) -> None:
    if not path.exists():
        raise IsolaneError(f"there is no {path}", "plug the adapter in; `ls /dev/serial/by-id` shows what is there")
    if not os.access(path, os.R_OK | os.W_OK):
        raise IsolaneError(
            f"this user may not use {path}", f"add the user to the group that `ls -l {path}` shows, then log in anew"
        )
