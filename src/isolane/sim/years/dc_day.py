"""This file is what a 150 kW DC charger's power path shows in a day; it guards that it follows from the lanes alone."""

import numpy as np
from numpy.typing import NDArray

from isolane.sim.physics.dc_station import MODULES, RATED_W
from isolane.sim.years.dc_body import SLOW, flow_share, loss_w, pwm_percent, turns_share
from isolane.sim.years.frame import Frame
from isolane.sim.years.sensors import Sensors
from isolane.sim.years.station_day import Flow

Floats = NDArray[np.float64]

_AUX_W = 120.0
_FAN_W = 900.0
_RECIRCULATION_K = 2.0
_AIR_J_M3K, _FLOW_M3_S, _FLOW_MIN = 1206.0, 0.40, 0.1
_RPM = 9000.0
_RIPPLE_V = 2.0
_ESR_GAIN = 1.5
_PLUS, _MINUS, _HANDLE, _AIR_OUT, _SINK, _CAP = range(6)
"""Places of the sensors' offsets; the enclosure's is 6, the modules' begin at 9."""
MODULE_OFFSETS = 9


def dc_day(frame: Frame, sensors: Sensors, air_c: Floats) -> Flow:
    """Show a day's power, contacts, cooling and modules.

    Args:
        frame: The day.
        sensors: What shows it.
        air_c: Outdoors.

    Returns:
        What the rest of the station needs to know of it.
    """
    volt, current = frame.placed("volt"), frame.placed("current")
    power = volt * current
    _contacts(frame, sensors, air_c)
    supply_w = _cooling(frame, sensors, air_c, power)
    _modules(frame, sensors, power)
    for key, value in (("DCVoltage", volt), ("DCCurrent", current)):
        sensors.meter(f"1.0/EVSE/{key}", value)
    pack = np.zeros(len(frame.time))
    for session, track in zip(frame.sessions, frame.tracks, strict=True):
        shown = track["volt"]
        if shown.any():
            live = np.flatnonzero(shown)
            pack[frame.where(session)] = np.interp(np.arange(session.stay_s), live, shown[live])
    return Flow(
        power_w=power,
        supply_w=supply_w,
        closed=volt > 0,
        limit=frame.placed("limit", 1.0),
        behind_v=pack,
        phases_a=None,
        rated_w=RATED_W,
    )


def _contacts(frame: Frame, sensors: Sensors, air_c: Floats) -> None:
    tau_s, offsets = frame.structure.contact_tau_s, frame.structure.offsets_k
    plus = frame.fading("plus_k", tau_s, slow=("plus_slow_k", SLOW * tau_s))
    minus = frame.fading("minus_k", tau_s, slow=("minus_slow_k", SLOW * tau_s))
    part = "1.0/TemperatureSensor"
    sensors.pt(f"{part}[ContactDCplus]/Temperature", air_c + plus, offsets[_PLUS])
    sensors.pt(f"{part}[ContactDCminus]/Temperature", air_c + minus, offsets[_MINUS])
    sensors.pt(f"{part}[Handle]/Temperature", air_c + 0.35 * np.maximum(plus, minus), offsets[_HANDLE])


def _cooling(frame: Frame, sensors: Sensors, air_c: Floats, power: Floats) -> Floats:
    """Show fans and heat; give the power taken from the supply."""
    structure, load = frame.structure, power / RATED_W
    sink = frame.fading("sink_k", structure.sink_tau_s, _RECIRCULATION_K)
    pwm = pwm_percent(load, sink)
    for session, track in zip(frame.sessions, frame.tracks, strict=True):
        pwm[frame.where(session)] = track["pwm"]
    names = ("fan_fail", "fan_wear", "clog")
    faults = {kind: np.asarray(frame.level(kind), dtype=np.float64) for kind in names}
    turns = turns_share(pwm, structure.fan_exponent, faults)
    drift = sum(np.asarray(frame.level("eff_drift", str(n + 1))) for n in range(MODULES)) / MODULES
    heat = loss_w(power, structure.loss) * drift
    flow = np.maximum(flow_share(turns, faults["clog"]), _FLOW_MIN)
    offsets = structure.offsets_k
    outlet = air_c + _RECIRCULATION_K + heat / (_AIR_J_M3K * _FLOW_M3_S * flow)
    part = "1.0/TemperatureSensor"
    sensors.pt(f"{part}[AirOut]/Temperature", outlet, offsets[_AIR_OUT])
    sensors.pt(f"{part}[Heatsink]/Temperature", air_c + sink, offsets[_SINK])
    sensors.pt(f"{part}[DcLinkCap]/Temperature", air_c + 0.5 * sink + 8 * load, offsets[_CAP])
    sensors.meter("1.0/AirCoolingSystem[1]/FanSpeed", _RPM * turns)
    sensors.plain("1.0/AirCoolingSystem[1]/xPercent", pwm)
    for n in range(MODULES):
        own = np.asarray(frame.level("eff_drift", str(n + 1))) / drift
        celsius = air_c + _RECIRCULATION_K + (sink - _RECIRCULATION_K) * own + structure.module_spread_k[n] * load
        sensors.pt(f"1.0/AcDcConverter[{n + 1}]/Temperature", celsius, offsets[MODULE_OFFSETS + n])
    return np.asarray(power + heat + _AUX_W + _FAN_W * turns**3)


def _modules(frame: Frame, sensors: Sensors, power: Floats) -> None:
    for n in range(MODULES):
        worn = 1 + _ESR_GAIN * np.asarray(frame.level("cap_age", str(n + 1)))
        sensors.meter(f"1.0/AcDcConverter[{n + 1}]/Power", power / MODULES)
        sensors.meter(f"1.0/AcDcConverter[{n + 1}]/xRippleVoltage", _RIPPLE_V * power / RATED_W * worn)
