"""This file says which Modbus units a charger has; it guards that all of them show the same physical state."""

import zlib
from collections.abc import Callable, Mapping
from typing import Literal

from isolane.sim.modbus import abb_terra_ac, dc_map, sdm630, sunspec
from isolane.sim.modbus.image import Image, Unit
from isolane.sim.physics import dc_station

Readings = Mapping[str, float]
Refresh = Callable[[Readings], None]
MeterKind = Literal["sdm630", "sunspec"]

_DC_COUNT = 300


def serial_of(charger: str) -> str:
    """Give a charger's serial number: 8 digits that follow from its identity."""
    return f"{zlib.crc32(charger.encode()) % 10**8:08d}"


def ac_units(charger: str, meter: MeterKind) -> tuple[list[Unit], Refresh]:
    """Give an AC charger's units (1: ABB Terra AC, 2: meter) and what brings them up to date."""
    fixed = abb_terra_ac.identity(serial_of(charger))
    wallbox = Image(abb_terra_ac.FIRST, abb_terra_ac.COUNT, abb_terra_ac.ROWS, fixed)
    meter_unit, meter_refresh = _meter(charger, meter)

    def refresh(readings: Readings) -> None:
        wallbox.show(abb_terra_ac.live(readings))
        meter_refresh(readings)

    return [Unit(1, holding=wallbox), meter_unit], refresh


def dc_units(charger: str, meter: MeterKind) -> tuple[list[Unit], Refresh]:
    """Give a DC charger's units (1: docs/reference/dc-charger-map.md, 2: meter) and what brings them up to date."""
    identity: dict[str, float | str] = {
        "map_version": 1,
        "vendor": "isolane sim",
        "model": "DC150",
        "serial": f"DC150-{serial_of(charger)}",
        "firmware": "1.0.0",
        "rated_power_w": dc_station.RATED_W,
        "rated_current_a": dc_station.RATED_A,
        "rated_voltage_v": dc_station.RATED_V,
        "modules": dc_station.MODULES,
    }
    cabinet = Image(0, _DC_COUNT, (*dc_map.IDENTITY, *dc_map.SIGNALS), identity)
    meter_unit, meter_refresh = _meter(charger, meter)

    def refresh(readings: Readings) -> None:
        cabinet.show(readings)
        meter_refresh(readings)

    return [Unit(1, holding=cabinet), meter_unit], refresh


def _meter(charger: str, meter: MeterKind) -> tuple[Unit, Refresh]:
    serial = serial_of(charger)
    if meter == "sunspec":
        chain = Image(sunspec.FIRST, sunspec.COUNT, sunspec.ROWS, sunspec.identity(serial, 2), sunspec.missing())
        return Unit(2, holding=chain), lambda readings: chain.show(sunspec.live(readings))
    values = Image(sdm630.INPUT_FIRST, sdm630.INPUT_COUNT, sdm630.INPUT_ROWS)
    who = Image(sdm630.HOLDING_FIRST, sdm630.HOLDING_COUNT, sdm630.HOLDING_ROWS, sdm630.identity(int(serial)))
    return Unit(2, holding=who, inputs=values), lambda readings: values.show(sdm630.live(readings))
