"""This file serves a template's registers by a Modbus library; it guards that no more is given than a device would."""

import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pymodbus import FramerType
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from isolane.config.values import Address
from isolane.devices.point import Point, Template

LIBRARY_TYPES = {
    "u16": ModbusClientMixin.DATATYPE.UINT16,
    "i16": ModbusClientMixin.DATATYPE.INT16,
    "u32": ModbusClientMixin.DATATYPE.UINT32,
    "i32": ModbusClientMixin.DATATYPE.INT32,
    "u64": ModbusClientMixin.DATATYPE.UINT64,
    "i64": ModbusClientMixin.DATATYPE.INT64,
    "f32": ModbusClientMixin.DATATYPE.FLOAT32,
    "f64": ModbusClientMixin.DATATYPE.FLOAT64,
}
_CODES = {"holding": 3, "input": 4}
_SUNSPEC_BASE = 40_000
_SUNSPEC_TEXT_WORDS = 66


@dataclass(slots=True)
class Served:
    """A unit: its registers, and what they mean.

    Attributes:
        registers: By table and address.
        expected: Value by point key and scope.
        registers_max: Longest request that is answered.
        asked: Requests as (function code, address, count).
    """

    registers: dict[str, dict[int, int]] = field(default_factory=lambda: {"holding": {}, "input": {}})
    expected: dict[tuple[str, str], float] = field(default_factory=dict)
    registers_max: int = 125
    asked: list[tuple[int, int, int]] = field(default_factory=list)

    def put(self, table: str, address: int, words: Sequence[int]) -> None:
        """Set registers."""
        self.registers[table] |= {address + at: word for at, word in enumerate(words)}


def words_of(number: float, kind: str, template: Template) -> list[int]:
    """Encode a register number as the library does."""
    order = "big" if template.word_order == "high-first" else "little"
    whole = number if kind.startswith("f") else round(number)
    words = ModbusClientMixin.convert_to_registers(whole, LIBRARY_TYPES[kind], word_order=order)  # type: ignore[arg-type]
    return [int(word) for word in words]


def image_of(template: Template) -> Served:
    """Make registers with a believable value for each point of a template, its marks and holes."""
    served = Served(registers_max=template.registers_max)
    bases = _sunspec(template, served)
    for index, point in enumerate(template.points):
        number, value = _example(point, index)
        base = 0 if point.model is None else bases[point.model]
        if point.scale_factor is not None:
            served.put(point.table or template.table, base + point.scale_factor, [0])
        served.put(point.table or template.table, base + point.address, words_of(number, point.type, template))
        served.expected[point.key, point.scope] = value
    for mark in template.marks:
        table = mark.table or template.table
        if mark.type is not None and mark.range is not None:
            served.put(table, mark.address, words_of(mark.range[0], mark.type, template))
        else:
            served.put(table, mark.address, _text(mark.text, mark.words))
    _fill(template, served)
    return served


def _example(point: Point, index: int) -> tuple[float, float]:
    """Give a register number in a point's range, and the value that it stands for."""
    if point.map:
        name, value = next(iter(point.map.items()))
        shift = (point.mask or 1) & -(point.mask or 1)
        return int(name) * shift, value
    assert point.range is not None
    low, high = point.range
    wanted = {"V": 229.0, "Hz": 50.0}.get(point.unit, min(high, 7.0 + index))
    wanted = max(low, min(high, wanted))
    if point.mask is not None:
        return 0, 0.0
    number = wanted / point.scale if point.type.startswith("f") else round(wanted / point.scale)
    return number, number * point.scale


def _text(text: str, words: int) -> list[int]:
    data = text.encode("ascii").ljust(2 * words, b"\0")
    return [data[at] << 8 | data[at + 1] for at in range(0, 2 * words, 2)]


def _sunspec(template: Template, served: Served) -> dict[int, int]:
    """Lay out a SunSpec chain; give the address of each model's id register."""
    if template.sunspec is None:
        return {}
    served.put("holding", _SUNSPEC_BASE, [0x5375, 0x6E53])
    bases, address = {}, _SUNSPEC_BASE + 2
    for model in template.sunspec.models:
        ends = [point.address + point.words for point in template.points if point.model == model]
        ends += [point.scale_factor + 1 for point in template.points if point.scale_factor and point.model == model]
        length = max(*ends, 2) - 2 if ends else _SUNSPEC_TEXT_WORDS
        served.put("holding", address, [model, length, *([0] * length)])
        bases[model] = address
        address += 2 + length
    served.put("holding", address, [0xFFFF, 0])
    served.put("holding", bases[1] + 2, _text("Acme", 16))
    served.put("holding", bases[1] + 18, _text("Three", 16))
    return bases


def _fill(template: Template, served: Served) -> None:
    """Let holes that the template may read along exist, and no other register."""
    for registers in served.registers.values():
        used = sorted(registers)
        for address, following in itertools.pairwise(used):
            if 1 < following - address <= template.hole_max + 1:
                registers.update(dict.fromkeys(range(address + 1, following), 0))


@contextlib.asynccontextmanager
async def serving(
    units: Mapping[int, Served], *, any_unit: Served | None = None, vendor: str = "", framer: str = "socket"
) -> AsyncIterator[Address]:
    """Serve units on loopback; a unit that is not there answers exception 2, or as `any_unit`."""
    devices = [_device(unit, served) for unit, served in units.items()]
    devices.append(_device(0, any_unit or Served()))
    server = ModbusTcpServer(devices, address=("127.0.0.1", 0), framer=FramerType(framer))
    server.control.Identity.VendorName = vendor  # the library keeps one for the whole process
    await server.serve_forever(background=True)
    try:
        sockets: list[socket.socket] = list(getattr(server.transport, "sockets", []))
        yield Address("127.0.0.1", int(sockets[0].getsockname()[1]))
    finally:
        server.control.Identity.VendorName = ""
        await server.shutdown()  # type: ignore[no-untyped-call] # the library's own lack


@contextlib.asynccontextmanager
async def serving_serial(units: Mapping[int, Served], port: Path) -> AsyncIterator[None]:
    """Serve units on a serial port, 9600 8N1; a unit that is not there answers an exception, as the library has it."""
    devices = [_device(unit, served) for unit, served in units.items()]
    server = ModbusSerialServer(devices, port=str(port), baudrate=9600)
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call] # the library's own lack


def _device(unit: int, served: Served) -> SimDevice:
    async def answer(
        function: int,
        _start: int,
        address: int,
        count: int,
        _registers: list[int],
        _values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        served.asked.append((function, address, count))
        if function not in _CODES.values():
            return ExcCodes.ILLEGAL_FUNCTION
        return ExcCodes.ILLEGAL_VALUE if count > served.registers_max else None

    blocks = {table: _blocks(registers) for table, registers in served.registers.items()}
    bits = [SimData(0, values=False, datatype=DataType.BITS)]
    return SimDevice(unit, (bits, bits, blocks["holding"], blocks["input"]), action=answer)


def _blocks(registers: Mapping[int, int]) -> list[SimData]:
    """Give runs of registers; what lies between them is an illegal address."""
    blocks: list[tuple[int, list[int]]] = []
    for address, word in sorted(registers.items()):
        if blocks and address == blocks[-1][0] + len(blocks[-1][1]):
            blocks[-1][1].append(word)
        else:
            blocks.append((address, [word]))
    if not blocks:
        return [SimData(0, datatype=DataType.INVALID)]
    return [SimData(first, values=words, datatype=DataType.REGISTERS) for first, words in blocks]
