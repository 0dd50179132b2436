"""This file is the black box as the event loop sees it; it guards that nobody waits for it.

What comes is put into bounded lists, and a thread of its own takes them to the disk every few seconds, at once when
there is a trigger. What comes while the disk hangs is counted, and lost for the ring alone.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from isolane.config.site import Site
from isolane.core.clock import NS_PER_MS, Clock
from isolane.health.recorder.event_detectors import EventDetectors, ResidualDetector
from isolane.health.recorder.facts import Heard, State
from isolane.health.recorder.keeper import Batch, Keeper
from isolane.health.recorder.lines import Lines
from isolane.health.recorder.row_detectors import RowDetectors
from isolane.health.recorder.rows import Row, Stream
from isolane.health.recorder.settings import RecorderSettings
from isolane.health.recorder.triggers import COMMAND, HEALTH, LEVELS, HoldOff
from isolane.health.recorder.uploader import Outlet, Uploader
from isolane.security.signing import Signer
from isolane.wire.block import I64, U8
from isolane.wire.schema import Schema
from isolane.wire.snapshot import Card, Trigger
from isolane.wire.tap_event import Packet

_SAMPLES_MAX = 2 << 20
"""Of rows that wait for the disk: 18 MB; of 50 chargers of 50 signals a quarter of an hour."""
_FACTS_MAX = 20_000
_LINES_MAX = 5000
_TRIGGERS_MAX = 1000

Result = TypeVar("Result")


@dataclass(slots=True)
class RecorderCounts:
    """What came since the process started."""

    rows: int = 0
    rows_lost: int = 0
    events: int = 0
    events_lost: int = 0
    triggers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEVELS, 0))


class Recorder:
    """The black box of one gateway. Run `run` beside, then close it.

    Args:
        settings: The table.
        folder: Where ring and snapshots are.
        site: Whose.
        clock: Both clocks.
        known: Texts that may stand in a log line that is kept: names of chargers, sources and links.
        burst: Has what can be read faster be read faster for so long, s.

    Raises:
        IsolaneError: The signing key cannot be used.
    """

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        settings: RecorderSettings,
        folder: Path,
        site: Site,
        clock: Clock,
        known: Collection[str],
        burst: Callable[[float], None],
    ) -> None:
        signer = None if settings.key is None else Signer(settings.key)
        self.keeper = Keeper(settings, folder, site, clock, signer)
        self.counts = RecorderCounts()
        self.hold_off = HoldOff(settings.triggers.hold_off_s, frozenset(settings.triggers.off))
        self.lines = Lines({*known, *LEVELS, site.name, site.gateway}, _LINES_MAX)
        self.uploads: Uploader | None = None
        self._settings = settings
        self._clock = clock
        self._burst = burst
        self._detectors: dict[int, tuple[Stream, RowDetectors]] = {}
        self._events = EventDetectors(settings.triggers)
        self._residuals = ResidualDetector(settings.triggers.residual_sd)
        self._batch = Batch()
        self._samples = 0
        self._news = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "recorder")

    async def run(self) -> None:
        """Take over what earlier runs have left, and write for ever; cancelled to stop."""
        logging.getLogger().addHandler(self.lines)
        try:
            await self._call(self.keeper.open)
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.ring.flush_s):
                        await self._news.wait()
                self._news.clear()
                self._heed(self._events.due(self._clock.mono_ns()))
                await self.flush()
        finally:
            logging.getLogger().removeHandler(self.lines)

    async def close(self) -> None:
        """Write what is left, end what goes on, and end."""
        await self.flush()
        await self._call(self.keeper.close)
        self._thread.shutdown()

    def upload(self, outlet: Outlet, room: int) -> None:
        """Have snapshots brought to the center, by `uploads`, whose `run` is to run beside.

        Args:
            outlet: The outbox.
            room: So many parts wait there at most.
        """
        self.uploads = Uploader(self.keeper.shelf, self._call, outlet, self._clock, room)

    def row(self, number: int, schema: Schema, step_ms: int, t_ms: int, values: I64, codes: U8) -> None:  # noqa: PLR0917
        """Take a row of a stream; never waits.

        Args:
            number: Of the stream.
            schema: Of the row.
            step_ms: From row to row of the stream.
            t_ms: UTC of the row, ms.
            values: As in a block, shape (columns,); not changed afterwards.
            codes: Same shape.
        """
        if number not in self._detectors or self._detectors[number][0].schema is not schema:
            self._detectors[number] = Stream(number, schema, step_ms), RowDetectors(schema, self._settings.triggers)
        stream, detectors = self._detectors[number]
        row = Row(stream, t_ms, values, codes)
        self._heed(detectors.take(row))
        if self._samples + values.size > _SAMPLES_MAX:
            self.counts.rows_lost += 1
            return
        self._samples += values.size
        self.counts.rows += 1
        self._batch.rows.append(row)

    def hear(self, packet: Packet | None) -> None:
        """Take a packet of the tap's, or None: what was told before may no longer hold; never waits."""
        if packet is None:
            self._events.forget()
            return
        utc_ns, mono_ns = self._clock.utc_ns(), self._clock.mono_ns()
        for event in packet.events:
            t_ms = (utc_ns - (mono_ns - event.mono_ns)) // NS_PER_MS
            self._heed(self._events.take(event, t_ms))
            if len(self._batch.heard) >= _FACTS_MAX:
                self.counts.events_lost += 1
            else:
                self.counts.events += 1
                self._batch.heard.append(Heard(t_ms, event))

    def health(self, charger: str, what: str, level: int, value: str = "") -> None:
        """Take the level of a part's state of health, 0 to 4, whenever it changes; 3 and 4 are triggers."""
        self.state(charger, what, f"L{level} {value}".strip())
        if level >= LEVELS[HEALTH]:
            self._heed([self._trigger(HEALTH, charger, level, what, value)])

    def residual(self, charger: str, name: str, deviation_sd: float) -> None:
        """Take how far a model's residual is off, in standard deviations, whenever there is a new one."""
        self._heed(self._residuals.take(charger, name, deviation_sd, self._utc_ms()))

    def state(self, charger: str, what: str, value: str) -> None:
        """Keep a state that the gateway's own code tells; not for texts from outside."""
        if len(self._batch.states) < _FACTS_MAX:
            self._batch.states.append(State(self._utc_ms(), charger, what, value))

    def command(self, charger: str, what: str = "") -> None:
        """Take a snapshot because somebody asked for it; "" for one of everything."""
        self._heed([self._trigger(COMMAND, charger, LEVELS[COMMAND], what, "")])

    async def take(self, charger: str) -> str | None:
        """Take a snapshot and give its id, or that of one that goes on; None where there may be none."""
        self.command(charger)
        await self.flush()
        return await self._call(lambda: self.keeper.going(charger))

    async def again(self, ident: str) -> Card | None:
        """Have a snapshot brought to the center once more; None where there is none, or it has no end.

        Raises:
            OSError: The disk refuses.
        """
        card = await self._call(lambda: self.keeper.shelf.again(ident))
        self._wake()
        return card

    async def pack(self, charger: str, what: str, label: str, path: Path) -> str:
        """Make a snapshot of a file that a charger left, as it is, and give its id.

        Raises:
            OSError: It cannot be read, the disk refuses, or the bounds allow no more.
        """
        ident = await self._call(
            lambda: self.keeper.pack(self._trigger(COMMAND, charger, LEVELS[COMMAND], what, label), path)
        )
        self._wake()
        return ident

    def _trigger(self, kind: str, charger: str, level: int, what: str, value: str) -> Trigger:
        return Trigger(kind=kind, charger=charger, t_ms=self._utc_ms(), level=level, what=what, value=value)

    def _heed(self, triggers: Sequence[Trigger]) -> None:
        for trigger in triggers:
            if not self.hold_off.heed(trigger, self._clock.mono_ns()) or len(self._batch.triggers) >= _TRIGGERS_MAX:
                continue
            self.counts.triggers[trigger.kind] += 1
            self._batch.triggers.append(trigger)
            self._news.set()
            if self._settings.triggers.burst_s:
                self._burst(self._settings.triggers.burst_s)

    async def flush(self) -> None:
        """Bring to the disk what has come."""
        batch, self._batch, self._samples = self._batch, Batch(), 0
        batch.lines = self.lines.take()
        await self._call(lambda: self.keeper.step(batch))
        self._wake()

    def _wake(self) -> None:
        if self.uploads is not None:
            self.uploads.wake()

    async def _call(self, function: Callable[[], Result]) -> Result:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, function))

    def _utc_ms(self) -> int:
        return self._clock.utc_ns() // NS_PER_MS
