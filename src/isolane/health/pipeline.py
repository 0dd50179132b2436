"""This file joins the stages; it is the only one that knows them all, and guards the order in which they start and end.

Flow: sources → rhythms (each: grid → at its ticks a row → pack → thinner) → queue → outbox → cursors → links. A tick
never waits for the disk: blocks pass through a short queue to the one task that writes them. What is sent thinned goes,
as it was, to what is kept at full rate, behind the block that is sent for it and under its key. A restart of a source,
a dead link or a hung disk each stay where they are.

End: sources and ticks stop, the open block is sealed and committed, links get `flush_s` to empty the outbox, the
books are stated once more, then links and outbox close.
"""

import asyncio
import contextlib
import dataclasses
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable

from prometheus_client import CollectorRegistry, ProcessCollector

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.core.failures import IsolaneError
from isolane.core.ports import Source
from isolane.core.supervisor import Restarts, supervise
from isolane.health.anew import Anew
from isolane.health.black_box import black_box, overhear, upload
from isolane.health.budget.budget import Budget
from isolane.health.budget.courier import Unhurried
from isolane.health.budget.metrics import BudgetCollector
from isolane.health.clock_sync import is_synced
from isolane.health.clock_trust import ClockTrust
from isolane.health.command_room import CommandRoom
from isolane.health.command_verbs import Own
from isolane.health.links import catalogue as link_catalogue
from isolane.health.links.counts import LinkCollector
from isolane.health.links.delivery import Order
from isolane.health.links.errands import Errands
from isolane.health.links.port import Link
from isolane.health.links.settings import AnyLinkSettings
from isolane.health.metrics import PipelineCollector, PipelineCounts
from isolane.health.models.metrics import ModelsCollector
from isolane.health.outbox.cursor import Cursor, Pace
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.metrics import OutboxCollector
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Draft, Sheet
from isolane.health.post import Post
from isolane.health.practice import join, models_of
from isolane.health.rates import Rates
from isolane.health.reach import Reach, Stages
from isolane.health.recorder.metrics import RecorderCollector
from isolane.health.recorder.recorder import Recorder
from isolane.health.rhythm import BURST_S_MAX, SITE, Rhythm, beats
from isolane.health.sampling.grid import GridCounts
from isolane.health.sampling.share import shared
from isolane.health.settings import HealthSettings
from isolane.health.sources import catalogue as source_catalogue
from isolane.health.sources.metrics import SourceMetrics
from isolane.health.sources.ocpp.hear import listen
from isolane.health.sources.ocpp.settings import OcppSettings
from isolane.health.thinning.kept import Kept
from isolane.health.thinning.metrics import KeptCollector
from isolane.wire.block import gateway_tag
from isolane.wire.tap_event import Packet

_LOG = logging.getLogger(__name__)
_QUEUE_BLOCKS_MAX = 64
"""Ten minutes of blocks of ten rows: longer than a disk hangs that will ever come back."""
_STATE_S = 1.0
"""How long the last statement of the books may take."""


