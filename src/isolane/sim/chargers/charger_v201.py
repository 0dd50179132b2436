"""This file speaks OCPP 2.0.1 as a charger; it guards that each event gets the next sequence number."""

from collections.abc import Mapping
from typing import Any

from isolane.sim.chargers.bay import BayEvent, Phase, StopReason
from isolane.sim.chargers.dialect import CONNECTOR, MEASURED, VENDOR, Orders, Transaction
from isolane.sim.chargers.outbox import Outgoing
from isolane.sim.peer import Handler
from isolane.sim.records import utc_now

_EVSE = {"id": 1, "connectorId": CONNECTOR}
_REASONS: dict[StopReason, tuple[str, str]] = {
    "EVDisconnected": ("EVDisconnected", "EVDeparted"),
    "Local": ("Local", "StopAuthorized"),
    "Remote": ("Remote", "RemoteStop"),
    "SoftReset": ("ImmediateReset", "ResetCommand"),
    "SOCLimitReached": ("SOCLimitReached", "EnergyLimitReached"),
    "TimeLimitReached": ("TimeLimitReached", "TimeLimitReached"),
}
"""Stopped reason, trigger reason."""
_SAID = {
    "BootNotification": "boot",
    "Heartbeat": "heartbeat",
    "StatusNotification": "status",
    "MeterValues": "meter",
    "TransactionEvent": "meter",
}

_VALUES = (
    ("1.0/EVSE/Power", "Power.Active.Import", "W", "Outlet"),
    ("1.0/EVSE/DCCurrent", "Current.Import", "A", "Outlet"),
    ("1.0/EVSE/DCVoltage", "Voltage", "V", "Outlet"),
    ("1.0/ElectricalFeed/Frequency", "Frequency", "Hz", "Inlet"),
)
"""Signal, measurand, unit, location. 2.0.1 has no measurand for temperatures: those are seen over Modbus."""


