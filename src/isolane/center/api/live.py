"""This file streams live values as server-sent events; it guards that a listener costs a bounded queue only.

A listener that does not keep up is ended by the store; one that has gone is noticed at the next write. All streams of
the fleet share one question a second.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from fastapi.responses import StreamingResponse

from isolane.center.store.port import LiveSample, Telemetry
from isolane.center.store.views import ChargerSummary

HEARTBEAT_S = 15.0
FLEET_S = 1.0
LISTENERS_MAX = 200
"""A control room's screens; each holds a connection and at most 256 rows."""

_HELLO = b": isolane\nretry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"


class EventStream(StreamingResponse):
    """An answer of server-sent events."""

    media_type = "text/event-stream"


class _Samples(msgspec.Struct, frozen=True):
    t_ms: int
    values: dict[str, tuple[float | None, str, str]]


class _Fleet(msgspec.Struct, frozen=True):
    t_ms: int
    chargers: list[ChargerSummary]


class LiveStreams:
    """All live streams of one API.

    Args:
        telemetry: Port of the store.
        heartbeat_s: Silence after which a comment is sent, s.
    """

    def __init__(self, telemetry: Telemetry, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._telemetry = telemetry
        self._heartbeat_s = heartbeat_s
        self._closing = asyncio.Event()
        self._changed = asyncio.Condition()
        self._fleet: list[ChargerSummary] = []
        self._fleet_t_ms = 0
        self._fleet_events: dict[frozenset[str] | None, bytes] = {}
        self._fleet_number = 0
        self._asking: asyncio.Task[None] | None = None
        self._fleet_listeners = 0
        self.listeners = 0

    @property
    def full(self) -> bool:
        """Whether no more listeners are taken."""
        return self.listeners >= LISTENERS_MAX

    async def close(self) -> None:
        """End all streams, so that the server can stop without cutting them."""
        self._closing.set()
        if self._asking is not None:
            self._asking.cancel()

    async def charger(self, site: str, device: str) -> AsyncIterator[bytes]:
        """Give the event stream of one device."""
        async with self._telemetry.listen(site, device) as samples:
            async for event in self._paced(lambda: _next(samples)):
                yield event

    async def fleet(self, sites: frozenset[str] | None = None) -> AsyncIterator[bytes]:
        """Give the event stream of all chargers of some sites; None for all sites."""
        seen = 0

        async def news() -> bytes:
            nonlocal seen
            async with self._changed:
                await self._changed.wait_for(lambda: self._fleet_number > seen)
                seen = self._fleet_number
                return self._fleet_event(sites)

        self._fleet_listeners += 1
        if self._asking is None or self._asking.done():
            self._fleet_number = 0
            self._asking = asyncio.create_task(self._ask())
        try:
            async for event in self._paced(news):
                yield event
        finally:
            self._fleet_listeners -= 1

    async def events(self, name: str, news: Callable[[], Awaitable[tuple[int, bytes]]]) -> AsyncIterator[bytes]:
        """Give an event stream of something else: `news` waits, and gives an event's number and its data, one line."""

        async def coming() -> bytes:
            number, data = await news()
            return _event(name, number, data)

        async for event in self._paced(coming):
            yield event

    async def _ask(self) -> None:
        """Ask for the fleet once a second while anybody listens."""
        before: list[ChargerSummary] | None = None
        while self._fleet_listeners:
            chargers = await self._telemetry.fleet()
            if chargers != before:
                before = chargers
                async with self._changed:
                    self._fleet_number += 1
                    self._fleet, self._fleet_t_ms = chargers, time.time_ns() // 1_000_000
                    self._fleet_events.clear()
                    self._changed.notify_all()
            await asyncio.sleep(FLEET_S)

    def _fleet_event(self, sites: frozenset[str] | None) -> bytes:
        """Give the newest event, made once for all who see the same sites."""
        event = self._fleet_events.get(sites)
        if event is None:
            chargers = [charger for charger in self._fleet if sites is None or charger.site in sites]
            data = msgspec.json.encode(_Fleet(self._fleet_t_ms, chargers))
            event = self._fleet_events[sites] = _event("fleet", self._fleet_number, data)
        return event

    async def _paced(self, next_event: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
        """Give events as they come and a comment in their absence, until they end or the API closes."""
        self.listeners += 1
        closing = asyncio.create_task(self._closing.wait())
        coming: asyncio.Future[bytes] | None = None
        try:
            yield _HELLO
            while not closing.done():
                coming = coming or asyncio.ensure_future(next_event())
                waiting: set[asyncio.Future[Any]] = {coming, closing}
                await asyncio.wait(waiting, timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    yield coming.result()
                    coming = None
                elif not closing.done():
                    yield _HEARTBEAT
        except StopAsyncIteration:
            return
        finally:
            self.listeners -= 1
            for task in (closing, coming):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                        await task


async def _next(samples: AsyncIterator[LiveSample]) -> bytes:
    sample = await anext(samples)
    return _event("samples", sample.number, msgspec.json.encode(_Samples(sample.t_ms, sample.values)))


def _event(name: str, number: int, data: bytes) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), data)
