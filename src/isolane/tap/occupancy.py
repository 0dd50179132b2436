"""This file counts the chargers at which something is going on; it guards that what is not known is not taken for idle.

Whoever wants to restart the relay asks the metrics page. A connected charger is

*busy* while a transaction is open or a connector says that it is charging; what a lost message may have ended is open
until the EVSE says "Available",
*idle* when each EVSE that it ever told of is free, and it has booted since all of it was read, or all of it was read
for `_SETTLED_S`, by when a charger has told what it had queued,
*unknown* else, as every charger is after a restart of the tap. One that is away costs a restart nothing and is not
counted, but what was known of it is not forgotten.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

from isolane.core.clock import NS_PER_S, Clock
from isolane.wire import tap_event as ev

STATES: Final = ("busy", "idle", "unknown")
_SETTLED_S: Final = 900
"""Longer than chargers take to send again what they had queued, with the back-off that OCPP asks for."""
_IN_USE: Final = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})
_ENDED: Final = "ended"
_FREE: Final = frozenset({"Available", "Reserved", "Preparing", "Finishing", "Unavailable", "Faulted", _ENDED})
"""OCPP 2.x's Occupied is not among them: it may be a cable or a transaction."""
_PLACES_MAX: Final = 256


@dataclass(slots=True)
class _Charger:
    whole_since_ns: int
    is_connected: bool = False
    has_booted: bool = False
    has_gap: bool = True
    """Whether the end of an open transaction may have been missed."""
    statuses: dict[tuple[int, int], str] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)

    def anew(self, now_ns: int) -> None:
        self.whole_since_ns, self.has_booted, self.has_gap = now_ns, False, True

    def state(self, now_ns: int) -> str:
        if self.open or not _IN_USE.isdisjoint(self.statuses.values()):
            return "busy"
        is_settled = self.has_booted or now_ns - self.whole_since_ns >= _SETTLED_S * NS_PER_S
        return "idle" if is_settled and self.statuses and _FREE.issuperset(self.statuses.values()) else "unknown"


class Occupancy:
    """What is going on at the site.

    Args:
        chargers_max: Chargers remembered; the one unheard of for longest goes.
        clock: Its monotonic side is used.
    """

    def __init__(self, chargers_max: int, clock: Clock) -> None:
        self._chargers_max, self._clock = chargers_max, clock
        self._chargers: OrderedDict[str, _Charger] = OrderedDict()

    def note(self, event: ev.AnyEvent) -> None:
        """Look at an event that is being sent."""
        match event:
            case ev.Connected():
                known = self._of(event.charger)
                known.anew(self._clock.mono_ns())
                known.is_connected = True
            case ev.Disconnected():
                self._of(event.charger).is_connected = False
            case ev.Unread():
                self._of(event.charger).anew(self._clock.mono_ns())
            case ev.Booted():
                self._of(event.charger).has_booted = True
            case ev.StatusChanged():
                _status(self._of(event.charger), event)
            case ev.TransactionChanged():
                _transaction(self._of(event.charger), event)
            case _:
                pass

    def counts(self) -> Counter[str]:
        """Count the connected chargers by state."""
        now_ns = self._clock.mono_ns()
        return Counter(known.state(now_ns) for known in self._chargers.values() if known.is_connected)

    def _of(self, charger: str) -> _Charger:
        known = self._chargers.get(charger)
        if known is None:
            known = self._chargers[charger] = _Charger(self._clock.mono_ns())
            if len(self._chargers) > self._chargers_max:
                self._chargers.popitem(last=False)
        self._chargers.move_to_end(charger)
        return known


def _status(known: _Charger, event: ev.StatusChanged) -> None:
    place = event.evse, event.connector
    if not event.evse:
        return
    if place in known.statuses or len(known.statuses) < _PLACES_MAX:
        known.statuses[place] = event.status
    if event.status == "Available" and known.has_gap:
        known.open = {name: evse for name, evse in known.open.items() if evse not in {0, event.evse}}


def _transaction(known: _Charger, event: ev.TransactionChanged) -> None:
    if event.phase != "ended":
        if event.pseudonym in known.open or len(known.open) < _PLACES_MAX:
            known.open[event.pseudonym] = event.evse or known.open.get(event.pseudonym, 0)
        return
    evse = known.open.pop(event.pseudonym, 0) or event.evse
    for place in [place for place in known.statuses if place[0] == evse]:
        known.statuses[place] = _ENDED
