"""This file is an Eastron SDM630 meter on Modbus; it guards that the map is the maker's, not ours.

Input registers (function 04), IEEE 754 floats in two registers, high word first, at even addresses; energy in kWh.
Holding registers FC00h (serial number) and FC02h (meter code). Source: Eastron, SDM630-Modbus V2 protocol, input and
holding registers.
"""

from collections.abc import Mapping

from isolane.sim.modbus.rows import Row

INPUT_FIRST, INPUT_COUNT = 0, 384
HOLDING_FIRST, HOLDING_COUNT = 0xFC00, 4
_METER_CODE = 0x0070


def _per_phase(first: int, name: str, unit: str) -> tuple[Row, ...]:
    return tuple(Row(first + 2 * n, "float32", f"{name}{n + 1}", unit) for n in range(3))


INPUT_ROWS = (
    *_per_phase(0, "voltage_v_", "V"),
    *_per_phase(6, "current_a_", "A"),
    *_per_phase(12, "power_w_", "W"),
    *_per_phase(18, "apparent_va_", "VA"),
    *_per_phase(30, "factor_", ""),
    Row(42, "float32", "voltage_v_mean", "V"),
    Row(46, "float32", "current_a_mean", "A"),
    Row(48, "float32", "current_a_sum", "A"),
    Row(52, "float32", "power_w", "W"),
    Row(56, "float32", "power_w", "VA"),
    Row(62, "float32", "factor", ""),
    Row(70, "float32", "frequency_hz", "Hz"),
    Row(72, "float32", "energy_kwh", "kWh"),
    Row(200, "float32", "pair_v_1", "V"),
    Row(202, "float32", "pair_v_2", "V"),
    Row(204, "float32", "pair_v_3", "V"),
    Row(206, "float32", "pair_v_mean", "V"),
    *_per_phase(234, "distortion_", "Percent"),
    Row(342, "float32", "energy_kwh", "kWh"),
)

HOLDING_ROWS = (Row(0xFC00, "uint32", "serial"), Row(0xFC02, "uint16", "code"))


def identity(number: int) -> dict[str, float | str]:
    """Give what never changes: the serial number and the meter code."""
    return {"serial": number, "code": _METER_CODE}


def live(readings: Mapping[str, float]) -> dict[str, float]:
    """Give the meter's values from what the supply of the charger carries."""
    volts = [readings[f"1.0/ElectricalFeed/ACVoltage[L{n}]"] for n in (1, 2, 3)]
    amperes = [readings[f"1.0/ElectricalFeed/ACCurrent[L{n}]"] for n in (1, 2, 3)]
    watts = [volt * ampere for volt, ampere in zip(volts, amperes, strict=True)]
    pairs = [(a * a + b * b + a * b) ** 0.5 for a, b in zip(volts, volts[1:] + volts[:1], strict=True)]
    shown: dict[str, float] = {
        "voltage_v_mean": sum(volts) / 3,
        "current_a_mean": sum(amperes) / 3,
        "current_a_sum": sum(amperes),
        "power_w": sum(watts),
        "factor": 1.0,
        "frequency_hz": readings["1.0/ElectricalFeed/Frequency"],
        "energy_kwh": readings["1.0/ElectricalFeed/EnergyImportRegister"] / 1000,
        "pair_v_mean": sum(pairs) / 3,
    }
    for n in range(3):
        shown[f"voltage_v_{n + 1}"] = volts[n]
        shown[f"current_a_{n + 1}"] = amperes[n]
        shown[f"power_w_{n + 1}"] = shown[f"apparent_va_{n + 1}"] = watts[n]
        shown[f"factor_{n + 1}"] = 1.0
        shown[f"pair_v_{n + 1}"] = pairs[n]
        shown[f"distortion_{n + 1}"] = readings["1.0/ElectricalFeed/xTHD[V]"]
    return shown
