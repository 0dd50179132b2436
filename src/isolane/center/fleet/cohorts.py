"""This file compares parts as new with their like; it guards that nothing is said of fewer than five.

Median and 1.4826 x median absolute deviation (the standard deviation, if they were normal) of theta as new, by model of
the charger, component and measure. What begins more than three of these from the median was assembled otherwise, or
its baseline was learnt from something else: torque, cable, sensor.
"""

import statistics
from collections.abc import Iterable, Mapping
from typing import Final

from isolane.center.store.fleet_port import Cohort
from isolane.center.store.health_views import PartHealth

COHORT_MIN: Final = 5
_MAD_TO_SD: Final = 1.4826
_OFF_SPREADS: Final = 3.0


def cohorts(parts: Iterable[PartHealth], models: Mapping[tuple[str, str], str]) -> list[Cohort]:
    """Give cohorts by model, component and measure.

    Args:
        parts: All of them.
        models: Model by site and charger; a charger without one is in no cohort.
    """
    by_kind: dict[tuple[str, str, str, str], list[tuple[float, PartHealth]]] = {}
    for part in parts:
        model = models.get((part.site, part.charger), "")
        if model and part.score is not None and part.score.theta_0 is not None:
            kind = (model, part.component, part.measure, part.score.unit)
            by_kind.setdefault(kind, []).append((part.score.theta_0, part))
    return [_cohort(kind, own) for kind, own in sorted(by_kind.items()) if len(own) >= COHORT_MIN]


def _cohort(kind: tuple[str, str, str, str], own: list[tuple[float, PartHealth]]) -> Cohort:
    median = statistics.median(theta for theta, _ in own)
    spread = _MAD_TO_SD * statistics.median(abs(theta - median) for theta, _ in own)
    off = [part for theta, part in own if spread > 0 and abs(theta - median) > _OFF_SPREADS * spread]
    return Cohort(*kind, len(own), median, spread, off)
