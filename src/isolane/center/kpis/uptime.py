"""This file computes uptime; it guards that time nobody knows about is never counted as up without saying so.

Source: 23 CFR 680.116(b), minimum uptime of a charging port; docs/reference/kpis.md has the equations.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, Literal

from isolane.center.kpis.spans import Span, Spans, difference, intersection, length_ms, union

YEAR_MIN: Final = 525_600
"""Minutes of a year as the rule's equation has it; it does not know leap years."""
REQUIRED_PERCENT: Final = 97.0
"""The rule asks for more than this."""
_MINUTE_MS: Final = 60_000

Verdict = Literal["met", "missed", "not known"]


def nevi_uptime_percent(outage_min: float, excluded_min: float, total_min: float = YEAR_MIN) -> float:
    """Give uptime by the rule's equation, ``(total - (outage - excluded)) / total * 100``.

    Args:
        outage_min: Minutes in which the port was not up.
        excluded_min: Minutes of these that the rule does not count; at most `outage_min`.
        total_min: Minutes of the period, over 0.

    Raises:
        ValueError: The minutes cannot be.

    Source: 23 CFR 680.116(b)(3).
    """
    if not 0 <= excluded_min <= outage_min <= total_min or total_min <= 0:
        raise ValueError("needs 0 <= excluded_min <= outage_min <= total_min and 0 < total_min")
    return (total_min - (outage_min - excluded_min)) / total_min * 100


@dataclass(frozen=True, slots=True)
class Uptime:
    """What a port's time was made of, ms; those of several ports or periods add up.

    Attributes:
        total_ms: The period.
        down_ms: Connected to its CSMS, and faulted or unavailable.
        offline_ms: Not connected to its CSMS: by the rule not up; whether it would have charged nobody knows.
        unknown_ms: Nobody knows: no samples, held samples, samples without a value.
        down_excluded_ms: The part of `down_ms` that is excluded.
        offline_excluded_ms: The part of `offline_ms` that is excluded.
        unknown_excluded_ms: The part of `unknown_ms` that is excluded.
    """

    total_ms: int = 0
    down_ms: int = 0
    offline_ms: int = 0
    unknown_ms: int = 0
    down_excluded_ms: int = 0
    offline_excluded_ms: int = 0
    unknown_excluded_ms: int = 0

    def __add__(self, other: "Uptime") -> "Uptime":
        """Add up two periods or ports."""
        return Uptime(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Uptime)))

    @property
    def outage_ms(self) -> int:
        """T_outage of what is known: down or offline."""
        return self.down_ms + self.offline_ms

    @property
    def excluded_ms(self) -> int:
        """T_excluded of what is known."""
        return self.down_excluded_ms + self.offline_excluded_ms

    @property
    def known_percent(self) -> float | None:
        """How much of the period is known."""
        return (self.total_ms - self.unknown_ms) / self.total_ms * 100 if self.total_ms else None

    @property
    def percent(self) -> float | None:
        """Uptime with every unknown minute an outage: the rule's figure is not below it."""
        if not self.total_ms:
            return None
        outage_ms = self.outage_ms + self.unknown_ms
        return nevi_uptime_percent(outage_ms, self.excluded_ms + self.unknown_excluded_ms, self.total_ms)

    @property
    def percent_at_most(self) -> float | None:
        """Uptime as if every unknown minute had been up: the rule's figure is not above it."""
        return nevi_uptime_percent(self.outage_ms, self.excluded_ms, self.total_ms) if self.total_ms else None

    @property
    def online_percent(self) -> float | None:
        """Uptime of the time in which the port was connected and known: offline and unknown time left out of both."""
        online_ms = self.total_ms - self.unknown_ms - self.offline_ms
        return nevi_uptime_percent(self.down_ms, self.down_excluded_ms, online_ms) if online_ms else None

    @property
    def verdict(self) -> Verdict:
        """Whether the rule's 97 % are met, as far as that is known."""
        if self.percent is None or self.percent_at_most is None:
            return "not known"
        if self.percent > REQUIRED_PERCENT:
            return "met"
        return "missed" if self.percent_at_most <= REQUIRED_PERCENT else "not known"


def uptime(period: Span, *, down: Spans, offline: Spans, unknown: Spans, excluded: Spans) -> Uptime:
    """Measure a period.

    Args:
        period: What is measured; the rest is cut to it.
        down: When the port was connected and not up; `down`, `offline` and `unknown` have no instant in common.
        offline: When it was not connected.
        unknown: When nobody knows.
        excluded: What the rule does not count. Only its part of outages matters.
    """
    within: Spans = (period,)
    offline = difference(intersection(within, offline), down)
    down = intersection(within, down)
    unknown = difference(intersection(within, unknown), union(down, offline))
    return Uptime(
        period[1] - period[0],
        *(length_ms(spans) for spans in (down, offline, unknown)),
        *(length_ms(intersection(spans, excluded)) for spans in (down, offline, unknown)),
    )


def year_percent(months: Iterable[Uptime], *, whole: bool) -> tuple[float | None, float | None]:
    """Give uptime over the previous twelve months: not below, not above.

    Args:
        months: One for each month that the port was in service.
        whole: The port was in service for all twelve; then the rule's 525,600 min are the period, else what the months
            add up to.

    Source: 23 CFR 680.116(b)(2).
    """
    year = sum(months, Uptime())
    if not year.total_ms:
        return None, None
    total_ms = YEAR_MIN * _MINUTE_MS if whole else year.total_ms
    lost_ms = year.outage_ms - year.excluded_ms
    hidden_ms = year.unknown_ms - year.unknown_excluded_ms
    least, most = (nevi_uptime_percent(min(ms, total_ms), 0, total_ms) for ms in (lost_ms + hidden_ms, lost_ms))
    return least, most
