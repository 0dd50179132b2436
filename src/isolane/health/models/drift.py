"""This file tells drift from scatter; it guards that one wild feature is not taken for a change.

Equations, for a feature z in standard deviations of the baseline, counted positive where the part gets worse:

    z' = clip(z, -4, 4)
    S  = max(0, S + z' - k),   k = 0.5
    drift while S > h,         h = 8

With 10 % scatter from session to session and a baseline of 50 sessions, a part in good health runs for more than 2000
sessions before a false alarm (median), growth of 1 % a session is found at +17 %. Source: E. S. Page, Continuous
inspection schemes, Biometrika 41 (1954); the figures are those of docs/reference/health-scores.md.
"""

from dataclasses import dataclass

SLACK_SD = 0.5
LIMIT_SD = 8.0
WILD_SD = 4.0
_CEILING_SD = 2 * LIMIT_SD
"""So that a repaired part is not held for drifting for months."""


@dataclass(slots=True)
class Cusum:
    """One-sided cumulative sum.

    Attributes:
        sum_sd: S.
        since: Features since S was last 0.
        total: Sum of these features' values, as given.
        over: Features in a row with S > h.
    """

    sum_sd: float = 0.0
    since: int = 0
    total: float = 0.0
    over: int = 0

    def take(self, worse_sd: float, value: float) -> bool:
        """Take a feature; tell whether S went over h with it.

        Args:
            worse_sd: By how many standard deviations it is worse than the baseline.
            value: Itself, in whatever measure `mean` shall be.
        """
        before = self.over
        self.sum_sd = min(max(0.0, self.sum_sd + min(max(worse_sd, -WILD_SD), WILD_SD) - SLACK_SD), _CEILING_SD)
        if not self.sum_sd:
            self.since, self.total, self.over = 0, 0.0, 0
            return False
        self.since += 1
        self.total += value
        self.over = self.over + 1 if self.sum_sd > LIMIT_SD else 0
        return not before and bool(self.over)

    @property
    def mean(self) -> float:
        """Mean of the features since the change that S speaks of began."""
        return self.total / max(self.since, 1)
