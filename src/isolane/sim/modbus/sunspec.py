"""This file is a SunSpec three-phase meter; it guards that the chain of models is whole: SunS, 1, 203, end.

Holding registers from 40000. Model 1 (66 registers: who made it) and model 203 (105 registers: wye-connected
three-phase meter, integers with scale factors). What the meter does not have carries SunSpec's not-implemented marker.
Source: SunSpec Alliance, Information Model Reference, models 1 and 203.
"""

from collections.abc import Mapping

from isolane.sim.modbus.rows import Row
from isolane.sim.modbus.sdm630 import live as _meter

FIRST = 40_000
_MODEL_1 = FIRST + 2
_MODEL_203 = _MODEL_1 + 2 + 66
_END = _MODEL_203 + 2 + 105
COUNT = _END + 2 - FIRST
_A, _V, _HZ, _W, _WH = _MODEL_203 + 2, _MODEL_203 + 7, _MODEL_203 + 16, _MODEL_203 + 18, _MODEL_203 + 38
_MISSING = 0x8000

ROWS = (
    Row(FIRST, "uint32", "marker"),
    Row(_MODEL_1, "uint16", "common_id"),
    Row(_MODEL_1 + 1, "uint16", "common_length"),
    Row(_MODEL_1 + 2, "string32", "vendor", resolution=0),
    Row(_MODEL_1 + 18, "string32", "model", resolution=0),
    Row(_MODEL_1 + 42, "string16", "firmware", resolution=0),
    Row(_MODEL_1 + 50, "string32", "serial", resolution=0),
    Row(_MODEL_1 + 66, "uint16", "unit"),
    Row(_MODEL_203, "uint16", "meter_id"),
    Row(_MODEL_203 + 1, "uint16", "meter_length"),
    Row(_A, "int16", "current_a_sum", "A", 0.1),
    *(Row(_A + n, "int16", f"current_a_{n}", "A", 0.1) for n in (1, 2, 3)),
    Row(_A + 4, "int16", "exponent_a"),
    Row(_V, "int16", "voltage_v_mean", "V", 0.1),
    *(Row(_V + n, "int16", f"voltage_v_{n}", "V", 0.1) for n in (1, 2, 3)),
    Row(_V + 4, "int16", "pair_v_mean", "V", 0.1),
    *(Row(_V + 4 + n, "int16", f"pair_v_{n}", "V", 0.1) for n in (1, 2, 3)),
    Row(_V + 8, "int16", "exponent_v"),
    Row(_HZ, "int16", "frequency_hz", "Hz", 0.01),
    Row(_HZ + 1, "int16", "exponent_hz"),
    Row(_W, "int16", "power_w", "W", 10.0),
    *(Row(_W + n, "int16", f"power_w_{n}", "W", 10.0) for n in (1, 2, 3)),
    Row(_W + 4, "int16", "exponent_w"),
    Row(_WH + 8, "uint32", "energy_kwh", "kWh", 0.01),
    Row(_WH + 16, "int16", "exponent_wh"),
    Row(_END, "uint16", "end_id"),
)


def identity(serial: str, unit: int) -> dict[str, float | str]:
    """Give what never changes."""
    return {
        "marker": 0x53756E53,
        "common_id": 1,
        "common_length": 66,
        "vendor": "isolane sim",
        "model": "SM203",
        "firmware": "1.0",
        "serial": serial,
        "unit": unit,
        "meter_id": 203,
        "meter_length": 105,
        "exponent_a": -1,
        "exponent_v": -1,
        "exponent_hz": -2,
        "exponent_w": 1,
        "exponent_wh": 1,
        "end_id": 0xFFFF,
    }


def missing() -> dict[int, int]:
    """Give address to word for every point that this meter does not have.

    Apparent and reactive power, power factor and their scale factors are int16 (8000h); the accumulators that it lacks
    are 0.
    """
    points = [*range(_W + 5, _W + 20), _WH + 33, _WH + 66]
    return dict.fromkeys([*points, _MODEL_1 + 67], _MISSING)


def live(readings: Mapping[str, float]) -> dict[str, float]:
    """Give the meter's values from what the supply of the charger carries."""
    return _meter(readings)
