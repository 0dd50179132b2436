"""This file keeps how a measure went, day by day; it guards that what is kept of a year is bounded.

A day is its median and the number of features behind it. It is what prognoses are made from and what people are shown.
"""

import statistics
from dataclasses import dataclass, field

DAYS_MAX = 400
_DAY_S = 86_400
_OF_DAY_MAX = 96


@dataclass(slots=True)
class Trail:
    """Medians of days, oldest first; the day that is not over yet is not among them.

    Attributes:
        days: Days since 1970, the median of the tested value, and the number of features.
        today: The day whose features are being taken.
        features: Of that day, the newest 96 at most.
    """

    days: list[tuple[int, float, int]] = field(default_factory=list)
    today: int = 0
    features: list[float] = field(default_factory=list)

    def take(self, value: float, at_s: int) -> bool:
        """Take a feature; tell whether it completes a day. One from before the present day counts as of that."""
        day = at_s // _DAY_S
        over = day > self.today and bool(self.features)
        if over:
            self.days.append((self.today, statistics.median(self.features), len(self.features)))
            del self.days[:-DAYS_MAX]
        if day > self.today:
            self.today = day
            self.features.clear()
        self.features.append(value)
        del self.features[:-_OF_DAY_MAX]
        return over
