"""This file damps what comes and goes; it guards that a loose contact is one alert and not a hundred messages."""

from collections.abc import Mapping

from isolane.center.alerts.findings import Key


class FlapDamper:
    """Decides when an alert may close.

    Args:
        count: Openings within the window from which on an alert flaps.
        quiet_ms: How long the condition of one that flaps must have ended before it closes.
    """

    def __init__(self, count: int, quiet_ms: int) -> None:
        self._count = count
        self._quiet_ms = quiet_ms
        self._quiet_since_ms: dict[Key, int] = {}

    def flaps(self, key: Key, openings: Mapping[Key, int]) -> bool:
        """Tell whether an alert has come too often."""
        return openings.get(key, 0) >= self._count

    def holds(self, key: Key) -> None:
        """Note that a condition holds."""
        self._quiet_since_ms.pop(key, None)

    def may_close(self, key: Key, now_ms: int, *, flapping: bool) -> bool:
        """Tell whether an alert whose condition has ended is closed now."""
        if not flapping:
            return True
        since = self._quiet_since_ms.setdefault(key, now_ms)
        if now_ms - since < self._quiet_ms:
            return False
        del self._quiet_since_ms[key]
        return True
