"""This file is a state of health as it is published; it guards that no number goes out without what it rests on."""

import math
from dataclasses import dataclass
from enum import StrEnum

from isolane.health.models.measure import Basis, Level, Measure


class Trust(StrEnum):
    """How far a score can be believed."""

    LEARNING = "learning"
    """There is no baseline yet, so there is no value."""
    POOR = "poor"
    """Few observations, or a spread as wide as what is left of the way."""
    GOOD = "good"
    OLD = "old"
    """Nothing has been observed for long: thirty days."""


@dataclass(frozen=True, slots=True)
class Prognosis:
    """What may be said about the future.

    Attributes:
        fail_30d: Probability that the end of life is reached within 30 days.
        fail_90d: Within 90 days.
        days_low: Days to the end of life, 5th percentile.
        days: Median.
        days_high: 95th percentile; infinity if it may never come.
    """

    fail_30d: float
    fail_90d: float
    days_low: float
    days: float
    days_high: float


@dataclass(frozen=True, slots=True)
class Score:
    """State of health by one measure.

    Attributes:
        measure: What was measured; has component, unit, basis and remedy.
        model_id: Kind and version of the model.
        value: 100 as commissioned, 0 at the published end of life; NaN while there is no baseline.
        sd: Its standard deviation, in the same points.
        n_obs: Features that it rests on, baseline included.
        trust: How far to believe it.
        level: How much it matters.
        theta: Present estimate, in the measure's unit; NaN without any feature.
        theta_sd: Of it.
        theta_0: As new or at the baseline; NaN while that is learnt.
        theta_end: End of life; NaN while the baseline that it is a multiple of is learnt.
        at_s: UTC second of the newest feature; 0 without any.
        prognosis: None where nothing may be said.
        no_prognosis: Why not; "" where there is one.
    """

    measure: Measure
    model_id: str
    value: float
    sd: float
    n_obs: int
    trust: Trust
    level: Level
    theta: float
    theta_sd: float
    theta_0: float
    theta_end: float
    at_s: int
    prognosis: Prognosis | None
    no_prognosis: str

    @property
    def basis(self) -> Basis:
        """What it rests on."""
        return self.measure.basis


def state_of_health(theta: float, theta_0: float, theta_end: float) -> float:
    """Give 100 * clip((theta_end - theta) / (theta_end - theta_0), 0, 1); NaN if any is.

    Where the baseline itself is at the end of life or beyond, there is no way left: 0.
    """
    way = theta_end - theta_0
    if math.isnan(theta) or math.isnan(way):
        return math.nan
    if way == 0:
        return 0.0
    return 100 * min(max((theta_end - theta) / way, 0.0), 1.0)
