"""This file tests names in other systems; it guards that no two signals of a device share one."""

import re

import pytest

from isolane.core.signals import Signal
from isolane.devices.template import built_in, load_built_in
from isolane.wire.names import labels, metric_name, place, unit

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@pytest.mark.parametrize(
    ("key", "unit_name", "name"),
    [
        ("1.0/ElectricalFeed/ACVoltage[L1]", "V", "isolane_ac_voltage_volts"),
        ("0.0/Controller/xCpu", "Percent", "isolane_x_cpu_ratio"),
        ("1.0/FiscalMetering[Ocpp]/EnergyImportRegister", "Wh", "isolane_energy_import_register_joules"),
        ("1.0/Connector/AvailabilityState", "", "isolane_availability_state"),
        ("1.0/Other/Thing2", "furlong", "isolane_thing_2_furlong"),
    ],
)
def test_names_follow_the_conventions(key: str, unit_name: str, name: str) -> None:
    assert metric_name(Signal("CP-1", key, unit_name, 1)) == name


def test_labels_are_sorted_and_never_empty() -> None:
    told = labels(Signal("", "1.2/EVSE[Ocpp]/Power", "W", 1))
    assert list(told) == sorted(told)
    assert told == {"component": "EVSE", "component_instance": "Ocpp", "connector": "2", "evse": "1"}


def test_no_two_signals_of_a_device_model_share_a_series() -> None:
    for model in built_in():
        signals = [Signal("CP-1", f"1.0/{each.key}", each.unit, 1) for each in load_built_in(model).points]
        series = {(metric_name(signal), *labels(signal).items()) for signal in signals}
        assert len(series) == len(signals), model
        assert all(_NAME.fullmatch(metric_name(signal)) for signal in signals)
        assert all(unit(signal.unit).ucum.isascii() for signal in signals)


def test_a_key_comes_apart() -> None:
    at = place("1.2/ElectricalFeed[Grid]/ACVoltage[L1-N]")
    assert (at.evse, at.connector, at.component, at.variable) == ("1", "2", "ElectricalFeed", "ACVoltage")
    assert (at.component_instance, at.variable_instance) == ("Grid", "L1-N")
    assert place("0.0/Controller/xCpu").variable_instance == ""
    with pytest.raises(ValueError, match="not <evse>"):
        place("no key")
