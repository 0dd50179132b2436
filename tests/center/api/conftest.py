"""This file serves the API of an open center on a real socket."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from isolane.center.api.application import create_app, routes_of
from isolane.center.api.guard import Guard
from isolane.center.api.live import LiveStreams
from isolane.center.api.people_routes import people_router
from isolane.center.api.problems import problem
from isolane.center.console.people_pages import bounce_page, refused_page
from isolane.center.people.office import Office
from isolane.center.people.settings import AccessSettings
from isolane.center.serve import WebServer
from isolane.config.values import Address
from support.center_process import OpenCenter
from support.patience import PATIENCE_S


@pytest.fixture
async def api(center: OpenCenter) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API; comments come after 0.2 s of silence."""
    live = LiveStreams(center.telemetry, heartbeat_s=0.2)
    office = Office(center.catalogue, AccessSettings())
    app = create_app(center.catalogue, center.telemetry, live, (people_router(office.door, office.desk),))
    gate = office.gate(app, routes_of(app), problem=problem, page=refused_page, bounce=bounce_page)
    server = WebServer("test", Guard(gate), Address("127.0.0.1", 0))
    task = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://{server.address}/api/v1", timeout=PATIENCE_S) as client:
        yield client
        await live.close()
    server.stop()
    await task
    office.close()
