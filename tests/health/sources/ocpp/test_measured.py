"""This file checks the metered values' names and units; it guards that whatever the tap tells can be a signal."""

import pytest

from isolane.core.failures import IsolaneError
from isolane.devices.point import UNITS
from isolane.health.sources.ocpp.measured import UNIT_OF, Measured, parse
from isolane.tap import vocabulary
from isolane.wire.tap_event import MeterValue


def test_every_measurand_that_the_tap_knows_has_a_unit() -> None:
    assert UNIT_OF.keys() == vocabulary.MEASURANDS
    assert set(UNIT_OF.values()) <= UNITS


@pytest.mark.parametrize("phase", ["", *sorted(vocabulary.PHASES)])
def test_every_kind_has_a_name_and_a_signal_of_its_own(phase: str) -> None:
    keys = set()
    for measurand in vocabulary.MEASURANDS:
        for location in ["", *sorted(vocabulary.LOCATIONS - {"Outlet"})]:
            name = measurand + (f":{phase}" if phase else "") + (f"@{location}" if location else "")
            measured = parse(name)
            assert measured == Measured.of(MeterValue(measurand, phase, location, "", 1))
            keys.add(measured.signal("CP1", 1).key)
    assert len(keys) == len(vocabulary.MEASURANDS) * len(vocabulary.LOCATIONS)


def test_outlet_is_the_location_that_is_left_out() -> None:
    assert parse("Voltage@Outlet") == parse("Voltage")


@pytest.mark.parametrize(
    ("measurand", "unit", "sent", "value"),
    [
        ("Temperature", "Fahrenheit", 212, 100),
        ("Temperature", "Celcius", 21, 21),
        ("Energy.Apparent.Net", "kVAh", 2, 2000),
        ("Energy.Reactive.Import.Register", "kvarh", 2, 2000),
        ("Frequency", "Hertz", 50.01, 50.01),
        ("Power.Factor", "Percent", 98, 0.98),
        ("Power.Factor", "", 0.98, 0.98),
        ("Power.Offered", "", 11, None),
        ("Voltage", "A", 230, None),
        ("RPM", "", 2400, 2400),
    ],
)
def test_values_are_in_si_units_or_not_taken(measurand: str, unit: str, sent: float, value: float | None) -> None:
    got = Measured(measurand).value(MeterValue(measurand, "", "", unit, sent))
    assert got == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(("name", "hint"), [("Voltag", "Voltage"), ("Voltage:L4", "L"), ("SoC@Trunk", "Body")])
def test_what_ocpp_does_not_know_is_refused_in_words(name: str, hint: str) -> None:
    with pytest.raises(IsolaneError, match="not OCPP's") as caught:
        parse(name)
    assert hint in caught.value.hint
