"""This file is what every charger's body has; it guards that time, weather, supply and faults move before the rest."""

import random
from collections.abc import Sequence

from isolane.sim.physics.contact import Contact
from isolane.sim.physics.energy import Register
from isolane.sim.physics.faults import Fault, Faults
from isolane.sim.physics.housing import Housing
from isolane.sim.physics.noise import Sensors
from isolane.sim.physics.supply import Supply
from isolane.sim.physics.surroundings import Surroundings, Weather
from isolane.sim.physics.vehicles import Vehicle


class Station:
    """A charger's body without its power path.

    Args:
        rng: Where everything random in it comes from.
        weather: Around it.
        plan: What falls ill, and when.
        meter_wh: What its billing register shows at first.
        supply_ohm: Impedance of its supply.
        housing: Its time constant (s), the sun's and the losses' heat (K).
        contact_scatter: Difference of the contacts from one visit to the next.
    """

    contacts: tuple[Contact, ...]

    def __init__(
        self,
        rng: random.Random,
        weather: Weather,
        plan: Sequence[Fault],
        *,
        meter_wh: int,
        supply_ohm: float,
        housing: tuple[float, float, float],
        contact_scatter: float,
    ) -> None:
        self._rng = rng
        self._scatter = contact_scatter
        self.faults = Faults(plan)
        self.sensors = Sensors(rng)
        self.surroundings = Surroundings(weather, rng)
        self.supply = Supply(supply_ohm, rng)
        self.housing = Housing(*housing, self.surroundings)
        self.register = Register(meter_wh)
        self.supply_register = Register(meter_wh)
        self._session_from_wh = meter_wh
        self.vehicle: Vehicle | None = None
        self.closed = False
        self.operations = 0
        self.visits = 0
        self.state = 0
        self.now_s = 0.0
        self.limit = 1.0
        self.phase_v = [230.0, 230.0, 230.0]
        self.phase_a = [0.0, 0.0, 0.0]

    @property
    def problem(self) -> bool:
        """Whether something stops or limits charging."""
        return self.limit < 1.0

    def plug(self, vehicle: Vehicle) -> None:
        """A car arrives."""
        self.vehicle = vehicle
        self.visits += 1
        self._session_from_wh = self.register.wh
        for contact in self.contacts:
            contact.mate(self._rng, self._scatter)

    def unplug(self) -> None:
        """The car leaves."""
        self.vehicle = None
        self.switch(closed=False)

    def switch(self, *, closed: bool) -> None:
        """Close or open the contactor."""
        self.operations += closed and not self.closed
        self.closed = closed

    def _pass(self, dt_s: float) -> None:
        """Let time pass for all that does not depend on the power."""
        self.now_s += dt_s
        self.faults.move_to(self.now_s)
        self.surroundings.step(dt_s)
        self.supply.step(dt_s)
        self.supply.lost = round(self.faults["phase_loss"])
