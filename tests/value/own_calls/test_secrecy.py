"""This file checks that no secret is in what a caller gets."""

from isolane.value.own_calls.secrecy import without_secrets


def test_a_configuration_loses_its_secrets() -> None:
    answer = {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "AuthorizationKey", "readonly": False, "value": "414243"},
            {"key": "Wifi_Passphrase", "readonly": False, "value": "x"},
            {"key": "BackOfficeUrl", "readonly": True, "value": "wss://cp1:geheim@csms.example/ocpp"},
        ],
        "unknownKey": ["ftp://u:p@x", "Y"],
    }
    assert without_secrets(answer) == {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "AuthorizationKey", "readonly": False},
            {"key": "Wifi_Passphrase", "readonly": False},
            {"key": "BackOfficeUrl", "readonly": True},
        ],
        "unknownKey": ["Y"],
    }


def test_variables_lose_theirs() -> None:
    def variable(component: str, name: str, value: str) -> dict[str, object]:
        return {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}

    told = [variable("SecurityCtrlr", "BasicAuthPassword", "x"), variable("ClockCtrlr", "TimeSource", "NTP")]
    assert without_secrets({"getVariableResult": told}) == {
        "getVariableResult": [
            {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}},
            told[1],
        ]
    }


def test_the_rest_stays() -> None:
    for value in (1, None, "text", [1, {"a": [True]}], {"status": "Accepted", "filename": "cp1.log"}):
        assert without_secrets(value) == value
