"""This file says when Channel B stands aside for calls of Channel A; it guards that it never does so for ever.

States: FREE; HOLD while a call of the business is in flight and for the guard time after the last; TRICKLE once a hold
has lasted as long as it may, until the business has been quiet for the guard time. A CSMS that never answers, or one
that is never quiet, so costs Channel B its speed and not its life.
"""

from enum import Enum

_NS_PER_MS = 1_000_000
_FORGOTTEN_NS = 60_000_000_000
"""A call without an answer for so long will have none."""
_CALLS_MAX = 10_000


class Stance(Enum):
    """How Channel B stands to Channel A at a moment."""

    FREE = "free"
    HOLD = "hold"
    TRICKLE = "trickle"


class Yielding:
    """The calls of the business that are in flight.

    Args:
        guard_ms: Quiet time after the last of them.
        hold_ms_max: Longest hold.
    """

    def __init__(self, guard_ms: int, hold_ms_max: int) -> None:
        self._guard_ns = guard_ms * _NS_PER_MS
        self._hold_ns_max = hold_ms_max * _NS_PER_MS
        self._calls: dict[tuple[str, str], int] = {}
        self._busy_since_ns: int | None = None
        self._quiet_from_ns = 0
        self.holds = 0

    @property
    def in_flight(self) -> int:
        """Calls without an answer yet."""
        return len(self._calls)

    def called(self, charger: str, by: str, now_ns: int) -> None:
        """Take a CALL of "charger" or "csms"; each has at most one in flight (OCPP-J)."""
        self.stance(now_ns)
        if self._busy_since_ns is None:
            self._busy_since_ns = now_ns
            self.holds += 1
        if len(self._calls) < _CALLS_MAX:
            self._calls[charger, by] = now_ns
        self._quiet_from_ns = now_ns + self._guard_ns

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
        if self._busy_since_ns is None:
            return Stance.FREE
        if not self._in_flight(now_ns) and now_ns >= self._quiet_from_ns:
            self._busy_since_ns = None
            return Stance.FREE
        if now_ns - self._busy_since_ns < self._hold_ns_max:
            return Stance.HOLD
        return Stance.TRICKLE

    def change_s(self, now_ns: int) -> float:
        """Give how long a hold may last at most from now if nothing else is heard, s."""
        if self._busy_since_ns is None:
            return 0.0
        end_ns = self._busy_since_ns + self._hold_ns_max
        if not self._calls:
            end_ns = min(end_ns, self._quiet_from_ns)
        return max(0.0, (end_ns - now_ns) / 1e9)

    def _in_flight(self, now_ns: int) -> bool:
        late = [call for call, since_ns in self._calls.items() if now_ns - since_ns > _FORGOTTEN_NS]
        for call in late:
            del self._calls[call]
        return bool(self._calls)
