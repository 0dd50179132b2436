"""This file tests what a connection that is over leaves behind: nothing that waits for the collector of cycles."""

import asyncio
import gc
import ssl
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trustme

from isolane.value.legs.connection import Connection
from isolane.value.legs.splice import Pipe
from isolane.value.legs.stream import Stream
from isolane.value.legs.tls_stream import TlsStream
from isolane.value.registry import Registry
from isolane.value.security_events import SecurityEvents
from isolane.value.settings import Limits
from isolane.value.tap_port import TapPort
from isolane.wire.tap_copy import Opened
from support.listening import listening

FACTS = Opened("CP-1", "ocpp1.6", "", 0, secure=False)
WAIT_S = 20.0


class Legs:
    """Makes legs that lead to a server which ends them when it is told to."""

    def __init__(self, *, tls: bool) -> None:
        ca = trustme.CA()
        self.over = asyncio.Event()
        self._server_side = self._client_side = None
        if tls:
            self._server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert("127.0.0.1").configure_cert(self._server_side)
            self._client_side = ssl.create_default_context()
            ca.configure_trust(self._client_side)

    async def _serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.over.wait()
        writer.close()

    def listen(self) -> AbstractAsyncContextManager[int]:
        return listening(self._serve, self._server_side)

    async def leg(self, port: int) -> Stream:
        loop = asyncio.get_running_loop()
        if self._client_side is None:
            return (await loop.create_connection(asyncio.Protocol, "127.0.0.1", port))[0]
        up: asyncio.Future[Stream] = loop.create_future()

        class Waiting(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                up.set_result(transport)  # type: ignore[arg-type]  # a TlsStream is a Stream

        stream = TlsStream(self._client_side, Waiting(), server=False, name="127.0.0.1")
        await loop.create_connection(lambda: stream, "127.0.0.1", port)
        return await up


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
async def test_a_connection_that_is_over_is_gone_at_once(tmp_path: Path, *, tls: bool) -> None:
    legs, registry, tap = Legs(tls=tls), Registry(), TapPort(tmp_path / "nowhere", 65_536)
    tap.start()
    async with asyncio.timeout(WAIT_S), legs.listen() as port:
        ends = [await legs.leg(port), await legs.leg(port)]
        Connection(registry, tap, Limits(), FACTS, SecurityEvents(), charger=ends[0], csms=ends[1])
        ends.clear()
        assert len(_living()) == 2
        legs.over.set()
        while registry.living or _living():
            await asyncio.sleep(0.01)
    tap.stop()


def _living() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, Pipe)]
