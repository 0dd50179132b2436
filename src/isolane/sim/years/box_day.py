"""This file is what a charger shows of its box in a day: connection, clock, memory, door, tilt, shock.

It guards that in good health all of these wander as they do in the field, so that a model has something to ignore.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.faults import DAY_S
from isolane.sim.years.frame import Frame
from isolane.sim.years.lags import wander
from isolane.sim.years.sensors import Sensors
from isolane.sim.years.station_day import Memory

Floats = NDArray[np.float64]

_MINUTES = DAY_S // 60
_FLAPS_PER_DAY = 0.3
_RTT_S, _RTT_SPREAD = 0.080, 0.4
_RTC_V, _RTC_FALL_V_DAY = 3.05, 1e-4
_VISITS_PER_DAY = 4 / 365
_VISIT_S = 1800
_OFFSET_S = 0.02
_WEAR_PER_DAY = 3.0 / 365


def box_signals(frame: Frame, sensors: Sensors, memory: Memory, rng: np.random.Generator, *, visits: bool) -> None:
    """Show a day of the box.

    Args:
        frame: The day.
        sensors: What shows it.
        memory: Counters.
        rng: Where the day's events come from.
        visits: Whether somebody may open the door for maintenance.
    """
    _connection(frame, sensors, memory, rng)
    minute = frame.time // 60
    drift = np.asarray(frame.level("clock_drift")) + np.asarray(frame.level("rtc_jump"))
    sensors.plain("0.0/RealTimeClock/xOffset", drift + _OFFSET_S * rng.standard_normal(_MINUTES)[minute])
    sensors.plain("0.0/RealTimeClock/DCVoltage", _RTC_V - _RTC_FALL_V_DAY * frame.second / DAY_S)
    worn = np.floor((_WEAR_PER_DAY * frame.second / DAY_S + frame.level("storage_wear")) / 10 + 1) * 10
    sensors.plain("0.0/Controller/xFlashWorn", np.minimum(worn, 110.0))
    door = np.broadcast_to(np.asarray(frame.level("door_open")) > 0.5, frame.time.shape)  # noqa: PLR2004 - a flag
    force = np.zeros(len(frame.time))
    if visits and rng.random() < _VISITS_PER_DAY:
        begin_s = 4 * 3600 + int(rng.integers(8 * 3600))
        there = (frame.time >= begin_s) & (frame.time < begin_s + _VISIT_S)
        door, force = door | there, np.where(there, 15.0, 0.0)
    sensors.plain("0.0/CaseAccessSensor/Active", door)
    sensors.noisy("0.0/TiltSensor/Angle", 0.2 + np.zeros(len(frame.time)) + frame.level("tilt"), 0.03)
    blows = rng.random(_MINUTES)[minute] * (frame.time % 60 == 0)
    sensors.plain("0.0/ShockSensor/Force", np.where(blows > 0, force + blows * frame.level("shock"), 0.0))
    sensors.plain("0.0/FloodSensor/Percent", 0.0)


def _connection(frame: Frame, sensors: Sensors, memory: Memory, rng: np.random.Generator) -> None:
    count = len(frame.time)
    start = np.array([frame.day * DAY_S])
    mean = _FLAPS_PER_DAY + float(np.max(frame.level_at("comms_flap", start + DAY_S // 2)))
    begins = np.sort(rng.integers(0, DAY_S, rng.poisson(mean)))
    up = np.ones(count, bool)
    back = np.zeros(count, np.int64)
    for begin, lasts in zip(begins, rng.integers(20, 120, len(begins)), strict=True):
        up[(frame.time >= begin) & (frame.time < begin + lasts)] = False
        back[np.searchsorted(frame.time, begin + lasts) :] += 1
    sensors.plain("0.0/DataLink/Active", up)
    sensors.register("0.0/DataLink/xReconnects", (memory.reconnects + back).astype(np.float64))
    memory.reconnects += len(begins)
    minute = frame.time // 60
    trip_s = _RTT_S * np.exp(_RTT_SPREAD * rng.standard_normal(_MINUTES))[minute]
    sensors.plain("0.0/DataLink/xRoundTrip", np.where(up, trip_s, np.nan))
    field = wander(rng, _MINUTES, 3.0, 3600.0, dt_s=60.0, start=memory.rsrp_wander)
    memory.rsrp_wander = float(field[-1])
    sensors.plain("0.0/DataLink/SignalStrength", frame.structure.rsrp_dbm + field[minute] - frame.level("rsrp_drop"))
