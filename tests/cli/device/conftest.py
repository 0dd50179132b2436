"""This file runs a Modbus server beside the command; it guards that the command is used as a person uses it."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from isolane.config.values import Address
from support.template_server import Served, serving

_START_S = 20.0


class _Thread(threading.Thread):
    """A server in a loop of its own, since the command runs its own."""

    def __init__(self, units: Mapping[int, Served]) -> None:
        super().__init__(daemon=True)
        self.address: Address | None = None
        self.ready = threading.Event()
        self._units = units
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with serving(self._units) as self.address:
            self.ready.set()
            await self._end.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self.join(_START_S)
        assert not self.is_alive()


@pytest.fixture
def served() -> Iterator[Callable[[Mapping[int, Served]], str]]:
    """Serve units; give HOST:PORT."""
    threads = []

    def start(units: Mapping[int, Served]) -> str:
        threads.append(_Thread(units))
        threads[-1].start()
        assert threads[-1].ready.wait(_START_S)
        return str(threads[-1].address)

    yield start
    for each in threads:
        each.stop()
