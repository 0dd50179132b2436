"""This file decides what a link sends next; it guards that everything due is sent again until its center has it.

Constraints: at most `window` messages are in flight, and only one while the center is silent; none is in flight
twice. What a center or broker refuses is set aside for a while, ever longer, so it never holds up what comes after it
and never goes round for ever: age ends it, with a gap record.

Operation: a session begins with the schema and the books. Then, whenever the link asks: wanted schemas, the books
when they are due, gap records, blocks by lane. A block whose schema was not told in this session is preceded by it.
An answer of the center takes messages out of flight and out of the outbox; one that stays away beyond its time puts
them back.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.health.outbox.answers import block_keys, gap_keys, poison, schema_ids
from isolane.health.outbox.aside import Aside
from isolane.health.outbox.records import Key, Outgoing
from isolane.wire.anchor import is_anchor
from isolane.wire.schema import packed
from isolane.wire.uplink import VERSION, Downlink, LedgerEntry, LedgerStatement, Up, encode

_WANT_PAUSE_S = 5.0
"""A schema is sent at most so often, however often it is wanted."""
_TOLD_MAX = 64
"""So many schemas and anchors are remembered as told; one that is told twice does no harm."""

_RESTATED_S = 3600
"""So often settled books are stated again too: a broker has taken each statement, the center may still not have it."""


class Supply(Protocol):
    """What a cursor needs of the outbox."""

    async def pick(
        self,
        link: str,
        in_flight: frozenset[Key],
        aside: frozenset[Key],
        limit: int,
        *,
        newest_first: bool,
        in_order: bool = False,
        urgent_only: bool = False,
    ) -> list[Outgoing]:
        """Give what is due, without what is in flight or set aside."""
        ...

    async def settle(self, link: str, blocks: Sequence[Key], gaps: Sequence[Key], poison: Sequence[str]) -> int | None:
        """Take out what the center has; give how many were there, None if that could not be written down."""
        ...

    async def forget(self, link: str) -> None:
        """Nothing of that link is in flight any more."""
        ...

    async def entries(self) -> list[LedgerEntry]:
        """Give the books, the newest epoch first."""
        ...

    async def schema(self, identity: bytes) -> bytes | None:
        """Give a schema's JSON."""
        ...

    @property
    def current_schema(self) -> bytes:
        """Id of the schema of the rows that come."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How one link sends.

    Attributes:
        window: Most blocks and gaps in flight.
        ack_timeout_s: Sent again if not acknowledged for so long.
        ledger_s: From one statement of the books to the next.
        newest_first: Order within the backfill lane.
        in_order: Blocks go strictly as they were numbered, whatever their lane, and none is suspected of a failure.
    """

    window: int
    ack_timeout_s: float
    ledger_s: float
    newest_first: bool
    in_order: bool = False


@dataclass(slots=True)
class CursorCounts:
    """What one cursor has seen since the process started."""

    resent: int = 0
    acknowledged: int = 0
    schemas_wanted: int = 0
    answers: int = 0


