"""This file keeps what the tap tells of chargers' transactions; it guards that what is not known is not taken for idle.

Operation: facts of one charger are believed while the stream of events is whole. Whatever was lost, unread or comes
from a connection that has ended is forgotten, and a charger is unknown until it tells again. An EVSE is known to be
free since it said "Available" or "Reserved", or since its transaction ended; what begins afterwards ends that. A
charger is idle when each of its EVSEs is free, no transaction is open, and it was heard a moment ago; of one that was
silent for longer nobody knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from isolane.core.clock import NS_PER_S, Clock
from isolane.wire import tap_event

_FREE: Final = frozenset({"Available", "Reserved"})
_IN_USE: Final = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})
"""Of OCPP 1.6; 2.x has Occupied, which may be a cable without a transaction."""
_CHARGERS_MAX: Final = 10_000


@dataclass(slots=True)
class _Known:
    """What is known of one charger on one connection."""

    ocpp: str = ""
    is_connected: bool = False
    heard_mono_ns: int = -(1 << 62)
    free: set[int] = field(default_factory=set)
    """EVSEs that were free, and in which nothing has begun since."""
    in_use: set[tuple[int, int]] = field(default_factory=set)
    """Connectors that say so."""
    open: dict[str, int] = field(default_factory=dict)
    """Transactions that have begun, and the EVSE of each, 0 where it was not said."""

    def forget(self) -> None:
        self.free.clear()
        self.in_use.clear()
        self.open.clear()


class Occupancy:
    """Which chargers are idle.

    Args:
        evses: How many EVSEs each charger has, of those that may be asked for; with OCPP 1.6 its connectors.
        clock: Its monotonic side is used.
        fresh_s: A charger that was silent for longer is unknown, s.
    """

    def __init__(self, evses: Mapping[str, int], clock: Clock, fresh_s: float) -> None:
        self._evses, self._clock, self._fresh_ns = evses, clock, round(fresh_s * NS_PER_S)
        self._chargers: dict[str, _Known] = {}

    def hear(self, packet: tap_event.Packet | None) -> None:
        """Take a packet of the tap's, or None: what was told before may no longer hold; never waits."""
        if packet is None or packet.lost:
            for known in self._chargers.values():
                known.forget()
        for event in packet.events if packet is not None else ():
            if event.charger not in self._chargers and len(self._chargers) >= _CHARGERS_MAX:
                continue
            self._take(self._chargers.setdefault(event.charger, _Known()), event)

    def ocpp(self, charger: str) -> str:
        """Give the subprotocol that a charger speaks, "" where it is not connected or nobody knows."""
        known = self._chargers.get(charger)
        return known.ocpp if known is not None and known.is_connected else ""

    def is_idle(self, charger: str) -> bool | None:
        """Tell whether a charger has no transaction; None where nobody knows."""
        known, evses = self._chargers.get(charger), self._evses.get(charger)
        if known is None or not evses or not known.is_connected:
            return None
        if self._clock.mono_ns() - known.heard_mono_ns > self._fresh_ns:
            return None
        if known.open or known.in_use:
            return False
        return True if known.free >= set(range(1, evses + 1)) else None

    @staticmethod
    def _take(known: _Known, event: tap_event.AnyEvent) -> None:
        match event:
            case tap_event.SecurityEvent():
                return
            case tap_event.Connected():
                known.ocpp, known.is_connected = event.ocpp, True
            case tap_event.Disconnected():
                known.is_connected = False
                known.forget()
            case tap_event.Unread():
                known.forget()
            case tap_event.StatusChanged():
                _status(known, event)
            case tap_event.TransactionChanged():
                _transaction(known, event)
            case tap_event.Called(by="csms") | tap_event.Answered(by="csms"):
                return  # the CSMS speaks, not the charger
            case _:
                pass
        known.heard_mono_ns = max(known.heard_mono_ns, event.mono_ns)


def _status(known: _Known, event: tap_event.StatusChanged) -> None:
    if not event.evse:
        return
    place = event.evse, event.connector
    known.in_use.discard(place)
    if event.status in _IN_USE:
        known.in_use.add(place)
        known.free.discard(event.evse)
    elif event.status in _FREE:
        known.free.add(event.evse)


def _transaction(known: _Known, event: tap_event.TransactionChanged) -> None:
    if event.phase != "ended":
        known.open[event.pseudonym] = event.evse
        known.free.discard(event.evse)
        return
    evse = known.open.pop(event.pseudonym, 0) or event.evse
    if evse:
        known.free.add(evse)
