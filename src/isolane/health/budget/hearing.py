"""This file turns the tap's facts into what the budget heeds; it guards that an old fact stops nobody."""

from bisect import bisect_left
from dataclasses import dataclass, field

from isolane.health.budget.turnstile import Turnstile
from isolane.wire import tap_event

_OLD_NS = 5_000_000_000
"""A call told later than this waited while this process was away; it says nothing of now."""

ROUND_TRIP_BOUNDS_S = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(slots=True)
class Heard:
    """What was heard of the business's calls since the process started."""

    calls: int = 0
    late_s: float = 0.0
    """From the relay's read of each to here, s, added up."""
    late_s_max: float = 0.0
    round_trips: list[int] = field(default_factory=lambda: [0] * (len(ROUND_TRIP_BOUNDS_S) + 1))
    """Answers of the CSMS by how long they took: up to each bound, then longer ones."""
    round_trip_s: float = 0.0


class Hearing:
    """Takes the tap's packets.

    Args:
        turnstile: Whose pace follows.
    """

    def __init__(self, turnstile: Turnstile) -> None:
        self.heard = Heard()
        self._turnstile = turnstile

    def take(self, packet: tap_event.Packet | None) -> None:
        """Take a packet, or None: what was told before may no longer hold."""
        turnstile = self._turnstile
        if packet is None:
            turnstile.yielding.forget()
            turnstile.serve()
            return
        now = turnstile.now_ns()
        for event in packet.events:
            if now - event.mono_ns > _OLD_NS:
                continue
            match event:
                case tap_event.Called():
                    turnstile.yielding.called(event.charger, event.by, now)
                    self._note((now - event.mono_ns) / 1e9)
                case tap_event.Answered():
                    turnstile.yielding.answered(event.charger, event.by, now)
                    if event.by == "csms":
                        self._answered(event.action, event.latency_ms / 1000, now)
                case tap_event.Disconnected():
                    turnstile.yielding.gone(event.charger)
                case _:
                    pass
        turnstile.serve()

    def _answered(self, action: str, took_s: float, now_ns: int) -> None:
        self._turnstile.ease.take(action, took_s, now_ns)
        self.heard.round_trips[bisect_left(ROUND_TRIP_BOUNDS_S, took_s)] += 1
        self.heard.round_trip_s += took_s

    def _note(self, late_s: float) -> None:
        self.heard.calls += 1
        self.heard.late_s += late_s
        self.heard.late_s_max = max(self.heard.late_s_max, late_s)
