"""This file reckons areas and quantiles; it guards that equal scores are counted together, in no lucky order."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def average_precision(scores: ArrayLike, truths: ArrayLike) -> float:
    """Give the area under precision over recall, by steps; NaN without any truth.

    Args:
        scores: The higher, the surer.
        truths: Whether each was true.
    """
    score, truth = np.asarray(scores, float), np.asarray(truths, bool)
    if not truth.any():
        return math.nan
    order = np.argsort(-score, kind="stable")
    score, truth = score[order], truth[order]
    last = np.flatnonzero(np.append(np.diff(score) != 0, True))
    hits = np.cumsum(truth)[last]
    precision, recall = hits / (last + 1), hits / truth.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def precision_recall(scores: ArrayLike, truths: ArrayLike) -> list[tuple[float, float]]:
    """Give recall and precision at every score that occurs, falling."""
    score, truth = np.asarray(scores, float), np.asarray(truths, bool)
    order = np.argsort(-score, kind="stable")
    score, truth = score[order], truth[order]
    last = np.flatnonzero(np.append(np.diff(score) != 0, True))
    hits = np.cumsum(truth)[last]
    return [(float(h / max(truth.sum(), 1)), float(h / (at + 1))) for h, at in zip(hits, last, strict=True)]


def area_under(lower: ArrayLike, higher: ArrayLike) -> float:
    """Give the share of pairs in which the second sample's value is the higher; equals count half."""
    low, high = np.sort(np.asarray(lower, float)), np.asarray(higher, float)
    below, not_above = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + not_above).mean() / 2 / len(low))


def quantile(values: Sequence[float], share: float) -> float:
    """Give the least value that so large a share is not above; infinity counts as what never came; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
