"""This file serves the API of an open center on a real socket."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from isolane.center.api.application import create_app
from isolane.center.api.guard import Guard
from isolane.center.api.live import LiveStreams
from isolane.center.serve import WebServer
from isolane.config.values import Address
from support.center_process import OpenCenter


@pytest.fixture
async def api(center: OpenCenter) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API; comments come after 0.2 s of silence."""
    live = LiveStreams(center.telemetry, heartbeat_s=0.2)
    app = create_app(center.catalogue, center.telemetry, live)
    server = WebServer("test", Guard(app), Address("127.0.0.1", 0))
    task = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://{server.address}/api/v1") as client:
        yield client
        await live.close()
    server.stop()
    await task
