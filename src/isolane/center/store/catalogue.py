"""This file keeps the catalogue in a relational database; it guards that memory never runs ahead of it.

One thread writes, each batch in one transaction; another reads. What a batch needs of the past (to whom a gateway
belongs, which sequence numbers are here) is kept in memory and dropped when a transaction fails. Several workers may
share one database: a batch locks its gateways' rows first, and looks again at what others can have added.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from isolane.center.store.books import Books, ledger_lines
from isolane.center.store.command_filing import arrive
from isolane.center.store.database import for_reading, is_conflict, is_unavailable
from isolane.center.store.papers import keep
from isolane.center.store.port import Batch, Origin, RefusedError, SchemaArrival, UnavailableError, chargers_of, origins
from isolane.center.store.tables import (
    ChargerRow,
    GatewayRow,
    QuarantineRow,
    SchemaRow,
    SchemaUseRow,
    SiteRow,
    kept_text,
)
from isolane.center.store.verdict_views import Verdicts
from isolane.center.store.verdicts import Judgement
from isolane.center.store.views import ChargerEntry, GatewayEntry, LedgerLine, QuarantineEntry, SiteEntry
from isolane.wire.schema import decode_schema

Answer = TypeVar("Answer")

QUARANTINE_ROWS_MAX = 10_000
QUARANTINE_BYTES_MAX = 65_536
"""Of each message; together at most 655 MB, and in practice a few."""
_ATTEMPTS = 6
_PAUSE_S = 0.02
"""Doubled with each attempt after a conflict with another worker: 0.6 s in all."""


class SqlCatalogue:
    """The catalogue in a database that SQLAlchemy knows.

    Args:
        engine: From `open_catalogue`; is disposed of by `close`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = ThreadPoolExecutor(1, "catalogue-write")
        self._reader = ThreadPoolExecutor(1, "catalogue-read")
        self._books = Books()
        self._judgement = Judgement()
        with Session(engine) as session:
            self._site_of = {row.name: row.site for row in session.scalars(select(GatewayRow))}
            self._schemas = set(session.scalars(select(SchemaRow.id)))
            self._uses = {(row.gateway, row.schema) for row in session.scalars(select(SchemaUseRow))}

    @property
    def engine(self) -> Engine:
        """The database, for who needs a connection of its own."""
        return self._engine

    async def close(self) -> None:
        """Finish what runs and close the database."""
        for pool in (self._reader, self._writer):
            await asyncio.to_thread(pool.shutdown)
        self._engine.dispose()

    async def read(self, question: Callable[[Session], Answer]) -> Answer:
        """Ask the database something, in one transaction on the reader's thread; for the store's other books.

        Raises:
            OSError: The database is away.
        """

        def ask() -> Answer:
            try:
                with Session(for_reading(self._engine)) as session:
                    return question(session)
            except SQLAlchemyError as error:
                if is_unavailable(error):
                    raise OSError(f"the catalogue cannot be read: {_said(error)}") from error
                raise

        return await asyncio.get_running_loop().run_in_executor(self._reader, ask)

    async def write(self, change: Callable[[Session], Answer]) -> Answer:
        """Change something in one transaction, on the one thread that writes; for the store's other books.

        Args:
            change: Is called again, with a new session, when another worker's transaction came first; what it keeps
                outside of the session must bear that.

        Raises:
            UnavailableError: See there. Nothing has changed.
        """

        def act() -> Answer:
            attempt = 0
            while True:
                try:
                    with Session(self._engine) as session, session.begin():
                        return change(session)
                except SQLAlchemyError as error:
                    self._books.forget()
                    attempt += 1
                    # A name that is taken stays taken; one more look tells whether it was only just so.
                    if is_conflict(error) and attempt < (2 if isinstance(error, IntegrityError) else _ATTEMPTS):
                        time.sleep(_PAUSE_S * 2**attempt)
                    elif is_unavailable(error):
                        raise UnavailableError(f"the catalogue: {_said(error)}") from error
                    else:
                        raise

        return await asyncio.get_running_loop().run_in_executor(self._writer, act)

    # Writing

    async def admit(self, origin: Origin) -> None:
        """See `Catalogue.admit`."""
        site = self._site_of.get(origin.gateway)
        if site is None:
            site = await self.write(lambda session: _bind(session, origin))
            self._site_of[origin.gateway] = site
        if site != origin.site:
            raise RefusedError(f"gateway {origin.gateway} belongs to site {site}, not to {origin.site}")

    async def record(self, batch: Batch) -> frozenset[bytes]:
        """See `Catalogue.record`."""

        def change(session: Session) -> tuple[frozenset[bytes], set[bytes], set[tuple[str, bytes]]]:
            schemas, uses = set(self._schemas), set(self._uses)
            senders = {origin.gateway: origin for origin in origins(batch)}
            _lock(session, senders)
            for origin in senders.values():
                gateway = session.get_one(GatewayRow, origin.gateway)
                gateway.last_seen_ms = max(gateway.last_seen_ms, origin.received_ms)
            for arrival in batch.schemas:
                _learn(session, arrival, schemas)
            wanted = _associate(session, batch, schemas, uses)
            self._books.record(session, batch)
            keep(session, batch.papers)
            for statement in batch.statements:
                arrive(session, statement)
            _set_aside(session, batch)
            return wanted, schemas, uses

        wanted, self._schemas, self._uses = await self.write(change)
        return wanted

    # Reading

    async def sites(self) -> list[SiteEntry]:
        """See `Catalogue.sites`."""
        return await self.read(_sites)

    async def chargers(self, site: str | None = None) -> list[ChargerEntry]:
        """See `Catalogue.chargers`."""
        query = select(ChargerRow)
        if site is not None:
            query = query.where(ChargerRow.site == site)
        found = await self.read(
            lambda session: [
                ChargerEntry(row.site, row.gateway, row.identity, row.first_seen_ms) for row in session.scalars(query)
            ]
        )
        # Databases differ in their alphabets.
        return sorted(found, key=lambda entry: (entry.site, entry.charger))

    async def ledger(self, site: str | None = None) -> list[LedgerLine]:
        """See `Catalogue.ledger`."""
        return await self.read(lambda session: ledger_lines(session, site))

    async def verdicts(self) -> Verdicts:
        """See `Catalogue.verdicts`."""
        return await self.read(self._judgement.look)

    async def quarantine(self, limit: int = 100) -> list[QuarantineEntry]:
        """See `Catalogue.quarantine`."""
        query = select(QuarantineRow).order_by(QuarantineRow.number.desc()).limit(limit)
        return await self.read(
            lambda session: [
                QuarantineEntry(r.received_ms, r.site, r.gateway, r.kind, r.key, r.reason, r.size_bytes)
                for r in session.scalars(query)
            ]
        )


