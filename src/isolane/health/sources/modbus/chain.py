"""This file walks the chain of SunSpec models of a device; it guards that a chain that does not end is no chain.

Source: SunSpec Device Information Model Specification 1.1, 6.2.
"""

from isolane.core.samples import Reason
from isolane.devices.point import SunSpec, Table
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.reads import ReadFailure, Reads
from isolane.health.sources.modbus.sunspec import Model, whole_ports

_MARK = [0x5375, 0x6E53]
_END = 0xFFFF
_MODELS_MAX = 64
"""More than any device has."""
_ADDRESS_MAX = 65_535


async def walk(connection: Reads, unit: int, table: Table, sunspec: SunSpec, timeout_s: float) -> dict[int, Model]:
    """Find the models of a device, by number; of two of one number the first.

    Args:
        connection: That is open.
        unit: Modbus unit id.
        table: That the map is in.
        sunspec: Where it may begin.
        timeout_s: For each answer, s.

    Raises:
        ReadFailure: There is no chain, or no answer that can be used.
    """
    address = await _beginning(connection, unit, table, sunspec, timeout_s) + 2
    found: dict[int, Model] = {}
    for _ in range(_MODELS_MAX):
        if address >= _ADDRESS_MAX:
            break
        number, length = await connection.read(unit, Span(table, address, 2), timeout_s)
        if number == _END:
            break
        found.setdefault(number, Model(address, length + 2))
        address += 2 + length
    for number, model in found.items():
        ports = whole_ports(number)
        if ports is not None and ports.count < model.words:
            (count,) = await connection.read(unit, Span(table, model.address + ports.count, 1), timeout_s)
            found[number] = ports.within(model, count)
    return found


async def _beginning(connection: Reads, unit: int, table: Table, sunspec: SunSpec, timeout_s: float) -> int:
    for base in sunspec.bases:
        try:
            if await connection.read(unit, Span(table, base, 2), timeout_s) == _MARK:
                return base
        except ReadFailure as failure:
            if failure.reason is not Reason.REFUSED:
                raise
    raise ReadFailure(Reason.MALFORMED)
