"""This file is what any charger shows in a day beside its power path; it guards that counters never fall.

Supply, meters, contactor, control pilot, insulation, housing, connection and clock. What goes on from one day to the
next (registers, counters, the housing's warmth) is in `Memory`.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.climate import GRID_S, PER_DAY, humidity_rh
from isolane.sim.years.frame import Frame
from isolane.sim.years.lags import lag
from isolane.sim.years.sensors import Sensors

Floats = NDArray[np.float64]

_GHOST_V = 18.0
_VAPOUR_TAU_S = 6 * 3600.0
_INGRESS_GAIN = 0.7
_ENCLOSURE_OFFSET = 6
_HALF = 0.5
HOUSINGS = {"dc150": (3600.0, 8.0, 10.0), "ac22": (1200.0, 6.0, 7.5)}
"""Time constant (s), sun's and losses' heat (K)."""
IMPEDANCES = {"dc150": 0.02, "ac22": 0.20}


@dataclass(frozen=True, slots=True)
class Flow:
    """What the power path did in a day, on the frame's seconds.

    Attributes:
        power_w: To the vehicle.
        supply_w: From the supply.
        closed: Whether the contactor carries.
        limit: Power left by derating, 0 to 1.
        behind_v: Voltage of the car behind the contactor; 0 without one.
        phases_a: Currents by phase, shape (3, n); None is the supply's power spread evenly.
        rated_w: Full power.
    """

    power_w: Floats
    supply_w: Floats
    closed: NDArray[np.bool_]
    limit: Floats
    behind_v: Floats
    phases_a: Floats | None
    rated_w: float


@dataclass(slots=True)
class Memory:
    """What a charger takes along from day to day."""

    billing_wh: float = 0.0
    control_wh: float = 0.0
    supply_wh: float = 0.0
    operations: int = 0
    sessions: int = 0
    enclosure_c: float = math.nan
    vapour: float = math.nan
    attenuation_db: float = 10.0
    reconnects: int = 0
    welded: bool = False
    rsrp_wander: float = 0.0
    held: dict[str, float] = field(default_factory=dict)


def supply_signals(frame: Frame, sensors: Sensors, flow: Flow, impedance_ohm: float) -> None:
    """Show voltages, currents, frequency and what follows from them."""
    volts, amperes = _phases(frame, flow, impedance_ohm)
    for n in range(3):
        sensors.meter(f"1.0/ElectricalFeed/ACVoltage[L{n + 1}]", volts[n])
        sensors.meter(f"1.0/ElectricalFeed/ACCurrent[L{n + 1}]", amperes[n])
    sensors.plain("1.0/ElectricalFeed/Frequency", 50 + frame.supply(3))
    sensors.plain("1.0/ElectricalFeed/xTHD[V]", np.maximum(1.0, 2.5 + frame.supply(4)))
    sensors.meter("1.0/ElectricalFeed/Power", flow.supply_w * frame.structure.supply_gain)
    sensors.plain("0.0/ChargingStation/VoltageImbalance", _voltage_imbalance(volts))
    mean = amperes.mean(axis=0)
    away = np.abs(amperes - mean).max(axis=0)
    imbalance = 100 * np.divide(away, mean, out=np.zeros_like(mean), where=mean > 0)
    sensors.plain("0.0/ChargingStation/CurrentImbalance", imbalance)


def _phases(frame: Frame, flow: Flow, impedance_ohm: float) -> tuple[Floats, Floats]:
    if flow.phases_a is not None:
        return phase_volts(frame, flow.phases_a, impedance_ohm), flow.phases_a
    free, here = _feed(frame)
    each_w = flow.supply_w / here.sum(axis=0)
    volts = phase_volts(frame, np.where(here, each_w / free, 0.0), impedance_ohm)
    return volts, np.where(here, each_w / volts, 0.0)


def _feed(frame: Frame) -> tuple[Floats, NDArray[np.bool_]]:
    """Give the voltages without load, and which phases are there."""
    lost = np.rint(np.asarray(frame.level("phase_loss")))
    here = np.stack([np.broadcast_to(lost != n + 1, frame.time.shape) for n in range(3)])
    return np.stack([230 + frame.supply(n) for n in range(3)]), here


def phase_volts(frame: Frame, amperes: Floats, impedance_ohm: float) -> Floats:
    """Give the three voltages to neutral under load; a bad neutral shifts it by what flows in it."""
    free, here = _feed(frame)
    factors = [np.asarray(frame.level("terminal_z", str(n + 1))) for n in range(3)]
    volts = np.stack([free[n] - impedance_ohm * factors[n] * amperes[n] for n in range(3)])
    neutral = np.asarray(frame.level("neutral_r"))
    if neutral.any():
        turned = amperes * _TURNS[:, None]
        volts = np.abs(volts * _TURNS[:, None] - neutral * turned.sum(axis=0))
    return np.where(here, volts, _GHOST_V)


_TURNS = np.exp(-2j * np.pi * np.arange(3) / 3)


def _voltage_imbalance(volts: Floats) -> Floats:
    a, b, c = volts
    squares = [x * x + y * y + x * y for x, y in ((a, b), (b, c), (c, a))]
    total = squares[0] + squares[1] + squares[2]
    beta = sum(square * square for square in squares) / (total * total)
    root = np.sqrt(np.maximum(0.0, 3 - 6 * beta))
    return np.asarray(100 * np.sqrt(np.maximum(0.0, (1 - root) / (1 + root))))


def meter_signals(frame: Frame, sensors: Sensors, flow: Flow, memory: Memory) -> None:
    """Show what bills and what checks."""
    structure = frame.structure
    billed = flow.power_w * structure.billing_gain * frame.level("meter_gain")
    scatter = np.ones(len(frame.time))
    for session in frame.sessions:
        scatter[frame.where(session)] = 1 + session.meter_luck * 0.15 * abs(structure.control_gain - 1)
    checked = flow.power_w * structure.control_gain * scatter
    stuck = np.asarray(frame.level("stuck_register")) > _HALF
    billing = memory.billing_wh + np.cumsum(np.where(stuck, 0.0, billed)) / 3600
    control = memory.control_wh + np.cumsum(checked) / 3600
    memory.billing_wh, memory.control_wh = float(billing[-1]), float(control[-1])
    sensors.meter("1.0/EVSE/Power", billed)
    sensors.meter("1.0/ControlMetering/Power", checked)
    sensors.register("1.0/FiscalMetering/EnergyImportRegister", billing)
    sensors.register("1.0/ControlMetering/EnergyImportRegister", control)


def housing_signals(frame: Frame, sensors: Sensors, flow: Flow, memory: Memory, kind: str) -> Floats:
    """Show warmth and moisture of the housing; give the relative humidity inside."""
    weather, (tau_s, sun_k, load_k) = frame.weather, HOUSINGS[kind]
    air, vapour, sun = (frame.of_weather(grid) for grid in (weather.air_c, weather.vapour, weather.sun))
    if math.isnan(memory.enclosure_c):
        memory.enclosure_c, memory.vapour = float(air[0]), float(vapour[0])
    load = frame.minute_mean(flow.power_w) / flow.rated_w
    minutes = frame.day * PER_DAY * GRID_S + np.arange(PER_DAY) * GRID_S
    wet = 1 + _INGRESS_GAIN * np.asarray(frame.level_at("ingress", minutes))
    inside = lag(air[1:] + sun_k * sun[1:] + load_k * load, tau_s, GRID_S, memory.enclosure_c)
    damp = lag(vapour[1:] * wet, _VAPOUR_TAU_S, GRID_S, memory.vapour)
    warm = np.concatenate([[memory.enclosure_c], inside])
    humid = humidity_rh(air, np.concatenate([[memory.vapour], damp]))
    memory.enclosure_c, memory.vapour = float(inside[-1]), float(damp[-1])
    offset_k = frame.structure.offsets_k[_ENCLOSURE_OFFSET]
    sensors.pt("0.0/TemperatureSensor[Enclosure]/Temperature", frame.minutes(warm), offset_k)
    sensors.plain("0.0/ExternalTemperatureSensor/Temperature", frame.minutes(air))
    humidity = frame.minutes(humid)
    sensors.plain("0.0/HumiditySensor/Humidity", humidity)
    return humidity


def insulation_signals(frame: Frame, sensors: Sensors, humidity: Floats, load: Floats) -> None:
    """Show insulation and residual currents."""
    ohm = frame.structure.riso_ohm * np.exp(-0.035 * (humidity - 50)) * frame.level("riso_scale")
    for session in frame.sessions:
        if math.isfinite(session.insulation_ohm):
            part = frame.where(session)
            ohm[part] = 1 / (1 / ohm[part] + 1 / session.insulation_ohm)
    sensors.noisy("1.0/GroundIsolationProtection/Impedance", ohm, 0.0)
    zero = np.zeros(len(frame.time))
    sensors.noisy("1.0/RCD/xResidualCurrent[DC]", zero + 0.0005 + frame.level("rcd_standing"), 0.0001)
    sensors.noisy("1.0/RCD/xResidualCurrent[AC]", zero + 0.003 + 0.003 * load, 0.0002)
