"""This file serves register images over Modbus TCP; it guards that a client can read and never write."""

import logging
import socket

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from isolane.core.failures import IsolaneError
from isolane.sim.modbus.image import Image, Unit

logging.getLogger("pymodbus.logging").setLevel(logging.WARNING)  # at INFO it says "Repeating...." instead of repeating

_READ_HOLDING, _READ_INPUTS = 3, 4
_ANY_UNIT = 0


class ModbusFront:
    """A Modbus TCP server with one or more units.

    Args:
        units: What it serves; a unit that is not among them answers exception 2.
        host: Address to listen on.
        port: Port to listen on; 0 lets the system choose.
    """

    def __init__(self, units: list[Unit], host: str, port: int) -> None:
        self._units = units
        self._host = host
        self._wanted_port = port
        self._server: ModbusTcpServer | None = None

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It is not listening.
        """
        if self._server is None:
            raise RuntimeError("not listening")
        # The library keeps the asyncio server where a connection would keep its transport.
        sockets: list[socket.socket] = list(getattr(self._server.transport, "sockets", []))
        return int(sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            IsolaneError: The address cannot be listened on.
        """
        devices = [_device(unit) for unit in self._units]
        devices.append(SimDevice(_ANY_UNIT, _tables(None, None)))
        server = ModbusTcpServer(devices, address=(self._host, self._wanted_port))
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise IsolaneError(
                f"cannot listen for Modbus on {self._host}:{self._wanted_port}", "choose another port, or 0"
            ) from error
        self._server = server

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call] # the library's own lack
            self._server = None


def _device(unit: Unit) -> SimDevice:
    async def fresh(
        function: int,
        _start: int,
        _address: int,
        _count: int,
        registers: list[int],
        _values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        image = {_READ_HOLDING: unit.holding, _READ_INPUTS: unit.inputs}.get(function)
        if image is None:
            return ExcCodes.ILLEGAL_FUNCTION
        registers[: len(image.words)] = image.words
        return None

    return SimDevice(unit.number, _tables(unit.holding, unit.inputs), action=fresh)


def _tables(
    holding: Image | None, inputs: Image | None
) -> tuple[list[SimData], list[SimData], list[SimData], list[SimData]]:
    """Coils, discrete inputs, holding registers, input registers, as the library wants them."""
    return (
        [SimData(0, values=False, datatype=DataType.BITS)],
        [SimData(0, values=False, datatype=DataType.BITS)],
        [_block(holding)],
        [_block(inputs)],
    )


def _block(image: Image | None) -> SimData:
    if image is None:
        return SimData(0, datatype=DataType.INVALID)
    return SimData(image.first, values=list(image.words), datatype=DataType.REGISTERS)
