"""This file steps the arrays beside sim/physics; it guards that in the nominal case both are one AC charger."""

import numpy as np
import pytest

from isolane.sim.physics.ac_station import AcStation
from isolane.sim.physics.faults import Fault as PhysicsFault
from isolane.sim.physics.surroundings import Weather as PhysicsWeather
from isolane.sim.physics.vehicles import MODELS, Vehicle
from isolane.sim.years.ac_body import AcBody
from isolane.sim.years.arrivals import Session
from isolane.sim.years.climate import Weather
from isolane.sim.years.faults import Fault
from isolane.sim.years.lanes import Lane, run
from isolane.sim.years.plan import Climate, Plan, Scatter
from isolane.sim.years.structure import draw_structure

_CALM = Climate(mean_c=25.0, season_k=0, swing_k=0, spell_k=0, wander_k=0, damp_rh=0)
_STAY_S, _CLOSE_S = 3000, 5


@pytest.mark.parametrize(("gain", "group", "soc"), [(1.0, 0, 0.3), (2.5, 0, 0.3), (1.6, 3, 0.3), (1.0, 2, 0.83)])
def test_nominal_agrees_with_the_physics(gain: float, group: int, soc: float) -> None:
    session = Session(
        begin_s=60, stay_s=_STAY_S, close_s=_CLOSE_S, stop_s=10**6, model=MODELS[group], car=0, soc=soc, energy_wh=1e9
    )
    structure = draw_structure(np.random.default_rng(1), Scatter.none(), "ac22", 2)
    lane = Lane(0, (session,), (Fault(kind="conn_gain", level=gain),), structure)
    track = run(AcBody, [lane], Weather(Plan(days=1, climate=_CALM)))[0][0]
    weather = PhysicsWeather(mean_c=25.0, swing_k=0.0, wander_k=0.0)
    station = AcStation(1, weather, [PhysicsFault("conn_gain", gain)], mating_scatter=0.0)
    station.plug(Vehicle(MODELS[group], soc))
    stepped = np.empty((_STAY_S, 3))
    for second in range(_STAY_S):
        station.switch(closed=second >= _CLOSE_S)
        station.step(1.0)
        stepped[second] = max(station.phase_a), station.contact.celsius, station.limit
    for column, (name, offset, tolerance) in enumerate(
        (("current", 0, 0.01), ("contact_k", 25, 0.02), ("limit", 0, 0.002))
    ):
        assert np.abs(track[name] + offset - stepped[:, column]).max() < tolerance, name
