"""This file states the two ports of the store and their words; it guards that what is called committed is durable.

Order of calls: ingest admits the gateway (`Catalogue.admit`), commits a batch to `Telemetry`, records it in
`Catalogue`, then acknowledges. Each of the two is idempotent by itself on (gateway, epoch, stream, sequence), so a
crash between any two steps is healed by the gateway sending again. Reads may come at any time from any task of the
event loop; commits come one at a time, in order.

A *device* is a charger identity, or ``gateway:<name>`` for a gateway's own signals (a charger identity has no colon).
Times are UTC in ms. Values are in the signal's unit; None where there is no value: nothing is ever invented.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from isolane.center.store.verdict_views import Verdicts
from isolane.center.store.views import (
    ChargerEntry,
    ChargerSummary,
    LedgerLine,
    QuarantineEntry,
    Series,
    SeriesQuery,
    SignalNow,
    SiteEntry,
)
from isolane.wire.block import Block
from isolane.wire.paper import Paper
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, LedgerStatement, Up


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent something, as the certificate or topic says, and when it arrived here (UTC ms)."""

    site: str
    gateway: str
    received_ms: int


@dataclass(frozen=True, slots=True)
class BlockArrival:
    """One decoded block beside its bytes, which are opened by its schema alone, and how many bytes came."""

    origin: Origin
    block: Block
    data: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SchemaArrival:
    """A schema that its gateway uses from now on."""

    origin: Origin
    schema: Schema


@dataclass(frozen=True, slots=True)
class GapArrival:
    """A gap record: these blocks will never come."""

    origin: Origin
    gap: Gap


@dataclass(frozen=True, slots=True)
class LedgerArrival:
    """A gateway's books at one moment."""

    origin: Origin
    statement: LedgerStatement


@dataclass(frozen=True, slots=True)
class PoisonArrival:
    """Something that cannot be read and is set aside: its bytes, why, and its key "epoch/stream/sequence" or ""."""

    origin: Origin
    kind: Up
    key: str
    reason: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PaperArrival:
    """A paper."""

    origin: Origin
    paper: Paper


@dataclass(frozen=True, slots=True)
class StatementArrival:
    """A gateway's statement, not looked at yet (`wire.errand.Stated`); `way` is "mqtt" or "https"."""

    origin: Origin
    way: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one group commit makes durable, in order of arrival within each kind."""

    blocks: tuple[BlockArrival, ...] = ()
    schemas: tuple[SchemaArrival, ...] = ()
    gaps: tuple[GapArrival, ...] = ()
    ledgers: tuple[LedgerArrival, ...] = ()
    poison: tuple[PoisonArrival, ...] = ()
    papers: tuple[PaperArrival, ...] = ()
    statements: tuple[StatementArrival, ...] = ()


def origins(batch: Batch) -> list[Origin]:
    """Give who sent the things of a batch, one entry a thing."""
    kinds = (batch.blocks, batch.schemas, batch.gaps, batch.ledgers, batch.poison, batch.papers, batch.statements)
    return [arrival.origin for kind in kinds for arrival in kind]


@dataclass(frozen=True, slots=True)
class Committed:
    """What a telemetry commit found: blocks new and blocks it had already, samples and bytes of the new ones."""

    blocks: int
    duplicates: int
    samples: int
    size_bytes: int


class RefusedError(Exception):
    """The sender must not be believed: a gateway of another site, a name that cannot be. Nothing is stored."""


class UnavailableError(Exception):
    """The store cannot write now (disk full, file locked). Nothing of the batch may be acknowledged."""


class Catalogue(Protocol):
    """Who and what exists: sites, gateways, chargers, schemas, the books, the quarantine."""

    async def admit(self, origin: Origin) -> None:
        """Bind a gateway to its site at first contact; later only check it. Cheap after the first call.

        Raises:
            RefusedError: The gateway belongs to another site.
        """
        ...

    async def record(self, batch: Batch) -> frozenset[bytes]:
        """Make a batch durable in the books; idempotent.

        Returns:
            Ids of schemas that its blocks use and that are unknown.

        Raises:
            UnavailableError: See there.
        """
        ...

    async def sites(self) -> list[SiteEntry]:
        """Every site with its gateways, by name."""
        ...

    async def chargers(self, site: str | None = None) -> list[ChargerEntry]:
        """Every charger that a schema has named, by site and identity."""
        ...

    async def ledger(self, site: str | None = None) -> list[LedgerLine]:
        """The books per gateway, epoch and stream, newest epoch first, with the center's verdict."""
        ...

    async def verdicts(self) -> Verdicts:
        """What all books say, judged again where something has changed; the lines of those with a hole.

        Raises:
            OSError: The database is away.
        """
        ...

    async def quarantine(self, limit: int = 100) -> list[QuarantineEntry]:
        """The newest things that could not be read."""
        ...


@dataclass(frozen=True, slots=True)
class LiveSample:
    """One row of one device as committed: values by signal key as (value or None, quality name, reason name)."""

    number: int
    t_ms: int
    values: dict[str, tuple[float | None, str, str]]


class Telemetry(Protocol):
    """Samples over time. Blocks whose schema is not known yet are kept and become readable when it arrives."""

    async def commit(self, batch: Batch) -> Committed:
        """Make blocks, schemas and gap records durable; idempotent. When it returns they survive a power cut.

        Raises:
            UnavailableError: See there.
        """
        ...

    async def series(self, query: SeriesQuery) -> Series:
        """Give min, mean and max per step for some signals of a device. Unknown signals come back empty."""
        ...

    async def signals(self, site: str, device: str) -> list[SignalNow]:
        """Give every signal of a device with its last sample, by key. An unknown device has none."""
        ...

    async def fleet(self, site: str | None = None) -> list[ChargerSummary]:
        """Give every charger as it is now, worst first (bad signals, offline, then by name)."""
        ...

    def listen(self, site: str, device: str) -> AbstractAsyncContextManager[AsyncIterator[LiveSample]]:
        """Listen to a device's rows as they are committed. A listener that falls behind is ended, never waited for."""
        ...


def device_of(gateway: str, charger: str) -> str:
    """Name the device of a schema column: the charger, or the gateway for its own signals."""
    return charger or f"gateway:{gateway}"


def chargers_of(schema: Schema) -> set[str]:
    """Give the charger identities that a schema names."""
    return {column.charger for column in schema.columns if column.charger}
