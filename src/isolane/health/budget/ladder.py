"""This file decides how far to thin; it guards that it neither runs out of the month nor swings to and fro.

Operation: pressure is what is needed over what there is, the worse of two: the month's projection to its limit, and how
long what waits would take to send to how long it may. Above 1 for the dwell time: one rung further. Below 0.8 for four
times that, and if the rate that was seen on the rung before fits into what is left: one rung back. A rung whose rate
did not fit is tried again after six hours, since needs change. When the month is spent, the last rung at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from isolane.core.rungs import Rung

_RELIEF = 0.8
_BACK_DWELLS = 4
_RETRY_S = 21_600.0


@dataclass(frozen=True, slots=True)
class Need:
    """What is needed, and what there is.

    Attributes:
        rate_bytes_s: What is sent at the present rung.
        allowed_bytes_s: What may be sent until the month ends; None without a limit.
        is_spent: Whether the month has nothing left but the reserve.
        backlog: How long what waits would take, over how long it may; 0 while no link stands.
    """

    rate_bytes_s: float
    allowed_bytes_s: float | None
    is_spent: bool
    backlog: float

    @property
    def pressure(self) -> float:
        """Needed over available; above 1 is too much."""
        if self.allowed_bytes_s is None:
            return self.backlog
        return max(self.rate_bytes_s / max(self.allowed_bytes_s, 1e-9), self.backlog)


class Ladder:
    """The rung, and what was learnt of each.

    Args:
        rungs: Those that may be used, beside FULL.
        dwell_s: How long a rung is kept at least.
        now_s: Monotonic clock.
    """

    def __init__(self, rungs: Sequence[Rung], dwell_s: float, now_s: float) -> None:
        self._rungs = (Rung.FULL, *sorted(set(rungs) - {Rung.FULL}))
        self._at = 0
        self._dwell_s = dwell_s
        self._since_s = now_s
        self._calm_since_s: float | None = None
        self._seen: dict[Rung, float] = {}
        self.changes = 0

    @property
    def rung(self) -> Rung:
        """The present rung."""
        return self._rungs[self._at]

    def decide(self, need: Need, now_s: float) -> Rung:
        """Look at what is needed and give the rung to be on."""
        stood_s = now_s - self._since_s
        if stood_s >= self._dwell_s:
            self._seen[self.rung] = need.rate_bytes_s
        if need.pressure > _RELIEF:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        last = len(self._rungs) - 1
        if need.is_spent:
            self._go(last, now_s)
        elif need.pressure > 1 and stood_s >= self._dwell_s:
            self._go(min(self._at + 1, last), now_s)
        elif self._at and self._may_go_back(need, stood_s, now_s):
            self._go(self._at - 1, now_s)
        return self.rung

    def _may_go_back(self, need: Need, stood_s: float, now_s: float) -> bool:
        if self._calm_since_s is None or now_s - self._calm_since_s < _BACK_DWELLS * self._dwell_s:
            return False
        before = self._seen.get(self._rungs[self._at - 1])
        fits = before is None or need.allowed_bytes_s is None or before <= _RELIEF * need.allowed_bytes_s
        return fits or stood_s >= _RETRY_S

    def _go(self, to: int, now_s: float) -> None:
        if to != self._at:
            self._at, self._since_s, self._calm_since_s = to, now_s, None
            self.changes += 1
