"""This file gives tests a CSMS, a wire that can be cut and a way to wait; it guards that waits have an end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from isolane.sim.csms.central import CentralSystem, Policy
from isolane.sim.csms.ledger import Ledger
from isolane.sim.scenario import ChargerPlan, Scenario

WaitUntil = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def wait_until() -> WaitUntil:
    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
async def central(tmp_path: Path) -> AsyncIterator[CentralSystem]:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    system = CentralSystem(ledger, Policy())
    await system.start("127.0.0.1", 0)
    yield system
    await system.stop()
    ledger.close()


class Wire:
    """A TCP relay between charger and CSMS that can be cut and can swallow answers."""

    def __init__(self, target_port: int) -> None:
        self.swallow: Callable[[], bool] = lambda: False
        self._target_port = target_port
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ocpp"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def cut(self) -> None:
        """Reset every connection at once."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._writers.append(up_writer)
        for source, sink, answers in ((reader, up_writer, False), (up_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if not (answers and self.swallow()):
                    sink.write(data)
                    await sink.drain()
        sink.close()


@pytest.fixture
async def wire(central: CentralSystem) -> AsyncIterator[Wire]:
    relay = Wire(central.port)
    await relay.start()
    yield relay
    await relay.close()


@pytest.fixture
def quick_scenario(tmp_path: Path) -> Callable[..., Scenario]:
    """Short visits, many of them: a transaction takes about a second."""

    def make(url: str, *kinds: str, **charger: object) -> Scenario:
        plans = tuple(
            ChargerPlan(
                id=f"{kind}-{number}",
                kind=kind,  # type: ignore[arg-type] # a test names the kind as text
                url=url,
                gap_s=30.0,
                energy_scale=0.01,
                meter_interval_s=0.2,
                **charger,  # type: ignore[arg-type]
            )
            for number, kind in enumerate(kinds)
        )
        return Scenario(
            chargers=plans, journal_path=tmp_path / "journal.jsonl", status_path=tmp_path / "status.json", speed=120.0
        )

    return make
