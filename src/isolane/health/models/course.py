"""This file follows one measure; it guards that a score, its level and its prognosis come from the same estimate.

Operation, for each feature y (its logarithm where the measure is tested so):

1. Until the baseline is complete: collect. A measure with a start of its own, or with a commissioned value, needs none.
2. Estimate: a scalar Kalman filter of a random walk, P += q^2, for each day between them where features are daily;
   R = sd^2 + scatter^2; an innovation beyond 4 standard deviations is cut to that, so one wild feature moves little;
   the third in a row on one side is believed.
3. Drift: `drift.Cusum` of the residual against the baseline. When it finds a change, the estimate is set to the mean
   since the change began: a step is not followed slowly. Until it is over, the state is the value and its rate, of
   which nothing is expected but a size: else what gets worse day by day would be followed days behind.
4. State of health, level and prognosis from the estimate.

Source: docs/reference/health-scores.md.
"""

import math
from dataclasses import dataclass, field

from isolane.health.models.baseline import Baseline, middle_and_spread
from isolane.health.models.drift import WILD_SD, Cusum
from isolane.health.models.ladder import Ladder
from isolane.health.models.measure import Basis, Feature, Level, Measure, Per
from isolane.health.models.prognosis import foretell
from isolane.health.models.score import Prognosis, Score, Trust, state_of_health
from isolane.health.models.trail import Trail

_WALK_SHARE = 0.2
_CUT_MAX = 3
_DAY_S, _DAYS_MAX = 86_400, 7.0
_RATE_SHARE, _RATE_WALK = 1 / 30, 1 / 1000
"""What is expected of the rate of a part that drifts: its share of the way to the end of life in a day, and how far
that share may go in a day."""
_OLD_S = 30 * _DAY_S
_GOOD_FEATURES = 10
_POOR_SD = 25.0
_PLAN_FAIL_90D = 0.20
_DISPATCH_FAIL_30D = 0.30


@dataclass(slots=True)
class Memory:
    """All that a course remembers; can be written down and read back.

    Attributes:
        per: How often its features come.
        start: Baseline, in the tested value as all here; NaN while it is learnt.
        spread: Standard deviation of features about it.
        estimate: Of the present.
        variance: Of that.
        rate: A day, of the estimate; 0 while no drift is known.
        rate_variance: Of that.
        both: Covariance of estimate and rate.
        cut: Innovations in a row that were cut, counted with their sign.
        n_obs: Features taken.
        at_s: UTC second of the newest.
        baseline: While it is learnt.
        drift: Sum of what speaks for a change.
        trail: Days.
        ladder: Levels.
        prognosis: The newest, if any.
        no_prognosis: Why there is none.
    """

    per: Per
    start: float = math.nan
    spread: float = math.nan
    estimate: float = math.nan
    variance: float = math.nan
    rate: float = 0.0
    rate_variance: float = 0.0
    both: float = 0.0
    cut: float = 0.0
    n_obs: int = 0
    at_s: int = 0
    baseline: Baseline = field(default_factory=Baseline)
    drift: Cusum = field(default_factory=Cusum)
    trail: Trail = field(default_factory=Trail)
    ladder: Ladder = field(default_factory=Ladder)
    prognosis: Prognosis | None = None
    no_prognosis: str = "no RUL: there is no baseline yet"


