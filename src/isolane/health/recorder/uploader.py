"""This file brings snapshots to the center through the outbox; it guards that a few parts at most wait there.

Operation: after each flush of the recorder, and when the center has answered, one step: what the outbox no more holds
has arrived, if a center's answer named it, and is put again otherwise; then cards, then parts, the highest level first
and of those the newest snapshot, as many as there is room for. How far each is stands beside its file, flushed to the
disk. All files are touched by the recorder's thread; cancelled anywhere, the next run goes on from there.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.health.recorder.shelf import Entry, Shelf
from isolane.health.recorder.upload import Key, parts_of
from isolane.wire.paper import PAPERS
from isolane.wire.snapshot import CARD, CHUNK, CHUNK_BYTES, Chunk, encode_card, encode_chunk

_LOG = logging.getLogger(__name__)
_IDLE_S = 30.0
_AGAIN_S, _AGAIN_S_MAX = 60.0, 3600.0
_CARDS_MAX = 16
"""So many cards wait in the outbox at most."""
_LEFT_OVER = 4
"""Times the room for parts: so many may stand in the outbox with those that only another link has yet to bring."""

Result = TypeVar("Result")


class Outlet(Protocol):
    """Where papers go."""

    async def put(self, kind: str, body: bytes, t_ms: int, *, is_urgent: bool) -> Key:
        """Take a paper written at a UTC, ms, and give its key."""
        ...

    async def holding(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Give those of some papers that still wait."""
        ...


class Call(Protocol):
    """Runs a function in the recorder's thread."""

    def __call__(self, function: Callable[[], Result], /) -> Awaitable[Result]:
        """Run it and give what it gives."""
        ...


@dataclass(slots=True)
class UploaderCounts:
    """What became of papers since the process started."""

    put: int = 0
    arrived: int = 0
    again: int = 0
    """Given up by the outbox, or answered before a kill: put once more."""
    done: int = 0
    """Snapshots that the center has."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A paper to put: of which snapshot, which part or card, and its kind and body."""

    ident: str
    number: int
    kind: str
    body: bytes


