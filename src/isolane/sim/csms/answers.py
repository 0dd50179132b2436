"""This file answers chargers, per OCPP version; it guards that only registers marked begin and end make a bill."""

from collections.abc import Callable, Mapping
from typing import Any

from isolane.sim.csms.ledger import Ledger
from isolane.sim.peer import Handler, Payload
from isolane.sim.records import utc_now

_NOTHING: Payload = {}
_WH_PER_KWH = 1000


class Answers:
    """What the CSMS says to one charger.

    Args:
        charger: Identity.
        ledger: Where bills are made.
        heartbeat_s: Interval given in the answer to a boot.
        blocked: Tokens that are not authorised.
        on_status: Called with each connector status.
        on_problem: Called with whether the charger says that something limits it.
    """

    def __init__(
        self,
        charger: str,
        ledger: Ledger,
        *,
        heartbeat_s: int,
        blocked: frozenset[str],
        on_status: Callable[[str], None],
        on_problem: Callable[[bool], None],
    ) -> None:
        self._charger = charger
        self._ledger = ledger
        self._heartbeat_s = heartbeat_s
        self._blocked = blocked
        self._on_status = on_status
        self._on_problem = on_problem
        self._seen: set[tuple[str, int]] = set()

    def handlers(self, subprotocol: str) -> Mapping[str, Handler]:
        """Give who answers which action."""
        shared: dict[str, Handler] = {
            "BootNotification": self._boot,
            "Heartbeat": lambda **_: {"currentTime": utc_now()},
            "MeterValues": _nothing,
            "FirmwareStatusNotification": _nothing,
            "DataTransfer": lambda **_: {"status": "UnknownVendorId"},
        }
        if subprotocol == "ocpp1.6":
            return {
                **shared,
                "StatusNotification": self._status_v16,
                "Authorize": lambda id_tag, **_: {"idTagInfo": self._verdict(id_tag)},
                "StartTransaction": self._start_transaction,
                "StopTransaction": self._stop_transaction,
                "DiagnosticsStatusNotification": _nothing,
            }
        return {
            **shared,
            "StatusNotification": lambda connector_status, **_: self._status(connector_status),
            "Authorize": lambda id_token, **_: {"idTokenInfo": self._verdict(id_token["id_token"])},
            "TransactionEvent": self._transaction_event,
            "NotifyEvent": self._notify_event,
            "NotifyReport": _nothing,
            "NotifyMonitoringReport": _nothing,
            "SecurityEventNotification": _nothing,
            "LogStatusNotification": _nothing,
        }

    def _boot(self, **_: Any) -> Payload:  # noqa: ANN401 - fields of the message
        return {"currentTime": utc_now(), "interval": self._heartbeat_s, "status": "Accepted"}

    def _status(self, status: str) -> Payload:
        self._on_status(status)
        return _NOTHING

    def _status_v16(self, status: str, error_code: str, **_: Any) -> Payload:  # noqa: ANN401
        self._on_problem(error_code != "NoError")
        return self._status(status)

    def _notify_event(self, event_data: list[Mapping[str, Any]], **_: Any) -> Payload:  # noqa: ANN401
        for event in event_data:
            if event["variable"]["name"] == "Problem":
                self._on_problem(event["actual_value"] == "true")
        return _NOTHING

    def _verdict(self, token: str) -> Mapping[str, str]:
        return {"status": "Blocked" if token in self._blocked else "Accepted"}

    def _start_transaction(
        self,
        connector_id: int,
        id_tag: str,
        meter_start: int,
        timestamp: str,
        **_: Any,  # noqa: ANN401
    ) -> Payload:
        key = f"{connector_id} {id_tag} {timestamp} {meter_start}"
        number = self._ledger.number(self._charger, key, meter_start)
        return {"transactionId": number, "idTagInfo": self._verdict(id_tag)}

    def _stop_transaction(self, transaction_id: int, meter_stop: int, **_: Any) -> Payload:  # noqa: ANN401
        self._ledger.stop(self._charger, str(transaction_id), meter_stop)
        return {"idTagInfo": {"status": "Accepted"}}

    def _transaction_event(
        self,
        event_type: str,
        seq_no: int,
        transaction_info: Mapping[str, str],
        meter_value: list[Mapping[str, Any]] | None = None,
        id_token: Mapping[str, str] | None = None,
        **_: Any,  # noqa: ANN401
    ) -> Payload:
        transaction = transaction_info["transaction_id"]
        answer: Payload = {} if id_token is None else {"idTokenInfo": self._verdict(id_token["id_token"])}
        if (transaction, seq_no) in self._seen:
            self._ledger.repeats += 1
            return answer
        self._seen.add((transaction, seq_no))
        if event_type == "Started":
            self._ledger.start(self._charger, transaction, _register_wh(meter_value, "Transaction.Begin"))
        elif event_type == "Ended":
            self._ledger.stop(self._charger, transaction, _register_wh(meter_value, "Transaction.End"))
        return answer


def _nothing(**_: Any) -> Payload:  # noqa: ANN401
    return _NOTHING


def _register_wh(meter_values: list[Mapping[str, Any]] | None, context: str) -> int:
    """Find the energy register with this context.

    Raises:
        ValueError: There is none; the library answers the charger CALLERROR InternalError.
    """
    for meter_value in meter_values or ():
        for sample in meter_value["sampled_value"]:
            measurand = sample.get("measurand", "Energy.Active.Import.Register")
            if measurand == "Energy.Active.Import.Register" and sample.get("context", "Sample.Periodic") == context:
                kilo = sample.get("unit_of_measure", {}).get("unit", "Wh") == "kWh"
                return round(float(sample["value"]) * (_WH_PER_KWH if kilo else 1))
    raise ValueError(f"no energy register marked {context}")
