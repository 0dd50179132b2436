"""This file makes a charger's signals; it guards that the same seed gives the same samples, second for second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.wire.block import code

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

AVAILABLE, PREPARING, CHARGING, FAULTED, UNAVAILABLE, SUSPENDED = 0, 1, 2, 4, 5, 6
"""Numbers of `core.states.AVAILABILITY`."""
_MINUTE_S = 60
_PERIOD_S = 5400
"""From the beginning of a session to the beginning of the next one."""
_VOLT_DC, _VOLT_AC = 400.0, 230.0


@dataclass(frozen=True)
class Charger:
    """A charger and what is special about it.

    Attributes:
        identity: The CSMS's text.
        power_kw: What it delivers at most.
        is_dc: DC or three-phase AC.
        state: State it is in now; None follows its sessions.
        heat: How many times warmer than usual its contacts become.
        bad: Signals, by a part of their key, that cannot be read now, and why.
        stale: Signals, by a part of their key, that are held now.
        offset_s: Shift of its sessions.
    """

    identity: str
    power_kw: float = 150.0
    is_dc: bool = True
    state: int | None = None
    heat: float = 1.0
    bad: tuple[tuple[str, Reason], ...] = ()
    stale: tuple[str, ...] = ()
    offset_s: int = 0

    def signals(self) -> list[Signal]:
        """Give its signals, in the order of `values`."""
        return [Signal(self.identity, *entry) for entry in (_DC if self.is_dc else _AC)]

    def values(self, at_s: I64, now_s: int, random: np.random.Generator) -> I64:
        """Give scaled integers, shape (signals, seconds).

        Args:
            at_s: UTC seconds, without holes.
            now_s: From when on it is in its special state.
            random: Noise.
        """
        load, state = self._load(at_s, now_s)
        noise = random.normal(0, 1, (3, at_s.size))
        power_w = load * self.power_kw * 1000 * (1 + 0.006 * noise[0])
        warm, outdoor = _warm(load), 9 + 4 * np.sin((at_s % 86_400) / 86_400 * 2 * np.pi - 2)
        columns = _dc(power_w, warm, outdoor, noise) if self.is_dc else _ac(power_w, warm, outdoor, noise)
        columns["contact"] = outdoor + (columns["contact"] - outdoor) * self.heat
        columns["state"], columns["session"] = state, np.isin(state, (CHARGING, SUSPENDED)).astype(float)
        rows = [_pick(columns, signal.key) for signal in self.signals()]
        told: I64 = np.rint(np.array(rows) / np.array([[one.resolution] for one in self.signals()])).astype(np.int64)
        return told

    def codes(self, at_s: I64, now_s: int) -> U8:
        """Give quality codes, shape (signals, seconds): what is bad or held has been so for ten minutes."""
        codes = np.zeros((len(self.signals()), at_s.size), np.uint8)
        recent = at_s >= now_s - 600
        for row, signal in enumerate(self.signals()):
            for part, reason in self.bad:
                if part in signal.key:
                    codes[row, recent] = code(Quality.BAD, reason)
            if any(part in signal.key for part in self.stale):
                codes[row, recent] = code(Quality.STALE, Reason.TIMEOUT)
        return codes

    def _load(self, at_s: I64, now_s: int) -> tuple[F64, F64]:
        """Give the share of its power that it delivers, and its state."""
        phase = (at_s + self.offset_s) % _PERIOD_S
        ramp, taper = np.clip(phase / 40, 0, 1), np.clip((3300 - phase) / 1500, 0.12, 1)
        load = np.where(phase < 3300, ramp * taper, 0.0)
        state = np.where(phase < 3300, CHARGING, np.where(phase > _PERIOD_S - 60, PREPARING, AVAILABLE)).astype(float)
        if self.state is not None:
            special = at_s >= now_s - 1500
            state = np.where(special, self.state, state)
            load = np.where(special & (self.state != CHARGING), 0.0, np.where(special, np.maximum(load, 0.8), load))
        return load, state


_COMMON = (
    ("1.0/EVSE/xState", "", 1.0),
    ("1.0/EVSE/xTransactionActive", "", 1.0),
    ("1.0/EVSE/Power", "W", 1.0),
)
_TAIL = (
    ("0.0/ExternalTemperatureSensor/Temperature", "Celsius", 0.1),
    ("0.0/HumiditySensor/Humidity", "RH", 0.1),
    ("0.0/DataLink/xRoundTrip", "s", 0.001),
    ("0.0/DataLink/SignalStrength", "dBm", 1.0),
)
_DC = (
    *_COMMON,
    ("1.0/EVSE/DCCurrent", "A", 0.1),
    ("1.0/EVSE/DCVoltage", "V", 0.1),
    *((f"1.0/ElectricalFeed/ACVoltage[L{phase}]", "V", 0.1) for phase in (1, 2, 3)),
    ("1.0/TemperatureSensor[ContactDCplus]/Temperature", "Celsius", 0.1),
    ("1.0/TemperatureSensor[ContactDCminus]/Temperature", "Celsius", 0.1),
    ("1.0/TemperatureSensor[Heatsink]/Temperature", "Celsius", 0.1),
    ("1.0/TemperatureSensor[AirOut]/Temperature", "Celsius", 0.1),
    ("1.0/AirCoolingSystem/FanSpeed", "RPM", 1.0),
    ("1.0/GroundIsolationProtection/Impedance", "Ohm", 1000.0),
    *_TAIL,
)
_AC = (
    *_COMMON,
    *((f"1.0/ElectricalFeed/ACCurrent[L{phase}]", "A", 0.1) for phase in (1, 2, 3)),
    *((f"1.0/ElectricalFeed/ACVoltage[L{phase}]", "V", 0.1) for phase in (1, 2, 3)),
    *((f"1.0/TemperatureSensor[ContactL{phase}]/Temperature", "Celsius", 0.1) for phase in (1, 2, 3)),
    ("1.0/RCD/xResidualCurrent", "A", 0.0001),
    *_TAIL,
)


def _dc(power_w: F64, warm: F64, outdoor: F64, noise: F64) -> dict[str, F64]:
    voltage = np.where(power_w > 0, _VOLT_DC - 8 * np.cos(warm * 3) + 0.3 * noise[1], 0.0)
    return _shared(power_w, warm, outdoor, noise) | {
        "EVSE/DCCurrent": np.divide(power_w, voltage, out=np.zeros_like(power_w), where=voltage > 0),
        "EVSE/DCVoltage": voltage,
        "contact": outdoor + 38 * warm + 0.05 * noise[2],
        "Heatsink": outdoor + 30 * warm + 0.1 * noise[1],
        "AirOut": outdoor + 18 * warm + 0.1 * noise[2],
        "FanSpeed": np.where(warm > 0.05, 900 + 2400 * warm, 0.0) + 6 * np.abs(noise[0]),
        "Impedance": 4_200_000 + 90_000 * noise[0],
    }


def _ac(power_w: F64, warm: F64, outdoor: F64, noise: F64) -> dict[str, F64]:
    return _shared(power_w, warm, outdoor, noise) | {
        "ACCurrent": power_w / 3 / _VOLT_AC,
        "contact": outdoor + 24 * warm + 0.05 * noise[2],
        "ResidualCurrent": np.abs(0.0012 + 0.0003 * noise[1]),
    }


def _shared(power_w: F64, warm: F64, outdoor: F64, noise: F64) -> dict[str, F64]:
    return {
        "EVSE/Power": power_w,
        "ACVoltage[L1]": _VOLT_AC + 2 - 3 * warm + 0.25 * noise[0],
        "ACVoltage[L2]": _VOLT_AC - 1 - 3 * warm + 0.25 * noise[1],
        "ACVoltage[L3]": _VOLT_AC + 4 - 3 * warm + 0.25 * noise[2],
        "ExternalTemperatureSensor": outdoor,
        "Humidity": 71 - 1.5 * outdoor + 0.1 * noise[1],
        "RoundTrip": np.clip(0.055 + 0.012 * noise[1], 0.02, None),
        "SignalStrength": -71 + 1.5 * noise[2],
    }


def _pick(columns: dict[str, F64], key: str) -> F64:
    if "xState" in key:
        return columns["state"]
    if "xTransactionActive" in key:
        return columns["session"]
    if "[Contact" in key:
        spread = 1.8 if key.endswith(("DCplus]/Temperature", "L1]/Temperature")) else 0.0
        return columns["contact"] + spread
    return next(values for part, values in columns.items() if part in key)


def _warm(load: F64) -> F64:
    """Follow the load as a warm part does: with a time constant of nine minutes, worked out a minute at a time."""
    minutes = load[::_MINUTE_S]
    warm, level = np.empty(minutes.size), float(minutes[0])
    for at, now in enumerate(minutes):
        level += (float(now) - level) / 9
        warm[at] = level
    return np.interp(np.arange(load.size) / _MINUTE_S, np.arange(minutes.size), warm)
