"""This file commits what all transports bring, many messages at a time; it guards the order: commit, then answer.

Operation: `receive` puts a message into the queue and waits for its answer. One task takes everything that waits (after
a short window, so that one flush to the disk serves many), reads it on a thread, commits it to telemetry and the
catalogue and only then wakes the receivers. If a commit fails, nothing of it is answered and the gateways send again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.answer import answer
from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.read import Arrival, read
from isolane.center.ingest.settings import CommitSettings
from isolane.center.store.inbox_port import TakesBatches
from isolane.center.store.port import (
    Batch,
    BlockArrival,
    Catalogue,
    GapArrival,
    LedgerArrival,
    Origin,
    PaperArrival,
    PoisonArrival,
    RefusedError,
    SchemaArrival,
    StatementArrival,
    UnavailableError,
)
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name
from isolane.wire.bundle import Part
from isolane.wire.errand import decode_stated
from isolane.wire.uplink import Downlink, Up

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """What a commit made of a message: whether it was poison, and what to answer."""

    poison: str
    downlink: Downlink


@dataclass(frozen=True, slots=True)
class _Message:
    origin: Origin
    kind: Up
    payload: bytes
    done: "asyncio.Future[Received]"


class Intake:
    """The one door to the store.

    Args:
        catalogue: Port of the store.
        telemetry: Port of the store.
        settings: How messages are gathered.
        counters: Are counted up.
    """

    def __init__(
        self, catalogue: Catalogue, telemetry: TakesBatches, settings: CommitSettings, counters: IngestCounters
    ) -> None:
        self._catalogue = catalogue
        self._telemetry = telemetry
        self._settings = settings
        self._counters = counters
        self._waiting: deque[_Message] = deque()
        self._waiting_bytes = 0
        self._anchors = Anchors()
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._is_away = False

    async def receive(self, site: str, gateway: str, kind: Up, payload: bytes) -> Received:
        """Take a message, wait until it is durable, give the answer.

        Args:
            site: As the transport proved it.
            gateway: As the transport proved it.
            kind: From the topic or path.
            payload: Bytes of anybody's choosing.

        Raises:
            RefusedError: The sender is not to be believed; nothing is stored.
            UnavailableError: Nothing is stored now; later it may be.
        """
        (received,) = await self.receive_all(site, gateway, [(kind, payload)])
        return received

    async def receive_all(self, site: str, gateway: str, parts: Sequence[Part]) -> list[Received]:
        """Take several messages of one gateway, in their order, as `receive` does each.

        Raises:
            RefusedError: The sender is not to be believed.
            UnavailableError: Some are not stored now, or none.
        """
        promises: list[asyncio.Future[Received]] = []
        try:
            for kind, payload in parts:
                promises.append(await self.submit(site, gateway, kind, payload))
        finally:
            # Also if one was not even taken: what was is being committed, and its end has to be looked at.
            ends = await asyncio.gather(*promises, return_exceptions=True)
        errors = [end for end in ends if isinstance(end, BaseException)]
        if errors:
            raise errors[0]
        return [end for end in ends if isinstance(end, Received)]

    async def submit(self, site: str, gateway: str, kind: Up, payload: bytes) -> "asyncio.Future[Received]":
        """Take a message as `receive` does, but give the promise of the answer; waits only while too much is waiting.

        Raises:
            RefusedError: See `receive`.
            UnavailableError: See `receive`.
        """
        origin = await self._admitted(site, gateway)
        while self._waiting_bytes >= self._settings.waiting_mb_max << 20:
            self._room.clear()
            await self._room.wait()
        message = _Message(origin, kind, payload, asyncio.get_running_loop().create_future())
        self._waiting.append(message)
        self._waiting_bytes += len(payload)
        self._work.set()
        return message.done

    async def stated(self, site: str, gateway: str, payload: bytes) -> None:
        """Take a statement that came with a question for errands; it is durable then. An empty one is none.

        Raises:
            RefusedError: See `receive`.
            UnavailableError: See `receive`.
            ValueError: It is none.
        """
        origin = await self._admitted(site, gateway)
        if payload:
            decode_stated(payload)
            await self._catalogue.record(Batch(statements=(StatementArrival(origin, "https", payload),)))

    async def _admitted(self, site: str, gateway: str) -> Origin:
        """Ask whether the sender is to be believed."""
        origin = Origin(site, gateway, time.time_ns() // 1_000_000)
        try:
            check_name("site", site)
            check_name("gateway", gateway)
            await self._catalogue.admit(origin)
        except (IsolaneError, RefusedError) as error:
            self._counters.refused += 1
            raise RefusedError(str(error)) from error
        return origin

    async def run(self) -> None:
        """Commit for ever; cancel it to stop. What is being committed then is committed, and not answered."""
        with ThreadPoolExecutor(1, "ingest-read") as thread:
            while True:
                await self._work.wait()
                if len(self._waiting) < self._settings.messages_max:
                    await asyncio.sleep(self._settings.window_ms / 1000)
                await self._commit(self._take(), thread)

    def _take(self) -> list[_Message]:
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._settings.messages_max))]
        self._waiting_bytes -= sum(len(message.payload) for message in taken)
        self._room.set()
        if not self._waiting:
            self._work.clear()
        return taken

    async def _commit(self, messages: Sequence[_Message], thread: ThreadPoolExecutor) -> None:
        try:
            begun = time.perf_counter()
            loop = asyncio.get_running_loop()
            arrivals = await loop.run_in_executor(thread, _read_all, messages, self._anchors)
            batch = _batch(arrivals)
            committed = await self._telemetry.commit(batch)
            unknown = await self._catalogue.record(batch)
            self._counters.committed(batch, committed, time.perf_counter() - begun)
        except UnavailableError as error:
            self._counters.failed_commits += 1
            self._note(error)
            _fail(messages, error)
        except BaseException:
            _fail(messages, UnavailableError("the commit was interrupted"))
            raise
        else:
            self._note(None)
            for message, arrival in zip(messages, arrivals, strict=True):
                if not message.done.done():
                    reason = arrival.reason if isinstance(arrival, PoisonArrival) else ""
                    message.done.set_result(Received(reason, answer(arrival, unknown)))

    def _note(self, error: UnavailableError | None) -> None:
        """Log that the store is away, and that it is back: once each, however many commits fail in between."""
        if error is not None and not self._is_away:
            _log.warning("commit-unavailable error=%s", error)
        elif error is None and self._is_away:
            _log.info("commit-available")
        self._is_away = error is not None


def _read_all(messages: Sequence[_Message], anchors: Anchors) -> list[Arrival]:
    return [read(message.origin, message.kind, message.payload, anchors) for message in messages]


def _batch(arrivals: Sequence[Arrival]) -> Batch:
    return Batch(
        blocks=tuple(one for one in arrivals if isinstance(one, BlockArrival)),
        schemas=tuple(one for one in arrivals if isinstance(one, SchemaArrival)),
        gaps=tuple(one for one in arrivals if isinstance(one, GapArrival)),
        ledgers=tuple(one for one in arrivals if isinstance(one, LedgerArrival)),
        poison=tuple(one for one in arrivals if isinstance(one, PoisonArrival)),
        papers=tuple(one for one in arrivals if isinstance(one, PaperArrival)),
        statements=tuple(one for one in arrivals if isinstance(one, StatementArrival)),
    )


def _fail(messages: Sequence[_Message], error: UnavailableError) -> None:
    for message in messages:
        if not message.done.done():
            message.done.set_exception(error)
