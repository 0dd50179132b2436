"""This file judges answer times; it guards that a difference is neither missed nor made by a busy machine.

The classes are asked in turns, so that whatever else the machine does falls on all of them alike. The relay answers a
wrong password on a beat, and a busy machine is late by whole beats: times lie in heaps. Of such times the mean and the
median say little. What the machine did is mostly the same for the samples of one turn, so those are compared with one
another, and the median of their differences tells a difference of microseconds from chance where it is in the midst of
the heap of turns without delay. Bounds of medians are order statistics, which hold whatever the times look like.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import combinations

from bench.attack.expect import Court, judge

_CHANCE = 3.0
"""Standard errors."""
_SEEN = 5
"""Times the bound: where chance makes more than that of equal classes nothing has been shown."""
_KEPT = (0.95, 1.0)
"""Of each class for its mean: without the machine's pauses, and with what is late now and then."""


@judge("welch_t_abs_max")
def welch(court: Court) -> str:
    """No two classes can be told apart by their means."""
    wrong = []
    for pair, (all_a, all_b) in _pairs(court):
        for kept in _KEPT:
            a, b = (sorted(times)[: int(len(times) * kept)] for times in (all_a, all_b))
            spread = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
            t = (statistics.fmean(a) - statistics.fmean(b)) / spread if spread else 0.0
            wrong += [f"{pair}: t = {t:.1f} of {kept:.0%}"] if abs(t) > court.value else []
    return "; ".join(wrong)


@judge("median_diff_us_max")
def median_difference(court: Court) -> str:
    """No two classes can be told apart by their medians, nor by the median difference within a turn.

    Raises:
        RuntimeError: A difference like that could not have been seen.
    """
    wrong = []
    for pair, (a, b) in _pairs(court):
        apart_us, chance_us = median_us([x - y for x, y in zip(a, b, strict=True)])
        if chance_us > _SEEN * court.value:
            raise RuntimeError(f"this machine is too busy to see differences below {chance_us:.0f} us")
        found = [("within a turn", apart_us, chance_us)]
        (median_a, error_a), (median_b, error_b) = median_us(a), median_us(b)
        if (chance_us := math.hypot(error_a, error_b)) <= _SEEN * court.value:
            found.append(("by median", median_a - median_b, chance_us))
        for how, apart_us, chance_us in found:
            said = f"{pair}: {abs(apart_us):.0f} us apart {how}, {chance_us:.0f} us may be chance"
            if abs(apart_us) > max(court.value, chance_us):
                wrong.append(said)
            else:
                court.proof.notes.append(said)
    return "; ".join(wrong)


def median_us(times_s: Sequence[float]) -> tuple[float, float]:
    """Give a median and what chance may make of it, both in us: half the distance of the order statistics about it."""
    ranked, reach = sorted(times_s), math.ceil(_CHANCE * math.sqrt(len(times_s)) / 2)
    middle = len(ranked) // 2
    low, high = ranked[max(0, middle - reach)], ranked[min(len(ranked) - 1, middle + reach)]
    return statistics.median(ranked) * 1e6, (high - low) / 2 * 1e6


def _pairs(court: Court) -> Iterator[tuple[str, tuple[list[float], list[float]]]]:
    for (name_a, a), (name_b, b) in combinations(court.proof.measures["timings"].items(), 2):
        yield f"{name_a} and {name_b}", (a, b)
