"""This file joins a raw charger to a raw CSMS through a relay that runs as its own process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from support.raw_peer import Peer, ask, end, raw_csms, request
from support.relay import Relay, relaying

Joined = Callable[..., AbstractAsyncContextManager[tuple[Relay, Peer, Peer]]]


@pytest.fixture
def joined(tmp_path: Path) -> Joined:
    """Give a function that opens charger → relay → CSMS; it takes lines for [value] and [value.limits]."""

    @asynccontextmanager
    async def join(*, value: str = "", limits: str = "") -> AsyncIterator[tuple[Relay, Peer, Peer]]:
        async with raw_csms() as upstream:
            url = f'url = "ws://127.0.0.1:{upstream.port}/in"'
            async with relaying(tmp_path, url, value=value, limits=limits) as relay:
                charger = await ask(relay.ports[0], request("/ocpp/CP1"))
                csms = await upstream.accepted()
                yield relay, charger, csms
                await end(csms.writer)
                await end(charger.writer)

    return join