class ChargerV201:
    """The dialect of a DC charger.

    Args:
        model: Its model name.
        serial: Its serial number.
    """

    subprotocol = "ocpp2.0.1"
    own_ids = True

    def __init__(self, model: str, serial: str) -> None:
        self._model = model
        self._serial = serial
        self._events = 0

    def boot(self) -> Outgoing:
        """Make a BootNotification."""
        station = {"model": self._model, "vendorName": VENDOR, "serialNumber": self._serial, "firmwareVersion": "1.0.0"}
        return Outgoing("BootNotification", lambda: {"chargingStation": station, "reason": "PowerUp"})

    def heartbeat(self) -> Outgoing:
        """Make a Heartbeat."""
        return Outgoing("Heartbeat", dict)

    def status(self, phase: Phase, *, problem: bool) -> Outgoing:  # noqa: ARG002 - said by `problem`
        """Make a StatusNotification."""
        body = {
            "timestamp": utc_now(),
            "connectorStatus": "Available" if phase is Phase.AVAILABLE else "Occupied",
            "evseId": 1,
            "connectorId": CONNECTOR,
        }
        return Outgoing("StatusNotification", lambda: body)

    def problem(self, readings: MEASURED, *, problem: bool) -> Outgoing | None:
        """Make a NotifyEvent: EVSE/Problem, with the hotter contact as technical information."""
        self._events += 1
        stamp = utc_now()
        hot_c = max(
            (value for key, value in readings.items() if "/TemperatureSensor[Contact" in key), default=float("nan")
        )
        event = {
            "eventId": self._events,
            "timestamp": stamp,
            "trigger": "Alerting",
            "actualValue": "true" if problem else "false",
            "techInfo": f"power limit {readings['1.0/EVSE/xPowerLimit']:.0f} %, contact {hot_c:.1f} C",
            "cleared": not problem,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "EVSE", "evse": {"id": 1}},
            "variable": {"name": "Problem"},
        }
        return Outgoing("NotifyEvent", lambda: {"generatedAt": stamp, "seqNo": 0, "eventData": [event]})

    def authorise(self, token: str) -> Outgoing:
        """Make an Authorize."""
        return Outgoing("Authorize", lambda: {"idToken": _token(token)})

    def accepted(self, answer: Mapping[str, Any]) -> bool:
        """See `Dialect.accepted`."""
        return bool(answer["id_token_info"]["status"] == "Accepted")

    def started(self, transaction: Transaction, event: BayEvent) -> Outgoing:
        """Make a TransactionEvent Started."""
        extra = {"idToken": _token(transaction.token), "evse": _EVSE}
        return self._event("Started", "Authorized", transaction, event, context="Transaction.Begin", extra=extra)

    def number(self, answer: Mapping[str, Any]) -> int:  # noqa: ARG002 - the dialect's form
        """Give 0: in 2.0.1 the charger chooses the id."""
        return 0

    def metered(self, transaction: Transaction, event: BayEvent) -> Outgoing:
        """Make a TransactionEvent Updated."""
        message = self._event("Updated", "MeterValuePeriodic", transaction, event, context="Sample.Periodic", extra={})
        message.reading = True
        return message

    def stopped(self, transaction: Transaction, event: BayEvent, reason: StopReason) -> Outgoing:
        """Make a TransactionEvent Ended."""
        stopped, trigger = _REASONS[reason]
        extra = {"idToken": _token(transaction.token)}
        return self._event(
            "Ended", trigger, transaction, event, context="Transaction.End", extra=extra, stoppedReason=stopped
        )

    def handlers(self, orders: Orders) -> Mapping[str, Handler]:
        """See `Dialect.handlers`."""

        def verdict(*, done: bool) -> Mapping[str, Any]:
            return {"status": "Accepted" if done else "Rejected"}

        def start(id_token: Mapping[str, str], **_: Any) -> Mapping[str, Any]:  # noqa: ANN401 - fields of the message
            return verdict(done=orders.start(id_token["id_token"]))

        def reset(**_: Any) -> Mapping[str, Any]:  # noqa: ANN401
            orders.reset()
            return verdict(done=True)

        def trigger(requested_message: str, **_: Any) -> Mapping[str, Any]:  # noqa: ANN401
            what = _SAID.get(requested_message)
            return {"status": "NotImplemented"} if what is None else verdict(done=orders.say(what))

        return {
            "RequestStartTransaction": start,
            "RequestStopTransaction": lambda transaction_id, **_: verdict(done=orders.stop(transaction_id)),
            "Reset": reset,
            "TriggerMessage": trigger,
            "ChangeAvailability": lambda **_: verdict(done=True),
            "UnlockConnector": lambda **_: {"status": "Unlocked"},
            "ClearCache": lambda **_: verdict(done=True),
            "GetBaseReport": lambda **_: {"status": "NotSupported"},
            "GetVariables": _get_variables,
            "SetVariables": _set_variables,
            "DataTransfer": lambda **_: {"status": "UnknownVendorId"},
        }

    def _event(
        self,
        kind: str,
        trigger: str,
        transaction: Transaction,
        event: BayEvent,
        *,
        context: str,
        extra: Mapping[str, Any],
        **info: str,
    ) -> Outgoing:
        body = {
            "eventType": kind,
            "timestamp": utc_now(),
            "triggerReason": trigger,
            "seqNo": transaction.seq_no,
            "transactionInfo": {"transactionId": transaction.ref, **info},
            "meterValue": [_meter_value(event, context)],
            **({"offline": True} if transaction.offline else {}),
            **extra,
        }
        transaction.seq_no += 1
        return Outgoing("TransactionEvent", lambda: body, durable=True)


def _token(token: str) -> Mapping[str, str]:
    return {"idToken": token, "type": "ISO14443"}


def _get_variables(get_variable_data: list[Mapping[str, Any]], **_: Any) -> Mapping[str, Any]:  # noqa: ANN401
    return {"getVariableResult": [_unknown(asked) for asked in get_variable_data]}


def _set_variables(set_variable_data: list[Mapping[str, Any]], **_: Any) -> Mapping[str, Any]:  # noqa: ANN401
    return {"setVariableResult": [_unknown(asked) for asked in set_variable_data]}


def _unknown(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"attributeStatus": "UnknownComponent", "component": asked["component"], "variable": asked["variable"]}


def _meter_value(event: BayEvent, context: str) -> Mapping[str, Any]:
    sampled: list[Mapping[str, Any]] = [
        {
            "value": event.wh,
            "context": context,
            "measurand": "Energy.Active.Import.Register",
            "location": "Outlet",
            "unitOfMeasure": {"unit": "Wh"},
        }
    ]
    sampled += [
        {
            "value": round(event.readings[key], 2),
            "context": context,
            "measurand": measurand,
            "location": location,
            "unitOfMeasure": {"unit": unit},
        }
        for key, measurand, unit, location in _VALUES
        if key in event.readings
    ]
    return {"timestamp": utc_now(), "sampledValue": sampled}
