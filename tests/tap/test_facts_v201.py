"""This file tests the table of OCPP 2.0.1: payloads to facts."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.tap import facts_v201
from isolane.tap.facts import Origin
from isolane.tap.pseudonym import Transactions
from isolane.wire import tap_event as ev
from isolane.wire.tap_event import Booted, Metered, MeterValue, Monitored, StatusChanged, TransactionChanged

Payload = dict[str, object]


def read(action: str, payload: Payload, origin: Origin) -> list[ev.AnyEvent]:
    return facts_v201.CALLS[action](payload, origin)


def test_boot(origin: Origin) -> None:
    station = {
        "vendorName": "ACME",
        "model": "X",
        "firmwareVersion": "2.0",
        "serialNumber": "S1",
        "modem": {"imsi": "1"},
    }
    assert read("BootNotification", {"chargingStation": station, "reason": "PowerUp"}, origin) == [
        Booted("CP1", 9, "ACME", "X", "2.0")
    ]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"evseId": 2, "connectorId": 1, "connectorStatus": "Occupied"}, [StatusChanged("CP1", 9, 2, 1, "Occupied")]),
        ({"evseId": 2, "connectorId": 1, "connectorStatus": "Charging"}, []),
        ({"evseId": 2, "connectorStatus": "Occupied"}, []),
        ({"evseId": None, "connectorId": 1, "connectorStatus": "Occupied"}, []),
    ],
)
def test_status(payload: Payload, expected: list[ev.AnyEvent], origin: Origin) -> None:
    assert read("StatusNotification", payload, origin) == expected


@pytest.mark.parametrize(
    ("sampled", "value", "unit"),
    [
        ({"value": 2301, "unitOfMeasure": {"unit": "V", "multiplier": -1}}, 230.1, "V"),
        ({"value": 1.5, "unitOfMeasure": {"unit": "kW", "multiplier": 3}}, 1500.0, "kW"),
        ({"value": 7, "unitOfMeasure": {}}, 7.0, ""),
        ({"value": 7}, 7.0, ""),
        ({"value": "7"}, 7.0, ""),
        ({"value": 7, "signedMeterValue": {"signedMeterData": "Sm9obg==", "publicKey": "K"}}, 7.0, ""),
        ({"value": 7, "unitOfMeasure": {"unit": "of John"}}, None, ""),
        ({"value": 7, "unitOfMeasure": {"multiplier": 13}}, None, ""),
        ({"value": 7, "unitOfMeasure": {"multiplier": "1"}}, None, ""),
        ({"value": 1e15, "unitOfMeasure": {"multiplier": 12}}, None, ""),
        ({"value": "John"}, None, ""),
    ],
)
def test_meter_values_with_their_multiplier(sampled: Payload, value: float | None, unit: str, origin: Origin) -> None:
    group = {"timestamp": "1970-01-01T00:00:01Z", "sampledValue": [{"measurand": "Voltage", **sampled}]}
    expected = [] if value is None else [Metered("CP1", 9, 1, (MeterValue("Voltage", "", "", unit, value),), 1000)]
    assert read("MeterValues", {"evseId": 1, "meterValue": [group]}, origin) == expected


def test_a_transaction(origin: Origin, pseudonym: Callable[[str], str]) -> None:
    identity = "b7f1-04A1B2C3"
    started: Payload = {
        "eventType": "Started",
        "triggerReason": "CablePluggedIn",
        "timestamp": "1970-01-01T00:00:01Z",
        "evse": {"id": 3, "connectorId": 1},
        "idToken": {"idToken": "04A1B2C3", "type": "ISO14443"},
        "transactionInfo": {"transactionId": identity, "chargingState": "EVConnected"},
        "meterValue": [{"timestamp": "1970-01-01T00:00:01Z", "sampledValue": [{"value": 100}]}],
    }
    register = MeterValue("Energy.Active.Import.Register", "", "", "Wh", 100.0)
    name = pseudonym(identity)
    assert read("TransactionEvent", started, origin) == [
        Metered("CP1", 9, 3, (register,), 1000),
        TransactionChanged("CP1", 9, 3, "started", name, "", "CablePluggedIn", "EVConnected"),
    ]
    updated: Payload = {**started, "eventType": "Updated", "triggerReason": "John", "evse": None}
    assert read("TransactionEvent", updated, origin) == [
        Metered("CP1", 9, 3, (register,), 1000),
        TransactionChanged("CP1", 9, 3, "updated", name, "", "", "EVConnected"),
    ]
    ended: Payload = {
        "eventType": "Ended",
        "triggerReason": "EVDeparted",
        "transactionInfo": {"transactionId": identity, "stoppedReason": "EVDisconnected"},
    }
    assert read("TransactionEvent", ended, origin) == [
        TransactionChanged("CP1", 9, 3, "ended", name, "EVDisconnected", "EVDeparted")
    ]
    assert read("TransactionEvent", {**ended, "eventType": "John"}, origin) == []
    assert read("TransactionEvent", {**ended, "transactionInfo": {"transactionId": 7}}, origin) == []
    assert origin.refused == 2


def event(component: object, variable: object, value: object) -> Payload:
    return {
        "eventId": 1,
        "trigger": "Delta",
        "actualValue": value,
        "techInfo": "John",
        "transactionId": "04A1B2C3",
        "component": component,
        "variable": variable,
    }


@pytest.mark.parametrize(
    ("component", "variable", "value", "expected"),
    [
        (
            {"name": "TemperatureSensor", "instance": "Handle", "evse": {"id": 1, "connectorId": 2}},
            {"name": "Temperature"},
            "41.5",
            Monitored("CP1", 9, 1, 2, "TemperatureSensor[Handle]", "Temperature", 41.5),
        ),
        (
            {"name": "ElectricalFeed"},
            {"name": "ACVoltage", "instance": "L1"},
            "230",
            Monitored("CP1", 9, 0, 0, "ElectricalFeed", "ACVoltage[L1]", 230.0),
        ),
        (
            {"name": "PowerContactor", "evse": {"id": 1}},
            {"name": "Problem"},
            "True",
            Monitored("CP1", 9, 1, 0, "PowerContactor", "Problem", 1.0),
        ),
        ({"name": "FloodSensor"}, {"name": "Active"}, False, Monitored("CP1", 9, 0, 0, "FloodSensor", "Active", 0.0)),
        (
            {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
            {"name": "AvailabilityState"},
            "Faulted",
            Monitored("CP1", 9, 1, 1, "Connector", "AvailabilityState", "Faulted"),
        ),
        ({"name": "TokenReader"}, {"name": "Token"}, "20481632", None),
        ({"name": "Connector"}, {"name": "Token"}, "20481632", None),
        ({"name": "ConnectedEV"}, {"name": "VehicleId"}, "1234", None),
        ({"name": "Connector"}, {"name": "AvailabilityState"}, "John", None),
        ({"name": "Connector"}, {"name": "Temperature"}, "Faulted", None),
        ({"name": "TemperatureSensor", "instance": "John"}, {"name": "Temperature"}, "41.5", None),
        ({"name": "TemperatureSensor"}, {"name": "Temperature", "instance": "John"}, "41.5", None),
        ({"name": "TemperatureSensor", "evse": {"id": -1}}, {"name": "Temperature"}, "41.5", None),
        ({"name": "xJohn"}, {"name": "Temperature"}, "41.5", None),
        ({"name": "TemperatureSensor"}, {"name": "xJohn"}, "41.5", None),
        ("TemperatureSensor", "Temperature", "41.5", None),
    ],
)
def test_monitored_variables(
    component: object, variable: object, value: object, expected: Monitored | None, origin: Origin
) -> None:
    events = read("NotifyEvent", {"eventData": [event(component, variable, value), "none"]}, origin)
    assert events == ([expected] if expected else [])
    assert origin.refused == (expected is None)


def test_many_variables_are_bounded(origin: Origin) -> None:
    data = [event({"name": "Heater"}, {"name": "Active"}, "true")] * 1500
    assert len(read("NotifyEvent", {"eventData": data}, origin)) == 1000
    assert origin.refused == 500


NAMES = st.sampled_from(
    [
        "evseId",
        "connectorId",
        "connectorStatus",
        "eventType",
        "triggerReason",
        "transactionInfo",
        "transactionId",
        "evse",
        "id",
        "meterValue",
        "sampledValue",
        "value",
        "unitOfMeasure",
        "unit",
        "multiplier",
        "measurand",
        "eventData",
        "component",
        "variable",
        "name",
        "instance",
        "actualValue",
        "chargingStation",
        "vendorName",
        "stoppedReason",
        "timestamp",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["Started", "Heater", "Active", "1", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)


@given(action=st.sampled_from(sorted(facts_v201.CALLS)), payload=st.dictionaries(NAMES, JSON, max_size=8))
def test_no_payload_raises_and_every_event_can_be_told(action: str, payload: Payload) -> None:
    events = tuple(read(action, payload, Origin("CP1", 9, Transactions(b"k" * 16))))
    assert ev.decode(ev.encode(ev.Packet(1, 0, events))).events == events
