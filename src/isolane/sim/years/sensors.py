"""This file makes of true values what instruments show; it guards that each signal has the steps of its device.

Noise is cut from one long pool of normal draws at a place that differs from signal to signal and day to day: making
it anew for each sample would take most of the time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.faults import Fault

Values = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

_POOL = 1 << 21
_METER = 0.0005
_PT_SD_K = 0.2
_SPIKE_ONE_IN = 200

UNITS: dict[str, tuple[str, float]] = {
    "EVSE/xState": ("", 1),
    "EVSE/Problem": ("", 1),
    "EVSE/xPowerLimit": ("Percent", 0.1),
    "EVSE/xSessionCount": ("", 1),
    "EVSE/xSessionEnergy": ("Wh", 1),
    "EVSE/DCVoltage": ("V", 0.1),
    "EVSE/DCCurrent": ("A", 0.1),
    "EVSE/Power": ("W", 1),
    "FiscalMetering/EnergyImportRegister": ("Wh", 1),
    "ControlMetering/Power": ("W", 1),
    "ControlMetering/EnergyImportRegister": ("Wh", 1),
    "ElectricalFeed/ACVoltage": ("V", 0.1),
    "ElectricalFeed/ACCurrent": ("A", 0.1),
    "ElectricalFeed/Frequency": ("Hz", 0.01),
    "ElectricalFeed/Power": ("W", 1),
    "ElectricalFeed/EnergyImportRegister": ("Wh", 1),
    "ElectricalFeed/xTHD": ("Percent", 0.01),
    "ChargingStation/VoltageImbalance": ("Percent", 0.01),
    "ChargingStation/CurrentImbalance": ("Percent", 0.01),
    "PowerContactor/Active": ("", 1),
    "PowerContactor/xCommand": ("", 1),
    "PowerContactor/xOutputVoltage": ("V", 0.1),
    "PowerContactor/Count": ("", 1),
    "TemperatureSensor/Temperature": ("Celsius", 0.5),
    "AcDcConverter/Temperature": ("Celsius", 0.5),
    "AcDcConverter/Power": ("W", 10),
    "AcDcConverter/xRippleVoltage": ("V", 0.01),
    "ExternalTemperatureSensor/Temperature": ("Celsius", 0.1),
    "HumiditySensor/Humidity": ("RH", 0.1),
    "AirCoolingSystem/FanSpeed": ("RPM", 1),
    "AirCoolingSystem/xPercent": ("Percent", 0.1),
    "GroundIsolationProtection/Impedance": ("Ohm", 1000),
    "RCD/xResidualCurrent": ("A", 0.0001),
    "CPPWMController/DCVoltage": ("V", 0.01),
    "CPPWMController/Percentage": ("Percent", 0.1),
    "CPPWMController/State": ("", 1),
    "ISO15118Ctrlr/xStage": ("", 1),
    "ISO15118Ctrlr/xSlacAttenuation": ("dB", 1),
    "DataLink/SignalStrength": ("dBm", 1),
    "DataLink/Active": ("", 1),
    "DataLink/xRoundTrip": ("s", 0.001),
    "DataLink/xReconnects": ("", 1),
    "RealTimeClock/DCVoltage": ("V", 0.01),
    "RealTimeClock/xOffset": ("s", 0.001),
    "Controller/xFlashWorn": ("Percent", 10),
    "CaseAccessSensor/Active": ("", 1),
    "TiltSensor/Angle": ("Deg", 0.1),
    "ShockSensor/Force": ("N", 0.1),
    "FloodSensor/Percent": ("Percent", 0.1),
}
"""Unit and resolution by component and variable, instances left out."""


def unit_and_step(key: str) -> tuple[str, float]:
    """Give a signal's unit and resolution.

    Args:
        key: A whole key: ``1.0/TemperatureSensor[Heatsink]/Temperature``.
    """
    component, variable = key.split("/")[1:]
    return UNITS[f"{component.split('[')[0]}/{variable.split('[')[0]}"]


class Noise:
    """A pool of normal draws.

    Args:
        seed: Everything in it follows from this.
    """

    def __init__(self, seed: int) -> None:
        self._pool = np.random.default_rng((seed, 3)).standard_normal(_POOL, np.float32)

    def cut(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Give draws; two cuts may share some of them at another place."""
        start = int(rng.integers(_POOL - count))
        return self._pool[start : start + count]


