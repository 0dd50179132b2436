"""This file holds the cars that come; it guards that power over state of charge has the form that was measured.

Four groups by greatest DC power, from the 113 cars of chargeprice/open-ev-data (MIT licence, state of 2021-09-09) that
have a measured DC charging curve (``is_default_charging_curve`` false): below 60, 60-120, 120-180, from 180 kW on. Per
group: the number of cars, the medians of usable battery and greatest DC power, and at each 10 % of state of charge the
median over the cars of power (interpolated linearly) over that car's own greatest DC power, to 2 decimals.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A group of cars.

    Attributes:
        cars: How many the group has; the weight when one is drawn.
        battery_wh: Usable battery.
        dc_power_w: Greatest DC power.
        dc_curve: Share of it at 0, 10, ... 100 % state of charge.
        pack_v: Nominal pack voltage; not in the data: 360 V class, 720 V class from 180 kW on.
        ac_current_a: What its AC charger draws per phase.
        ac_phases: On how many phases.
    """

    cars: int
    battery_wh: float
    dc_power_w: float
    dc_curve: tuple[float, ...]
    pack_v: float = 360.0
    ac_current_a: float = 16.0
    ac_phases: int = 3


MODELS = (
    Model(32, 31_750, 46_000, (0.91, 0.94, 0.97, 0.95, 0.94, 0.95, 0.88, 0.73, 0.59, 0.44, 0.21), 360, 32.0, 1),
    Model(32, 58_000, 98_000, (1.0, 0.99, 0.95, 0.96, 0.88, 0.78, 0.71, 0.62, 0.42, 0.29, 0.11), 360, 16.0, 3),
    Model(35, 80_000, 140_000, (0.89, 0.97, 0.94, 0.97, 0.95, 0.86, 0.66, 0.52, 0.48, 0.30, 0.09), 360, 16.0, 3),
    Model(14, 75_750, 197_000, (1.0, 0.92, 0.84, 0.76, 0.72, 0.68, 0.57, 0.47, 0.37, 0.21, 0.05), 720, 32.0, 3),
)

_LOW_SHARE, _SPAN_SHARE = 0.92, 0.14
"""Pack voltage over nominal: 0.92 when empty, 1.06 when full."""


class Vehicle:
    """One car at the plug.

    Args:
        model: Its group.
        soc: State of charge on arrival, 0 to 1.
    """

    def __init__(self, model: Model, soc: float) -> None:
        self.model = model
        self.soc = soc

    @property
    def dc_request_w(self) -> float:
        """What it asks for now."""
        place = min(max(self.soc, 0.0), 1.0) * (len(self.model.dc_curve) - 1)
        low = min(int(place), len(self.model.dc_curve) - 2)
        a, b = self.model.dc_curve[low], self.model.dc_curve[low + 1]
        return self.model.dc_power_w * (a + (b - a) * (place - low)) if self.soc < 1 else 0.0

    @property
    def voltage_v(self) -> float:
        """Its pack voltage."""
        return self.model.pack_v * (_LOW_SHARE + _SPAN_SHARE * self.soc)

    @property
    def ac_request_a(self) -> tuple[float, float, float]:
        """What its AC charger draws from L1, L2, L3; tapers over the last 5 %."""
        share = min(1.0, max(0.0, (1 - self.soc) / 0.05))
        drawn = self.model.ac_current_a * share
        return (drawn, drawn, drawn) if self.model.ac_phases > 1 else (drawn, 0.0, 0.0)

    def take(self, power_w: float, dt_s: float) -> None:
        """Charge its battery."""
        self.soc = min(1.0, self.soc + power_w * dt_s / 3600 / self.model.battery_wh)


def draw_model(rng: random.Random) -> Model:
    """Draw a group by its number of cars."""
    return rng.choices(MODELS, [model.cars for model in MODELS])[0]
