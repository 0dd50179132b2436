"""This file says what a metered value of OCPP is called here and worth; it guards that a number never has two units.

A name is OCPP's measurand, then ``:`` and the phase, then ``@`` and the location, where the charger sends them:
``Voltage:L1-N``, ``Temperature@Body``, ``Current.Import:L2@Inlet``. Outlet is OCPP's default location and may be left
out. The signal's variable is x and the measurand without its dots, since the charger may mean any of its components.

Source: OCPP 1.6 §7.31, 7.38, 7.45; OCPP 2.0.1 part 2 §3.43, 3.46, 3.66 and the appendix of units; OCPP 2.1 part 2.
"""

import difflib
from dataclasses import dataclass

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.wire.tap_event import MeterValue

_PHASES = frozenset("L1 L2 L3 N L1-N L2-N L3-N L1-L2 L2-L3 L3-L1".split())  # noqa: SIM905 - one word a phase
_LOCATIONS = frozenset("Body Cable EV Inlet Outlet Upstream".split())  # noqa: SIM905 - one word a location
_DEFAULT_LOCATION = "Outlet"

_MEASURANDS = {
    "A": (
        "Current.Export Current.Export.Minimum Current.Export.Offered Current.Import Current.Import.Minimum "
        "Current.Import.Offered Current.Offered"
    ),
    "V": "Voltage Voltage.Maximum Voltage.Minimum",
    "W": (
        "Power.Active.Export Power.Active.Import Power.Active.Residual Power.Active.Setpoint Power.Export.Minimum "
        "Power.Export.Offered Power.Import.Minimum Power.Import.Offered Power.Offered"
    ),
    "var": "Power.Reactive.Export Power.Reactive.Import",
    "": "Power.Factor",
    "Wh": (
        "Energy.Active.Export.Interval Energy.Active.Export.Register Energy.Active.Import.CableLoss "
        "Energy.Active.Import.Interval Energy.Active.Import.LocalGeneration.Register Energy.Active.Import.Register "
        "Energy.Active.Net Energy.Active.Setpoint.Interval"
    ),
    "varh": (
        "Energy.Reactive.Export.Interval Energy.Reactive.Export.Register Energy.Reactive.Import.Interval "
        "Energy.Reactive.Import.Register Energy.Reactive.Net"
    ),
    "VAh": "Energy.Apparent.Export Energy.Apparent.Import Energy.Apparent.Net",
    "Hz": "Frequency",
    "RPM": "RPM",
    "Percent": "SoC",
    "Celsius": "Temperature",
}
UNIT_OF = {measurand: unit for unit, names in _MEASURANDS.items() for measurand in names.split()}
"""The unit in which each measurand becomes a signal."""
_RESOLUTION_OF = {"A": 0.01, "V": 0.1, "": 0.001, "Hz": 0.01, "Percent": 0.1, "Celsius": 0.1}
"""Others: 1."""

_SCALES: dict[str, dict[str, tuple[float, float]]] = {
    "A": {"A": (1, 0), "": (1, 0)},
    "V": {"V": (1, 0), "": (1, 0)},
    "W": {"W": (1, 0), "kW": (1e3, 0)},
    "var": {"var": (1, 0), "kvar": (1e3, 0)},
    "": {"": (1, 0), "Percent": (0.01, 0)},
    "Wh": {"Wh": (1, 0), "kWh": (1e3, 0), "": (1, 0)},
    "varh": {"varh": (1, 0), "kvarh": (1e3, 0)},
    "VAh": {"VAh": (1, 0), "kVAh": (1e3, 0)},
    "Hz": {"Hz": (1, 0), "Hertz": (1, 0), "": (1, 0)},
    "RPM": {"RPM": (1, 0), "": (1, 0)},
    "Percent": {"Percent": (1, 0), "": (1, 0)},
    "Celsius": {
        "Celsius": (1, 0),
        "Celcius": (1, 0),
        "": (1, 0),
        "K": (1, -273.15),
        "Fahrenheit": (5 / 9, -160 / 9),
    },
}
"""By our unit and the one that was sent: value = sent x scale + offset. Power without a unit could be W or kW."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of metered value.

    Attributes:
        measurand: As OCPP spells it.
        phase: Likewise, "" where left out.
        location: Likewise, "" for Outlet.
    """

    measurand: str
    phase: str = ""
    location: str = ""

    @classmethod
    def of(cls, sent: MeterValue) -> "Measured":
        """Tell what kind a value is of."""
        return cls(sent.measurand, sent.phase, "" if sent.location == _DEFAULT_LOCATION else sent.location)

    def signal(self, charger: str, evse: int) -> Signal:
        """Give the signal it is at an EVSE; 0 is the meter of the whole station."""
        unit = UNIT_OF[self.measurand]
        place = f"Ocpp.{self.location}" if self.location else "Ocpp"
        variable = "x" + self.measurand.replace(".", "") + (f"[{self.phase}]" if self.phase else "")
        return Signal(charger, f"{evse}.0/EVSE[{place}]/{variable}", unit, _RESOLUTION_OF.get(unit, 1))

    def value(self, sent: MeterValue) -> float | None:
        """Give a value in the signal's unit, None if it was sent in one that this measurand cannot have."""
        scale = _SCALES[UNIT_OF[self.measurand]].get(sent.unit)
        return None if scale is None else sent.value * scale[0] + scale[1]


POWER = Measured("Power.Active.Import")
ENERGY = Measured("Energy.Active.Import.Register")


def parse(name: str) -> Measured:
    """Read a name from the settings.

    Raises:
        IsolaneError: OCPP has no such measurand, phase or location.
    """
    rest, _, location = name.partition("@")
    measurand, _, phase = rest.partition(":")
    for word, known in ((measurand, UNIT_OF.keys()), (phase, _PHASES | {""}), (location, _LOCATIONS | {""})):
        if word not in known:
            close = difflib.get_close_matches(word, known, n=1)
            hint = (
                f"did you mean {close[0]!r}" if close and close[0] else "one of " + ", ".join(sorted(set(known) - {""}))
            )
            raise IsolaneError(f"{word!r} in the measured value {name!r} is not OCPP's", hint)
    return Measured(measurand, phase, "" if location == _DEFAULT_LOCATION else location)
