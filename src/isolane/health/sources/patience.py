"""This file says when a peer that failed may be tried again; it guards that reconnecting is never a storm."""

from isolane.core.clock import NS_PER_S, Clock

_PAUSE_S_MIN = 0.5


class Patience:
    """A pause that doubles with each failure, from none, and begins anew after a success.

    Args:
        pause_s_max: The longest pause, s.
        clock: Its monotonic side is used.
    """

    def __init__(self, pause_s_max: float, clock: Clock) -> None:
        self._pause_s_max = pause_s_max
        self._clock = clock
        self._pause_s = 0.0
        self._next_mono_ns = 0

    @property
    def left_s(self) -> float:
        """How long to wait still, s; 0 when the peer may be tried."""
        return max(0, self._next_mono_ns - self._clock.mono_ns()) / NS_PER_S

    def failed(self) -> None:
        """Note a failure."""
        self._next_mono_ns = self._clock.mono_ns() + round(self._pause_s * NS_PER_S)
        self._pause_s = min(max(2 * self._pause_s, _PAUSE_S_MIN), self._pause_s_max)

    def succeeded(self) -> None:
        """Note a success."""
        self._pause_s = 0.0
        self._next_mono_ns = 0
