"""This file is the [health.models] table; it guards that a place is judged by what it is built for."""

from typing import Annotated, Literal

import msgspec

from isolane.health.models.components.battery import BatteryParameters
from isolane.health.models.components.capacitors import CapacitorsParameters
from isolane.health.models.components.clock import ClockParameters
from isolane.health.models.components.connector import ConnectorParameters
from isolane.health.models.components.contactor import ContactorParameters
from isolane.health.models.components.cooling import CoolingParameters
from isolane.health.models.components.environment import EnvironmentParameters
from isolane.health.models.components.insulation import InsulationParameters
from isolane.health.models.components.link import LinkParameters
from isolane.health.models.components.meter import MeterParameters
from isolane.health.models.components.modules import ModulesParameters
from isolane.health.models.components.pilot import PilotParameters
from isolane.health.models.components.residual import ResidualParameters
from isolane.health.models.components.sensors import SensorsParameters
from isolane.health.models.components.storage import StorageParameters
from isolane.health.models.components.supply import SupplyParameters
from isolane.health.models.model import Rating

Text = Annotated[str, msgspec.Meta(min_length=1)]


class RatingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one charger, or every other one, is built for."""

    charger: Annotated[str, msgspec.Meta(description='Charger identity; "" for all that are not named.')] = ""
    kind: Annotated[Literal["dc", "ac"], msgspec.Meta(description="Whether it gives direct current.")]
    power_w: Annotated[float, msgspec.Meta(description="Rated power, W.", gt=0, le=5e6)]
    current_a: Annotated[
        float,
        msgspec.Meta(description="Rated current of the cable, A: of one phase, or of the DC pole.", gt=0, le=3000),
    ]
    voltage_v: Annotated[
        float, msgspec.Meta(description="Nominal voltage of a phase, V, or the highest DC voltage.", gt=0, le=2000)
    ]
    phases: Annotated[int, msgspec.Meta(description="Phases of the supply.", ge=1, le=3)] = 3


class CommissionedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that was measured when the part was new, in place of a learnt baseline."""

    charger: Annotated[str, msgspec.Meta(description="Charger identity.")]
    place: Annotated[str, msgspec.Meta(description="EVSE and connector, as in keys: 1.1.", pattern=r"^\d+\.\d+$")]
    measure: Annotated[Text, msgspec.Meta(description="Kind of model and measure: connector.heating[DCplus].")]
    value: Annotated[float, msgspec.Meta(description="In the measure's unit.")]


_DC = RatingSettings(kind="dc", power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_AC = RatingSettings(kind="ac", power_w=22_000.0, current_a=32.0, voltage_v=230.0)


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State of health from the chargers' own signals; the table's absence runs all models with their defaults."""

    enabled: Annotated[bool, msgspec.Meta(description="Whether models run at all.")] = True
    off: Annotated[
        tuple[Text, ...], msgspec.Meta(description="Kinds of models that do not run; docs/reference/models lists them.")
    ] = ()
    ratings: Annotated[
        tuple[RatingSettings, ...],
        msgspec.Meta(description="What chargers are built for; without: 150 kW, 200 A for DC, 22 kW, 32 A for AC."),
    ] = ()
    commissioned: Annotated[
        tuple[CommissionedSettings, ...], msgspec.Meta(description="Values as commissioned; without, they are learnt.")
    ] = ()

    connector: ConnectorParameters = ConnectorParameters()
    contactor: ContactorParameters = ContactorParameters()
    cooling: CoolingParameters = CoolingParameters()
    insulation: InsulationParameters = InsulationParameters()
    residual: ResidualParameters = ResidualParameters()
    supply: SupplyParameters = SupplyParameters()
    meter: MeterParameters = MeterParameters()
    environment: EnvironmentParameters = EnvironmentParameters()
    link: LinkParameters = LinkParameters()
    storage: StorageParameters = StorageParameters()
    clock: ClockParameters = ClockParameters()
    battery: BatteryParameters = BatteryParameters()
    modules: ModulesParameters = ModulesParameters()
    capacitors: CapacitorsParameters = CapacitorsParameters()
    pilot: PilotParameters = PilotParameters()
    sensors: SensorsParameters = SensorsParameters()
    tell_s: Annotated[
        float, msgspec.Meta(description="From one report of scores and features to the next, s.", ge=10, le=86_400)
    ] = 3600.0
    remember_s: Annotated[
        float,
        msgspec.Meta(
            description="From one writing down of what is learnt to the next, s; flash wears.", ge=60, le=86_400
        ),
    ] = 3600.0

    def rating(self, charger: str, *, direct: bool) -> Rating:
        """Give what a charger is built for."""
        named = [each for each in self.ratings if each.charger == charger]
        general = [each for each in self.ratings if not each.charger and (each.kind == "dc") == direct]
        found = (named or general or [_DC if direct else _AC])[0]
        return Rating(found.kind == "dc", found.power_w, found.current_a, found.voltage_v, found.phases)
