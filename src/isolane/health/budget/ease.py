"""This file slows Channel B down when a queue grows in the uplink; it guards that only delay above the usual counts.

After LEDBAT (RFC 6817): the least delay of the last minutes is the way itself, what is above it stands in a queue. Here
the delays are the business's own round trips, each action apart, since a CSMS thinks longer about some; of the last few
of an action the least counts, so that one slow answer is no queue.
"""

from collections import deque

_HISTORY_NS = 300_000_000_000
_STEP_NS = 250_000_000
"""One change a quarter of a second, about two round trips of a mobile network: the last one has shown by then."""
_RECENT = 3
_RECENT_NS = 10_000_000_000
_KINDS_MAX = 256
_GAIN = 0.05


class Ease:
    """A share of the rate that falls while delay is above target, and comes back slowly.

    Args:
        target_s: Delay above the usual that is still fine, s.
        floor: The least share, 0 to 1.
    """

    def __init__(self, target_s: float, floor: float) -> None:
        self._target_s = target_s
        self._floor = floor
        self._least: dict[str, tuple[float, float, int]] = {}
        self._recent: dict[str, deque[tuple[int, float]]] = {}
        self._next_ns = 0
        self._heard_ns = -_RECENT_NS
        self.share = 1.0
        self.queue_s = 0.0
        """The last delay above the usual."""

    def take(self, kind: str, delay_s: float, now_ns: int) -> None:
        """Take one round trip.

        Args:
            kind: What it was of; only delays of one kind are compared.
            delay_s: How long it took, s.
            now_ns: Monotonic clock.
        """
        if kind not in self._least and len(self._least) >= _KINDS_MAX:
            return
        self._heard_ns = now_ns
        usual_s = self._usual(kind, delay_s, now_ns)
        recent = self._recent.setdefault(kind, deque(maxlen=_RECENT))
        recent.append((now_ns, delay_s))
        current_s = min(each for at_ns, each in recent if now_ns - at_ns <= _RECENT_NS)
        if len(recent) == _RECENT:
            self.note(current_s - usual_s, now_ns)

    def note(self, queue_s: float, now_ns: int) -> None:
        """Take a delay above the usual that is known already, s."""
        self.queue_s = queue_s
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + _STEP_NS
        if queue_s > self._target_s:
            self.share = max(self._floor, self.share / 2)
        else:
            self.share = min(1.0, self.share + _GAIN)

    def note_own(self, queue_s: float, now_ns: int) -> None:
        """Take what our own connections see above their usual, s; where it is fine, the business knows better."""
        if queue_s > self._target_s or now_ns - self._heard_ns > _RECENT_NS:
            self.note(queue_s, now_ns)

    def _usual(self, kind: str, delay_s: float, now_ns: int) -> float:
        """The least of this and the last stretch of five minutes."""
        before, least, since_ns = self._least.get(kind, (delay_s, delay_s, now_ns))
        if now_ns - since_ns > _HISTORY_NS:
            before, least, since_ns = least, delay_s, now_ns
        least = min(least, delay_s)
        self._least[kind] = before, least, since_ns
        return min(before, least)
