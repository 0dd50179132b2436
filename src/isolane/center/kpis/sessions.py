"""This file counts attempts and visits; it guards that a share is only given of what was wholly seen.

Equations and sources: docs/reference/kpis.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from isolane.center.kpis.attempts import ENERGY, FAILED, HELPED, RUNGS, Attempt
from isolane.center.kpis.spans import Span


@dataclass(frozen=True, slots=True)
class Sessions:
    """Attempts of a period; those of several ports add up.

    Attributes:
        attempts: Attempts that began in the period and were wholly seen.
        unseen: Those that were not: they are in no other number.
        reached: How many reached each rung: plugged, authorised, started, energy, ended well.
        visits: Visits of which every attempt was wholly seen, each counted at the port where it began.
        first_time: Visits whose first attempt reached "energy".
        helped: Visits of which any attempt did.
        energy_wh: Energy of all of them.
    """

    attempts: int = 0
    unseen: int = 0
    reached: tuple[int, ...] = (0,) * len(RUNGS)
    visits: int = 0
    first_time: int = 0
    helped: int = 0
    energy_wh: float = 0.0

    def __add__(self, other: "Sessions") -> "Sessions":
        """Add up two ports."""
        return Sessions(
            self.attempts + other.attempts,
            self.unseen + other.unseen,
            tuple(one + two for one, two in zip(self.reached, other.reached, strict=True)),
            self.visits + other.visits,
            self.first_time + other.first_time,
            self.helped + other.helped,
            self.energy_wh + other.energy_wh,
        )

    @property
    def first_time_percent(self) -> float | None:
        """First-time charge success: ``first_time / visits * 100``; None without a visit."""
        return self.first_time / self.visits * 100 if self.visits else None

    @property
    def visit_percent(self) -> float | None:
        """Visit success: ``helped / visits * 100``; None without a visit."""
        return self.helped / self.visits * 100 if self.visits else None

    @property
    def ladder_percent(self) -> tuple[float | None, ...]:
        """Of those that reached a rung, how many reached the next; the first is 100."""
        before = (self.attempts, *self.reached[:-1])
        return tuple(one / of * 100 if of else None for one, of in zip(self.reached, before, strict=True))


def sessions(period: Span, attempts: Iterable[Attempt]) -> Sessions:
    """Count the attempts that began in a period.

    Args:
        period: What is counted.
        attempts: Of one charger or port, visits marked, ascending.
    """
    ended_at = [0] * (len(RUNGS) + 1)
    seen = unseen = visits = first_time = helped = 0
    energy_wh = 0.0
    for one in attempts:
        if not period[0] <= one.from_ms < period[1]:
            continue
        if not one.seen:
            unseen += 1
            continue
        seen += 1
        energy_wh += one.energy_wh
        ended_at[one.rung] += 1
        visits += one.visit in {FAILED, HELPED}
        first_time += one.visit == HELPED and one.rung >= ENERGY
        helped += one.visit == HELPED
    reached = tuple(sum(ended_at[rung:]) for rung in range(1, len(RUNGS) + 1))
    return Sessions(seen, unseen, reached, visits, first_time, helped, energy_wh)
