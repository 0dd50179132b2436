"""This file lets gateways send what their chargers say; it guards that all of it goes through the center's intake."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from bench.screenshots.chargers import I64, U8, Charger

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.read import read
from isolane.center.store.port import Batch, BlockArrival, Catalogue, LedgerArrival, Origin, SchemaArrival, Telemetry
from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.health.thinner import Thinner
from isolane.health.thinning.settings import ThinningSettings
from isolane.wire import uplink
from isolane.wire.block import BlockKey, code, encode, gateway_tag
from isolane.wire.bundle import Part
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, LedgerEntry, LedgerStatement, Up

STEP_MS = 1000
ROWS = 60
AHEAD_S = 3600
"""How long a gateway can go on after it was made."""
_OWN = (
    (Signal("", "0.0/Controller/xCpu", "Percent", 0.1), 140),
    (Signal("", "0.0/Controller/xMemory", "Percent", 0.1), 380),
    (Signal("", "0.0/Controller/xDisk", "Percent", 0.1), 220),
    (Signal("", "0.0/RealTimeClock/xOffset", "s", 0.0001), 12),
)
_PARTS_MAX = 200
"""Messages handed to the intake at once."""


@dataclass(frozen=True)
class Stretch:
    """Something that happens from `from_s` to `to_s` seconds before now.

    Attributes:
        from_s: Whole minutes.
        to_s: Whole minutes.
        what: "absent", "lost" (with a gap record), "hole" (without), "bad", "deadband", "bounded" or "minute".
        part: Part of the keys concerned.
    """

    from_s: int
    to_s: int
    what: str
    part: str = ""

    def holds(self, before_s: int) -> bool:
        """Tell whether it is so at this time."""
        return self.to_s < before_s <= self.from_s


@dataclass
class Books:
    """What the gateway counts."""

    sequence: int = 0
    produced: int = 0
    sent: int = 0
    thinned: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


class Gateway:
    """One gateway and its chargers.

    Args:
        site: Site name.
        name: Gateway name.
        chargers: What it reads.
        seconds: How much of the past it has.
        ended_s: How long ago it fell silent; 0 goes on.
        stretches: What went wrong, whole minutes.
        reason: Reason of its gap records.
    """

    def __init__(
        self,
        site: str,
        name: str,
        chargers: tuple[Charger, ...],
        *,
        seconds: int = 5400,
        ended_s: int = 0,
        stretches: tuple[Stretch, ...] = (),
        reason: str = "outbox-full",
    ) -> None:
        self.site, self.name, self.ended_s, self.reason = site, name, ended_s, reason
        self.chargers = [charger.identity for charger in chargers]
        self._stretches = stretches
        self._now_s = int(time.time()) // 60 * 60
        self._epoch_ms = (self._now_s - seconds) * 1000
        at_s = np.arange(self._now_s - seconds, self._now_s + AHEAD_S, dtype=np.int64)
        signals = [signal for charger in chargers for signal in charger.signals()] + [signal for signal, _ in _OWN]
        self.schema = Schema.of(tuple(signals))
        random = np.random.default_rng(sum(name.encode()))
        own = [np.rint(base * (1 + 0.04 * random.normal(0, 1, at_s.size))).astype(np.int64) for _, base in _OWN]
        self._values = np.concatenate([*(c.values(at_s, self._now_s, random) for c in chargers), np.array(own)])
        codes = [charger.codes(at_s, self._now_s) for charger in chargers]
        self._codes = np.concatenate([*codes, np.zeros((len(own), at_s.size), np.uint8)])
        self._rung = Rung.FULL
        self._thinner = Thinner(self.schema, ThinningSettings(deadband_steps=15, bound_steps=30), lambda: self._rung)
        self._at = 0
        self._books = Books()

    @property
    def _next_ms(self) -> int:
        return self._epoch_ms + self._at * STEP_MS

    def history(self) -> Iterable[Part]:
        """Give everything up to now, and the books."""
        yield Up.SCHEMA, self.schema.json
        if any(stretch.what == "minute" for stretch in self._stretches):
            for schema in self._thinner.minutes:
                yield Up.SCHEMA, schema.json
        while self._next_ms + ROWS * STEP_MS <= (self._now_s - self.ended_s) * 1000:
            yield from self._minute()
        yield self.statement()

    def due(self) -> list[Part]:
        """Give what has been sampled since it was last asked, as one block."""
        rows = min(ROWS, (int(time.time() * 1000) - self._next_ms) // STEP_MS)
        return list(self._blocks(self._draft(rows))) if rows > 0 and not self.ended_s else []

    def statement(self) -> Part:
        """Give the gateway's books as they stand."""
        books = self._books
        entry = LedgerEntry(
            self._epoch_ms, 1, books.sequence, books.produced, books.sent, 0, books.thinned, dict(books.dropped)
        )
        return Up.LEDGER, uplink.encode(LedgerStatement(1, self._next_ms, (entry,)))

    def _minute(self) -> Iterable[Part]:
        before_s = self._now_s - self._next_ms // 1000
        found = {stretch.what: stretch for stretch in self._stretches if stretch.holds(before_s)}
        draft = self._draft(ROWS)
        if "bad" in found:
            rows = [at for at, column in enumerate(self.schema.columns) if found["bad"].part in column.key]
            draft.codes[rows] = code(Quality.BAD, Reason.TIMEOUT)
            draft.values[rows] = 0
        if "absent" in found:
            return
        if found.keys() & {"lost", "hole"}:
            yield from self._lost(draft, told="lost" in found)
            return
        names = {"deadband": Rung.DEADBAND, "bounded": Rung.BOUNDED, "minute": Rung.MINUTE}
        self._rung = next((rung for name, rung in names.items() if name in found), Rung.FULL)
        for thinned in self._thinner.thin(draft):
            yield from self._blocks(thinned)
        self._rung = Rung.FULL

    def _draft(self, rows: int) -> Draft:
        part = slice(self._at, self._at + rows)
        values: I64 = self._values[:, part].copy()
        codes: U8 = self._codes[:, part].copy()
        values[(codes & 3) == Quality.BAD] = 0
        draft = Draft(self.schema.id, self._next_ms, STEP_MS, values, codes)
        self._at += rows
        return draft

    def _blocks(self, draft: Draft) -> Iterable[Part]:
        books = self._books
        books.sequence += 1
        books.produced += draft.produced
        books.sent += draft.samples
        books.thinned += draft.thinned
        block = draft.block(BlockKey(self._epoch_ms, 1, books.sequence))
        yield Up.BLOCK, encode(block, gateway_tag(self.site, self.name))

    def _lost(self, draft: Draft, *, told: bool) -> Iterable[Part]:
        books = self._books
        books.sequence += 1
        books.produced += draft.samples
        if not told:
            books.sent += draft.samples
            return
        books.dropped[self.reason] = books.dropped.get(self.reason, 0) + draft.samples
        numbers = (books.sequence, books.sequence, draft.samples)
        gap = Gap(1, self._epoch_ms, 1, *numbers, self.reason, draft.t0_ms, draft.end_ms)
        yield Up.GAP, uplink.encode(gap)


async def send(intake: Intake, gateway: Gateway, parts: Iterable[Part]) -> None:
    """Hand messages to the intake, many at a time, as a link does."""
    waiting: list[Part] = []
    for part in parts:
        waiting.append(part)
        if len(waiting) == _PARTS_MAX:
            await intake.receive_all(gateway.site, gateway.name, waiting)
            waiting = []
    if waiting:
        await intake.receive_all(gateway.site, gateway.name, waiting)


async def sent_long_ago(catalogue: Catalogue, telemetry: Telemetry, gateway: Gateway) -> None:
    """Commit what a gateway sent before it fell silent: as the intake does, but received then."""
    origin = Origin(gateway.site, gateway.name, int(time.time() * 1000) - gateway.ended_s * 1000)
    await catalogue.admit(origin)
    anchors = Anchors()
    arrivals = [read(origin, kind, data, anchors) for kind, data in gateway.history()]
    batch = Batch(
        blocks=tuple(one for one in arrivals if isinstance(one, BlockArrival)),
        schemas=tuple(one for one in arrivals if isinstance(one, SchemaArrival)),
        ledgers=tuple(one for one in arrivals if isinstance(one, LedgerArrival)),
    )
    await telemetry.commit(batch)
    await catalogue.record(batch)
