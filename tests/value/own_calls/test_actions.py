"""This file checks what may be asked: a few questions, in the form that they have, and nothing else."""

import pytest
from ocpp import v16, v201  # type: ignore[import-untyped]
from ocpp.v21 import call as call_v21  # type: ignore[import-untyped]

from isolane.value.own_calls.actions import DEFAULT_V2, OFFERED, OFFERED_V2, OFFERED_V16

URLS = ["https://logs.example/in", "ftp://box:2121"]
ASKED_V16 = {"ExtendedTriggerMessage", "GetConfiguration", "GetDiagnostics", "GetLog", "TriggerMessage"}
ASKED_V2 = {"GetBaseReport", "GetLog", "GetReport", "GetVariables", "Reset", "TriggerMessage"}


def actions(module: object) -> set[str]:
    return {name for name in vars(module) if name[0].isupper() and not name.endswith("Payload")}


@pytest.mark.parametrize(
    ("module", "offered", "expected"),
    [(v16.call, OFFERED_V16, ASKED_V16), (v201.call, OFFERED_V2, ASKED_V2), (call_v21, OFFERED_V2, ASKED_V2)],
)
def test_of_all_actions_of_ocpp_these_may_be_asked(
    module: object, offered: dict[str, object], expected: set[str]
) -> None:
    assert actions(module) & offered.keys() == expected
    assert len(actions(module)) > 4 * len(expected)
    assert offered.keys() == expected


def test_a_reset_must_be_listed() -> None:
    assert "Reset" not in DEFAULT_V2
    assert set(OFFERED) == {"ocpp1.6", "ocpp2.0.1", "ocpp2.1"}


@pytest.mark.parametrize(
    ("version", "action", "payload", "may"),
    [
        ("ocpp1.6", "TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}, True),
        ("ocpp1.6", "TriggerMessage", {"requestedMessage": "BootNotification"}, False),
        ("ocpp1.6", "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}, False),
        ("ocpp1.6", "TriggerMessage", {}, False),
        ("ocpp1.6", "TriggerMessage", {"requestedMessage": ["Heartbeat"]}, False),
        ("ocpp1.6", "GetConfiguration", {}, True),
        ("ocpp1.6", "GetConfiguration", {"key": ["HeartbeatInterval"]}, True),
        ("ocpp1.6", "GetConfiguration", {"key": [], "value": "1"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://logs.example/in/cp1"}, True),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://u:p@logs.example/in"}, True),
        ("ocpp1.6", "GetDiagnostics", {"location": "ftp://box:2121/any"}, True),
        ("ocpp1.6", "GetDiagnostics", {"location": "ftp://box/any"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "http://logs.example/in"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://logs.example/inside"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://logs.example/in/../x"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://logs.example/in/%2e%2e/x"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://logs.example@evil.example/in"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://evil.example\\@logs.example/in"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": "https://logs.example:443x/in"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": " https://logs.example/in"}, False),
        ("ocpp1.6", "GetDiagnostics", {"location": 1}, False),
        ("ocpp1.6", "GetDiagnostics", {}, False),
        (
            "ocpp2.0.1",
            "GetLog",
            {"logType": "DiagnosticsLog", "requestId": 1, "log": {"remoteLocation": "https://logs.example/in"}},
            True,
        ),
        ("ocpp2.0.1", "GetLog", {"log": {"remoteLocation": "https://evil.example/in"}}, False),
        ("ocpp2.0.1", "GetLog", {"log": {"remoteLocation": "https://logs.example/in", "x": 1}}, False),
        ("ocpp2.0.1", "GetLog", {"log": "https://logs.example/in"}, False),
        ("ocpp2.1", "GetVariables", {"getVariableData": []}, True),
        ("ocpp2.1", "GetVariables", {"setVariableData": []}, False),
        ("ocpp2.1", "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, True),
        ("ocpp2.1", "GetReport", {"requestId": 1, "customData": {}}, False),
        ("ocpp2.0.1", "Reset", {"type": "OnIdle"}, True),
        ("ocpp2.0.1", "Reset", {"type": "Immediate"}, False),
        ("ocpp2.0.1", "Reset", {}, False),
        ("ocpp2.0.1", "TriggerMessage", {"requestedMessage": "SignV2GCertificate"}, False),
        ("ocpp2.0.1", "TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1}}, True),
    ],
)
def test_payloads(version: str, action: str, payload: dict[str, object], *, may: bool) -> None:
    assert OFFERED[version][action](payload, URLS) is may


def test_without_a_place_for_them_no_logs_are_sent() -> None:
    assert not OFFERED_V16["GetDiagnostics"]({"location": "https://logs.example/in"}, [])