class Pipeline:
    """Channel B of one gateway, assembled.

    Args:
        site: Names, and where the tap's events come from.
        settings: The [health] table.
        clock: Both clocks.

    Raises:
        IsolaneError: A source or link cannot be built, or there is nothing to read.
    """

    def __init__(self, site: Site, settings: HealthSettings, clock: Clock) -> None:
        names = [table.name for table in settings.links]
        self.budget = Budget(settings.budget, settings.outbox.path.with_suffix(".budget"), clock, names)
        self.recorder: Recorder | None = None
        self.reach: Reach | None = None
        self.clock_trust = ClockTrust(settings.clock, clock, is_synced)
        built = source_catalogue.build(settings.sources, site, clock, self._hear, self.clock_trust.is_doubted)
        self.models = models_of(settings, source_catalogue.signals_of(built), source_catalogue.periods_of(built), clock)
        self.sources = built if self.models is None else (*built, self.models)
        self.errands = None if settings.commands is None else Errands()
        self.links = link_catalogue.build(settings.links, site, self.budget.way.of, self.errands)
        self.registry = CollectorRegistry()
        self.counts = PipelineCounts()
        signals = source_catalogue.signals_of(self.sources)
        if not signals:
            raise IsolaneError("no source gives a signal", "name what is to be read under [[health.sources]]")
        periods_s, bursts_s = source_catalogue.periods_of(self.sources), source_catalogue.bursts_of(self.sources)
        shares = beats(settings.sampling, settings.outbox.block_rows, signals, periods_s, bursts_s)
        self.rates = Rates(clock, lambda: self.budget.rung, self.burst, can_burst=bool(bursts_s))
        thinning, rung = settings.thinning, lambda: self.rates.rung
        self.rhythms = [Rhythm(beat, clock, self.counts, thinning, rung) for beat in shares]
        self.schema = self.rhythms[0].schema
        self.recorder = black_box(site, settings, clock, self.rhythms, self.sources, self.burst)
        self._settings = settings
        self._site = site
        self._emit = shared([rhythm.grid for rhythm in self.rhythms])
        self._anew = {source.name: Anew(functools.partial(source.run, self._emit)) for source in self.sources}
        self._stop: asyncio.Event | None = None
        required = frozenset(link.name for link in settings.links if link.required)
        tag = gateway_tag(site.name, site.gateway)
        self.kept = Kept(thinning.kept, thinning.kept.folder(settings.outbox.path), tag, clock)
        spare = functools.partial(self.kept.give_up, settings.outbox.path.parent)
        self.outbox = Outbox(settings.outbox, tag, clock, self.schema, required, spare=spare)
        self.outbox.know(names)
        upload(self.recorder, settings, self.outbox)
        self.post = Post(self.outbox, clock)
        if self.models is not None:
            join(self.models, self.rhythms[SITE], self.post, self.recorder)
        self._queue: asyncio.Queue[Draft | None] = asyncio.Queue(_QUEUE_BLOCKS_MAX)
        self._restarts = Restarts()
        self.budget.watch(self._backlog_bytes)
        self.commands = self._command_room(clock)
        self._register()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop; then end in order. `outbox.open` has been called."""
        self._stop = stop
        cursors = [self.outbox.cursor(table.name, _pace(table)) for table in self._settings.links]
        for rhythm in self.rhythms:
            self.kept.learn(rhythm.schema)
            for schema in (rhythm.schema, *rhythm.schemas):
                await self.outbox.learn(schema, rhythm.beat.stream)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.kept.close)
            if self.models is not None:
                stack.callback(self.models.close)
            if self.recorder is not None:
                stack.push_async_callback(self.recorder.close)
            stack.push_async_callback(self.outbox.close)
            stack.push_async_callback(self.budget.close)
            background = [self._part("writer", self._write), self._part("tend", self.outbox.tend)]
            background.append(self._part("kept", self.kept.run))
            background.append(self._part("post", self.post.run))
            background.append(self._part("budget", self.budget.run))
            background.append(self._part("clock", self.clock_trust.run))
            if self.commands is not None and self.errands is not None:
                stack.callback(self.commands.close)
                bring, room = self.errands.next, self.commands
                background.append(self._part("commands", lambda: room.run(bring)))
            if self.reach is not None:
                background.append(self._part("log-tail", self.reach.run))
            if self.recorder is not None:
                background.append(self._part("recorder", self.recorder.run))
            if not any(isinstance(table, OcppSettings) for table in self._settings.sources):
                background.append(self._part("tap", lambda: listen(self._site.event_socket, self._hear)))
            background += [self._link(link, cursor) for link, cursor in zip(self.links, cursors, strict=True)]
            await stack.enter_async_context(_running(background))
            front = [*map(self._source, self.sources), *map(self._ticks, self.rhythms)]
            if self.recorder is not None and self.recorder.uploads is not None:
                front.append(self._part("uploads", self.recorder.uploads.run))
            async with _running(front):
                await stop.wait()
            await self._flush(cursors)

    def burst(self, seconds: float) -> None:
        """Read what sources can read in bursts, and take rows of it, for so long from now on, s."""
        for source in self.sources:
            if isinstance(source, source_catalogue.Bursting):
                source.burst(min(seconds, BURST_S_MAX))
        for rhythm in self.rhythms:
            rhythm.burst(seconds)

    def _hear(self, packet: Packet | None) -> None:
        """Show a packet of the tap's to who is no source."""
        self.budget.hearing.take(packet)
        if self.reach is not None:
            self.reach.hear(packet)
        if self.recorder is not None:
            self.recorder.hear(packet)

    def _enqueue(self, drafts: Iterable[Draft | None]) -> None:
        """Hand blocks, or None for a new epoch, to the writer, never waiting."""
        for draft in drafts:
            try:
                self._queue.put_nowait(draft)
            except asyncio.QueueFull:
                self.counts.blocks_unqueued += 1
                _LOG.error("block-given-up reason=disk-hangs")

    async def _write(self) -> None:
        """Commit blocks in their order."""
        while True:
            draft = await self._queue.get()
            try:
                if draft is None:
                    await self.outbox.begin_epoch()
                else:
                    key = await self.outbox.put(draft)
                    if draft.whole is not None:
                        self.kept.keep(draft.whole.block(key))
                    self.counts.blocks += 1
            finally:
                self._queue.task_done()

    async def _flush(self, cursors: list[Cursor]) -> None:
        for rhythm in self.rhythms:
            self._enqueue(rhythm.seal())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(self._settings.flush_s, _STATE_S)):
                await self._queue.join()
                await self.post.settled()
        up = [cursor for link, cursor in zip(self.links, cursors, strict=True) if link.counts.connected]
        if not up:
            return
        end_s = asyncio.get_running_loop().time() + self._settings.flush_s + _STATE_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end_s - _STATE_S):
                await self.outbox.until_empty()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end_s):
                await asyncio.gather(*(cursor.state_books() for cursor in up))

    def _source(self, source: Source) -> Coroutine[None, None, None]:
        return self._part(f"source:{source.name}", self._anew[source.name].run)

    def _ticks(self, rhythm: Rhythm) -> Coroutine[None, None, None]:
        name = f"ticks:{rhythm.beat.stream}" if rhythm.beat.stream else "ticks"
        return self._part(name, lambda: rhythm.run(self._enqueue))

    def _link(self, link: Link, cursor: Cursor) -> Coroutine[None, None, None]:
        cursor.spare(functools.partial(self.budget.spares, link.name))
        unhurried = Unhurried(cursor, self.budget.way.of(link.name))
        courier = overhear(self.recorder, self._settings, link.name, unhurried)
        return self._part(f"link:{link.name}", lambda: link.run(courier))

    def _command_room(self, clock: Clock) -> CommandRoom | None:
        """Make the room of commands, if they are to be listened to."""
        if self._settings.commands is None or self.errands is None:
            return None
        folder = self._settings.commands.folder(self._settings.outbox.path)
        room = CommandRoom(self._site, self._settings.commands, folder, clock, self.clock_trust.is_synced)
        stages = Stages(
            clock=clock,
            is_synced=self.clock_trust.is_synced,
            own=Own(self.outbox, self.links, len(self.sources), clock),
            sources=self.sources,
            anew=self._anew,
            links=self.links,
            outbox=self.outbox,
            kept=self.kept,
            rates=self.rates,
            recorder=self.recorder,
            end=self._end,
        )
        self.reach = Reach(self._site, self._settings.commands.verbs, folder, stages)
        room.open(self.reach.verbs(room.seen), self.reach.interlocks, self._put_receipt, self.errands.state)
        return room

    def _end(self) -> None:
        """Have the process end in order."""
        if self._stop is not None:
            self._stop.set()

    async def _put_receipt(self, kind: str, body: bytes, at_ms: int) -> None:
        await self.outbox.put(Sheet(kind, body, at_ms), Lane.RECEIPT)

    def _part(self, name: str, run: Callable[[], Awaitable[None]]) -> Coroutine[None, None, None]:
        return supervise(name, run, self._restarts)

    def _backlog_bytes(self) -> int | None:
        """What waits for the center; None while no link stands, since thinning would not help."""
        return self.outbox.tally.bytes_queued if any(link.counts.connected for link in self.links) else None

    def _register(self) -> None:
        ProcessCollector(registry=self.registry)
        self.registry.register(SourceMetrics(self.sources))
        self.registry.register(OutboxCollector(self.outbox))
        self.registry.register(KeptCollector(self.kept))
        if self.recorder is not None:
            self.registry.register(RecorderCollector(self.recorder))
        if self.models is not None:
            self.registry.register(ModelsCollector(self.models))
        self.registry.register(BudgetCollector(self.budget))
        self.registry.register(self.clock_trust)
        for collector in (self.commands, self.errands):
            if collector is not None:
                self.registry.register(collector)
        self.registry.register(LinkCollector((link.name, link.counts) for link in self.links))
        self.registry.register(PipelineCollector(self.counts, self._readings, self._restarts))

    def _readings(self) -> dict[str, int]:
        """Sum up what the grids have seen."""
        names = (field.name for field in dataclasses.fields(GridCounts))
        return {name: sum(getattr(rhythm.grid.counts, name) for rhythm in self.rhythms) for name in names}


def _pace(table: AnyLinkSettings) -> Pace:
    return Pace(
        window=getattr(table, "window", 1),
        ack_timeout_s=table.ack_timeout_s,
        ledger_s=table.ledger_s,
        newest_first=table.backfill_order is Order.NEWEST,
        in_order=getattr(table, "in_order", False),
    )


@contextlib.asynccontextmanager
async def _running(parts: Iterable[Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run parts beside what is inside; stop them, all at once, when that ends."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
