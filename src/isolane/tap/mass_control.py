"""This file notices when a CSMS switches many chargers at once, or one again and again.

It guards that ordinary load management is no alarm: a CSMS may set charging profiles everywhere, all the time, so these
count only towards how often one charger is told.

Pure. Two rules, each over the same window: the same disruptive command to many different chargers, and switching
commands of any kind to one charger. A burst is told when it reaches the limit and once a minute while it lasts.
"""

from collections import OrderedDict, deque
from typing import Final

from isolane.core.clock import NS_PER_S

DISRUPTIVE: Final = frozenset({
    "ChangeAvailability", "ClearCache", "PublishFirmware", "RemoteStartTransaction", "RemoteStopTransaction",
    "RequestStartTransaction", "RequestStopTransaction", "Reset", "SetNetworkProfile", "SignedUpdateFirmware",
    "UnlockConnector", "UpdateFirmware",
})  # fmt: skip
SWITCHING: Final = DISRUPTIVE | {"ClearChargingProfile", "SetChargingProfile", "UpdateDynamicSchedule"}
_AGAIN_NS: Final = 60 * NS_PER_S


class MassControl:
    """The commands of the last seconds.

    Args:
        window_s: How long a command counts, s.
        chargers_max: So many chargers by one disruptive command are an alarm.
        calls_max: So many switching commands to one charger are an alarm.
        known_max: Chargers remembered at a time; the one unheard of for longest goes.
    """

    def __init__(self, window_s: float, chargers_max: int, calls_max: int, known_max: int) -> None:
        self._window_ns = round(window_s * NS_PER_S)
        self._chargers_max = chargers_max
        self._calls_max = calls_max
        self._known_max = known_max
        self._reached: dict[str, OrderedDict[str, int]] = {}
        self._calls: OrderedDict[str, deque[int]] = OrderedDict()
        self._told: dict[str, int] = {}
        self._told_of: OrderedDict[str, int] = OrderedDict()

    def note(self, charger: str, action: str, mono_ns: int) -> dict[str, int]:
        """Take one command of `SWITCHING`.

        Returns:
            What is too much with it: "chargers" that got this command or "calls" that this charger got, within the
            window; mostly nothing.
        """
        found = {}
        if action in DISRUPTIVE:
            reached = self._reached.setdefault(action, OrderedDict())
            reached.pop(charger, None)
            reached[charger] = mono_ns
            while mono_ns - next(iter(reached.values())) > self._window_ns or len(reached) > self._known_max:
                reached.popitem(last=False)
            if len(reached) >= self._chargers_max and self._is_news(self._told, action, mono_ns):
                found["chargers"] = len(reached)
        calls = self._calls.setdefault(charger, deque(maxlen=self._calls_max))
        self._calls.move_to_end(charger)
        if len(self._calls) > self._known_max:
            self._calls.popitem(last=False)
        calls.append(mono_ns)
        is_full = len(calls) == self._calls_max and mono_ns - calls[0] <= self._window_ns
        if is_full and self._is_news(self._told_of, charger, mono_ns):
            found["calls"] = len(calls)
            if len(self._told_of) > self._known_max:
                self._told_of.popitem(last=False)
        return found

    @staticmethod
    def _is_news(told: dict[str, int], name: str, mono_ns: int) -> bool:
        if mono_ns - told.get(name, mono_ns - _AGAIN_NS) < _AGAIN_NS:
            return False
        told[name] = mono_ns
        return True