class Course:
    """One measure of one place over its life.

    Args:
        measure: What is followed.
        model_id: Kind and version of the model that gives the features.
        commissioned: Value as commissioned, in the measure's unit, where somebody measured it; NaN if not.
        good_until_s: UTC second until which the part is known to have been as new; None if nobody says so.
    """

    def __init__(
        self, measure: Measure, model_id: str, commissioned: float = math.nan, good_until_s: int | None = None
    ) -> None:
        self._good_until_s = good_until_s
        self.measure = measure
        self.model_id = model_id
        self.last: Feature | None = None
        self._commissioned = commissioned
        self.renew()

    def renew(self) -> None:
        """Begin anew: the part was replaced or mended."""
        measure = self.measure
        self.memory = Memory(measure.per, baseline=Baseline(until_s=self._good_until_s))
        known = measure.start if not math.isnan(measure.start) else self._commissioned
        if not math.isnan(known):
            self._begin(self._tested(known), 0.0, 1)

    def restore(self, memory: Memory) -> None:
        """Go on from what was remembered."""
        self.memory = memory

    @property
    def level(self) -> Level:
        """The highest level that holds."""
        return self.memory.ladder.level

    def take(self, feature: Feature) -> Level:
        """Take a feature of this measure, in the order of time; give the level that holds after it."""
        memory, y = self.memory, self._tested(feature.value)
        if not math.isfinite(y):
            return self.level
        memory.n_obs += 1
        days = min(max(feature.at_s - memory.at_s, 0) / _DAY_S, _DAYS_MAX)
        memory.at_s = max(memory.at_s, feature.at_s)
        self.last = feature
        if math.isnan(memory.start):
            if memory.baseline.take(y, feature.at_s, self.measure.baseline):
                middle, spread = middle_and_spread(memory.baseline.values)
                self._begin(middle, spread, len(memory.baseline.values))
                memory.baseline = Baseline()
            return self.level
        self._follow(y, feature.sd / feature.value if self.measure.log else feature.sd, days)
        if memory.trail.take(y, feature.at_s):
            self._foretell()
        return memory.ladder.take(self._speaks(), memory.per, feature.at_s)

    def score(self, now_s: int) -> Score:
        """Give the state of health as it is known at a UTC second."""
        memory, measure = self.memory, self.measure
        theta, theta_0, theta_end = self._plain(memory.estimate), self._plain(memory.start), self._end()
        sd = math.sqrt(memory.variance) * (theta if measure.log else 1.0)
        way = (theta_end - theta_0) * (1 if measure.rises else -1)
        value = state_of_health(theta, theta_0, theta_end) if not way <= 0 else 0.0
        points = 100 * sd / way if not way <= 0 else math.nan
        return Score(
            measure=measure,
            model_id=self.model_id,
            value=value,
            sd=points,
            n_obs=memory.n_obs,
            trust=self._trust(points, now_s),
            level=self.level,
            theta=theta,
            theta_sd=sd,
            theta_0=theta_0,
            theta_end=theta_end,
            at_s=memory.at_s,
            prognosis=memory.prognosis,
            no_prognosis="" if memory.prognosis else memory.no_prognosis,
        )

    def _begin(self, start: float, spread: float, count: int) -> None:
        memory = self.memory
        memory.start, memory.estimate = start, start
        memory.spread = max(spread, self.measure.scatter)
        memory.variance = memory.spread**2 / count if self.measure.basis is Basis.MEASURED else 0.0
        memory.no_prognosis = "no RUL: no day is over since the baseline"

    def _follow(self, y: float, sd: float, days: float) -> None:
        """Move the estimate by a feature that came so many days after the one before."""
        memory, measure = self.memory, self.measure
        if measure.basis is not Basis.MEASURED:
            memory.estimate, memory.variance = y, sd * sd
            return
        noise = sd * sd + memory.spread**2
        self._await(days)
        total = memory.variance + noise
        limit = WILD_SD * math.sqrt(total)
        step = y - memory.estimate
        memory.cut = memory.cut + math.copysign(1, step) if abs(step) > limit and memory.cut * step >= 0 else 0.0
        if abs(memory.cut) >= _CUT_MAX:
            memory.estimate, memory.variance, memory.cut = y, noise, 0.0
            self._drifts(is_known=memory.drift.over > 0)
        elif total:
            step = min(max(step, -limit), limit)
            gain, share = memory.variance / total, memory.both / total
            memory.estimate += gain * step
            memory.rate += share * step
            memory.rate_variance -= share * memory.both
            memory.variance, memory.both = memory.variance * (1 - gain), memory.both * (1 - gain)
        before = memory.drift.over
        if memory.drift.take(self._worse(y, memory.start) / (memory.spread or 1.0), y):
            memory.estimate, memory.variance = memory.drift.mean, noise / memory.drift.since
        if bool(before) != bool(memory.drift.over):
            self._drifts(is_known=memory.drift.over > 0)

    def _await(self, days: float) -> None:
        """Let the truth move on for so many days: at random, and by its rate once it is known to drift."""
        memory, measure = self.memory, self.measure
        walk = _WALK_SHARE * memory.spread if math.isnan(measure.walk) else measure.walk
        if memory.drift.over:
            walk = min(walk, _WALK_SHARE * memory.spread)
            memory.estimate += memory.rate * days
            memory.variance += days * (2 * memory.both + days * memory.rate_variance)
            memory.both += days * memory.rate_variance
            memory.rate_variance += (self._span() * _RATE_WALK) ** 2 * days
        memory.variance += walk * walk * (days if measure.per is Per.DAY else 1.0)

    def _drifts(self, *, is_known: bool) -> None:
        """Begin to learn a rate, or forget it."""
        self.memory.rate, self.memory.both = 0.0, 0.0
        self.memory.rate_variance = (self._span() * _RATE_SHARE) ** 2 if is_known else 0.0

    def _span(self) -> float:
        """Give the way from baseline to end of life, in the tested value."""
        return abs(self._tested(self._end()) - self.memory.start)

    def _speaks(self) -> dict[Level, bool]:
        measure, fate = self.measure, self.memory.prognosis
        margin = math.sqrt(self.memory.variance)
        end = self._end()
        watch = math.isnan(measure.watch) or self._worse_than(self._border(measure.watch), 0.0)
        half = (self._plain(self.memory.start) + end) / 2
        plan = self._worse_than(half if math.isnan(measure.plan) else self._border(measure.plan), margin)
        dispatch = self._worse_than(end if math.isnan(measure.dispatch) else self._border(measure.dispatch), margin)
        if fate is not None:
            dispatch |= fate.fail_30d > _DISPATCH_FAIL_30D and measure.urged >= Level.DISPATCH
            plan |= fate.fail_90d > _PLAN_FAIL_90D
        plan |= dispatch
        drifts = self.memory.drift.over > 0 and watch
        return {Level.WATCH: drifts or plan, Level.PLAN: plan, Level.DISPATCH: dispatch}

    def _foretell(self) -> None:
        memory = self.memory
        if not self.measure.foretold:
            memory.no_prognosis = "no RUL: this does not wear"
            return
        memory.prognosis, memory.no_prognosis = foretell(
            memory.trail.days,
            memory.start,
            (memory.estimate, math.sqrt(memory.variance)),
            self._tested(self._end()),
            modelled=self.measure.basis is not Basis.MEASURED,
        )

    def _trust(self, points: float, now_s: int) -> Trust:
        memory = self.memory
        if math.isnan(memory.start) or not memory.n_obs:
            return Trust.LEARNING
        if now_s - memory.at_s > _OLD_S:
            return Trust.OLD
        return Trust.POOR if memory.n_obs < _GOOD_FEATURES or not points <= _POOR_SD else Trust.GOOD

    def _worse_than(self, border: float, margin: float) -> bool:
        return self._worse(self.memory.estimate, self._tested(border)) > margin

    def _worse(self, y: float, than: float) -> float:
        return (y - than) * (1 if self.measure.rises else -1)

    def _border(self, border: float) -> float:
        """Give the value of a border that is a ratio, a span, a value or a number of spreads as the end of life is."""
        if not math.isnan(self.measure.ratio):
            return border * self._plain(self.memory.start)
        if not math.isnan(self.measure.limit):
            return border
        unit = 1.0 if math.isnan(self.measure.spreads) else self.memory.spread
        return self.memory.start + border * unit * (1 if self.measure.rises else -1)

    def _end(self) -> float:
        measure = self.measure
        ends = (measure.ratio, measure.beyond, measure.limit, measure.spreads)
        return self._border(next(each for each in ends if not math.isnan(each)))

    def _tested(self, value: float) -> float:
        if not self.measure.log:
            return value
        return math.log(value) if value > 0 else math.nan

    def _plain(self, tested: float) -> float:
        return math.exp(tested) if self.measure.log else tested
