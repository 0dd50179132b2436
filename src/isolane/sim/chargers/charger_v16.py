"""This file speaks OCPP 1.6J as a charger; it guards that its messages carry the billing register."""

from collections.abc import Mapping
from typing import Any

from isolane.sim.chargers.bay import BayEvent, Phase, StopReason
from isolane.sim.chargers.dialect import CONNECTOR, MEASURED, VENDOR, Orders, Transaction
from isolane.sim.chargers.outbox import Outgoing
from isolane.sim.peer import Handler
from isolane.sim.records import utc_now

_STATUS = {
    Phase.AVAILABLE: "Available",
    Phase.PREPARING: "Preparing",
    Phase.CHARGING: "Charging",
    Phase.FINISHING: "Finishing",
}
_REASONS: dict[StopReason, str] = {"SOCLimitReached": "EVDisconnected", "TimeLimitReached": "Local"}
"""1.6 has no words for these two; the others are the same."""
_SAID = {"BootNotification": "boot", "Heartbeat": "heartbeat", "StatusNotification": "status", "MeterValues": "meter"}
_SETTINGS = {"HeartbeatInterval": "set by the CSMS", "NumberOfConnectors": "1", "SupportedFeatureProfiles": "Core"}

_VALUES = (
    ("1.0/ElectricalFeed/Power", "Power.Active.Import", "W", None, None),
    *((f"1.0/ElectricalFeed/ACCurrent[L{n}]", "Current.Import", "A", f"L{n}", None) for n in (1, 2, 3)),
    *((f"1.0/ElectricalFeed/ACVoltage[L{n}]", "Voltage", "V", f"L{n}-N", None) for n in (1, 2, 3)),
    ("1.0/ElectricalFeed/Frequency", "Frequency", None, None, None),
    ("1.0/TemperatureSensor[ContactL1]/Temperature", "Temperature", "Celsius", None, "Outlet"),
    ("0.0/TemperatureSensor[Enclosure]/Temperature", "Temperature", "Celsius", None, "Body"),
)
"""Signal, measurand, unit, phase, location."""


class ChargerV16:
    """The dialect of an AC charger.

    Args:
        model: Its model name.
        serial: Its serial number.
    """

    subprotocol = "ocpp1.6"
    own_ids = False

    def __init__(self, model: str, serial: str) -> None:
        self._model = model
        self._serial = serial

    def boot(self) -> Outgoing:
        """Make a BootNotification."""
        body = {
            "chargePointVendor": VENDOR,
            "chargePointModel": self._model,
            "chargePointSerialNumber": self._serial,
            "firmwareVersion": "1.8.32",
        }
        return Outgoing("BootNotification", lambda: body)

    def heartbeat(self) -> Outgoing:
        """Make a Heartbeat."""
        return Outgoing("Heartbeat", dict)

    def status(self, phase: Phase, *, problem: bool) -> Outgoing:
        """Make a StatusNotification."""
        body = {
            "connectorId": CONNECTOR,
            "errorCode": "HighTemperature" if problem else "NoError",
            "status": _STATUS[phase],
            "timestamp": utc_now(),
        }
        return Outgoing("StatusNotification", lambda: body)

    def problem(self, readings: MEASURED, *, problem: bool) -> Outgoing | None:  # noqa: ARG002 - the dialect's form
        """Give nothing: 1.6 says it with the status."""
        return None

    def authorise(self, token: str) -> Outgoing:
        """Make an Authorize."""
        return Outgoing("Authorize", lambda: {"idTag": token})

    def accepted(self, answer: Mapping[str, Any]) -> bool:
        """See `Dialect.accepted`."""
        return bool(answer["id_tag_info"]["status"] == "Accepted")

    def started(self, transaction: Transaction, event: BayEvent) -> Outgoing:
        """Make a StartTransaction."""
        body = {
            "connectorId": CONNECTOR,
            "idTag": transaction.token,
            "meterStart": event.wh,
            "timestamp": transaction.started_utc,
        }
        return Outgoing("StartTransaction", lambda: body, durable=True)

    def number(self, answer: Mapping[str, Any]) -> int:
        """See `Dialect.number`."""
        return int(answer["transaction_id"])

    def metered(self, transaction: Transaction, event: BayEvent) -> Outgoing:
        """Make a MeterValues."""
        value = _meter_value(event, "Sample.Periodic")

        def body() -> Mapping[str, Any]:
            return {"connectorId": CONNECTOR, "transactionId": transaction.number, "meterValue": [value]}

        return Outgoing("MeterValues", body, durable=True, reading=True)

    def stopped(self, transaction: Transaction, event: BayEvent, reason: StopReason) -> Outgoing:
        """Make a StopTransaction."""
        stamp = utc_now()
        values = [_meter_value(event, "Transaction.End")]

        def body() -> Mapping[str, Any]:
            return {
                "transactionId": transaction.number,
                "idTag": transaction.token,
                "meterStop": event.wh,
                "timestamp": stamp,
                "reason": _REASONS.get(reason, reason),
                "transactionData": values,
            }

        return Outgoing("StopTransaction", body, durable=True)

    def handlers(self, orders: Orders) -> Mapping[str, Handler]:
        """See `Dialect.handlers`."""

        def verdict(*, done: bool) -> Mapping[str, Any]:
            return {"status": "Accepted" if done else "Rejected"}

        def reset(**_: Any) -> Mapping[str, Any]:  # noqa: ANN401 - fields of the message
            orders.reset()
            return verdict(done=True)

        def trigger(requested_message: str, **_: Any) -> Mapping[str, Any]:  # noqa: ANN401
            what = _SAID.get(requested_message)
            return {"status": "NotImplemented"} if what is None else verdict(done=orders.say(what))

        return {
            "RemoteStartTransaction": lambda id_tag, **_: verdict(done=orders.start(id_tag)),
            "RemoteStopTransaction": lambda transaction_id, **_: verdict(done=orders.stop(str(transaction_id))),
            "Reset": reset,
            "TriggerMessage": trigger,
            "ChangeAvailability": lambda **_: verdict(done=True),
            "UnlockConnector": lambda **_: {"status": "Unlocked"},
            "ClearCache": lambda **_: verdict(done=True),
            "ChangeConfiguration": lambda **_: verdict(done=True),
            "GetConfiguration": lambda key=None, **_: _configuration(key),
            "DataTransfer": lambda **_: {"status": "UnknownVendorId"},
        }


def _configuration(keys: list[str] | None) -> Mapping[str, Any]:
    wanted = keys or list(_SETTINGS)
    known = [{"key": key, "readonly": True, "value": _SETTINGS[key]} for key in wanted if key in _SETTINGS]
    unknown = [key for key in wanted if key not in _SETTINGS]
    return {"configurationKey": known, "unknownKey": unknown}


def _meter_value(event: BayEvent, context: str) -> Mapping[str, Any]:
    sampled: list[dict[str, str]] = [
        {"value": str(event.wh), "context": context, "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    ]
    for key, measurand, unit, phase, location in _VALUES:
        if key in event.readings:
            optional = {"unit": unit, "phase": phase, "location": location}
            sampled.append(
                {
                    "value": f"{event.readings[key]:.2f}",
                    "context": context,
                    "measurand": measurand,
                    **{name: text for name, text in optional.items() if text is not None},
                }
            )
    return {"timestamp": utc_now(), "sampledValue": sampled}
