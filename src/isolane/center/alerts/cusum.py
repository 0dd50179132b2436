"""This file holds the CUSUM of a drift; it guards that the baseline is frozen before anything is judged by it.

Page's two-sided scheme on standardised features z = (x - mean) / sd of a baseline: up = max(0, up + z - k), down =
max(0, down - z - k). The first features are the baseline, and only learnt from; later ones are never learnt from: a
slow wear that moved its own baseline would not be found. A feature counts as at most `winsor` standard deviations, so
that one outlier alone does not raise an alarm. Source: E. S. Page, Biometrika 41 (1954); docs/reference/alerts.md.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

_MOST_H = 2.0
"""Where a sum stops growing, in h: after a repair it must come down again in a time that can be told."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a drift is.

    Attributes:
        baseline: Features that are learnt from.
        k: Drift that is allowed for, sd.
        h: Level that raises, sd.
        clear: Level at or below which it ends, sd.
        side: Which drifts count.
        persist: Features in a row that must be at `h`.
        winsor: Most that one feature counts, sd.
        sd_min: Least standard deviation that is believed, in the signal's unit.
    """

    baseline: int
    k: float
    h: float
    clear: float
    side: Literal["up", "down", "both"]
    persist: int
    winsor: float
    sd_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """Where a CUSUM stands. `count`, `mean` and `square` are the baseline's (Welford's), `run` the features at h."""

    count: int = 0
    mean: float = 0.0
    square: float = 0.0
    up: float = 0.0
    down: float = 0.0
    run: int = 0
    rising: bool = False
    next_ms: int = 0

    def sd(self, scheme: Scheme) -> float:
        """Give the baseline's standard deviation, at least `sd_min`."""
        own = math.sqrt(self.square / (self.count - 1)) if self.count > 1 else 0.0
        return max(own, scheme.sd_min)

    def level(self, scheme: Scheme) -> float:
        """Give the level that is judged."""
        return {"up": self.up, "down": self.down, "both": max(self.up, self.down)}[scheme.side]


def feed(drift: Drift, scheme: Scheme, feature: float) -> Drift:
    """Give the CUSUM after a feature."""
    if drift.count < scheme.baseline:
        count = drift.count + 1
        delta = feature - drift.mean
        mean = drift.mean + delta / count
        return replace(drift, count=count, mean=mean, square=drift.square + delta * (feature - mean))
    sd = drift.sd(scheme)
    if not sd:
        # A baseline without any scatter judges nothing: every later value would be infinitely far from it.
        return drift
    z = min(scheme.winsor, max(-scheme.winsor, (feature - drift.mean) / sd))
    most = _MOST_H * scheme.h
    up = min(most, max(0.0, drift.up + z - scheme.k))
    moved = replace(drift, up=up, down=min(most, max(0.0, drift.down - z - scheme.k)))
    level = moved.level(scheme)
    run = drift.run + 1 if level >= scheme.h else 0
    rising = level > scheme.clear if drift.rising else run >= scheme.persist
    return replace(moved, run=run, rising=rising)
