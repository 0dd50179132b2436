"""This file is one stream of rows: its grid, its ticks, its open block; it guards that streams share only a clock.

A site has its own rhythm, stream 0, and as many faster ones as its settings ask for. A rhythm that keeps bursts takes
rows only while one lasts; its signals stand in the site's rows as well, at all times.

Each rhythm watches the UTC clock by itself and asks for a new epoch when it was set back, so every stream's rows from
before the change are in an epoch before that of its rows from after it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung
from isolane.core.signals import Signal
from isolane.health.metrics import PipelineCounts
from isolane.health.outbox.pack import Pack
from isolane.health.outbox.records import Draft
from isolane.health.sampling.grid import Grid, Row
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.sampling.ticks import Step, Ticks
from isolane.health.thinner import Thinner
from isolane.health.thinning.settings import ThinningSettings
from isolane.wire.schema import Schema

_LOG = logging.getLogger(__name__)
SITE, FAST, BURST = 0, 1, 2
"""Numbers of the streams; the center knows each by its number for ever."""
BURST_S_MAX = 600.0
"""A burst is a look at something that happens now; what shall be fast for longer is a setting."""
_SET_MS_MIN = 1000
"""A clock that is corrected by less than this is not taken for one that was set, however fast the rows are."""

Periods = Mapping[tuple[str, str], float]
"""How often each signal is read, s, by (charger, key)."""
HandOver = Callable[[Iterable[Draft | None]], None]
"""Takes complete blocks, and None where a new epoch begins; never waits."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What tells one rhythm from another.

    Attributes:
        stream: Number of its stream.
        signals: Its columns, in their order.
        periods_s: How often each signal is read.
        sampling: Its step, and how long a reading is believed.
        block_rows: Rows of a full block.
        in_bursts: Whether it takes rows only while a burst lasts.
    """

    stream: int
    signals: tuple[Signal, ...]
    periods_s: Periods
    sampling: SamplingSettings
    block_rows: int
    in_bursts: bool = False


class Rhythm:
    """Rows of some signals at one step.

    Args:
        beat: See there.
        clock: Both clocks.
        counts: What the pipeline counts; shared by all rhythms.
        thinning: The thinning table.
        rung: Tells how much is sent at this moment.
    """

    def __init__(
        self,
        beat: Beat,
        clock: Clock,
        counts: PipelineCounts,
        thinning: ThinningSettings,
        rung: Callable[[], Rung] = lambda: Rung.FULL,
    ) -> None:
        self.beat = beat
        self.schema = Schema.of(beat.signals)
        self.grid = Grid(beat.signals, beat.sampling, clock, beat.periods_s)
        step_ms = beat.sampling.step_ms
        floats = self.schema.floats
        self._pack = Pack(self.schema.id, len(beat.signals), step_ms, beat.block_rows, beat.stream, floats=floats)
        self._thinner = Thinner(self.schema, thinning, rung)
        self._clock = clock
        self._counts = counts
        self._until_mono_ns = 0
        self.watch: Callable[[int, Row], None] | None = None
        """Is shown every row, and its UTC in ms; never waits."""

    def burst(self, seconds: float) -> None:
        """Take rows from now on for so long, s; a burst that lasts becomes longer, never shorter."""
        until = self._clock.mono_ns() + round(min(seconds, BURST_S_MAX) * NS_PER_S)
        self._until_mono_ns = max(self._until_mono_ns, until)

    async def run(self, hand_over: HandOver) -> None:
        """Take a row at every tick, for ever; cancelled to stop."""
        beat = self.beat
        set_ms_min = 0 if beat.stream == SITE else _SET_MS_MIN
        async for tick in Ticks(self._clock, beat.sampling.step_ms, set_ms_min=set_ms_min):
            if isinstance(tick, Step):
                self._counts.clock_steps += beat.stream == SITE
                _LOG.warning("clock-set stream=%d by_ms=%d", beat.stream, tick.by_ms)
                hand_over(self.seal())
                if tick.needs_new_epoch:
                    hand_over([None])
            elif beat.in_bursts and tick.mono_ns >= self._until_mono_ns:
                hand_over(self.seal())
            else:
                self._counts.rows += 1
                self._counts.rows_missed += tick.missed
                row = self.grid.row(tick.mono_ns)
                hand_over(self._add(tick.t_ms, row))

    def seal(self) -> list[Draft]:
        """End the open block; give it, if it has a row."""
        return self._thinned(self._pack.seal())

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """Of all blocks it may give beside those of its own schema."""
        return self._thinner.minutes

    def _add(self, t_ms: int, row: Row) -> list[Draft]:
        if self.watch is not None:
            self.watch(t_ms, row)
        self._pack.resize(self._thinner.rows(self.beat.block_rows))
        done = self._pack.add(t_ms, row.values, row.codes)
        if self._thinner.ends_at(t_ms + self.beat.sampling.step_ms):
            done += self._pack.seal()
        return self._thinned(done)

    def _thinned(self, drafts: list[Draft]) -> list[Draft]:
        return [sent for draft in drafts for sent in self._thinner.thin(draft)]


def rapid(sampling: SamplingSettings, signals: Sequence[Signal], periods_s: Periods) -> tuple[Signal, ...]:
    """Give the signals that are read more often than the site's rows are taken, and so have rows of their own."""
    if sampling.fast is None:
        return ()
    step_s = sampling.step_ms / 1000
    return tuple(each for each in signals if periods_s.get((each.charger, each.key), step_s) < step_s)


def beats(
    sampling: SamplingSettings, block_rows: int, signals: Sequence[Signal], periods_s: Periods, bursts_s: Periods
) -> list[Beat]:
    """Share signals out among rhythms; the site's comes first.

    Args:
        sampling: The table.
        block_rows: Of the site's blocks.
        signals: All there are, in their order.
        periods_s: How often each is read.
        bursts_s: Those that can be read faster in a burst, and how often they are read then.

    Raises:
        IsolaneError: Fast rows are wanted of nothing, or nothing is left for the site's rows.
    """
    fast = sampling.fast
    if fast is None:
        if bursts_s:
            raise IsolaneError("a source reads in bursts, and there are no rows for them", "add [health.sampling.fast]")
        return [Beat(SITE, tuple(signals), periods_s, sampling, block_rows)]
    quickly = rapid(sampling, signals, periods_s)
    bursts = tuple(each for each in signals if (each.charger, each.key) in bursts_s)
    slow = tuple(each for each in signals if each not in set(quickly))
    if not quickly and not bursts:
        raise IsolaneError(
            f"[health.sampling.fast] is there, and no signal is read more often than every {sampling.step_ms} ms",
            "give a source a shorter period, or remove the table",
        )
    if not slow:
        raise IsolaneError(
            "every signal is fast, and nothing is left for the site's own rows",
            "set `step_ms` of [health.sampling] instead of [health.sampling.fast], or read something slower too",
        )
    quick = SamplingSettings(step_ms=fast.step_ms, grace_ms=fast.grace_ms, hold_s=fast.hold_s)
    found = [Beat(SITE, slow, periods_s, sampling, block_rows)]
    if quickly:
        found.append(Beat(FAST, quickly, periods_s, quick, fast.block_rows))
    if bursts:
        found.append(Beat(BURST, bursts, bursts_s, quick, fast.block_rows, in_bursts=True))
    return found
