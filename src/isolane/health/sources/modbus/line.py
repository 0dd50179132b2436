"""This file opens the wire under RTU frames, a serial port or TCP; it guards that a wire that floods costs no memory.

Constraints: bytes that nobody waits for are counted and thrown away; a wire that brings more of them than a few late
answers explain is closed. A serial port is opened for this process alone.
"""

import asyncio
import os
import termios
from collections.abc import Callable
from typing import Protocol, cast

import serial

from isolane.config.values import Address
from isolane.health.sources.modbus.settings import SerialSettings

BUFFER_BYTES_MAX = 2048
"""Eight answers of full size; more than that before one fits is a flood."""
_READ_BYTES = 4096

Received = Callable[[bytes], None]
Lost = Callable[[], None]


class Wire(Protocol):
    """Bytes in both directions."""

    def write(self, data: bytes) -> None:
        """Send a frame, never waiting."""
        ...

    def close(self) -> None:
        """Close at once; `lost` is not called any more."""
        ...


class SerialWire:
    """A serial port.

    Args:
        settings: Which one and how fast.
        received: Given every byte.
        lost: Told that the port is gone.

    Raises:
        OSError: The port cannot be opened.
    """

    def __init__(self, settings: SerialSettings, received: Received, lost: Lost) -> None:
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        try:
            self._port = serial.Serial(
                str(settings.path),
                baudrate=settings.baud,
                parity=settings.parity[0].upper(),
                stopbits=settings.stop_bits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except (ValueError, OverflowError, termios.error) as error:  # a speed or parity that the driver does not take
            raise OSError(str(error)) from error
        self._number = self._port.fileno()
        self._loop.add_reader(self._number, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._number, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._received(data)
        else:
            self.close()
            self._lost()

    def write(self, data: bytes) -> None:
        """See `Wire`."""
        try:
            os.write(self._number, data)  # a frame of 8 bytes always fits the driver's buffer, or the port is dead
        except BlockingIOError:
            return
        except OSError:
            self.close()
            self._lost()

    def close(self) -> None:
        """See `Wire`."""
        if self._number >= 0:
            self._loop.remove_reader(self._number)
            self._number = -1
            self._port.close()


class TcpWire(asyncio.Protocol):
    """A TCP connection to a serial device server that passes RTU frames on.

    Args:
        received: Given every byte.
        lost: Told that the connection is gone.
    """

    def __init__(self, received: Received, lost: Lost) -> None:
        self._received = received
        self._lost: Lost | None = lost
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)
        if self._lost is None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._lost is not None:
            self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """See `asyncio.Protocol`."""
        if self._lost is not None:
            self._lost()

    def write(self, data: bytes) -> None:
        """See `Wire`."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """See `Wire`."""
        self._lost = None
        if self._transport is not None:
            self._transport.abort()


async def open_tcp(address: Address, received: Received, lost: Lost) -> TcpWire:
    """Connect.

    Raises:
        OSError: Nobody answers there.
    """
    wire = TcpWire(received, lost)
    try:
        await asyncio.get_running_loop().create_connection(lambda: wire, address.host, address.port)
    except BaseException:
        wire.close()
        raise
    return wire
