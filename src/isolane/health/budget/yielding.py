"""This file says when Channel B stands aside for calls of Channel A; it guards that it never does so for ever.

States: FREE; HOLD while a call of the business is in flight and for the guard time after the last; SHARE once the
patience for that is used up, until the business has been quiet for the guard time: then the more calls are in flight,
the smaller the part of the rate. Patience is spent only while something waits to be sent. So what is sent in steady
state keeps clear of every answer and of the call that follows it, while a backlog, which would spend half of its time
waiting and gain nothing for the business by that, goes on. Independent calls come at any time: how many of them meet a
packet of ours is decided by how much of the time ours are on the line, whenever that is.
"""

from enum import Enum

from isolane.health.budget.patience import Patience

_NS_PER_MS = 1_000_000
_FORGOTTEN_NS = 60_000_000_000
"""A call without an answer for so long will have none."""
_CALLS_MAX = 10_000


class Stance(Enum):
    """How Channel B stands to Channel A at a moment."""

    FREE = "free"
    HOLD = "hold"
    SHARE = "share"


class Yielding:
    """The calls of the business that are in flight.

    Args:
        guard_ms: Quiet time after the last of them.
        hold_ms_max: The patience for holds; 0 for none.
        weight: What a call in flight counts for in `share`, 0 to 1.
    """

    def __init__(self, guard_ms: int, hold_ms_max: int, weight: float = 1.0) -> None:
        self._guard_ns = guard_ms * _NS_PER_MS
        self._patience = Patience(hold_ms_max * _NS_PER_MS)
        self._weight = weight
        self._calls: dict[tuple[str, str], int] = {}
        self._busy_since_ns: int | None = None
        self._is_worn = False
        """Whether patience has ended since the business was quiet last."""
        self._is_waiting = False
        self._quiet_from_ns = 0
        self.holds = 0

    @property
    def in_flight(self) -> int:
        """Calls without an answer yet."""
        return len(self._calls)

    @property
    def share(self) -> float:
        """Part of the rate that is left beside the calls in flight, 1 without any."""
        return 1 / (1 + self._weight * len(self._calls))

    def waits(self, now_ns: int, *, is_waiting: bool) -> None:
        """Take whether something waits to be sent."""
        self.stance(now_ns)
        self._is_waiting = is_waiting
        self.stance(now_ns)

    def called(self, charger: str, by: str, now_ns: int) -> None:
        """Take a CALL of "charger" or "csms"; each has at most one in flight (OCPP-J)."""
        self.stance(now_ns)
        if self._busy_since_ns is None:
            self._busy_since_ns = now_ns
            self.holds += 1
        if len(self._calls) < _CALLS_MAX:
            self._calls[charger, by] = now_ns
        self._quiet_from_ns = now_ns + self._guard_ns
        self.stance(now_ns)

    def answered(self, charger: str, by: str, now_ns: int) -> None:
        """Take the answer that "charger" or "csms" gave."""
        if self._calls.pop((charger, "csms" if by == "charger" else "charger"), None) is not None:
            self._quiet_from_ns = max(self._quiet_from_ns, now_ns + self._guard_ns)

    def gone(self, charger: str) -> None:
        """A charger's connection has ended: nothing of it will be answered."""
        for by in ("charger", "csms"):
            self._calls.pop((charger, by), None)

    def forget(self) -> None:
        """Facts were lost: an answer may be among them."""
        self._calls.clear()

    def stance(self, now_ns: int) -> Stance:
        """Tell how to stand now."""
        stance = self._stance(now_ns)
        self._patience.spend(now_ns, is_spending=self._is_waiting and stance is Stance.HOLD)
        return stance

    def change_s(self, now_ns: int) -> float:
        """Give how long a hold may last at most from now if nothing else is heard, s."""
        if self.stance(now_ns) is not Stance.HOLD:
            return 0.0
        end_ns = now_ns + (self._patience.left_ns(now_ns) if self._is_waiting else _FORGOTTEN_NS)
        if not self._calls:
            end_ns = min(end_ns, self._quiet_from_ns)
        return (end_ns - now_ns) / 1e9

    def _stance(self, now_ns: int) -> Stance:
        left_ns = self._patience.left_ns(now_ns)
        if self._busy_since_ns is None:
            return Stance.FREE
        if not self._in_flight(now_ns) and now_ns >= self._quiet_from_ns:
            self._busy_since_ns, self._is_worn = None, False
            return Stance.FREE
        self._is_worn = self._is_worn or not left_ns
        return Stance.SHARE if self._is_worn else Stance.HOLD

    def _in_flight(self, now_ns: int) -> bool:
        late = [call for call, since_ns in self._calls.items() if now_ns - since_ns > _FORGOTTEN_NS]
        for call in late:
            del self._calls[call]
        return bool(self._calls)
