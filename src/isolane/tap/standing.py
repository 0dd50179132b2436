"""This file remembers what still holds of each charger; it guards that a restarted health process is not left blind.

Connected, Booted and the last StatusChanged of each connector are told again, as they were, whenever the event port
connects: a charger may not repeat them for days. Bounded in chargers and in connectors.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from isolane.wire import tap_event as ev

_STATUSES_MAX = 64


@dataclass(slots=True)
class _Charger:
    connected: ev.Connected | None = None
    booted: ev.Booted | None = None
    statuses: dict[tuple[int, int], ev.StatusChanged] = field(default_factory=dict)


class Standing:
    """The facts that stand.

    Args:
        chargers_max: Chargers remembered; the one unheard of for longest goes.
    """

    def __init__(self, chargers_max: int) -> None:
        self._chargers_max = chargers_max
        self._chargers: OrderedDict[str, _Charger] = OrderedDict()

    def note(self, event: ev.AnyEvent) -> None:
        """Look at an event that is being sent."""
        if not isinstance(event, ev.Connected | ev.Disconnected | ev.Booted | ev.StatusChanged):
            return
        charger = self._chargers.setdefault(event.charger, _Charger())
        self._chargers.move_to_end(event.charger)
        if isinstance(event, ev.Connected):
            charger.connected = event
        elif isinstance(event, ev.Disconnected):
            charger.connected = None
        elif isinstance(event, ev.Booted):
            charger.booted = event
        elif (event.evse, event.connector) in charger.statuses or len(charger.statuses) < _STATUSES_MAX:
            charger.statuses[event.evse, event.connector] = event
        if len(self._chargers) > self._chargers_max:
            self._chargers.popitem(last=False)

    def tell(self) -> list[ev.AnyEvent]:
        """Give what stands for every charger that is connected."""
        told: list[ev.AnyEvent] = []
        for charger in self._chargers.values():
            if charger.connected:
                told.append(charger.connected)
                told += [charger.booted] if charger.booted else []
                told += charger.statuses.values()
        return told
