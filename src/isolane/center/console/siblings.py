"""This file compares a charger with its siblings; it guards that nothing is said of fewer than three of them.

Siblings are chargers of the same site whose nameplate says the same model: they see the same grid and the same weather.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from isolane.center.store.kpi_views import NameplateEntry
from isolane.center.store.views import SignalNow, SignalSeries

SIBLINGS_MIN: Final = 3
SIBLINGS_MAX: Final = 20
"""Those that are read; of more, the first by name."""
WIDTH, HEIGHT = 960.0, 216.0
_PAD: Final = 0.06
_PREFERRED: Final = ("TemperatureSensor[Contact", "TemperatureSensor[", "EVSE/Power", "EVSE/DCCurrent")


@dataclass(frozen=True, slots=True)
class Moment:
    """One step: this charger's mean beside the means of its siblings.

    Attributes:
        t_ms: Begin.
        own: This one's; None without a value.
        median: Of the siblings; None when fewer than three have a value.
        least: Likewise.
        most: Likewise.
        count: How many of them have one.
    """

    t_ms: int
    own: float | None
    median: float | None
    least: float | None
    most: float | None
    count: int

    @property
    def place(self) -> str:
        """Where this one stands: "above", "within" or "below" them; "" when nobody can know."""
        if self.own is None or self.least is None or self.most is None:
            return ""
        return "above" if self.own > self.most else "below" if self.own < self.least else "within"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Paths in a box of WIDTH by HEIGHT, and the values at its bottom and top."""

    band: str
    median: str
    own: str
    low: float
    high: float


def model_of(plates: Sequence[NameplateEntry], site: str, charger: str, now_ms: int) -> str:
    """Give the model by the nameplate that holds now; "" when nobody has entered one."""
    own = [one for one in plates if (one.site, one.charger) == (site, charger) and one.from_ms <= now_ms]
    return max(own, key=lambda one: (one.from_ms, one.number)).model if own else ""


def comparable(signals: Sequence[SignalNow]) -> list[SignalNow]:
    """Give the signals that have a unit: of states and counts there is no median."""
    return [one for one in signals if one.unit]


def first_choice(signals: Sequence[SignalNow]) -> str:
    """Choose what to compare when nobody has: contacts first, since they wear; "" of no signal."""
    for part in _PREFERRED:
        for one in signals:
            if part in one.key:
                return one.key
    return signals[0].key if signals else ""


def moments(own: SignalSeries, siblings: Sequence[SignalSeries]) -> list[Moment]:
    """Put series of one step side by side, ascending."""
    mine = _means(own)
    others = [_means(one) for one in siblings]
    out = []
    # A point without a value marks a break: it is a moment too, or a line would be drawn across.
    for t_ms in sorted({t_ms for one in (own, *siblings) for t_ms in one.t_ms}):
        values = [one[t_ms] for one in others if t_ms in one]
        has = len(values) >= SIBLINGS_MIN
        out.append(
            Moment(
                t_ms,
                mine.get(t_ms),
                statistics.median(values) if has else None,
                min(values) if has else None,
                max(values) if has else None,
                len(values),
            )
        )
    return out


def _means(series: SignalSeries) -> Mapping[int, float]:
    pairs = zip(series.t_ms, series.mean, strict=True)
    return {t_ms: mean for t_ms, mean in pairs if mean is not None}


def drawing(rows: Sequence[Moment]) -> Drawing:
    """Draw them from the first moment to the last; what is missing stays open."""
    values = [value for row in rows for value in (row.own, row.least, row.most) if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = (high - low or abs(high) or 1.0) * _PAD
    low, high = low - pad, high + pad
    first, span = rows[0].t_ms, (rows[-1].t_ms - rows[0].t_ms) or 1

    def at(t_ms: int, value: float) -> str:
        return f"{(t_ms - first) / span * WIDTH:.1f},{HEIGHT - (value - low) / (high - low) * HEIGHT:.1f}"

    def line(points: Sequence[tuple[int, float | None]]) -> str:
        out, is_open = [], False
        for t_ms, value in points:
            if value is not None:
                out.append(f"{'L' if is_open else 'M'}{at(t_ms, value)}")
            is_open = value is not None
        return "".join(out)

    band = ""
    for run in _runs(rows):
        up = [at(row.t_ms, row.most) for row in run if row.most is not None]
        down = [at(row.t_ms, row.least) for row in reversed(run) if row.least is not None]
        band += f"M{' '.join([*up, *down])}Z"
    median, own = [(row.t_ms, row.median) for row in rows], [(row.t_ms, row.own) for row in rows]
    return Drawing(band, line(median), line(own), low, high)


def _runs(rows: Sequence[Moment]) -> list[list[Moment]]:
    """Part moments where the siblings' band is missing."""
    out: list[list[Moment]] = [[]]
    for row in rows:
        if row.median is None:
            out.append([])
        else:
            out[-1].append(row)
    return [run for run in out if run]
