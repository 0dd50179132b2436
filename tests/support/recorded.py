"""This file records the simulator's DC charger by the second, keyed as models see it."""

from collections.abc import Mapping, Sequence

import numpy as np

from isolane.health.models.window import Floats
from isolane.sim.physics.dc_readings import dc_readings
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.faults import Fault
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.vehicles import MODELS, Vehicle
from support.cuts import Part


def recorded(
    sessions: int,
    *,
    seed: int = 1,
    charge_s: int = 1200,
    rest_s: int = 1200,
    plan: Sequence[Fault] = (),
    weather: Weather | None = None,
) -> tuple[dict[str, Floats], list[Part]]:
    """Record sessions of 150 kW class cars, each with a rest before it.

    Args:
        sessions: How many.
        seed: Of everything random.
        charge_s: Length of each, s.
        rest_s: Length of each rest, s.
        plan: What falls ill.
        weather: Around it.

    Returns:
        Signals by key without place, and where the sessions lie.
    """
    station = DcStation(seed, weather or Weather(), plan)
    rows: list[Mapping[str, float]] = []
    parts = []
    for number in range(sessions):
        rows += _steps(station, rest_s)
        first = len(rows)
        station.plug(Vehicle(MODELS[3], 0.1 + 0.05 * (number % 4)))
        station.switch(closed=True)
        rows += _steps(station, charge_s)
        station.unplug()
        parts.append(Part(first, len(rows), number + 1, rest_s=float(rest_s)))
    rows += _steps(station, 60)
    keys = rows[0].keys()
    return {key.partition("/")[2]: np.array([row[key] for row in rows], np.float64) for key in keys}, parts


def _steps(station: DcStation, count: int) -> list[Mapping[str, float]]:
    rows: list[Mapping[str, float]] = []
    for _ in range(count):
        station.step(1.0)
        rows.append(dc_readings(station))
    return rows
