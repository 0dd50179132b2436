"""This file streams live values as server-sent events; it guards that a listener costs a bounded queue only.

A listener that does not keep up is ended by the store; one that has gone is noticed at the next write. Each holds a
place; one person or program has a few of them, so that nobody can take them all.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from isolane.center.api.live_fleet import FleetNews, View
from isolane.center.store.people_views import Caller, caller
from isolane.center.store.port import LiveSample, Telemetry

HEARTBEAT_S = 15.0
LISTENERS_MAX = 200
"""A control room's screens; each holds a connection and at most 256 rows."""
STREAMS_MAX = 20
"""Of one person or program, where nothing else is set."""

_HELLO = b": isolane\nretry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"


class EventStream(StreamingResponse):
    """An answer of server-sent events, which holds a place for as long as it lasts.

    Args:
        content: The events.
        place: Takes a place and gives it back.
        status_code: The framework describes routes by its default.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        content: AsyncIterator[bytes],
        place: contextlib.AbstractContextManager[None],
        status_code: int = HTTPStatus.OK,
    ) -> None:
        super().__init__(content, status_code)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse where no place is left.

        Raises:
            HTTPException: So it is.
        """
        with self._place:
            await super().__call__(scope, receive, send)


class _Samples(msgspec.Struct, frozen=True):
    t_ms: int
    values: dict[str, tuple[float | None, str, str]]


class LiveStreams:
    """All live streams of one API.

    Args:
        telemetry: Port of the store.
        heartbeat_s: Silence after which a comment is sent, s.
        streams_max: How many one person or program may hold at once.
    """

    def __init__(self, telemetry: Telemetry, heartbeat_s: float = HEARTBEAT_S, streams_max: int = STREAMS_MAX) -> None:
        self._telemetry = telemetry
        self._heartbeat_s = heartbeat_s
        self._streams_max = streams_max
        self._closing = asyncio.Event()
        self._news = FleetNews(telemetry)
        self._held: Counter[tuple[str, bool]] = Counter()

    async def close(self) -> None:
        """End all streams, so that the server can stop without cutting them."""
        self._closing.set()
        self._news.close()

    def answer(self, events: AsyncIterator[bytes]) -> EventStream:
        """Give events as the answer to whoever asks now."""
        return EventStream(events, self._place(caller()))

    @contextlib.contextmanager
    def _place(self, who: Caller) -> Iterator[None]:
        """Hold one of his places; where a center has no people yet, there is nobody to tell from others.

        Raises:
            HTTPException: He has no more, or nobody has.
        """
        key = (who.name, who.role is None)
        if not who.open and self._held[key] >= self._streams_max:
            sentence = (
                f"you hold {self._held[key]} live streams, as many as one may: close a page that shows live values"
            )
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, sentence, {"Retry-After": "5"})
        if self._held.total() >= LISTENERS_MAX:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "too many listeners")
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    async def charger(self, site: str, device: str) -> AsyncIterator[bytes]:
        """Give the event stream of one device."""
        async with self._telemetry.listen(site, device) as samples:
            async for event in self._paced(lambda: _next(samples)):
                yield event

    async def fleet(self, view: View) -> AsyncIterator[bytes]:
        """Give the event stream of the chargers that somebody looks at."""
        with self._news.listening(view) as news:
            async for event in self.events("fleet", news):
                yield event

    async def events(self, name: str, news: Callable[[], Awaitable[tuple[int, bytes]]]) -> AsyncIterator[bytes]:
        """Give an event stream of something else: `news` waits, and gives an event's number and its data, one line."""

        async def coming() -> bytes:
            number, data = await news()
            return _event(name, number, data)

        async for event in self._paced(coming):
            yield event

    async def _paced(self, next_event: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
        """Give events as they come and a comment in their absence, until they end or the API closes."""
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
