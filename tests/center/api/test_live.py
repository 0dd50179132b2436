"""This file tests live streams over a real socket; it guards that a committed row is seen within a second."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from isolane.center.api.live import LISTENERS_MAX
from isolane.wire.uplink import Up
from support.center_process import OpenCenter
from support.gateways import T0_MS, FakeGateway


async def events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str, Any]]:
    """Read server-sent events as (id, event, data); comments as ("", "", text)."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line and fields:
            if "data" in fields:
                yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}
        elif line.startswith(":"):
            yield "", "", line[1:].strip()
        elif line:
            key, _, value = line.partition(": ")
            fields[key] = value


async def put(center: OpenCenter, gateway: FakeGateway, value: int, second: int) -> None:
    block = gateway.block(gateway.schema().schema, [[value], [value]], t0_ms=T0_MS + 1000 * second)
    await center.intake.receive("depot", "gw-1", Up.BLOCK, block.data)


@pytest.fixture
async def known(center: OpenCenter, gateway: FakeGateway) -> None:
    await center.intake.receive("depot", "gw-1", Up.SCHEMA, gateway.schema().schema.json)
    await put(center, gateway, 1, 0)


@pytest.mark.usefixtures("known")
async def test_a_row_is_seen_within_a_second(api: httpx.AsyncClient, center: OpenCenter, gateway: FakeGateway) -> None:
    async with api.stream("GET", "/live/depot/CP-1", headers={"Last-Event-ID": "17"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        coming = events(stream.aiter_lines())
        assert (await anext(coming))[2] == "isolane"
        for second in (1, 2, 3):
            begun = time.monotonic()
            await put(center, gateway, second, second)
            number, name, data = await anext(coming)
            assert time.monotonic() - begun < 1
            assert (int(number) > 0, name, data["t_ms"]) == (True, "samples", T0_MS + 1000 * second)
            assert data["values"]["1.0/EVSE/Power"] == [second, "good", "none"]


@pytest.mark.usefixtures("known")
async def test_silence_is_broken_by_comments(api: httpx.AsyncClient) -> None:
    async with api.stream("GET", "/live/depot/CP-1") as stream:
        coming = events(stream.aiter_lines())
        assert [(await anext(coming))[2] for _ in range(3)] == ["isolane", "still here", "still here"]


@pytest.mark.usefixtures("known")
async def test_the_fleet_is_told_when_it_changes(
    api: httpx.AsyncClient, center: OpenCenter, gateway: FakeGateway
) -> None:
    async with api.stream("GET", "/live") as stream:
        fleet = (event async for event in events(stream.aiter_lines()) if event[1] == "fleet")
        assert [charger["power_w"] for charger in (await anext(fleet))[2]["chargers"]] == [1]
        await put(center, gateway, 42, 1)
        async with asyncio.timeout(30):
            async for _, _, data in fleet:
                if data["chargers"][0]["power_w"] == 42:
                    break


@pytest.mark.usefixtures("known")
async def test_a_listener_that_leaves_is_forgotten(api: httpx.AsyncClient, center: OpenCenter) -> None:
    async with api.stream("GET", "/live/depot/CP-1") as stream:
        await anext(events(stream.aiter_lines()))
        assert center.telemetry.counts().live_devices == 1
    async with asyncio.timeout(30):
        while center.telemetry.counts().live_devices:
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("known")
async def test_listeners_are_bounded(api: httpx.AsyncClient) -> None:
    limits = httpx.Limits(max_connections=LISTENERS_MAX + 5)
    async with httpx.AsyncClient(base_url=api.base_url, limits=limits) as many:
        opened = [many.stream("GET", "/live/depot/CP-1") for _ in range(LISTENERS_MAX)]
        streams = [await one.__aenter__() for one in opened]
        for stream in streams:
            await anext(stream.aiter_lines())
        refused = await many.get("/live/depot/CP-1")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        for one in opened:
            await one.__aexit__(None, None, None)
