"""This file is what the tables of both OCPP versions share; it guards that a message cannot become more facts than fit.

Pure. A table maps an action to a function from the payload to events. It never raises for what a charger sends: a
field of another form is a fact less, counted in `Origin.refused`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from isolane.tap import allow, vocabulary
from isolane.tap.pseudonym import Transactions
from isolane.wire import tap_event as ev

VALUES_MAX = 1_000
"""Meter values or variables taken from one message; the rest is refused. A long session's end has some hundred."""
VALUES_PER_EVENT_MAX = 200
"""A value takes up to 250 bytes in an event and a packet has 64 KiB."""
DEFAULT_MEASURAND = "Energy.Active.Import.Register"


@dataclass(slots=True)
class Origin:
    """Where a message came from and what it may be turned into.

    Attributes:
        charger: Identity.
        mono_ns: When the relay read its last byte.
        transactions: Names transactions.
        vendor_codes: Vendor error codes that the operator lets pass by name.
        refused: Facts that were not taken, counted here.
    """

    charger: str
    mono_ns: int
    transactions: Transactions
    vendor_codes: frozenset[str] = frozenset()
    refused: int = field(default=0)


Read = Callable[[allow.Object, Origin], list[ev.AnyEvent]]


def metered(
    evse: int | None, groups: object, value_of: Callable[[allow.Object], ev.MeterValue | None], origin: Origin
) -> list[ev.AnyEvent]:
    """Turn an array of OCPP MeterValue into events, one for each timestamp (more where it has very many values).

    Args:
        evse: Where, or None where that is not known: 0 would be the meter of the whole station.
        groups: The JSON value: an array of objects with `timestamp` and `sampledValue`.
        value_of: Reads one sampled value of its OCPP version, None where it may not pass.
        origin: See there.
    """
    events: list[ev.AnyEvent] = []
    left = VALUES_MAX
    for group in allow.records(groups):
        sampled = allow.records(group.get("sampledValue"))
        taken = sampled[:left] if evse is not None else []
        left -= len(taken)
        values = [value for value in map(value_of, taken) if value is not None]
        origin.refused += len(sampled) - len(values)
        at = allow.utc_ms(group.get("timestamp"))
        for first in range(0, len(values), VALUES_PER_EVENT_MAX):
            some = tuple(values[first : first + VALUES_PER_EVENT_MAX])
            events.append(ev.Metered(origin.charger, origin.mono_ns, evse or 0, some, at))
    return events


def meter_value(sampled: allow.Object, unit: object, value: float | None) -> ev.MeterValue | None:
    """Check the words of one sampled value, None where one of them is unknown: the number would mean something else."""
    if value is None:
        return None
    words = [
        _optional(sampled.get("measurand") or DEFAULT_MEASURAND, vocabulary.MEASURANDS),
        _optional(sampled.get("phase"), vocabulary.PHASES),
        _optional(sampled.get("location"), vocabulary.LOCATIONS),
        _optional(unit, vocabulary.UNITS),
    ]
    if None in words:
        return None
    measurand, phase, location, known_unit = (text or "" for text in words)
    if not known_unit and measurand.startswith("Energy.Active."):
        known_unit = "Wh"  # the specification's default
    return ev.MeterValue(measurand, phase, location, known_unit, value)


def register(evse: int | None, energy_wh: object, at: object, origin: Origin) -> list[ev.AnyEvent]:
    """Turn meterStart or meterStop into the meter reading it is; None for an EVSE that is not known."""
    value = allow.number(energy_wh)
    if value is None or evse is None:
        origin.refused += 1
        return []
    reading = ev.MeterValue(DEFAULT_MEASURAND, "", "", "Wh", value)
    return [ev.Metered(origin.charger, origin.mono_ns, evse, (reading,), allow.utc_ms(at))]


def _optional(value: object, allowed: frozenset[str]) -> str | None:
    return "" if value is None else allow.word(value, allowed) or None
