"""This file lists the models; it guards that each has its own parameters and that a new one is one line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isolane.health.models.components.battery import Battery
from isolane.health.models.components.capacitors import Capacitors
from isolane.health.models.components.clock import Clock
from isolane.health.models.components.connector import Connector
from isolane.health.models.components.contactor import Contactor
from isolane.health.models.components.cooling import Cooling
from isolane.health.models.components.environment import Environment
from isolane.health.models.components.insulation import Insulation
from isolane.health.models.components.link import Link
from isolane.health.models.components.meter import Meter
from isolane.health.models.components.modules import Modules
from isolane.health.models.components.pilot import Pilot
from isolane.health.models.components.residual import Residual
from isolane.health.models.components.sensors import Sensors
from isolane.health.models.components.storage import Storage
from isolane.health.models.components.supply import Supply
from isolane.health.models.model import Model, Rating
from isolane.health.models.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of model.

    Attributes:
        name: As in the model's id before the version, and in `off` of the settings.
        required: Keys without which there is no such model; none is a model of what other models read.
        used: Keys that it makes use of.
        make: Makes one from the settings, what the place is built for, and the keys that it has.
    """

    name: str
    required: tuple[str, ...]
    used: tuple[str, ...]
    make: Callable[[ModelSettings, Rating, Sequence[str]], Model]


KINDS: tuple[Kind, ...] = (
    Kind("connector", Connector.required, Connector.used, lambda s, r, k: Connector(s.connector, r, k)),
    Kind("contactor", Contactor.required, Contactor.used, lambda s, r, k: Contactor(s.contactor, r, k)),
    Kind("cooling", Cooling.required, Cooling.used, lambda s, r, k: Cooling(s.cooling, r, k)),
    Kind("insulation", Insulation.required, Insulation.used, lambda s, r, k: Insulation(s.insulation, r, k)),
    Kind("residual", Residual.required, Residual.used, lambda s, r, k: Residual(s.residual, r, k)),
    Kind("supply", Supply.required, Supply.used, lambda s, r, k: Supply(s.supply, r, k)),
    Kind("meter", Meter.required, Meter.used, lambda s, r, k: Meter(s.meter, r, k)),
    Kind("environment", Environment.required, Environment.used, lambda s, r, k: Environment(s.environment, r, k)),
    Kind("link", Link.required, Link.used, lambda s, r, k: Link(s.link, r, k)),
    Kind("storage", Storage.required, Storage.used, lambda s, r, k: Storage(s.storage, r, k)),
    Kind("clock", Clock.required, Clock.used, lambda s, r, k: Clock(s.clock, r, k)),
    Kind("battery", Battery.required, Battery.used, lambda s, r, k: Battery(s.battery, r, k)),
    Kind("modules", Modules.required, Modules.used, lambda s, r, k: Modules(s.modules, r, k)),
    Kind("capacitors", Capacitors.required, Capacitors.used, lambda s, r, k: Capacitors(s.capacitors, r, k)),
    Kind("pilot", Pilot.required, Pilot.used, lambda s, r, k: Pilot(s.pilot, r, k)),
    Kind("sensors", Sensors.required, Sensors.used, lambda s, r, k: Sensors(s.sensors, r, k)),
)
"""In the order in which they look at rows."""
