"""This file walks the chain of SunSpec models of a device; it guards that a chain that does not end is no chain.

Source: SunSpec Device Information Model Specification 1.1, 6.2.
"""

from collections.abc import Awaitable, Callable

from isolane.core.samples import Reason
from isolane.devices.point import SunSpec, Table
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.reads import ReadFailure, Reads
from isolane.health.sources.modbus.sunspec import Model, whole_ports

MARK = [0x5375, 0x6E53]
"""Where a map begins."""
_END = 0xFFFF
_MODELS_MAX = 64
"""More than any device has."""
_ADDRESS_MAX = 65_535


ReadSpan = Callable[[Span], Awaitable[list[int] | None]]
"""Gives registers; None where there is no chain any more."""


async def models_from(read: ReadSpan, table: Table, address: int) -> dict[int, Model]:
    """Follow a chain; give its models by number, of two of one number the first.

    Args:
        read: Asks the device.
        table: That the map is in.
        address: Of the first model.
    """
    found: dict[int, Model] = {}
    for _ in range(_MODELS_MAX):
        head = await read(Span(table, address, 2)) if address < _ADDRESS_MAX else None
        if head is None or head[0] == _END:
            break
        found.setdefault(head[0], Model(address, head[1] + 2))
        address += 2 + head[1]
    return found


async def walk(connection: Reads, unit: int, table: Table, sunspec: SunSpec, timeout_s: float) -> dict[int, Model]:
    """Find the models of a device, by number, each with as many ports as it says that it has.

    Args:
        connection: That is open.
        unit: Modbus unit id.
        table: That the map is in.
        sunspec: Where it may begin.
        timeout_s: For each answer, s.

    Raises:
        ReadFailure: There is no chain, or no answer that can be used.
    """

    async def read(span: Span) -> list[int]:
        return await connection.read(unit, span, timeout_s)

    found = await models_from(read, table, await _beginning(read, table, sunspec) + 2)
    for number, model in found.items():
        ports = whole_ports(number)
        if ports is not None and ports.count < model.words:
            (count,) = await read(Span(table, model.address + ports.count, 1))
            found[number] = ports.within(model, count)
    return found


async def _beginning(read: ReadSpan, table: Table, sunspec: SunSpec) -> int:
    for base in sunspec.bases:
        try:
            if await read(Span(table, base, 2)) == MARK:
                return base
        except ReadFailure as failure:
            if failure.reason is not Reason.REFUSED:
                raise
    raise ReadFailure(Reason.MALFORMED)
