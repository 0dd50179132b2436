"""This file computes curves of life; it guards that a part which has not failed yet is not taken for one that has.

A part that lasts is right-censored: it is known to have lived so long, and not how long it will. Kaplan-Meier with the
log-log interval (`scipy.stats.ecdf`), Weibull by greatest likelihood (`scipy.stats.weibull_min.fit`), both over
`CensoredData`. scipy is the extra `fleet` and loaded when it is needed.
"""

import importlib.util
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Final

from isolane.center.fleet.kinds import kind_of
from isolane.center.store.fleet_port import Survival
from isolane.center.store.health_views import PartLife

WEIBULL_FAILURES_MIN: Final = 5
"""With fewer, shape and scale are told by chance."""
INSTALL: Final = "scipy is not installed at the center: install isolane with the extra 'fleet' there"
_CONFIDENCE: Final = 0.95
_DAY_MS: Final = 86_400_000.0
_DAYS_MIN: Final = 1 / 24


def lacking() -> str:
    """Say what to install before curves can be computed; "" when nothing lacks."""
    return "" if importlib.util.find_spec("scipy") else INSTALL


def survival(
    lived_days: Sequence[float], failed: Sequence[bool]
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Estimate the share that lasts (Kaplan-Meier).

    Args:
        lived_days: How long each has lived, to its failure or until now, d.
        failed: Whether it failed then.

    Returns:
        Ages at which one failed, the share that lasts longer, and both ends of its 95 % interval.

    Raises:
        ValueError: Nobody is there.
    """
    from scipy import stats  # noqa: PLC0415 - an extra; only who asks for curves pays for it

    failures = [days for days, has in zip(lived_days, failed, strict=True) if has]
    lasting = [days for days, has in zip(lived_days, failed, strict=True) if not has]
    if not lived_days:
        raise ValueError("a curve of nobody")
    if not failures:
        return [], [], [], []
    curve = stats.ecdf(stats.CensoredData(uncensored=failures, right=lasting)).sf
    with warnings.catch_warnings():
        # Where the share is 0 the formula has no value, which scipy says too; `_known` answers it.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval: Any = curve.confidence_interval(confidence_level=_CONFIDENCE, method="log-log")
    rows, ages = [], set(failures)
    for days, share, low, high in zip(
        curve.quantiles, curve.probabilities, interval.low.probabilities, interval.high.probabilities, strict=True
    ):
        if days in ages:
            rows.append((float(days), float(share), _known(low, 0.0), _known(high, 1.0)))
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]


def _known(value: float, otherwise: float) -> float:
    """Give an end of an interval; where the share is 0 or 1 its formula has none."""
    return float(value) if math.isfinite(value) else otherwise


def weibull(lived_days: Sequence[float], failed: Sequence[bool]) -> tuple[float, float] | None:
    """Fit a Weibull distribution of life; gives shape and scale in days, None with too few failures."""
    from scipy import stats  # noqa: PLC0415 - see above

    failures = [days for days, has in zip(lived_days, failed, strict=True) if has]
    lasting = [days for days, has in zip(lived_days, failed, strict=True) if not has]
    if len(failures) < WEIBULL_FAILURES_MIN or len(set(failures)) == 1:
        return None
    data: Any = stats.CensoredData(uncensored=failures, right=lasting)
    shape, _, scale = stats.weibull_min.fit(data, floc=0)
    fits = math.isfinite(shape) and math.isfinite(scale) and shape > 0 and scale > 0
    return (float(shape), float(scale)) if fits else None


def survivals(lives: Iterable[PartLife]) -> list[Survival]:
    """Give a curve for each kind of part."""
    by_kind: dict[tuple[str, str], list[PartLife]] = {}
    for life in lives:
        by_kind.setdefault(kind_of(life.part), []).append(life)
    out = []
    for (component, measure), own in sorted(by_kind.items()):
        lived, failed = lived_days(own), [life.failed_ms is not None for life in own]
        curve, fit = survival(lived, failed), weibull(lived, failed)
        shape, scale = fit or (None, None)
        out.append(Survival(component, measure, len(own), sum(failed), *curve, shape, scale))
    return out


def lived_days(lives: Iterable[PartLife]) -> list[float]:
    """Give how long each has lived since it was first told of, an hour at least, d."""
    return [max(_DAYS_MIN, ((life.failed_ms or life.part.at_ms) - life.first_ms) / _DAY_MS) for life in lives]


def fails_within(curve: Survival, age_days: float, ahead_days: float) -> float | None:
    """Give the probability that a part of some age fails within a time, by the curve of its kind.

    By the Weibull fit; without one nothing is said: beyond its last failure the Kaplan-Meier curve is flat, which would
    say that nothing ever fails again.
    """
    if curve.shape is None or curve.scale_days is None:
        return None
    now, then = (
        (age_days / curve.scale_days) ** curve.shape,
        ((age_days + ahead_days) / curve.scale_days) ** curve.shape,
    )
    return -math.expm1(now - then)
