"""This file is ABB's Terra AC wallbox on Modbus; it guards that the map is the maker's, not what our templates believe.

Unit 1, holding registers from 4000h, unsigned 32-bit values in two registers, high word first; currents in mA,
voltages in 0.1 V, power in W, energy of the running session in Wh. Charging state: bits 8-14 are 0 A (idle), 1 B1, 2
B2, 3 C1, 4 C2, 5 other; bit 15 is set while the current is limited. Source: ABB, Terra AC Modbus communication, v1.7,
§5.
"""

from collections.abc import Mapping

from isolane.sim.modbus.rows import Row

FIRST, COUNT = 0x4000, 0x21

ROWS = (
    Row(0x4000, "string8", "serial", resolution=0),
    Row(0x4004, "uint32", "firmware_code"),
    Row(0x4006, "uint32", "rated_current_a", "A", 0.001),
    Row(0x4008, "uint32", "error_code"),
    Row(0x400A, "uint32", "lock_code"),
    Row(0x400C, "uint32", "state_code"),
    Row(0x400E, "uint32", "limit_current_a", "A", 0.001),
    Row(0x4010, "uint32", "1.0/ElectricalFeed/ACCurrent[L1]", "A", 0.001),
    Row(0x4012, "uint32", "1.0/ElectricalFeed/ACCurrent[L2]", "A", 0.001),
    Row(0x4014, "uint32", "1.0/ElectricalFeed/ACCurrent[L3]", "A", 0.001),
    Row(0x4016, "uint32", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1),
    Row(0x4018, "uint32", "1.0/ElectricalFeed/ACVoltage[L2]", "V", 0.1),
    Row(0x401A, "uint32", "1.0/ElectricalFeed/ACVoltage[L3]", "V", 0.1),
    Row(0x401C, "uint32", "1.0/ElectricalFeed/Power", "W"),
    Row(0x401E, "uint32", "1.0/EVSE/xSessionEnergy", "Wh"),
    Row(0x4020, "uint16", "timeout_s", "s"),
)

_FIRMWARE = 0x01082000
"""1.8.32: one byte each, the last unused."""
_UNPLUGGED, _LOCKED = 0x0000, 0x0111
_IDLE, _B2, _C2 = 0, 2, 4
_LIMITED = 0x80


def identity(serial: str) -> dict[str, float | str]:
    """Give what never changes; the serial number is cut to its last 8 characters."""
    return {
        "serial": serial[-8:],
        "firmware_code": _FIRMWARE,
        "rated_current_a": 32.0,
        "timeout_s": 60.0,
    }


def live(readings: Mapping[str, float]) -> dict[str, float]:
    """Give the present values from what the charger's sensors show."""
    plugged = readings["1.0/CPPWMController/State"] > 0
    state = _C2 if readings["1.0/PowerContactor/Active"] else _B2 if plugged else _IDLE
    limit_percent = readings["1.0/EVSE/xPowerLimit"]
    limited = _LIMITED if limit_percent < 100 else 0  # noqa: PLR2004 - percent
    return {
        **readings,
        "error_code": 0.0,
        "lock_code": _LOCKED if plugged else _UNPLUGGED,
        "state_code": (state | limited) << 8,
        "limit_current_a": 32.0 * limit_percent / 100,
    }
