"""This file writes the OCPP 2.0.1 messages of the bench; it guards that their sizes are those of real chargers."""

import json
from collections.abc import Sequence
from typing import Any

SUBPROTOCOL = "ocpp2.0.1"
KINDS = ("Authorize", "TransactionEvent")
_AT = "2026-05-04T10:{:02d}:{:02d}.000Z"
_MEASURANDS = (
    ("Energy.Active.Import.Register", "Wh"),
    ("Power.Active.Import", "W"),
    ("Voltage", "V"),
    ("Current.Import", "A"),
)
_PHASES = ("L1", "L2", "L3", "N")


def business(kind: str, charger: int, number: int) -> dict[str, Any]:
    """Give the payload of a business message."""
    token = {"idToken": f"04A2B3C4D5{charger:02X}{number % 256:02X}", "type": "ISO14443"}
    if kind == "Authorize":
        return {"idToken": token}
    at = _AT.format(number // 60 % 60, number % 60)
    sampled = [sample(place, 1000.0 * number + place) for place in range(4)]
    return {
        "eventType": "Updated",
        "timestamp": at,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": number,
        "transactionInfo": {"transactionId": f"d3b07384-d9a0-4c9b-8f0e-{charger:012x}", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": at, "sampledValue": sampled}],
    }


def sample(place: int, value: float) -> dict[str, Any]:
    """Give one SampledValue, as chargers write it."""
    measurand, unit = _MEASURANDS[place % len(_MEASURANDS)]
    return {
        "value": round(value, 3),
        "context": "Sample.Periodic",
        "measurand": measurand,
        "phase": _PHASES[place // len(_MEASURANDS) % len(_PHASES)],
        "unitOfMeasure": {"unit": unit},
    }


def telemetry(number: int, values: Sequence[float]) -> dict[str, Any]:
    """Give the payload of MeterValues that carry one row of a charger's signals."""
    at = _AT.format(number // 60 % 60, number % 60)
    sampled = [sample(place, value) for place, value in enumerate(values)]
    return {"evseId": 1, "meterValue": [{"timestamp": at, "sampledValue": sampled}]}


def call(identity: str, action: str, payload: dict[str, Any]) -> str:
    """Write a CALL."""
    return json.dumps([2, identity, action, payload], separators=(",", ":"))


def answer(text: str) -> str:
    """Write the CALLRESULT that a CSMS gives to a CALL."""
    _, identity, action, _ = json.loads(text)
    payload = {"idTokenInfo": {"status": "Accepted"}} if action == "Authorize" else {}
    return json.dumps([3, identity, payload], separators=(",", ":"))
