"""This file answers the gate's interlocks; it guards that what is not known does not hold."""

from collections.abc import Collection

from isolane.health.commands.limits import Limits
from isolane.health.commands.occupancy import Occupancy
from isolane.wire.verbs.interlock import Interlock, split


class Interlocks:
    """Tells from fresh facts whether an interlock holds; see `gate.Interlocks`.

    Args:
        listed: Chargers that the site's settings list for disruptive commands.
        occupancy: Which are idle.
        limits: When, and how often.
    """

    def __init__(self, listed: Collection[str], occupancy: Occupancy, limits: Limits) -> None:
        self._listed, self._occupancy, self._limits = frozenset(listed), occupancy, limits

    def __call__(self, name: str) -> bool | None:
        """Tell whether it holds; None where nobody knows, or knows no such interlock."""
        try:
            kind, charger = split(name)
        except ValueError:
            return None
        match kind:
            case Interlock.LISTED:
                return charger in self._listed
            case Interlock.IDLE:
                return self._occupancy.is_idle(charger)
            case Interlock.WINDOW:
                return self._limits.is_in_window()
            case Interlock.PACE:
                return self._limits.is_under()
