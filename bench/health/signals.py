"""This file says what a site's samples are; it guards that every format carries the same ones.

They are the simulated DC charger's: real physics, a seed, and the steps and noise of its sensors.
"""

import random

import numpy as np
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.sim.chargers.bay import Bay
from isolane.sim.modbus.dc_map import SIGNALS
from isolane.sim.modbus.fronts import dc_units
from isolane.sim.modbus.rows import Row
from isolane.sim.modbus.server import ModbusFront
from isolane.sim.physics.dc_readings import dc_readings
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.visits import draw_visit

COUNT = 50
"""Signals of each charger: the first of its map."""
ROWS: tuple[Row, ...] = SIGNALS[:COUNT]
TEMPLATE = "isolane_dc150"
SEED = 7
_WARM_S = 600
"""So long it has run before, that cars are charging."""
_GAP_S = 300.0

I64 = NDArray[np.int64]


class Charger:
    """A DC charger of the simulator with its cars and its Modbus server, without OCPP.

    Args:
        number: From 1.
    """

    def __init__(self, number: int) -> None:
        rng = random.Random(SEED * 1000 + number)
        self.station = DcStation(SEED * 1_000_000 + number, Weather(), meter_wh=rng.randrange(5_000_000))
        self.bay = Bay(
            self.station,
            read=self.read,
            draw=lambda: draw_visit(rng),
            tokens=("A1B2C3D4",),
            gap_s=_GAP_S,
            meter_interval_s=1e9,
            rng=rng,
        )
        units, self._show = dc_units(name(number), "sdm630")
        self.front = ModbusFront(units, "127.0.0.1", 0)
        for _ in range(_WARM_S):
            self.pass_s()

    def read(self) -> dict[str, float]:
        """Read its sensors once."""
        return dc_readings(self.station)

    def pass_s(self) -> None:
        """Let a second pass."""
        for event in self.bay.advance(1.0, 0.0):
            if event.kind == "plugged":
                self.bay.authorise(accepted=True)

    def show(self) -> None:
        """Bring its registers up to date."""
        self._show(self.read())


def name(number: int) -> str:
    """Name a charger."""
    return f"CP-{number:02}"


def without() -> list[str]:
    """Give the keys of the template that are not read."""
    return [row.name.split("/", 1)[1] for row in SIGNALS[COUNT:]]


def chargers(count: int) -> list[Charger]:
    """Make the chargers of a site, some time after they were switched on."""
    return [Charger(number) for number in range(1, count + 1)]


def signals(count: int) -> tuple[Signal, ...]:
    """Give the signals of a site, in column order."""
    return tuple(
        Signal(name(number), row.name, row.unit, row.resolution) for number in range(1, count + 1) for row in ROWS
    )


def take(made: list[Charger], rows: int) -> I64:
    """Let a site live for so many seconds; give its samples as scaled integers, shape (columns, rows)."""
    taken = np.empty((len(made) * COUNT, rows), np.int64)
    for at in range(rows):
        for place, charger in enumerate(made):
            charger.pass_s()
            readings = charger.read()
            taken[place * COUNT : (place + 1) * COUNT, at] = [_steps(row, readings[row.name]) for row in ROWS]
    return taken


def _steps(row: Row, value: float) -> int:
    """Give a reading as a reader of the register finds it, in steps of its resolution."""
    shown = value if row.kind == "float32" else round(value / row.scale) * row.scale
    return round(shown / row.resolution)
