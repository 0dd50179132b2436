"""This file defines the OCPP source's table; it guards that its signals are known before a start."""

from typing import Annotated

import msgspec

from isolane.health.sources.points import PointSettings


class ChargerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One charger whose events become signals."""

    charger: Annotated[str, msgspec.Meta(description="Identity in its WebSocket address", min_length=1, max_length=48)]
    evses: Annotated[int, msgspec.Meta(description="Number of EVSEs (OCPP 1.6: connectors), 1 to 99", ge=1, le=99)] = 1
    station: Annotated[
        bool,
        msgspec.Meta(description="Whether it reports the station as a whole (OCPP 1.6 connector 0); 2.x never does"),
    ] = True
    meter_period_s: Annotated[
        float,
        msgspec.Meta(
            description="Period at which the charger sends MeterValues, s, up to 86400; 0 takes no metered values",
            ge=0,
            le=86_400,
        ),
    ] = 0.0

    measured: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Metered values that it sends beside active power and energy, as OCPP names them, with phase "
            "and location where it sends them: Voltage:L1-N, Current.Import:L1, SoC, Temperature@Body"
        ),
    ] = ()
    station_meter: Annotated[
        bool, msgspec.Meta(description="Whether it sends values of the station's own meter too (EVSE or connector 0)")
    ] = False

    @property
    def metered(self) -> range:
        """Numbers of the EVSEs whose metered values become signals; 0 is the station's own meter."""
        if not self.meter_period_s:
            return range(0)
        return range(0 if self.station_meter else 1, self.evses + 1)

    @property
    def reported(self) -> range:
        """Numbers of the EVSEs whose state it reports; 0 is the station as a whole."""
        return range(0 if self.station else 1, self.evses + 1)


class VariableSettings(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variable that a charger monitors and reports with NotifyEvent (OCPP 2.x).

    `key` is <evse>.<connector>/<Component>/<Variable> as the charger names them; a boolean is sent as 1 or 0, a word is
    given its number by `map`.
    """

    period_s: Annotated[
        float,
        msgspec.Meta(
            description="How often it is reported, s, up to 86400; 0: when it changes, and what was told last holds",
            ge=0,
            le=86_400,
        ),
    ] = 0.0


class OcppSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="ocpp"):
    """What the tap tells of the business channel. There is one tap, so there is at most one such source."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ] = "ocpp"
    chargers: Annotated[
        tuple[ChargerSettings, ...], msgspec.Meta(description="Chargers to report; events of others are counted only")
    ] = ()
    variables: Annotated[
        tuple[VariableSettings, ...], msgspec.Meta(description="Monitored variables of these chargers, OCPP 2.x")
    ] = ()
    period_s: Annotated[
        float, msgspec.Meta(description="How often what is known is told, s, 0.1 to 60", ge=0.1, le=60)
    ] = 1.0
