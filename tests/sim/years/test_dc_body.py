"""This file steps the arrays beside sim/physics; it guards that in the nominal case both are one charger."""

from typing import cast

import numpy as np
import pytest

from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.faults import Fault as PhysicsFault
from isolane.sim.physics.faults import FaultKind
from isolane.sim.physics.surroundings import Weather as PhysicsWeather
from isolane.sim.physics.vehicles import MODELS, Vehicle
from isolane.sim.years.arrivals import Session
from isolane.sim.years.climate import Weather
from isolane.sim.years.dc_body import DcBody
from isolane.sim.years.faults import Fault
from isolane.sim.years.lanes import Lane, run
from isolane.sim.years.plan import Climate, Plan, Scatter
from isolane.sim.years.structure import draw_structure

_CALM = Climate(mean_c=25.0, season_k=0, swing_k=0, spell_k=0, wander_k=0, damp_rh=0)
_STAY_S, _CLOSE_S = 2400, 20


def _arrays(faults: tuple[Fault, ...], group: int, soc: float) -> dict[str, np.ndarray]:
    weather = Weather(Plan(days=1, climate=_CALM))
    structure = draw_structure(np.random.default_rng(1), Scatter.none(), "dc150", 8)
    session = Session(
        begin_s=3600, stay_s=_STAY_S, close_s=_CLOSE_S, stop_s=10**6, model=MODELS[group], car=0, soc=soc, energy_wh=1e9
    )
    other = Session(
        begin_s=600, stay_s=900, close_s=_CLOSE_S, stop_s=800, model=MODELS[0], car=0, soc=0.5, energy_wh=5e3
    )
    lanes = [Lane(0, (other,), (), structure), Lane(0, (session,), faults, structure)]
    return dict(run(DcBody, lanes, weather)[1][0])


def _stepped(faults: tuple[Fault, ...], group: int, soc: float) -> dict[str, list[float]]:
    plan = [PhysicsFault(cast("FaultKind", fault.kind), fault.level) for fault in faults]
    air = PhysicsWeather(mean_c=25.0, swing_k=0.0, wander_k=0.0)
    station = DcStation(1, air, plan, mating_scatter=0.0)
    station.plug(Vehicle(MODELS[group], soc))
    shown: dict[str, list[float]] = {name: [] for name in ("volt", "current", "plus", "minus", "sink", "pwm", "limit")}
    for second in range(_STAY_S):
        station.switch(closed=second >= _CLOSE_S and station.vehicle is not None and station.vehicle.soc < 0.98)
        station.step(1.0)
        shown["volt"].append(station.voltage_v)
        shown["current"].append(station.current_a)
        shown["plus"].append(station.plus.celsius)
        shown["minus"].append(station.minus.celsius)
        shown["sink"].append(station.cooling.heatsink_c)
        shown["pwm"].append(station.cooling.pwm_percent)
        shown["limit"].append(station.limit)
    return shown


@pytest.mark.parametrize(
    ("faults", "group", "soc"),
    [
        ((), 2, 0.2),
        ((), 3, 0.15),
        ((Fault(kind="conn_gain", level=2.5),), 3, 0.05),
        ((Fault(kind="clog", level=0.7), Fault(kind="eff_drift", level=1.3)), 3, 0.05),
        ((Fault(kind="fan_wear", level=0.5),), 1, 0.3),
        ((Fault(kind="fan_fail", level=1.0),), 2, 0.1),
    ],
)
def test_nominal_agrees_with_the_physics(faults: tuple[Fault, ...], group: int, soc: float) -> None:
    arrays, stepped = _arrays(faults, group, soc), _stepped(faults, group, soc)
    for name, reckoned, tolerance in (
        ("current", arrays["current"], 0.05),
        ("plus", 25 + arrays["plus_k"], 0.02),
        ("minus", 25 + arrays["minus_k"], 0.02),
        ("sink", 25 + arrays["sink_k"], 0.05),
        ("pwm", arrays["pwm"], 0.1),
        ("limit", arrays["limit"], 0.002),
        ("volt", arrays["volt"], 0.05),
    ):
        error = np.abs(reckoned - np.array(stepped[name])).max()
        assert error < tolerance, (name, error)
