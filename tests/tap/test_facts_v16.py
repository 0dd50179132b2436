"""This file tests the table of OCPP 1.6: payloads to facts."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.tap import facts_v16
from isolane.tap.facts import Origin
from isolane.tap.pseudonym import Transactions
from isolane.wire import tap_event as ev
from isolane.wire.tap_event import Booted, Metered, MeterValue, StatusChanged, TransactionChanged

Payload = dict[str, object]
REGISTER = "Energy.Active.Import.Register"


def read(action: str, payload: Payload, origin: Origin) -> list[ev.AnyEvent]:
    return facts_v16.CALLS[action](payload, origin)


def test_boot(origin: Origin) -> None:
    payload: Payload = {
        "chargePointVendor": "ACME",
        "chargePointModel": "Model 3",
        "firmwareVersion": "1.2.3",
        "chargePointSerialNumber": "S1",
        "iccid": "8931",
        "imsi": "2040",
    }
    assert read("BootNotification", payload, origin) == [Booted("CP1", 9, "ACME", "Model 3", "1.2.3")]
    assert read("BootNotification", {}, origin) == [Booted("CP1", 9, "", "", "")]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"connectorId": 2, "errorCode": "NoError", "status": "Charging", "info": "John"},
            StatusChanged("CP1", 9, 2, 1, "Charging", "NoError"),
        ),
        (
            {"connectorId": 0, "errorCode": "OtherError", "status": "Faulted", "vendorErrorCode": "CX017"},
            StatusChanged("CP1", 9, 0, 0, "Faulted", "OtherError", "CX017"),
        ),
        (
            {"connectorId": 1, "errorCode": "John", "status": "Faulted", "vendorErrorCode": "04A1B2C3"},
            StatusChanged("CP1", 9, 1, 1, "Faulted"),
        ),
        (
            {"connectorId": 1, "status": "Faulted", "vendorErrorCode": "Listed-1"},
            StatusChanged("CP1", 9, 1, 1, "Faulted", "", "Listed-1"),
        ),
        ({"connectorId": 1, "errorCode": "NoError", "status": "John"}, None),
        ({"connectorId": "1", "errorCode": "NoError", "status": "Available"}, None),
        ({"connectorId": 5000, "errorCode": "NoError", "status": "Available"}, None),
    ],
)
def test_status(payload: Payload, expected: StatusChanged | None, origin: Origin) -> None:
    assert read("StatusNotification", payload, origin) == ([expected] if expected else [])
    assert origin.refused == (expected is None or payload.get("vendorErrorCode") == "04A1B2C3")


def test_meter_values_as_text_with_defaults_and_without_signed_ones(origin: Origin) -> None:
    sampled = [
        {"value": "1500"},
        {"value": 230.5, "measurand": "Voltage", "phase": "L1", "unit": "V", "context": "Sample.Periodic"},
        {"value": "25", "measurand": "Temperature", "unit": "Celcius", "location": "Body", "format": "Raw"},
        {"value": "T0NNRnxJRCBvZiBKb2hu", "format": "SignedData"},
        {"value": "John", "measurand": "Voltage"},
    ]
    payload: Payload = {
        "connectorId": 1,
        "transactionId": 77,
        "meterValue": [{"timestamp": "1970-01-01T00:00:02Z", "sampledValue": sampled}],
    }
    values = (
        MeterValue(REGISTER, "", "", "Wh", 1500.0),
        MeterValue("Voltage", "L1", "", "V", 230.5),
        MeterValue("Temperature", "", "Body", "Celcius", 25.0),
    )
    assert read("MeterValues", payload, origin) == [Metered("CP1", 9, 1, values, 2000)]
    assert origin.refused == 2


def test_a_transaction_from_start_to_stop(origin: Origin, pseudonym: Callable[[str], str]) -> None:
    start: Payload = {"connectorId": 2, "idTag": "04A1", "meterStart": 100, "timestamp": "1970-01-01T00:00:00Z"}
    assert read("StartTransaction", start, origin) == [
        Metered("CP1", 9, 2, (MeterValue(REGISTER, "", "", "Wh", 100.0),), 0)
    ]
    evse = facts_v16.started_at(start)
    result: Payload = {"transactionId": 77, "idTagInfo": {"status": "Accepted", "parentIdTag": "John"}}
    assert facts_v16.started(evse, result, origin) == [TransactionChanged("CP1", 9, 2, "started", pseudonym("77"))]
    stop: Payload = {
        "transactionId": 77,
        "idTag": "04A1",
        "meterStop": 900,
        "timestamp": "1970-01-01T01:00:00Z",
        "reason": "EVDisconnected",
        "transactionData": [{"timestamp": "1970-01-01T00:30:00Z", "sampledValue": [{"value": "500"}]}],
    }
    assert read("StopTransaction", stop, origin) == [
        Metered("CP1", 9, 2, (MeterValue(REGISTER, "", "", "Wh", 500.0),), 1_800_000),
        Metered("CP1", 9, 2, (MeterValue(REGISTER, "", "", "Wh", 900.0),), 3_600_000),
        TransactionChanged("CP1", 9, 2, "ended", pseudonym("77"), "EVDisconnected"),
    ]


@pytest.mark.parametrize(
    ("reason", "expected"), [({}, "Local"), ({"reason": "John"}, ""), ({"reason": "Reboot"}, "Reboot")]
)
def test_a_stop_whose_start_was_not_seen_is_at_no_place(
    reason: Payload, expected: str, origin: Origin, pseudonym: Callable[[str], str]
) -> None:
    stop: Payload = {"transactionId": 5, "meterStop": 900, "timestamp": "", **reason}
    ended = TransactionChanged("CP1", 9, 0, "ended", pseudonym("5"), expected)
    assert read("StopTransaction", stop, origin) == [ended]


def test_meter_values_tell_the_place_of_a_transaction(origin: Origin, pseudonym: Callable[[str], str]) -> None:
    read("MeterValues", {"connectorId": 3, "transactionId": 5, "meterValue": []}, origin)
    stop: Payload = {"transactionId": 5, "meterStop": None}
    assert read("StopTransaction", stop, origin) == [TransactionChanged("CP1", 9, 3, "ended", pseudonym("5"), "Local")]


@pytest.mark.parametrize("identity", ["77", None, True, 7.0, {"a": 1}])
def test_a_transaction_id_of_another_form_is_refused(identity: object, origin: Origin) -> None:
    assert facts_v16.started(1, {"transactionId": identity}, origin) == []
    assert origin.refused == 1


NAMES = st.sampled_from(
    [
        "connectorId",
        "status",
        "errorCode",
        "vendorErrorCode",
        "meterValue",
        "sampledValue",
        "value",
        "measurand",
        "transactionId",
        "meterStart",
        "meterStop",
        "transactionData",
        "timestamp",
        "reason",
        "format",
        "unit",
        "phase",
        "location",
        "chargePointVendor",
        "idTag",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["Raw", "1", "L1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)


@given(action=st.sampled_from(sorted(facts_v16.CALLS)), payload=st.dictionaries(NAMES, JSON, max_size=8))
def test_no_payload_raises_and_every_event_can_be_told(action: str, payload: Payload) -> None:
    origin = Origin("CP1", 9, Transactions(b"k" * 16))
    facts_v16.started_at(payload)
    events = (*read(action, payload, origin), *facts_v16.started(1, payload, origin))
    assert ev.decode(ev.encode(ev.Packet(1, 0, events))).events == events
