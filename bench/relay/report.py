"""This file turns rounds into figures; it guards that the verdict rests on ratios within one run, with their interval.

A time is the median over rounds; CPU time is the lower quartile, because what else runs on the machine (a cold cache, a
busy sibling) only ever adds to it. A ratio is to HAProxy's figure of the same rounds, and its interval that of 90 of
100 draws of as many rounds with replacement, the same ones for both: what noise alone may do to it.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.relay.contestants import BARE, PEER, PRODUCT, WAYS

PAIR_KB_MAX = 16.0
HANDSHAKES_CORE_S_MIN = 3000.0
TARGETS = {"p50_us": 1.1, "p99_us": 1.2, "cpu_us": 1.3}
"""Largest ratio to HAProxy of added median, added 99th percentile and CPU time per frame."""
JUDGED_WAYS = WAYS[:2]
_DRAWS = 1000
_EDGE = _DRAWS // 20


@dataclass(frozen=True)
class Round:
    """What one contestant did in one round."""

    name: str
    way: str
    p50_us: float
    p99_us: float
    frames: int
    seconds: float
    cpu_ns: int


@dataclass(frozen=True)
class Figure:
    """One figure of a contestant.

    Attributes:
        value: In its own unit.
        ratio: To HAProxy's; None for HAProxy and the direct connection.
        low: Where the ratio's 90 % interval begins.
        high: Where it ends.
    """

    value: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """What one contestant adds on one way. A figure that there is not is None."""

    name: str
    way: str
    p50_us: Figure
    p99_us: Figure
    cpu_us: Figure | None
    frames_s: float
    pair_kb: float | None
    handshakes_core_s: float | None


def rows(
    rounds: list[Round], pair_kb: dict[tuple[str, str], float], handshakes: dict[tuple[str, str], float]
) -> list[Row]:
    """Give a row for each contestant on each way, in the order in which they are shown."""
    by: defaultdict[tuple[str, str], list[Round]] = defaultdict(list)
    for each in rounds:
        by[each.way, each.name].append(each)
    out = []
    for way in WAYS:
        base, peer = by[way, BARE], by[way, PEER]
        for name in dict.fromkeys(each.name for each in rounds):
            own = by[way, name]
            bare = name == BARE
            judged = name not in {BARE, PEER}
            out.append(
                Row(
                    name,
                    way,
                    _figure(
                        _added("p50_us", own, None if bare else base), _added("p50_us", peer, base) if judged else None
                    ),
                    _figure(
                        _added("p99_us", own, None if bare else base), _added("p99_us", peer, base) if judged else None
                    ),
                    None if bare else _figure(_cpu_us(own), _cpu_us(peer) if judged else None, lower_quartile),
                    median(each.frames / each.seconds for each in own),
                    pair_kb.get((way, name)),
                    handshakes.get((way, name)),
                )
            )
    return out


def shortfalls(found: list[Row], *, quick: bool) -> list[str]:
    """Say where the product, its tap attached, misses a target.

    A whole run is judged by its figures. A quick one has too few samples for that: it says only what is certain, the
    ratios whose whole interval is above the target.
    """
    missed = []
    for row in found:
        if row.name != PRODUCT:
            continue
        for name, limit in TARGETS.items() if row.way in JUDGED_WAYS else ():
            figure: Figure = getattr(row, name)
            ratio = figure.low if quick else figure.ratio
            if ratio is not None and ratio > limit:
                missed.append(f"{row.way} {name} {figure.ratio:.2f} > {limit}")
        if row.pair_kb is not None and row.pair_kb > PAIR_KB_MAX and not row.way.startswith("wss"):
            missed.append(f"{row.way} {row.pair_kb:.1f} kB a pair > {PAIR_KB_MAX}")
        rate = row.handshakes_core_s
        if rate is not None and rate < HANDSHAKES_CORE_S_MIN and row.way == WAYS[0]:
            missed.append(f"{row.way} {rate:.0f} handshakes/s/core < {HANDSHAKES_CORE_S_MIN:.0f}")
    return missed


def lower_quartile(values: Sequence[float]) -> float:
    """Give the value that a quarter of the values are below."""
    return quantiles(values, n=4, method="inclusive")[0]


def ratio_interval(
    own: Sequence[float], peer: Sequence[float], figure: Callable[[Sequence[float]], float] = median
) -> tuple[float, float, float]:
    """Give the ratio of two figures over the same rounds, and the ends of its 90 % interval."""
    rng = random.Random(7)
    indexes = range(len(own))
    ratios = []
    for _ in range(_DRAWS):
        drawn = rng.choices(indexes, k=len(own))
        ratios.append(figure([own[index] for index in drawn]) / figure([peer[index] for index in drawn]))
    ratios.sort()
    return figure(own) / figure(peer), ratios[_EDGE], ratios[-_EDGE - 1]


def _figure(own: list[float], peer: list[float] | None, figure: Callable[[Sequence[float]], float] = median) -> Figure:
    return Figure(figure(own), *(ratio_interval(own, peer, figure) if peer else ()))


def _added(name: str, own: list[Round], base: list[Round] | None) -> list[float]:
    times: list[float] = [getattr(each, name) for each in own]
    if base is None:
        return times
    return [time - getattr(zero, name) for time, zero in zip(times, base, strict=True)]


def _cpu_us(own: list[Round]) -> list[float]:
    return [each.cpu_ns / 1e3 / max(1, each.frames) for each in own]
