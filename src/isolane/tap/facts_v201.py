"""This file says which facts OCPP 2.0.1 messages hold; it guards that every field that is not named here ends here.

Pure. 2.1 messages are read where they are the same. A value of the device model passes only under a listed name.
Source: OCPP 2.0.1 part 2 §1 and §2; OCPP 2.1 part 2.
"""

from isolane.tap import allow, device_model, facts, vocabulary
from isolane.tap.facts import Origin, Read
from isolane.wire import tap_event as ev

_MULTIPLIER_MAX = 12
_PHASES = {"Started": "started", "Updated": "updated", "Ended": "ended"}
_BOOLEANS = {"true": 1.0, "false": 0.0}


def _boot(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    station = allow.record(payload.get("chargingStation"))
    return [
        ev.Booted(
            origin.charger,
            origin.mono_ns,
            allow.model_name(station.get("vendorName")),
            allow.model_name(station.get("model")),
            allow.version(station.get("firmwareVersion")),
        )
    ]


def _status(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    evse, connector = allow.index(payload.get("evseId")), allow.index(payload.get("connectorId"))
    status = allow.word(payload.get("connectorStatus"), vocabulary.STATUSES_V2)
    if evse is None or connector is None or not status:
        origin.refused += 1
        return []
    return [ev.StatusChanged(origin.charger, origin.mono_ns, evse, connector, status)]


def _meter_values(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    return facts.metered(allow.index(payload.get("evseId")), payload.get("meterValue"), _sampled, origin)


def _sampled(sampled: allow.Object) -> ev.MeterValue | None:
    measure = allow.record(sampled.get("unitOfMeasure"))
    return facts.meter_value(sampled, measure.get("unit"), _scaled(sampled.get("value"), measure.get("multiplier", 0)))


def _scaled(value: object, multiplier: object) -> float | None:
    plain = allow.number(value)
    if plain is None or type(multiplier) is not int or abs(multiplier) > _MULTIPLIER_MAX:
        return None
    # 10 to a whole positive power is exact, so one rounding and not two: 2301 with -1 is 230.1
    return allow.number(plain / 10.0**-multiplier if multiplier < 0 else plain * 10.0**multiplier)


def _transaction(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    info = allow.record(payload.get("transactionInfo"))
    identity, phase = info.get("transactionId"), _PHASES.get(allow.word(payload.get("eventType"), frozenset(_PHASES)))
    evse = allow.index(allow.record(payload.get("evse")).get("id")) or 0
    events: list[ev.AnyEvent] = []
    if isinstance(identity, str) and phase:
        pseudonym = origin.transactions.pseudonym(origin.charger, identity)
        evse = origin.transactions.place(origin.charger, pseudonym, evse)
        events.append(
            ev.TransactionChanged(
                origin.charger,
                origin.mono_ns,
                evse,
                phase,
                pseudonym,
                allow.word(info.get("stoppedReason"), vocabulary.STOP_REASONS_V2),
                allow.word(payload.get("triggerReason"), vocabulary.TRIGGERS_V2),
                allow.word(info.get("chargingState"), vocabulary.CHARGING_STATES_V2),
            )
        )
    else:
        origin.refused += 1
    return facts.metered(evse or None, payload.get("meterValue"), _sampled, origin) + events


def _notify_event(payload: allow.Object, origin: Origin) -> list[ev.AnyEvent]:
    data = allow.records(payload.get("eventData"))
    events: list[ev.AnyEvent] = []
    for each in data[: facts.VALUES_MAX]:
        event = _monitored(each, origin)
        if event:
            events.append(event)
    origin.refused += len(data) - len(events)
    return events


def _monitored(data: allow.Object, origin: Origin) -> ev.Monitored | None:
    component, variable = allow.record(data.get("component")), allow.record(data.get("variable"))
    evse = allow.record(component.get("evse"))
    where, connector = allow.index(evse.get("id", 0)), allow.index(evse.get("connectorId", 0))
    component_name = _named(component, device_model.COMPONENTS)
    variable_name = _named(variable, device_model.VARIABLES)
    value = _actual(allow.word(variable.get("name"), device_model.VARIABLES), data.get("actualValue"))
    if where is None or connector is None or not component_name or not variable_name or value is None:
        return None
    return ev.Monitored(origin.charger, origin.mono_ns, where, connector, component_name, variable_name, value)


def _named(part: allow.Object, allowed: frozenset[str]) -> str:
    """Give a component's or variable's name with its instance, "" where either may not pass."""
    name, instance = allow.word(part.get("name"), allowed), part.get("instance")
    if instance is None or not name:
        return name
    return f"{name}[{instance}]" if isinstance(instance, str) and device_model.is_instance(instance) else ""


def _actual(variable: str, value: object) -> float | str | None:
    if type(value) is bool:
        return float(value)
    if isinstance(value, str):
        words = device_model.ENUMERATED.get(variable)
        if words and value in words:
            return value
        if value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
    return allow.number(value)


CALLS: dict[str, Read] = {
    "BootNotification": _boot,
    "MeterValues": _meter_values,
    "NotifyEvent": _notify_event,
    "StatusNotification": _status,
    "TransactionEvent": _transaction,
}
"""By the charger's calls. No answer of the CSMS holds a fact."""