def _said(error: SQLAlchemyError) -> str:
    """Give the first line of what the database said."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _lock(session: Session, gateways: Iterable[str]) -> None:
    """Keep other workers from these gateways' books until the transaction ends; in one order, so that none waits twice.

    SQLite has one writer and ignores it.
    """
    names = sorted(gateways)
    query = select(GatewayRow).where(GatewayRow.name.in_(names)).order_by(GatewayRow.name).with_for_update()
    session.scalars(query).all()


def _bind(session: Session, origin: Origin) -> str:
    """Bind a gateway to its site; gives the site it belongs to."""
    known = session.get(GatewayRow, origin.gateway)
    if known is not None:
        return known.site
    if session.get(SiteRow, origin.site) is None:
        session.add(SiteRow(name=origin.site, first_seen_ms=origin.received_ms))
        session.flush()
    session.add(
        GatewayRow(
            name=origin.gateway,
            site=origin.site,
            first_seen_ms=origin.received_ms,
            last_seen_ms=origin.received_ms,
        )
    )
    return origin.site


def _learn(session: Session, arrival: SchemaArrival, schemas: set[bytes]) -> None:
    """Keep a schema, once."""
    schema = arrival.schema
    if not _is_known(session, schema.id, schemas):
        session.add(SchemaRow(id=schema.id, json=schema.json, first_seen_ms=arrival.origin.received_ms))
        session.flush()
        schemas.add(schema.id)


def _is_known(session: Session, schema: bytes, schemas: set[bytes]) -> bool:
    """Tell whether a schema is here; another worker can have brought it."""
    if schema not in schemas and session.get(SchemaRow, schema) is not None:
        schemas.add(schema)
    return schema in schemas


def _associate(session: Session, batch: Batch, schemas: set[bytes], uses: set[tuple[str, bytes]]) -> frozenset[bytes]:
    """Keep which gateway uses which schema, and the chargers it names; gives ids of schemas that are unknown."""
    wanted = set()
    pairs = [(a.origin, a.schema.id) for a in batch.schemas] + [(a.origin, a.block.schema) for a in batch.blocks]
    for origin, schema in pairs:
        use = (origin.gateway, schema)
        if not _is_known(session, schema, schemas):
            wanted.add(schema)
        elif use not in uses:
            uses.add(use)
            if session.get(SchemaUseRow, use) is not None:
                continue
            session.add(SchemaUseRow(gateway=origin.gateway, schema=schema, first_seen_ms=origin.received_ms))
            json = session.get_one(SchemaRow, schema).json
            for charger in sorted(chargers_of(decode_schema(json))):
                _name_charger(session, origin, charger)
    return frozenset(wanted)


def _name_charger(session: Session, origin: Origin, identity: str) -> None:
    row = session.get(ChargerRow, (origin.site, identity))
    if row is not None:
        row.gateway = origin.gateway
    else:
        session.add(
            ChargerRow(site=origin.site, identity=identity, gateway=origin.gateway, first_seen_ms=origin.received_ms)
        )


def _set_aside(session: Session, batch: Batch) -> None:
    """Keep what could not be read; the oldest make room."""
    if not batch.poison:
        return
    for one in batch.poison:
        session.add(
            QuarantineRow(
                received_ms=one.origin.received_ms,
                site=one.origin.site,
                gateway=one.origin.gateway,
                kind=str(one.kind),
                key=one.key,
                reason=kept_text(one.reason),
                size_bytes=len(one.data),
                data=one.data[:QUARANTINE_BYTES_MAX],
            )
        )
    session.flush()
    newest = session.scalar(select(func.max(QuarantineRow.number))) or 0
    session.execute(delete(QuarantineRow).where(QuarantineRow.number <= newest - QUARANTINE_ROWS_MAX))


def _sites(session: Session) -> list[SiteEntry]:
    counts = session.execute(select(ChargerRow.site, func.count()).group_by(ChargerRow.site))
    chargers = {row[0]: row[1] for row in counts}
    gateways: dict[str, list[GatewayEntry]] = {}
    for row in sorted(session.scalars(select(GatewayRow)), key=lambda row: row.name):
        gateways.setdefault(row.site, []).append(GatewayEntry(row.name, row.first_seen_ms, row.last_seen_ms))
    names = sorted(session.scalars(select(SiteRow.name)))
    return [SiteEntry(name, gateways.get(name, []), chargers.get(name, 0)) for name in names]
