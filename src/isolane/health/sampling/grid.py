"""This file holds each signal's last reading and gives rows; it guards that none is shown better than it is.

Constraints: taking a reading costs the same however many signals there are, and never raises; a row is computed for all
signals at once. A value is stored as the integer round(value / resolution), so that what the device resolves is exact,
or, of a signal without a resolution, as the bit pattern of the float that it is.

Operation, for one signal at the moment of a row; its age is counted from when the device was read:

==============================================  ==========================================================
nothing has ever arrived                        BAD NEVER_READ
only failures have arrived                      BAD with the source's reason
read within its period, no failure since        GOOD
older than that, not older than its limit       STALE, the value held; with the source's reason if it failed
older than its limit, the source tells why      BAD with the source's reason
older than its limit, the source is silent      BAD AGED
==============================================  ==========================================================

The limit is the setting `hold_s`, and at least twice the signal's period. A failure that is itself older than the limit
tells nothing any more.

A reading that is stamped later than it arrives comes from a clock that is ahead, and the latest that it can have been
made is its arrival: it is taken as of then. As it stands it would be GOOD for as long as that clock is ahead, and the
readings after it would be late.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.core.samples import Quality, Reading, Reason
from isolane.core.signals import Signal
from isolane.health.sampling.settings import SamplingSettings
from isolane.wire.block import code
from isolane.wire.floats import pattern

_NEVER_NS = np.iinfo(np.int64).min // 2
"""A moment so long ago that no age limit reaches it, and that no subtraction overflows."""

_SCALED_LIMIT = 2.0**63


@dataclass(frozen=True, slots=True)
class Row:
    """One sample of every signal, in the grid's order.

    Attributes:
        values: Scaled integers or bit patterns of floats, shape (columns,); 0 where the code says BAD.
        codes: Quality codes as `wire.block.code` gives them, shape (columns,).
    """

    values: NDArray[np.int64]
    codes: NDArray[np.uint8]


@dataclass(slots=True)
class GridCounts:
    """What the grid has seen since it was made, in readings."""

    accepted: int = 0
    failed: int = 0
    """Of these, BAD ones."""
    unknown: int = 0
    """Of a signal that no source declared; dropped."""
    late: int = 0
    """Older than what is already held; dropped."""
    ahead: int = 0
    """Of those accepted: stamped later than they arrived; taken as of their arrival."""
    out_of_range: int = 0
    """Not a finite number, or beyond 64 bits when scaled; taken as a failure."""


class Grid:
    """The last reading of every signal.

    Args:
        signals: The columns, in their order; each (charger, key) once.
        settings: How long a reading is believed.
        clock: Says when the grid was made; readings carry their own time.
        periods_s: How often a signal is read, s, by (charger, key); one step if not given.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        settings: SamplingSettings,
        clock: Clock,
        periods_s: Mapping[tuple[str, str], float] | None = None,
    ) -> None:
        self.signals = tuple(signals)
        self.counts = GridCounts()
        self.since_mono_ns = clock.mono_ns()
        self._clock = clock
        count = len(self.signals)
        self._columns = {(signal.charger, signal.key): column for column, signal in enumerate(self.signals)}
        if len(self._columns) != count:
            raise ValueError("a signal stands twice in the grid")
        self._resolutions = [signal.resolution for signal in self.signals]
        step_s = settings.step_ms / 1000
        told = periods_s or {}
        periods = np.array([max(told.get((s.charger, s.key), step_s), step_s) for s in self.signals], np.float64)
        self._fresh_ns = (periods * NS_PER_S).astype(np.int64) + settings.grace_ms * NS_PER_MS
        limits = np.maximum(settings.hold_s, 2 * periods) * NS_PER_S
        self._limit_ns = np.maximum(limits.astype(np.int64), self._fresh_ns)
        self._values = np.zeros(count, np.int64)
        self._good_ns = np.full(count, _NEVER_NS, np.int64)
        self._bad_ns = np.full(count, _NEVER_NS, np.int64)
        self._reasons = np.zeros(count, np.uint8)

    def accept(self, readings: Sequence[Reading]) -> None:
        """Take readings; this is the `core.ports.Emit` of every source."""
        counts, now = self.counts, self._clock.mono_ns()
        for reading in readings:
            column = self._columns.get((reading.charger, reading.signal))
            if column is None:
                counts.unknown += 1
                continue
            at, reason = min(reading.source_mono_ns, now), reading.reason
            if at < self._good_ns[column] or at < self._bad_ns[column]:
                counts.late += 1
                continue
            counts.accepted += 1
            counts.ahead += reading.source_mono_ns > now
            if reading.value is not None and reading.quality is not Quality.BAD:
                scaled = _scaled(reading.value, self._resolutions[column])
                if scaled is not None:
                    self._values[column] = scaled
                    self._good_ns[column] = at
                    self._bad_ns[column] = _NEVER_NS
                    continue
                counts.out_of_range += 1
                reason = Reason.OUT_OF_RANGE
            counts.failed += 1
            self._bad_ns[column] = at
            self._reasons[column] = reason

    def row(self, at_mono_ns: int) -> Row:
        """Give one sample of every signal as it is known at a moment.

        Args:
            at_mono_ns: The moment, on the monotonic clock; not before that of the row before.
        """
        age = at_mono_ns - self._good_ns
        failed = at_mono_ns - self._bad_ns <= self._limit_ns
        reasons = np.where(failed, self._reasons, Reason.NONE)
        good = (age <= self._fresh_ns) & ~failed
        held = (age <= self._limit_ns) & ~good
        silent = np.where(self._good_ns == _NEVER_NS, Reason.NEVER_READ, Reason.AGED)
        bad_reasons = np.where(failed, reasons, silent)
        codes = np.where(held, reasons << 2 | Quality.STALE, bad_reasons << 2 | Quality.BAD)
        codes[good] = code(Quality.GOOD)
        values = np.where(good | held, self._values, 0)
        return Row(values, codes.astype(np.uint8))


def _scaled(value: float, resolution: float) -> int | None:
    """Give the integer that stands for a value; None if there is none."""
    if not resolution:
        return pattern(value) if math.isfinite(value) else None
    scaled = value / resolution
    return round(scaled) if -_SCALED_LIMIT <= scaled < _SCALED_LIMIT else None  # None for NaN
