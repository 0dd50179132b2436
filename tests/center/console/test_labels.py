"""This file tests the names of signals; it guards that any key the wire allows gets a name that can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.console.labels import label, outlets, parts, place, words
from isolane.core.signals import is_signal_key


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("1.0/EVSE/Power", "Power to vehicle"),
        ("1.0/EVSE[Ocpp]/Power", "Power to vehicle by OCPP"),
        ("1.0/ElectricalFeed/ACVoltage[L2]", "Supply voltage L2"),
        ("1.0/ElectricalFeed[Meter]/ACVoltage[L2]", "Supply voltage L2 by meter"),
        ("1.0/TemperatureSensor[ContactDCminus]/Temperature", "Contact DC\u2212"),
        ("1.0/TemperatureSensor[CoolantOut]/Temperature", "Coolant out"),
        ("1.0/AcDcConverter[3]/Temperature", "Module 3 temperature"),
        ("1.0/AcDcConverter[3]/xRippleVoltage", "Module 3 ripple voltage"),
        ("1.0/AirCoolingSystem[1]/FanSpeed", "Fan speed"),
        ("1.0/AirCoolingSystem[2]/FanSpeed", "Fan speed 2"),
        ("1.0/PowerContactor/Count[Operations]", "Contactor operations"),
        ("0.0/UpsBattery[2]/xStateOfCharge", "Ups battery 2: state of charge"),
        ("no key at all", "no key at all: "),
    ],
)
def test_a_signal_has_a_name(key: str, name: str) -> None:
    assert label(key) == name


@given(
    st.from_regex(
        r"[0-9]{1,3}\.[0-9]{1,3}/[A-Za-z][A-Za-z0-9]*(\[[A-Za-z0-9_.-]+\])?/[A-Za-z][A-Za-z0-9]*", fullmatch=True
    )
)
def test_every_key_has_one(key: str) -> None:
    assert is_signal_key(key)
    assert label(key).strip()
    assert parts(key).evse == int(key.partition(".")[0])


def test_outlets_are_named_only_where_there_are_several() -> None:
    one = ["0.0/HumiditySensor/Humidity", "1.0/EVSE/Power"]
    two = [*one, "2.0/EVSE/Power"]
    assert (outlets(one), outlets(two)) == (1, 2)
    assert place("2.0/EVSE/Power", 2) == "Outlet 2"
    assert place("1.0/EVSE/Power", 1) == ""
    assert place("0.0/HumiditySensor/Humidity", 2) == ""


def test_states_have_words_and_quantities_have_none() -> None:
    assert words("1.0/EVSE/xState")[2] == "charging"
    assert words("2.0/Connector/AvailabilityState")[9] == "occupied"
    assert words("0.0/DataLink/Active") == ("no", "yes")
    assert words("1.0/EVSE/Power") == ()
