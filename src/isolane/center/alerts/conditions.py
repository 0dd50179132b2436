"""This file holds the algebra of hysteresis and duration; it guards that a gap neither raises nor ends anything.

A condition sees values in ascending order of time and is pure: `step` gives the next state. It rises when a value has
been beyond the limit without a break for `for_s`, and falls when it has been on the other side of `clear` without a
break for `clear_for_s`. Between the two it stays as it is. Where no value was for longer than `gap_s` a run begins
anew: what was not seen is not counted.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

MS = 1000.0
Side = Literal["above", "below"]
POINTS_MAX = 4000
"""Of a window of a rate: an hour at 1 Hz."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value is held against.

    Attributes:
        side: Which side of the limit is wrong.
        limit: Wrong beyond it, and not on it.
        clear: Right again on its other side, and on it.
        for_ms: How long it must be wrong.
        clear_for_ms: How long it must be right again.
        gap_ms: Longest time from value to value within a run.
    """

    side: Side
    limit: float
    clear: float
    for_ms: float = 0
    clear_for_ms: float = 0
    gap_ms: float = 120_000

    def is_wrong(self, value: float) -> bool:
        """Tell whether a value is beyond the limit."""
        return value > self.limit if self.side == "above" else value < self.limit

    def is_right(self, value: float) -> bool:
        """Tell whether a value is where the condition may end."""
        return value <= self.clear if self.side == "above" else value >= self.clear


@dataclass(frozen=True, slots=True)
class State:
    """Where a condition stands.

    Attributes:
        rising: Whether it holds.
        since_ms: Begin of the run that leads to the other state; None without one.
        last_ms: Time of the newest value; None before the first.
        value: The newest value, or at the rise the one that raised it.
    """

    rising: bool = False
    since_ms: float | None = None
    last_ms: float | None = None
    value: float | None = None

    @property
    def pending(self) -> bool:
        """Whether a run has begun that may raise it."""
        return not self.rising and self.since_ms is not None


def step(state: State, limits: Limits, t_ms: float, value: float) -> State:
    """Give the state after a value; one that is not newer than the last changes nothing."""
    if state.last_ms is not None and t_ms <= state.last_ms:
        return state
    is_running = limits.is_right(value) if state.rising else limits.is_wrong(value)
    if not is_running:
        return State(state.rising, None, t_ms, value)
    broken = state.last_ms is None or t_ms - state.last_ms > limits.gap_ms
    since_ms = t_ms if state.since_ms is None or broken else state.since_ms
    needed = limits.clear_for_ms if state.rising else limits.for_ms
    if t_ms - since_ms >= needed:
        return State(not state.rising, None, t_ms, value)
    return State(state.rising, since_ms, t_ms, value)


@dataclass(slots=True)
class Window:
    """Values of the last while, for a rate."""

    span_ms: float
    points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=POINTS_MAX))

    def add(self, t_ms: float, value: float) -> float | None:
        """Take a value in; give the slope per second over the window, None while half of it is not covered."""
        if self.points and t_ms <= self.points[-1][0]:
            return None
        self.points.append((t_ms, value))
        while self.points[0][0] < t_ms - self.span_ms:
            self.points.popleft()
        covered = t_ms - self.points[0][0]
        if covered < self.span_ms / 2:
            return None
        return slope(list(self.points))


def slope(points: list[tuple[float, float]]) -> float | None:
    """Fit a line by least squares; its slope per second, None for fewer than two instants."""
    count = len(points)
    t_mean = sum(t for t, _ in points) / count if count else 0.0
    mean = sum(value for _, value in points) / count if count else 0.0
    square = sum((t - t_mean) ** 2 for t, _ in points)
    if not square:
        return None
    return MS * sum((t - t_mean) * (value - mean) for t, value in points) / square