class Sensors:
    """The instruments of one charger for one day: collects signals under their keys.

    Args:
        noise: Where their noise comes from.
        rng: Where each cut begins, and what a sensor's fault needs.
        count: Samples of the day.
    """

    def __init__(self, noise: Noise, rng: np.random.Generator, count: int) -> None:
        self._noise, self._rng, self._count = noise, rng, count
        self.signals: dict[str, Values] = {}

    def pt(self, key: str, celsius: Floats, offset_k: float = 0.0) -> None:
        """A PT sensor: 0.2 K of noise, steps of 0.5 K."""
        noisy = celsius.astype(np.float32) + self._noise.cut(self._rng, self._count) * np.float32(_PT_SD_K)
        self._keep(key, noisy + np.float32(offset_k))

    def meter(self, key: str, value: Floats) -> None:
        """An electrical instrument: 0.05 % of noise, exactly 0 at 0."""
        noisy = value.astype(np.float32)
        noisy *= 1 + np.float32(_METER) * self._noise.cut(self._rng, self._count)
        self._keep(key, noisy)

    def noisy(self, key: str, value: Values, sd: float) -> None:
        """An instrument with a noise of its own, in the signal's unit."""
        self._keep(key, value.astype(np.float32) + np.float32(sd) * self._noise.cut(self._rng, self._count))

    def plain(self, key: str, value: NDArray[np.generic] | float) -> None:
        """A value as it is, in its steps."""
        if isinstance(value, float | int):
            self.signals[key] = np.full(self._count, value, np.float32)
        else:
            self._keep(key, value.astype(np.float32))

    def register(self, key: str, wh: Floats) -> None:
        """A counter, in whole units; needs 64 bits."""
        self.signals[key] = np.floor(wh)

    def _keep(self, key: str, value: NDArray[np.float32]) -> None:
        step = np.float32(unit_and_step(key)[1])
        value /= step
        np.rint(value, out=value)
        value *= step
        self.signals[key] = value

    def gap(self, missing: NDArray[np.bool_]) -> None:
        """Lose all signals where `missing`."""
        if missing.any():
            for value in self.signals.values():
                value[missing] = np.nan

    def fall_ill(self, faults: tuple[Fault, ...], second: NDArray[np.int64], held: dict[str, float]) -> None:
        """Let sensors be wrong.

        Args:
            faults: Of the charger; those of sensors count.
            second: Seconds after the start of the plan, shape (count,).
            held: What stuck sensors show, kept from day to day.
        """
        for fault in faults:
            if not fault.kind.startswith("sensor_") or fault.place not in self.signals:
                continue
            value = self.signals[fault.place]
            level = fault.level_at(second)
            there = level != 0
            if there.any():
                self.signals[fault.place] = self._wrong(fault, value, level, held)
            else:
                held.pop(fault.place, None)

    def _wrong(self, fault: Fault, value: Values, level: Floats, held: dict[str, float]) -> Values:
        there = level != 0
        if fault.kind == "sensor_offset":
            return np.asarray(value + level.astype(value.dtype))
        if fault.kind == "sensor_nan":
            return np.where(there, np.float32(np.nan), value)
        if fault.kind == "sensor_steps":
            coarse = np.where(there, np.abs(level), 1.0)
            return np.asarray(np.where(there, np.rint(value / coarse) * coarse, value), value.dtype)
        if fault.kind == "sensor_spikes":
            hit = there & (self._rng.integers(_SPIKE_ONE_IN, size=len(value)) == 0)
            return np.asarray(np.where(hit, value + level * self._rng.choice((-1, 1), len(value)), value), value.dtype)
        # Stuck: what it showed when a piece of it began is shown all through it.
        begins = np.flatnonzero(there & ~np.concatenate([[fault.place in held], there[:-1]]))
        source = np.full(len(value), -1)
        source[begins] = begins
        source = np.maximum.accumulate(source)
        before = held.get(fault.place, float(value[0]))
        shown = np.where(source >= 0, value[np.maximum(source, 0)], before)
        held.pop(fault.place, None)
        if there[-1]:
            held[fault.place] = float(shown[-1])
        return np.asarray(np.where(there, shown, value), value.dtype)
