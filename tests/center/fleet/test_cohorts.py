"""This file tests cohorts; it guards that one that began otherwise is named, and that few say nothing."""

from collections.abc import Callable

from isolane.center.fleet.cohorts import COHORT_MIN, cohorts
from isolane.center.store.health_views import PartHealth

AS_NEW = [1.00e-3, 1.02e-3, 0.98e-3, 1.01e-3, 0.99e-3, 1.60e-3]


def test_the_one_that_began_otherwise_is_named(make_part: Callable[..., PartHealth]) -> None:
    parts = [make_part(at, charger=f"CP-{at}", theta_0=theta) for at, theta in enumerate(AS_NEW)]
    (one,) = cohorts(parts, {("depot", f"CP-{at}"): "HPC" for at in range(6)})
    # By hand: median of 0.98 .. 1.60 is 1.005; absolute deviations 5, 5, 15, 15, 25, 595 (1e-6), their median 15.
    assert abs(one.median - 1.005e-3) < 1e-12
    assert abs(one.spread - 1.4826 * 15e-6) < 1e-12
    assert ([part.number for part in one.off], one.count, one.unit) == ([5], 6, "K/A2")


def test_few_and_those_of_no_model_are_no_cohort(make_part: Callable[..., PartHealth]) -> None:
    parts = [make_part(at, charger=f"CP-{at}", theta_0=1e-3) for at in range(COHORT_MIN)]
    models = {("depot", f"CP-{at}"): "HPC" for at in range(COHORT_MIN)}
    assert len(cohorts(parts, models)) == 1
    assert cohorts(parts[1:], models) == []
    assert cohorts(parts, {**models, ("depot", "CP-0"): ""}) == []
    assert cohorts([make_part(9, theta_0=None)], models) == []
