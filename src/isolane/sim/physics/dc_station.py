"""This file is the 150 kW DC charger as a body; it guards that OCPP and Modbus are told of one state."""

import random
from collections.abc import Sequence

from isolane.sim.physics.contact import MATING_SCATTER, Contact, derate
from isolane.sim.physics.cooling import Cooling
from isolane.sim.physics.energy import Register
from isolane.sim.physics.faults import Fault
from isolane.sim.physics.noise import Lag
from isolane.sim.physics.station import Station
from isolane.sim.physics.surroundings import Weather

RATED_W = 150_000.0
RATED_A = 200.0
"""What the air-cooled cable carries."""
RATED_V = 1000.0
MODULES = 5
"""Power modules (AC/DC converters) of 30 kW each."""
_AUX_W = 120.0
_RAMP_TAU_S = 4.0


def module_loss_w(power_w: float) -> float:
    """Give the loss of one 30 kW module that delivers `power_w`: 90 + 0.018 P + 6e-7 P^2; 0 while it is off."""
    return 90 + 0.018 * power_w + 6e-7 * power_w * power_w if power_w > 0 else 0.0


class DcStation(Station):
    """A DC charger, stepped in simulated seconds.

    Args:
        seed: Everything random in it follows from this.
        weather: Around it.
        plan: What falls ill, and when.
        meter_wh: What its billing register shows at first.
        mating_scatter: Difference of the contacts from one visit to the next.
    """

    rated_w = RATED_W
    phases = 3

    def __init__(
        self,
        seed: int,
        weather: Weather,
        plan: Sequence[Fault] = (),
        meter_wh: int = 0,
        mating_scatter: float = MATING_SCATTER,
    ) -> None:
        super().__init__(
            random.Random(seed),
            weather,
            plan,
            meter_wh=meter_wh,
            supply_ohm=0.02,
            housing=(3600.0, 8.0, 10.0),
            contact_scatter=mating_scatter,
        )
        self.cooling = Cooling(self.surroundings.air_c)
        self.plus = Contact(1.0e-3, 600.0, self.surroundings.air_c)
        self.minus = Contact(1.0e-3, 600.0, self.surroundings.air_c)
        self.contacts = (self.plus, self.minus)
        self.control_register = Register(meter_wh)
        self.module_spread_k = [self._rng.gauss(0.0, 0.8) for _ in range(MODULES)]
        self._current = Lag(0.0, _RAMP_TAU_S)
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.supply_w = _AUX_W

    @property
    def power_w(self) -> float:
        """DC power to the vehicle."""
        return self.voltage_v * self.current_a

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds, at most a few."""
        self._pass(dt_s)
        air_c = self.surroundings.air_c
        self._deliver(dt_s)
        power_w = self.power_w
        load = power_w / RATED_W
        loss_w = MODULES * module_loss_w(power_w / MODULES) * self.faults["eff_drift"]
        self.plus.step(self.current_a, air_c, self.faults["conn_gain"], dt_s)
        self.minus.step(self.current_a, air_c, 1.0, dt_s)
        self.cooling.step(load, loss_w, air_c, self.faults, dt_s)
        self.housing.step(load, self.faults, dt_s)
        self.supply_w = power_w + loss_w + _AUX_W + self.cooling.fan_w
        self._draw()
        self.register.add(power_w * self.faults["meter_gain"], dt_s)
        self.control_register.add(power_w, dt_s)
        self.supply_register.add(self.supply_w, dt_s)

    def _deliver(self, dt_s: float) -> None:
        self.limit = min(
            derate(max(self.plus.celsius, self.minus.celsius), 80.0, 90.0),
            derate(self.cooling.heatsink_c, 75.0, 90.0),
            0.0 if self.supply.lost else 1.0,
        )
        if self.vehicle is None or not self.closed:
            self._current.value = self.current_a = self.voltage_v = 0.0
            return
        self.voltage_v = self.vehicle.voltage_v
        request_w = min(self.vehicle.dc_request_w, RATED_W * self.limit)
        target_a = min(request_w / self.voltage_v, RATED_A * self.limit)
        self.current_a = self._current.step(target_a, dt_s)
        self.vehicle.take(self.power_w, dt_s)

    def _draw(self) -> None:
        live = [phase for phase in range(3) if phase + 1 != self.supply.lost]
        for phase in range(3):
            current_a = self.supply_w / len(live) / max(self.phase_v[phase], 100.0) if phase in live else 0.0
            self.phase_v[phase] = self.supply.voltage_v(phase, current_a)
            self.phase_a[phase] = self.supply_w / len(live) / self.phase_v[phase] if phase in live else 0.0
