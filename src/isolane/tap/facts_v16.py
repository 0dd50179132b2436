"""This file says which facts OCPP 1.6 messages hold; it guards that every field that is not named here ends here.

Pure. Connector n of 1.6 is EVSE n with connector 1; connector 0 is the charging station, EVSE 0 and connector 0.
Source: OCPP 1.6 edition 2 §4 and §6.
"""

from isolane.tap import allow, facts, vocabulary
from isolane.tap.facts import Origin, Read
from isolane.wire import tap_event as ev


def _boot(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    return [
        ev.Booted(
            origin.charger,
            origin.mono_ns,
            allow.model_name(payload.get("chargePointVendor")),
            allow.model_name(payload.get("chargePointModel")),
            allow.version(payload.get("firmwareVersion")),
        )
    ]


def _status(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    evse = allow.index(payload.get("connectorId"))
    status = allow.word(payload.get("status"), vocabulary.STATUSES_V16)
    if evse is None or not status:
        origin.refused += 1
        return []
    vendor_code = payload.get("vendorErrorCode")
    known_code = allow.vendor_code(vendor_code, origin.vendor_codes)
    origin.refused += bool(vendor_code) and not known_code
    error = allow.word(payload.get("errorCode"), vocabulary.ERRORS_V16)
    return [ev.StatusChanged(origin.charger, origin.mono_ns, evse, min(evse, 1), status, error, known_code)]


def _meter_values(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    evse = allow.index(payload.get("connectorId"))
    transaction = _transaction(payload, origin)
    if transaction and evse:
        origin.transactions.place(origin.charger, transaction, evse)
    return facts.metered(evse, payload.get("meterValue"), _sampled, origin)


def _sampled(sampled: allow.Object) -> ev.MeterValue | None:
    if sampled.get("format", "Raw") != "Raw":
        return None  # signed data are for the calibration law's eyes, not for ours
    return facts.meter_value(sampled, sampled.get("unit"), allow.number(sampled.get("value")))


def _start(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    return facts.register(started_at(payload) or None, payload.get("meterStart"), payload.get("timestamp"), origin)


def _stop(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    pseudonym = _transaction(payload, origin)
    evse = origin.transactions.place(origin.charger, pseudonym, 0) if pseudonym else 0
    events = facts.metered(evse or None, payload.get("transactionData"), _sampled, origin)
    events += facts.register(evse or None, payload.get("meterStop"), payload.get("timestamp"), origin)
    if pseudonym:
        reason = allow.word(payload.get("reason", "Local"), vocabulary.STOP_REASONS_V16)
        events.append(ev.TransactionChanged(origin.charger, origin.mono_ns, evse, "ended", pseudonym, reason))
    return events


def _transaction(payload: allow.Object, origin: Origin) -> str:
    identity = payload.get("transactionId")
    return origin.transactions.pseudonym(origin.charger, str(identity)) if type(identity) is int else ""


def started_at(payload: allow.Object) -> int:
    """Give the EVSE of a StartTransaction, to be remembered until its answer; 0 where it does not say one."""
    return allow.index(payload.get("connectorId")) or 0


def started(evse: int, result: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    """Read the answer to StartTransaction, which is where 1.6 names the transaction."""
    pseudonym = _transaction(result, origin)
    if not pseudonym:
        origin.refused += 1
        return []
    place = origin.transactions.place(origin.charger, pseudonym, evse)
    return [ev.TransactionChanged(origin.charger, origin.mono_ns, place, "started", pseudonym)]


CALLS: dict[str, Read] = {
    "BootNotification": _boot,
    "MeterValues": _meter_values,
    "StartTransaction": _start,
    "StatusNotification": _status,
    "StopTransaction": _stop,
}
"""By the charger's calls. StartTransaction's answer is the only one of the CSMS that holds a fact: `started`."""