class Uploader:
    """The way of a gateway's snapshots to its center.

    Args:
        shelf: Where they are.
        call: Runs a function in the thread that the shelf belongs to.
        outlet: The outbox.
        clock: Both clocks.
        room: So many parts wait in the outbox at most.
    """

    def __init__(self, shelf: Shelf, call: Call, outlet: Outlet, clock: Clock, room: int) -> None:
        self.counts = UploaderCounts()
        self._shelf = shelf
        self._call = call
        self._outlet = outlet
        self._clock = clock
        self._room = room
        self._news = asyncio.Event()
        self._heard: set[Key] = set()
        self._own: set[Key] = set()
        """Keys of this run."""
        self._left: set[Key] = set()
        """Of parts that a center has, and the outbox still holds."""
        self._pauses: dict[tuple[str, int], tuple[int, float]] = {}
        """What is put again only later: from which moment, monotonic ns, and how long that was, s."""

    async def run(self) -> None:
        """Bring snapshots to the center for ever; cancelled to stop."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_S):
                    await self._news.wait()
            self._news.clear()
            await self.step()

    def wake(self) -> None:
        """Look for what is due."""
        self._news.set()

    def heard(self, keys: Iterable[Key]) -> None:
        """A center has acknowledged papers; never waits."""
        told = {key for key in keys if key[1] == PAPERS}
        if told:
            self._heard |= told
            self._news.set()

    async def step(self) -> None:
        """Take in what was answered, and put what there is room for."""
        waiting = await self._call(self._waiting)
        held = await self._outlet.holding(frozenset(waiting) | self._left)
        heard, self._heard = self._heard, set()  # what an answer has taken out of the outbox was heard before
        arrived = [where for key, where in waiting.items() if key in heard]
        lost = [(key, where) for key, where in waiting.items() if key not in heard and key not in held]
        self._left = (self._left | heard) & held
        if arrived or lost:
            await self._call(lambda: self._note(arrived, lost))
        self._own -= heard
        cards = sum(1 for key, (_, number) in waiting.items() if number < 0 and key in held - heard)
        parts = sum(1 for key, (_, number) in waiting.items() if number >= 0 and key in held - heard)
        room = min(self._room - parts, _LEFT_OVER * self._room - parts - len(self._left))
        for job in await self._call(lambda: self._jobs(_CARDS_MAX - cards, room)):
            t_ms = self._clock.utc_ns() // NS_PER_MS
            key = await self._outlet.put(job.kind, job.body, t_ms, is_urgent=job.kind == CARD)
            self._own.add(key)
            await self._call(lambda job=job, key=key: self._noted(job, key))  # type: ignore[misc]

    def _waiting(self) -> dict[Key, tuple[str, int]]:
        return {
            key: (ident, number)
            for ident, entry in self._shelf.entries.items()
            for number, key in entry.upload.waiting.items()
        }

    def _note(self, arrived: list[tuple[str, int]], lost: list[tuple[Key, tuple[str, int]]]) -> None:
        changed = set()
        for ident, number in arrived:
            entry = self._shelf.entries.get(ident)
            if entry is None:
                continue
            entry.upload.arrive(number)
            self._pauses.pop((ident, number), None)
            self.counts.arrived += 1
            changed.add(ident)
            if entry.upload.is_done(entry.card):
                self.counts.done += 1
                _LOG.info("snapshot-at-center id=%s bytes=%d", ident, entry.card.size)
        for key, (ident, number) in lost:
            entry = self._shelf.entries.get(ident)
            if entry is None:
                continue
            entry.upload.lose(number)
            self.counts.again += 1
            if key in self._own:  # one of an earlier run may have been answered while nobody heard
                self._own.discard(key)
                self._pause(ident, number)
            changed.add(ident)
        for ident in changed:
            self._save(self._shelf.entries[ident])

    def _pause(self, ident: str, number: int) -> None:
        _, last_s = self._pauses.get((ident, number), (0, _AGAIN_S / 2))
        pause_s = min(2 * last_s, _AGAIN_S_MAX)
        self._pauses[ident, number] = self._clock.mono_ns() + int(pause_s * NS_PER_S), pause_s

    def _jobs(self, cards: int, parts: int) -> list[_Job]:
        now = self._clock.mono_ns()
        self._pauses = {where: told for where, told in self._pauses.items() if where[0] in self._shelf.entries}
        jobs = []
        for entry in sorted(self._shelf.entries.values(), key=_first, reverse=True):
            ident = entry.card.id
            for number in entry.upload.due(entry.card):
                if self._pauses.get((ident, number), (now, 0.0))[0] > now:
                    continue
                if number < 0 and cards > 0:
                    cards -= 1
                    jobs.append(_Job(ident, number, CARD, encode_card(entry.card)))
                elif number >= 0 and parts > 0:
                    body = self._body(entry, number)
                    if body is None:
                        self._pause(ident, number)
                        break
                    parts -= 1
                    jobs.append(_Job(ident, number, CHUNK, body))
                elif number >= 0:
                    break
        return jobs

    def _body(self, entry: Entry, number: int) -> bytes | None:
        """Read a part; None if the file is no more what its card says."""
        card = entry.card
        try:
            with self._shelf.file(card.id).open("rb") as file:
                file.seek(number * CHUNK_BYTES)
                data = file.read(CHUNK_BYTES)
        except OSError as error:
            _LOG.warning("snapshot-unreadable id=%s error=%s", card.id, error.strerror)
            return None
        if len(data) != min(CHUNK_BYTES, card.size - number * CHUNK_BYTES):
            _LOG.warning("snapshot-changed id=%s part=%d", card.id, number)
            return None
        return encode_chunk(
            Chunk(
                snapshot=card.id,
                number=number,
                parts=parts_of(card),
                size=card.size,
                sha256=bytes.fromhex(card.sha256),
                data=data,
            )
        )

    def _noted(self, job: _Job, key: Key) -> None:
        self.counts.put += 1
        entry = self._shelf.entries.get(job.ident)
        if entry is not None:
            entry.upload.put(job.number, key)
            self._save(entry)

    def _save(self, entry: Entry) -> None:
        try:
            self._shelf.save(entry)
        except OSError as error:
            _LOG.warning("snapshot-card-refused error=%s", error.strerror)


def _first(entry: Entry) -> tuple[int, str]:
    """Give what orders snapshots by which goes first."""
    return entry.card.level, entry.card.id