class Cursor:
    """One link's view of the outbox.

    Args:
        name: Name of the link.
        supply: The outbox.
        pace: How it sends.
        clock: For all waits.
    """

    def __init__(self, name: str, supply: Supply, pace: Pace, clock: Clock) -> None:
        self.name = name
        self.counts = CursorCounts()
        self._supply = supply
        self._pace = pace
        self._clock = clock
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._window = pace.window
        self._flights: dict[Key, tuple[Outgoing, int]] = {}
        self._untaken: set[Key] = set()
        self._ready: list[Outgoing] = []
        self._aside = Aside(clock)
        self._suspect: Key | None = None
        self._told: dict[bytes, None] = {}
        self._want_answered: dict[bytes, int] = {}
        self._wanted: dict[bytes, None] = {}
        self._stated: dict[tuple[int, int], LedgerEntry] = {}
        self._ledger_ns = self._restated_ns = 0
        self._last_statement: Outgoing | None = None
        self._stated_last = asyncio.Event()
        self._spares: Callable[[], bool] = lambda: False
        self._is_sparing = False

    @property
    def set_aside(self) -> int:
        """Times a message was set aside."""
        return self._aside.count

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._flights)

    async def begin(self) -> None:
        """Begin a session: nothing is in flight, nothing has been told."""
        self._aside.session_ended(self._untaken)
        self._flights.clear()
        self._untaken.clear()
        self._ready.clear()
        self._told.clear()
        self._stated.clear()
        self._wanted = {self._supply.current_schema: None}
        self._window = self._pace.window
        self._ledger_ns = 0
        await self._supply.forget(self.name)

    async def next(self) -> Outgoing:
        """Wait for the next message to send; it counts as in flight from now on."""
        async with self._turn:
            while True:
                self._news.clear()
                message = await self._due()
                if message is not None:
                    return message
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._idle_s()):
                        await self._news.wait()

    def wake(self) -> None:
        """Look again: something new may be in the outbox."""
        self._news.set()

    async def answer(self, downlink: Downlink) -> None:
        """Take what the center says. Nothing in it can raise: what is not known here is counted and ignored."""
        self.counts.answers += 1
        blocks, gaps = block_keys(downlink), gap_keys(downlink)
        if blocks or gaps:
            if self._window < self._pace.window:
                self._stated.clear()  # the center was away: nobody knows which statements it has
            reasons = list(poison(downlink).values())
            settled = await self._supply.settle(self.name, blocks, gaps, reasons)
            if settled is not None:
                self.counts.acknowledged += settled
                for kind, keys in ((Up.BLOCK, blocks), (Up.PAPER, blocks), (Up.GAP, gaps)):
                    for key in keys:
                        self._forget(kind, key)
            self._window = self._pace.window
        for identity in schema_ids(downlink):
            await self._want(identity)
        self._news.set()

    def refuse(self, message: Outgoing) -> None:
        """The broker or the center will not take this message as it is: others go first, it comes again later."""
        if message.key in self._flights:
            self._land(message.key)
            self._aside.put(message.key)
        self._news.set()

    def back(self, message: Outgoing) -> None:
        """The message did not get through, for a reason that is not its own: it comes again when the link asks."""
        if message.key in self._flights:
            self._land(message.key)
            if not self._pace.in_order:
                self._aside.session_ended([message.key])
        if message.kind is Up.SCHEMA:
            self._wanted[message.schema] = None
        elif message.kind is Up.LEDGER:
            self._ledger_ns = 0
            self._stated.clear()
        self._news.set()

    def sent(self, message: Outgoing) -> None:
        """The broker or the center has taken this message from the link: it ends no session."""
        if message is self._last_statement:
            self._stated_last.set()
        if message.key in self._untaken:
            self._untaken.discard(message.key)
            self._aside.settled(message.key)
            self._news.set()

    def spare(self, spares: Callable[[], bool]) -> None:
        """While this is so, give alarms and receipts alone, and state the books once an hour; the rest stays queued."""
        self._spares = spares

    async def state_books(self) -> None:
        """Have the books stated once more as they are now, and wait until a link has brought the statement away."""
        self._last_statement = None
        self._stated_last.clear()
        self._ledger_ns = 0
        self._news.set()
        await self._stated_last.wait()

    async def _due(self) -> Outgoing | None:
        now = self._clock.mono_ns()
        schema = await self._wanted_schema()
        if schema is not None:
            return schema
        if now >= self._ledger_ns:
            return await self._statement(now)
        self._recall(now)
        if self._spares() is not self._is_sparing:
            self._is_sparing = not self._is_sparing
            self._ready.clear()
        if not self._ready:
            self._ready = await self._pick()
        if not self._ready:
            return None
        message = self._ready.pop(0)
        if message.schema and message.schema not in self._told:
            self._wanted[message.schema] = None
            schema = await self._wanted_schema()
            if schema is not None:
                self._ready.insert(0, message)
                return schema
        self._flights[message.key] = message, self._clock.mono_ns() + int(self._pace.ack_timeout_s * NS_PER_S)
        self._untaken.add(message.key)
        return message

    async def _pick(self) -> list[Outgoing]:
        """Fetch what there is room for; a suspect only alone on its way to the broker, when nothing else is to go."""
        aside, alone = self._aside.keys(), self._aside.alone()
        room = 0 if self._suspect in self._untaken else self._window - len(self._flights)
        if room <= 0:
            return []
        found = await self._fetch(aside, room)
        if not found and not self._untaken and alone is not None:
            found = await self._fetch(aside - {alone}, 1)
            self._suspect = alone
        return found

    async def _fetch(self, aside: frozenset[Key], room: int) -> list[Outgoing]:
        in_flight, pace = frozenset(self._flights), self._pace
        return await self._supply.pick(
            self.name,
            in_flight,
            aside,
            room,
            newest_first=pace.newest_first,
            in_order=pace.in_order,
            urgent_only=self._is_sparing,
        )

    async def _wanted_schema(self) -> Outgoing | None:
        while self._wanted:
            identity = next(iter(self._wanted))
            del self._wanted[identity]
            self._told[identity] = None
            if len(self._told) > _TOLD_MAX:
                del self._told[next(iter(self._told))]
            json = await self._supply.schema(identity)
            if json is not None:
                return Outgoing(Up.SCHEMA, json if is_anchor(json) else packed(json), schema=identity)
        return None

    async def _statement(self, now: int) -> Outgoing:
        """State the newest books, those that are not settled, and those that have changed since they were stated."""
        if now >= self._restated_ns:
            self._stated.clear()
            self._restated_ns = now + _RESTATED_S * NS_PER_S
        entries = await self._supply.entries()
        newest = entries[0].epoch if entries else 0
        told = [
            entry
            for entry in entries
            if entry.epoch == newest or entry.queued or self._stated.get((entry.epoch, entry.stream)) != entry
        ]
        self._stated = {(entry.epoch, entry.stream): entry for entry in entries}
        pause_s = max(self._pace.ledger_s, _RESTATED_S) if self._spares() else self._pace.ledger_s
        self._ledger_ns = now + int(pause_s * NS_PER_S)
        statement = LedgerStatement(VERSION, self._clock.utc_ns() // NS_PER_MS, tuple(told))
        self._last_statement = Outgoing(Up.LEDGER, encode(statement))
        return self._last_statement

    def _recall(self, now: int) -> None:
        """Take what stayed unanswered out of flight; while the center is silent, one message is enough to ask."""
        late = [key for key, (_, due) in self._flights.items() if due <= now]
        for key in late:
            self._land(key)
        if late:
            self.counts.resent += len(late)
            self._window = 1
            self._ready.clear()

    async def _want(self, identity: bytes) -> None:
        """Send a schema again, and then what depends on it."""
        now = self._clock.mono_ns()
        answered = self._want_answered.get(identity)
        if answered is not None and now < answered + int(_WANT_PAUSE_S * NS_PER_S):
            return
        if await self._supply.schema(identity) is None:
            return
        self.counts.schemas_wanted += 1
        self._want_answered[identity] = now
        self._wanted[identity] = None
        for key in [key for key, (message, _) in self._flights.items() if message.schema == identity]:
            self._land(key)
        self._ready.clear()

    def _forget(self, kind: Up, key: Key) -> None:
        """The center has it. A gap and a block may have the same numbers, one after the other."""
        if key in self._flights and self._flights[key][0].kind is kind:
            self._land(key)
        self._aside.settled(key)

    def _land(self, key: Key) -> None:
        """Take a message out of flight."""
        del self._flights[key]
        self._untaken.discard(key)

    def _idle_s(self) -> float:
        """How long until something is due by time alone."""
        now = self._clock.mono_ns()
        dues = [self._ledger_ns, *(due for _, due in self._flights.values())]
        dues += self._aside.next_ns()
        return max(0.0, (min(dues) - now) / NS_PER_S)
