"""This file names the OCPP source's signals and numbers its states; it guards that a state's number never changes.

docs/reference/signals.md shows the same table; a test compares the two.
"""

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.core.states import AVAILABILITY
from isolane.health.sources import points
from isolane.health.sources.ocpp.measured import ENERGY, POWER, Measured, parse
from isolane.health.sources.ocpp.settings import ChargerSettings, OcppSettings

NUMBER_OF = {state: number for number, state in enumerate(AVAILABILITY)}
"""Connector states of OCPP 1.6 and 2.x as numbers."""

LINK_ACTIVE = "0.0/DataLink/Active"
ROUND_TRIP = "0.0/DataLink/xRoundTrip"
RECONNECTS = "0.0/DataLink/xReconnects"
SECURITY_EVENTS = "0.0/DataLink/xSecurityEvents"
ROUND_TRIP_PERIOD_S = 60.0
"""How long a round trip is taken as fresh: chargers speak at least once a heartbeat, mostly far more often."""


def availability(evse: int) -> str:
    """Give the key of the state of an EVSE; 0 is the whole station."""
    return f"{evse}.0/Connector/AvailabilityState" if evse else "0.0/ChargingStation/AvailabilityState"


def problem(evse: int) -> str:
    """Give the key that says whether an EVSE reports an error; 0 is the whole station."""
    return f"{evse}.0/Connector/Problem" if evse else "0.0/ChargingStation/Problem"


def transaction_active(evse: int) -> str:
    """Give the key that says whether a transaction runs at an EVSE."""
    return f"{evse}.0/EVSE/xTransactionActive"


def metered_power(evse: int) -> str:
    """Give the key of the power that the charger meters; the instance tells it from a meter's own signal."""
    return f"{evse}.0/EVSE[Ocpp]/Power"


def metered_energy(evse: int) -> str:
    """Give the key of the energy register that the charger meters."""
    return f"{evse}.0/FiscalMetering[Ocpp]/EnergyImportRegister"


def metered_signals(charger: ChargerSettings) -> dict[tuple[int, Measured], Signal]:
    """Give the signal of each metered value that a charger sends, by EVSE and kind.

    Raises:
        IsolaneError: OCPP has no such value.
    """
    name, found = charger.charger, {}
    for evse in charger.metered:
        found[evse, POWER] = Signal(name, metered_power(evse), "W", 1)
        found[evse, ENERGY] = Signal(name, metered_energy(evse), "Wh", 1)
        for measured in map(parse, charger.measured):
            found.setdefault((evse, measured), measured.signal(name, evse))
    return found


def signals_of(charger: ChargerSettings) -> list[tuple[Signal, float]]:
    """Give a charger's signals, each with its period in s; 0 means with every round."""
    name = charger.charger
    signals = [
        (Signal(name, LINK_ACTIVE, "", 1), 0.0),
        (Signal(name, ROUND_TRIP, "s", 0.001), ROUND_TRIP_PERIOD_S),
        (Signal(name, RECONNECTS, "", 1), 0.0),
        (Signal(name, SECURITY_EVENTS, "", 1), 0.0),
    ]
    for evse in charger.reported:
        signals += [(Signal(name, availability(evse), "", 1), 0.0), (Signal(name, problem(evse), "", 1), 0.0)]
        if not evse:
            continue
        signals.append((Signal(name, transaction_active(evse), "", 1), 0.0))
    return signals + [(signal, charger.meter_period_s) for signal in metered_signals(charger).values()]


def plan_signals(settings: OcppSettings) -> dict[Signal, float]:
    """Give every signal with its period, s.

    Raises:
        IsolaneError: A metered value or a variable cannot be, or stands there twice.
    """
    found = {
        signal: period or settings.period_s for charger in settings.chargers for signal, period in signals_of(charger)
    }
    taken = {(signal.charger, signal.key) for signal in found}
    for signal, variable in zip(points.signals_of(settings.name, settings.variables), settings.variables, strict=True):
        where = f"source {settings.name!r}: the variable {signal.key}"
        if signal.charger not in {charger.charger for charger in settings.chargers}:
            raise IsolaneError(f"{where} is of charger {signal.charger!r}", "name that charger in `chargers` too")
        if (signal.charger, signal.key) in taken:
            raise IsolaneError(f"{where} is already known from other messages", "remove it from `variables`")
        found[signal] = variable.period_s or settings.period_s
    return found
