"""This file foretells spare parts; it guards that what nobody can tell is counted apart and not as none.

The number of a part that is needed within 90 days is a sum of independent yes-or-no, each with its own probability:
what the part's model has published, else what the curve of its kind says at its age, else nothing. Its distribution
(Poisson binomial) is computed exactly, one part after the other. What is at L3 or above already is needed for certain.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from isolane.center.fleet.kinds import kind_of
from isolane.center.fleet.survival import fails_within, lived_days
from isolane.center.store.fleet_port import SparePart, Survival
from isolane.center.store.health_views import PartHealth, PartLife

AHEAD_DAYS: Final = 90.0
_INTERVAL: Final = 0.8
_DISPATCH: Final = 3


def distribution(probabilities: Sequence[float]) -> list[float]:
    """Give how likely 0, 1, 2 ... of independent events are.

    Args:
        probabilities: Of each, 0 to 1.
    """
    out = [1.0]
    for one in probabilities:
        out = [
            (out[count] if count < len(out) else 0.0) * (1 - one) + (out[count - 1] * one if count else 0.0)
            for count in range(len(out) + 1)
        ]
    return out


def interval(probabilities: Sequence[float]) -> tuple[int, int]:
    """Give the 10 % and the 90 % quantile of how many of independent events there are."""
    tail, at, low = (1 - _INTERVAL) / 2, 0.0, 0
    shares = distribution(probabilities)
    for count, share in enumerate(shares):
        if at < tail:
            low = count
        at += share
        if at >= 1 - tail:
            return low, count
    return low, len(shares) - 1


def spares(lives: Iterable[PartLife], curves: Iterable[Survival]) -> list[SparePart]:
    """Give how many of each part are expected to be needed.

    Args:
        lives: Of all parts with a score.
        curves: Of their kinds; none where they cannot be computed.
    """
    by_kind = {(curve.component, curve.measure): curve for curve in curves}
    needed: dict[str, list[tuple[float | None, bool]]] = {}
    for life in lives:
        name = _name(life.part)
        if name:
            needed.setdefault(name, []).append(_probability(life, by_kind))
    out = []
    for name, found in sorted(needed.items()):
        known = [(chance, own) for chance, own in found if chance is not None]
        chances = [chance for chance, _ in known]
        published = sum(own for _, own in known)
        low, high = interval(chances)
        out.append(SparePart(name, sum(chances), low, high, published, len(known) - published, len(found) - len(known)))
    return sorted(out, key=lambda one: (-one.expected, one.part))


def _name(part: PartHealth) -> str:
    """Name the part to bring; "" when its model names none."""
    if part.score is not None and part.score.remedy is not None and part.score.remedy.part:
        return part.score.remedy.part
    return part.change.remedy.part if part.change is not None else ""


def _probability(life: PartLife, curves: Mapping[tuple[str, str], Survival]) -> tuple[float | None, bool]:
    """Give how likely a part is needed, and whether its own model says so."""
    part = life.part
    if part.level >= _DISPATCH:
        return 1.0, True
    if part.score is not None and part.score.fail_90d is not None:
        return min(1.0, max(0.0, part.score.fail_90d)), True
    curve = curves.get(kind_of(part))
    if curve is None or life.failed_ms is not None:
        return None, False
    return fails_within(curve, lived_days([life])[0], AHEAD_DAYS), False
