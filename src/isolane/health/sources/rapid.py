"""This file reads some signals of a source faster; it guards that a burst begins at once and ends by itself.

Constraints: what is marked `rapid` is read every `rapid_s`, at all times or while a burst lasts; its ordinary period
goes on beside it, so that the rows of the site are what they are without a burst.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.signals import Signal
from isolane.health.sources.cadence import Cadence

RAPID = "rapid"
"""The group of a cadence in which they are, beside the source's own groups."""

RapidPoint = Annotated[bool, msgspec.Meta(description="Whether it is also read every `rapid_s`; see `rapid_when`")]
RapidPeriod = Annotated[float, msgspec.Meta(description="Period of what is `rapid`, s, 0.02 to 10", ge=0.02, le=10)]
RapidWhen = Annotated[
    Literal["always", "bursts"],
    msgspec.Meta(description="Whether it is read so often at all times, or only while a burst is asked for"),
]


class Rapid:
    """What of one source is read faster, and when.

    Args:
        ordinary_s: Period of each signal of the source without it, s, by (charger, key).
        signals: That are marked; one that is read as often anyway is not faster.
        period_s: How often, s.
        when: "always" or "bursts".
        clock: Its monotonic side is used.

    Attributes:
        periods_s: How often each signal of the source is read outside bursts, s.
        bursts_s: How often those are read in a burst that are faster only then, s.
    """

    def __init__(
        self,
        ordinary_s: Mapping[tuple[str, str], float],
        signals: Iterable[Signal],
        period_s: float,
        when: Literal["always", "bursts"],
        clock: Clock,
    ) -> None:
        marked = {(signal.charger, signal.key) for signal in signals}
        faster = {each: period_s for each in ordinary_s if each in marked and period_s < ordinary_s[each]}
        self.periods_s = {**ordinary_s, **faster} if when == "always" else {**ordinary_s}
        self.bursts_s = faster if when == "bursts" else {}
        self._identities = faster.keys()
        self._is_always = when == "always" and bool(faster)
        self._period_s = period_s
        self._clock = clock
        self._until_mono_ns = 0
        self._cadence: Cadence | None = None

    def due(self, signal: Signal, group: str, groups: frozenset[str]) -> bool:
        """Tell whether a signal of one of the source's own groups is to be read when these groups are."""
        return group in groups or (RAPID in groups and (signal.charger, signal.key) in self._identities)

    def cadence(self, periods_s: Mapping[str, float]) -> Cadence:
        """Make the cadence of a run, to which a burst adds the group RAPID.

        Args:
            periods_s: The source's own groups, s; at least one.
        """
        always = {RAPID: self._period_s} if self._is_always else {}
        self._cadence = Cadence({**periods_s, **always}, self._clock)
        self._enter()
        return self._cadence

    def burst(self, seconds: float) -> None:
        """Read what `bursts_s` names that often from now on, for so long, s; a burst that lasts is never cut."""
        if self.bursts_s:
            until = self._clock.mono_ns() + round(seconds * NS_PER_S)
            self._until_mono_ns = max(self._until_mono_ns, until)
            self._enter()

    def _enter(self) -> None:
        if self._cadence is not None and self._clock.mono_ns() < self._until_mono_ns:
            self._cadence.begin(RAPID, self._period_s, self._until_mono_ns)


class Bursting:
    """What a source tells of its periods when some of its signals may be read faster; such sources derive from it.

    Args:
        rapid: Of this source.
    """

    def __init__(self, rapid: Rapid) -> None:
        self._rapid = rapid

    @property
    def periods_s(self) -> Mapping[tuple[str, str], float]:
        """How often each signal is told, s, by (charger, key)."""
        return self._rapid.periods_s

    @property
    def bursts_s(self) -> Mapping[tuple[str, str], float]:
        """How often signals are told in a burst, s; only those that are then told more often."""
        return self._rapid.bursts_s

    def burst(self, seconds: float) -> None:
        """Tell what `bursts_s` names that often from now on, for so long, s."""
        self._rapid.burst(seconds)
