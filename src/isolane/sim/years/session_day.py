"""This file is what a charger shows of its sessions in a day: states, contactor, pilot, talk with the car.

It guards that a welded contactor, a contactor that stays open and a failed start leave the traces of the real thing.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.arrivals import NEVER_S, Session
from isolane.sim.years.frame import Frame
from isolane.sim.years.sensors import Sensors
from isolane.sim.years.station_day import Flow, Memory

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_AVAILABLE, _PREPARING, _CHARGING, _FINISHING, _FAULTED = range(5)
_HALF = 0.5
_TOLD_MIN_S = 20
_SLAC, _CABLE_CHECK, _PRE_CHARGE, _CURRENT_DEMAND, _STOP = 1, 8, 9, 10, 12
_STAGE_STEPS_S = ((0, _SLAC), (4, 3), (7, 6), (12, _CABLE_CHECK))
STAGES = (
    "none",
    "SLAC",
    "SDP",
    "CommunicationSetup",
    "ServiceDiscovery",
    "PaymentSelection",
    "Authorization",
    "ChargeParameterDiscovery",
    "CableCheck",
    "PreCharge",
    "CurrentDemand",
    "WeldingDetection",
    "SessionStop",
)
"""What `ISO15118Ctrlr/xStage` counts: the furthest stage of the session so far."""


def session_signals(frame: Frame, sensors: Sensors, flow: Flow, memory: Memory, kind: str) -> None:
    """Show a day's sessions."""
    plugged, told, state = _states(frame, flow)
    count = len(frame.time)
    number = np.zeros(count, np.int64)
    for session in frame.sessions:
        number[frame.where(session).start :] += 1
    active = _contactor(frame, sensors, flow, told, memory)
    sensors.plain("1.0/EVSE/xState", state)
    problem = (flow.limit < 1) | (told & ~active)
    sensors.plain("1.0/EVSE/Problem", problem)
    sensors.plain("1.0/EVSE/xPowerLimit", 100 * flow.limit)
    sensors.plain("1.0/EVSE/xSessionCount", memory.sessions + number)
    memory.sessions += len(frame.sessions)
    _pilot(frame, sensors, plugged, flow.closed, 5.0 if kind == "dc150" else 100 * 32 / 60)
    if kind == "dc150":
        _talk(frame, sensors, flow, memory)


def _states(frame: Frame, flow: Flow) -> tuple[Flags, Flags, Floats]:
    count = len(frame.time)
    plugged, told, state = np.zeros(count, bool), np.zeros(count, bool), np.zeros(count)
    for session in frame.sessions:
        part = frame.where(session)
        plugged[part] = True
        age = np.arange(session.stay_s)
        closed = np.flatnonzero(flow.closed[part])
        last = int(closed[-1]) if len(closed) else min(session.close_s + _TOLD_MIN_S, session.stay_s - 1)
        told[part] = (age >= session.close_s) & (age <= last)
        state[part] = np.where(
            flow.closed[part], _CHARGING, np.where(told[part] & ~flow.closed[part], _FAULTED, _PREPARING)
        )
        state[part][age > last] = _FINISHING
    return plugged, told, state


def _contactor(frame: Frame, sensors: Sensors, flow: Flow, told: Flags, memory: Memory) -> Flags:
    stuck = np.broadcast_to(np.asarray(frame.level("weld")) > _HALF, told.shape)
    active = flow.closed.copy()
    if stuck.any():
        active |= _welded(flow.closed, stuck, welded=memory.welded)
        memory.welded = bool(active[-1] and stuck[-1])
    closings = np.flatnonzero(np.diff(flow.closed.astype(np.int8), prepend=0) > 0)
    operations = np.zeros(len(told), np.int64)
    operations[closings] = 1
    total = memory.operations + np.cumsum(operations)
    memory.operations = int(total[-1])
    sensors.plain("1.0/PowerContactor/Active", active)
    sensors.plain("1.0/PowerContactor/xCommand", told)
    sensors.meter("1.0/PowerContactor/xOutputVoltage", np.where(active, flow.behind_v, 0.0))
    sensors.register("1.0/PowerContactor/Count[Operations]", total.astype(np.float64))
    return active


def _welded(closed: Flags, stuck: Flags, *, welded: bool) -> Flags:
    """Tell when a weld holds: from the first closing under it until it is gone."""
    held = np.zeros(len(closed), bool)
    edges = np.flatnonzero(np.diff(stuck.astype(np.int8), prepend=0, append=0))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        closings = np.flatnonzero(closed[begin:end])
        if welded and begin == 0:
            held[begin:end] = True
        elif len(closings):
            held[begin + closings[0] : end] = True
    return held


def _pilot(frame: Frame, sensors: Sensors, plugged: Flags, closed: Flags, duty_percent: float) -> None:
    state = plugged.astype(np.int64) + closed
    high = 12.0 - 3.0 * state + frame.level("pilot_drift")
    low = np.where(plugged, -12.0 + np.asarray(frame.level("pilot_diode")), 12.0)
    duty = np.where(plugged, duty_percent + np.asarray(frame.level("pilot_duty")), 100.0)
    sensors.noisy("1.0/CPPWMController/DCVoltage", high, 0.03)
    sensors.noisy("1.0/CPPWMController/DCVoltage[Negative]", low, 0.03)
    sensors.noisy("1.0/CPPWMController/Percentage", np.minimum(duty, 100.0), 0.0)
    sensors.plain("1.0/CPPWMController/State", state)


def _talk(frame: Frame, sensors: Sensors, flow: Flow, memory: Memory) -> None:
    stage = np.zeros(len(frame.time))
    attenuation = np.full(len(frame.time), memory.attenuation_db)
    for session in frame.sessions:
        part = frame.where(session)
        stage[part] = _stages(session, flow.closed[part])
        excess = np.broadcast_to(np.asarray(frame.level("slac_attenuation")), stage.shape)[part.start]
        memory.attenuation_db = frame.structure.attenuation_db + session.attenuation_db + float(excess)
        attenuation[part.start :] = memory.attenuation_db
    sensors.plain("1.0/ISO15118Ctrlr/xStage", stage)
    sensors.plain("1.0/ISO15118Ctrlr/xSlacAttenuation", attenuation)


def _stages(session: Session, closed: Flags) -> Floats:
    if session.close_s >= NEVER_S:
        return np.full(session.stay_s, float(_SLAC))
    age = np.arange(session.stay_s)
    stage = np.zeros(session.stay_s)
    for second, value in _STAGE_STEPS_S:
        stage[age >= second] = value
    stage[age >= session.close_s - 3] = _PRE_CHARGE
    charging = np.flatnonzero(closed)
    if len(charging):
        stage[charging[0] :] = _CURRENT_DEMAND
        stage[charging[-1] + 1 :] = _STOP
    return stage
