"""This file tests `tap.reconfiguration`: the names of what is changed, and nothing else of the message."""

import pytest

from isolane.tap import reconfiguration, vocabulary


def variable(component: str, name: str) -> dict[str, object]:
    return {"component": {"name": component}, "variable": {"name": name}, "attributeValue": "CANARY"}


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("AuthorizationKey", ["AuthorizationKey"]),
        ("authorizationkey", ["AuthorizationKey"]),
        ("SecurityProfile", ["SecurityProfile"]),
        ("Central-System_Url", ["CentralSystemURL"]),
        ("HeartbeatInterval", []),
        ("CANARY", []),
        (7, []),
        (None, []),
    ],
)
def test_keys_of_1_6(key: object, names: list[str]) -> None:
    assert reconfiguration.parameters("ChangeConfiguration", {"key": key, "value": "CANARY"}) == names


def test_variables_of_2_0_1() -> None:
    data = [
        variable("SecurityCtrlr", "BasicAuthPassword"),
        variable("securityctrlr", "basicauthpassword"),
        variable("OCPPCommCtrlr", "NetworkConfigurationPriority"),
        variable("OCPPCommCtrlr", "HeartbeatInterval"),
        variable("AlignedDataCtrlr", "Identity"),
        variable("NetworkConfiguration", "OcppCsmsUrl"),
    ]
    names = ["BasicAuthPassword", "NetworkConfigurationPriority", "OcppCsmsUrl"]
    assert reconfiguration.parameters("SetVariables", {"setVariableData": data}) == names


@pytest.mark.parametrize("data", [None, 7, [7], [{}], [{"component": 7, "variable": []}], [{"component": {"name": 7}}]])
def test_other_forms_change_nothing(data: object) -> None:
    assert reconfiguration.parameters("SetVariables", {"setVariableData": data}) == []
    assert reconfiguration.parameters("Reset", {"key": "AuthorizationKey"}) == []


def test_names_are_bounded() -> None:
    names = ("Identity", "BasicAuthPassword", "SecurityProfile", "OcppCsmsUrl", "VpnKey", "VpnPassword", "VpnServer")
    data = [variable("NetworkConfiguration", name) for name in (*names, "ApnPassword")]
    data.append(variable("SecurityCtrlr", "OrganizationName"))
    found = reconfiguration.parameters("SetVariables", {"setVariableData": data})
    assert len(found) == reconfiguration.PARAMETERS_MAX


def test_its_calls_are_known() -> None:
    assert vocabulary.ACTIONS >= reconfiguration.WHOLE | reconfiguration.READ
