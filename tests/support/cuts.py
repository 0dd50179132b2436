"""This file feeds rows to a model in any cut; it guards that what a model gives does not depend on the cut.

The order of calls is that of the models' contract: windows that never cross ten minutes of UTC, after each ten minutes
the interval, after a session its stretch. Between all of them the model can be written down and read back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from isolane.health.models.measure import Feature, Finding
from isolane.health.models.model import Model
from isolane.health.models.window import Floats, Stretch, Window

TEN_MINUTES_S = 600


@dataclass
class Told:
    """What a model gave."""

    features: list[Feature] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def take(self, found: Iterable[Feature | Finding]) -> None:
        for each in found:
            if isinstance(each, Feature):
                self.features.append(each)
            else:
                self.findings.append(each)

    def of(self, measure: str) -> list[float]:
        """Give the values of a measure's features."""
        return [each.value for each in self.features if each.measure == measure]

    def named(self, name: str) -> list[Finding]:
        """Give the findings of a name."""
        return [each for each in self.findings if each.name == name]


@dataclass(frozen=True)
class Part:
    """A stretch of the rows: first, last (exclusive), and what is known of its session."""

    first: int
    last: int
    session: int = 1
    begins: bool = True
    ends: bool = True
    rest_s: float = 7200.0


def told(
    make: Callable[[], Model],
    signals: Mapping[str, Floats],
    *,
    cut: int = TEN_MINUTES_S,
    start_s: int = 1_800_000_000 - 1_800_000_000 % 86_400,
    parts: Sequence[Part] = (),
    resume: bool = False,
    into: Model | None = None,
) -> Told:
    """Feed rows in windows of `cut` rows at most; with `resume` into a new model after each ten minutes.

    Args:
        make: Makes the model.
        signals: By key without place, all of one length.
        cut: Rows of a window.
        start_s: UTC second of the first row.
        parts: Stretches, told once the ten minutes that they end in are over.
        resume: Write the model down as JSON and read it back, after each ten minutes.
        into: A model to go on with.
    """
    model, given = into if into is not None else make(), Told()
    whole = Window(start_s, len(next(iter(signals.values()))), signals)
    left = sorted(parts, key=lambda part: part.last)
    begin = 0
    while begin < whole.rows:
        end = min(whole.rows, begin + TEN_MINUTES_S - (start_s + begin) % TEN_MINUTES_S)
        for at in range(begin, end, cut):
            given.take(model.watch(whole.part(at, min(at + cut, end))))
        given.take(model.interval(whole.part(begin, end)))
        while left and left[0].last <= end:
            part = left.pop(0)
            stretch = Stretch(whole.part(part.first, part.last), part.session, part.begins, part.ends, part.rest_s)
            given.take(model.stretch(stretch))
        if resume:
            written = msgspec.json.encode(model.state())
            model = make()
            model.restore(msgspec.json.decode(written))
        begin = end
    return given


def assert_cut_free(make: Callable[[], Model], signals: Mapping[str, Floats], parts: Sequence[Part] = ()) -> Told:
    """Hold that other cuts, and restarts in between, give the same; give what that is.

    Raises:
        AssertionError: They do not.
    """
    whole = told(make, signals, parts=parts)
    for cut, resume in ((7, False), (10, True), (599, False)):
        other = told(make, signals, cut=cut, parts=parts, resume=resume)
        assert _same(_in_order(other.findings), _in_order(whole.findings))
        assert _same(other.features, whole.features)
    return whole


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Give findings by time and name: a window's findings come by name, whichever was first."""
    return sorted(findings, key=lambda finding: (finding.at_s, finding.name))


def _same(some: Sequence[object], others: Sequence[object]) -> bool:
    """Tell whether two lists say the same; NaN is equal to NaN."""
    return [repr(each) for each in some] == [repr(each) for each in others]


def line(value: float, rows: int) -> Floats:
    """Give a constant signal."""
    return np.full(rows, float(value))
