"""This file tests `tap.device_model` against the component and variable names of the `ocpp` library."""

from importlib import import_module

import pytest

from isolane.core.signals import is_signal_key
from isolane.tap import device_model

v201 = import_module("ocpp.v201.enums")

PERSONAL = {"Token", "TokenType", "VehicleId", "ICCID", "IMSI", "SerialNumber", "EvseId", "SeccId", "ISO15118EvseId"}
FREE_TEXT = {"NetworkAddress", "Certificate", "Message", "DataText", "Manufacturer", "Model", "BasicAuthPassword"}


def test_components_are_standard_ones_that_see_no_person() -> None:
    standard = {str(name.value) for name in v201.PhysicalComponentName}
    assert standard >= device_model.COMPONENTS
    assert not device_model.COMPONENTS & {"ConnectedEV", "Display", "TokenReader", "UIInput", "VehicleIdSensor"}


def test_variables_are_standard_ones_or_marked_as_our_own_and_name_no_person() -> None:
    enums = [getattr(v201, name) for name in dir(v201) if name.endswith("VariableName")]
    standard = {str(member.value) for enum in enums for member in enum}
    own = {name for name in device_model.VARIABLES if name.startswith("x")}
    assert device_model.VARIABLES - own <= standard
    assert not device_model.VARIABLES & (PERSONAL | FREE_TEXT)
    assert device_model.ENUMERATED.keys() <= device_model.VARIABLES


@pytest.mark.parametrize("instance", ["L1", "L1-N", "1", "42", "Handle", "ContactDCplus"])
def test_known_instances_make_signal_keys(instance: str) -> None:
    assert device_model.is_instance(instance)
    assert is_signal_key(f"1.0/TemperatureSensor[{instance}]/Temperature")


@pytest.mark.parametrize("instance", ["", "1234", "04A1B2C3", "John", "L4", "l1", "1\n", "\u0661"])
def test_other_instances_do_not_pass(instance: str) -> None:
    assert not device_model.is_instance(instance)
