"""This file says what may be said about the future; it guards that nothing is said without evidence of degradation.

A prognosis is published only if all hold, for the medians of days since the baseline:

    a  a quarter of the way from baseline to end of life has been gone
    b  the trend is significant: p < 0.01, with its standard error widened for autocorrelation
    c  the trend of the first four fifths foretells how far the last fifth went, within 50 %

Then, with x the present estimate (standard deviation s), r the trend a day (standard error e) and X the end of life,
all in the tested value (the logarithm where the measure is tested so):

    P(fail within T) = Phi((x + r T - X) / sqrt(s^2 + (e T)^2))        in the direction in which it gets worse

and the days to the end of life are the T at which that is 5, 50 and 95 %. For damage that is modelled (Miner), r is the
mean of 60 days and the model's own uncertainty, a factor of 2.5 either way (90 %), stands for e. Source:
docs/reference/health-scores.md; extrapolating one curve without such a gate misses the end of life of real devices
by a factor of 0.5 to 3.5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isolane.health.models.score import Prognosis

TRAVEL_MIN = 0.25
_Z_99 = 2.576
_Z_95 = 1.645
_BACKTEST = 0.5
_DAYS_MIN = 10
_MODEL_FACTOR = 2.5
_HORIZON_DAYS = 36_525.0


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through medians of days.

    Attributes:
        rate: Its slope, a day.
        error: Standard error of that.
    """

    rate: float
    error: float


def trend(days: Sequence[tuple[int, float, int]]) -> Trend:
    """Fit a line by least squares; the error is widened by the first autocorrelation of what is left.

    Args:
        days: Day, value, features; at least three different days.
    """
    t = np.array([day for day, _, _ in days], np.float64)
    y = np.array([value for _, value, _ in days], np.float64)
    t -= t.mean()
    spread = float(t @ t)
    rate = float(t @ y) / spread
    rest = y - y.mean() - rate * t
    power = float(rest @ rest)
    error = math.sqrt(power / max(len(t) - 2, 1) / spread)
    if power > 0:
        rho = min(max(float(rest[1:] @ rest[:-1]) / power, 0.0), 0.95)
        error *= math.sqrt((1 + rho) / (1 - rho))
    return Trend(rate, error)


def foretell(
    days: Sequence[tuple[int, float, int]], start: float, now: tuple[float, float], end: float, *, modelled: bool
) -> tuple[Prognosis | None, str]:
    """Say what may be said.

    Args:
        days: Medians of days since the baseline.
        start: Baseline, in the tested value.
        now: Present estimate and its standard deviation, likewise.
        end: End of life, likewise.
        modelled: Whether it is damage by a law of life.

    Returns:
        The prognosis, or None and why there is none.
    """
    way = end - start
    gone = (now[0] - start) / way if way else 1.0
    if len(days) < _DAYS_MIN:
        return None, f"no RUL: {len(days)} days of evidence, {_DAYS_MIN} needed"
    if gone < TRAVEL_MIN:
        return (
            None,
            f"no RUL: insufficient degradation evidence ({max(gone, 0):.0%} of the way, {TRAVEL_MIN:.0%} needed)",
        )
    worse = math.copysign(1.0, way)
    line = trend(days[-60:] if modelled else days)
    if line.rate * worse <= 0 or (not modelled and line.rate * worse < _Z_99 * line.error):
        return None, "no RUL: the drift is not significant (p < 0.01)"
    if not _held_before(days):
        return None, "no RUL: the trend did not foretell the last fifth of the data within 50 %"
    error = line.rate * worse * (_MODEL_FACTOR ** (1 / _Z_95) - 1) if modelled else line.error
    left = (end - now[0]) * worse
    return _prognosis(left, line.rate * worse, now[1], error), ""


def _held_before(days: Sequence[tuple[int, float, int]]) -> bool:
    """Tell whether the first four fifths foretell how far the last fifth went from the first value on."""
    split = max(int(len(days) * 0.8), 3)
    early, late = days[:split], days[split:]
    if not late:
        return False
    line = trend(early)
    middle = sum(value for _, value, _ in early) / len(early), sum(day for day, _, _ in early) / len(early)
    origin = middle[0] + line.rate * (days[0][0] - middle[1])
    told = [middle[0] + line.rate * (day - middle[1]) - origin for day, _, _ in late]
    seen = [value - origin for _, value, _ in late]
    went = sum(seen) / len(seen)
    return went != 0 and abs(sum(told) / len(told) - went) <= _BACKTEST * abs(went)


def _prognosis(left: float, rate: float, sd: float, error: float) -> Prognosis:
    def fail(days: float) -> float:
        spread = math.sqrt(sd * sd + (error * days) ** 2)
        reach = rate * days - left
        if not spread:
            return float(reach >= 0)
        return 0.5 * math.erfc(-reach / spread / math.sqrt(2))

    def quantile(share: float) -> float:
        if fail(_HORIZON_DAYS) < share:
            return math.inf
        low, high = 0.0, _HORIZON_DAYS
        for _ in range(60):
            at = (low + high) / 2
            low, high = (low, at) if fail(at) >= share else (at, high)
        return high

    return Prognosis(fail(30.0), fail(90.0), quantile(0.05), quantile(0.5), quantile(0.95))
