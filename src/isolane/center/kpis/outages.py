"""This file finds outages and failures; it guards that a repair whose begin or end was not seen has no made-up length.

An outage is a time in which the port was down. It is a failure when the port said in it that it was faulted; being
unavailable alone is often somebody's will. Equations and sources: docs/reference/kpis.md.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from isolane.center.kpis.spans import Span, Spans, intersection, length_ms
from isolane.center.kpis.timeline import DAY_MS, Run

REPEAT_DAYS: Final = 14


class Outage(msgspec.Struct, frozen=True, array_like=True):
    """A time in which a port was down.

    Attributes:
        from_ms: Begin.
        to_ms: First instant after.
        fault: Whether it said that it was faulted.
        begun: Whether the begin was seen: it was up right before.
        ended: Whether the end was seen: it was up right after.
    """

    from_ms: int
    to_ms: int
    fault: bool
    begun: bool
    ended: bool


def outages_of(runs: Sequence[Run]) -> list[Outage]:
    """Find the outages in runs that follow each other; before the first and after the last nothing is seen."""
    out: list[Outage] = []
    for at, run in enumerate(runs):
        if run.condition != "down":
            continue
        after = at + 1 < len(runs) and runs[at + 1].condition == "up"
        if out and out[-1].to_ms == run.from_ms:
            old = out[-1]
            out[-1] = Outage(old.from_ms, run.to_ms, old.fault or run.faulted, old.begun, after)
        else:
            out.append(Outage(run.from_ms, run.to_ms, run.faulted, at > 0 and runs[at - 1].condition == "up", after))
    return out


def joined(outages: Sequence[Outage]) -> list[Outage]:
    """Make one of outages that touch, as those do that were cut at midnight; ascending by begin."""
    out: list[Outage] = []
    for one in outages:
        if out and out[-1].to_ms == one.from_ms:
            old = out[-1]
            out[-1] = Outage(old.from_ms, one.to_ms, old.fault or one.fault, old.begun, one.ended)
        else:
            out.append(one)
    return out


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often ports failed and how long it took; those of several ports add up.

    Attributes:
        operating_ms: Time in which they were up.
        failures: Failures that began in the period, without those that an exclusion touches.
        excluded: Failures that one touches.
        repairs_ms: Length of each failure that ended in the period and whose begin and end were seen.
        unmeasured: Failures that ended or were cut in the period with no length to be had.
        repeats: Failures that came within 14 days of the end of the one before at the same port.
    """

    operating_ms: int = 0
    failures: int = 0
    excluded: int = 0
    repairs_ms: tuple[int, ...] = ()
    unmeasured: int = 0
    repeats: int = 0

    def __add__(self, other: "Reliability") -> "Reliability":
        """Add up two ports."""
        return Reliability(
            self.operating_ms + other.operating_ms,
            self.failures + other.failures,
            self.excluded + other.excluded,
            self.repairs_ms + other.repairs_ms,
            self.unmeasured + other.unmeasured,
            self.repeats + other.repeats,
        )

    @property
    def mtbf_h(self) -> float | None:
        """Mean time between failures, ``operating time / failures``, h; None without a failure."""
        return self.operating_ms / 3_600_000 / self.failures if self.failures else None

    @property
    def mttr_h(self) -> float | None:
        """Mean time to repair, ``mean(end - begin)``, h; None without a repair that was wholly seen."""
        return statistics.fmean(self.repairs_ms) / 3_600_000 if self.repairs_ms else None

    @property
    def repair_median_h(self) -> float | None:
        """Median of the same."""
        return statistics.median(self.repairs_ms) / 3_600_000 if self.repairs_ms else None

    @property
    def repair_p90_h(self) -> float | None:
        """The length that nine in ten repairs do not exceed: the nearest rank."""
        if not self.repairs_ms:
            return None
        rank = math.ceil(0.9 * len(self.repairs_ms))
        return sorted(self.repairs_ms)[rank - 1] / 3_600_000

    @property
    def availability_percent(self) -> float | None:
        """Inherent availability, ``MTBF / (MTBF + MTTR) * 100``."""
        if self.mtbf_h is None or self.mttr_h is None or not self.mtbf_h + self.mttr_h:
            return None
        return self.mtbf_h / (self.mtbf_h + self.mttr_h) * 100

    @property
    def repeat_percent(self) -> float | None:
        """Failures that came again within 14 days, of all failures."""
        return self.repeats / self.failures * 100 if self.failures else None


def reliability(period: Span, outages: Sequence[Outage], up_ms: int, excluded: Spans) -> Reliability:
    """Count a port's failures in a period.

    Args:
        period: What is counted.
        outages: Those of the period and of the 14 days before it, ascending, joined.
        up_ms: How long the port was up in the period.
        excluded: An outage that touches one of these is no failure of the port.
    """
    faults = [one for one in outages if one.fault]
    own = [one for one in faults if not length_ms(intersection(((one.from_ms, one.to_ms),), excluded))]
    failures = repeats = 0
    repairs: list[int] = []
    unmeasured = 0
    before: Outage | None = None
    for one in own:
        if period[0] <= one.from_ms < period[1]:
            failures += 1
            repeats += before is not None and one.from_ms - before.to_ms < REPEAT_DAYS * DAY_MS
        if period[0] < one.to_ms <= period[1]:
            if one.begun and one.ended:
                repairs.append(one.to_ms - one.from_ms)
            else:
                unmeasured += 1
        before = one
    begun = sum(period[0] <= one.from_ms < period[1] for one in faults)
    return Reliability(up_ms, failures, begun - failures, tuple(repairs), unmeasured, repeats)
