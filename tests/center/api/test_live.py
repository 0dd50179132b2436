"""This file tests live streams over a real socket; it guards that a committed row is seen within a second."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from isolane.center.api.live import LISTENERS_MAX, STREAMS_MAX
from isolane.center.people.settings import AccessSettings
from isolane.center.store.people_views import Role
from isolane.center.store.worst_first import ROWS_MAX
from isolane.wire.uplink import Up
from support.center_process import OpenCenter
from support.front import PASSWORD, Front
from support.gateways import T0_MS, FakeGateway, power
from support.patience import PATIENCE_S


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
async def test_a_row_is_seen_when_it_has_come(api: httpx.AsyncClient, center: OpenCenter, gateway: FakeGateway) -> None:
    async with api.stream("GET", "/live/depot/CP-1", headers={"Last-Event-ID": "17"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        coming = events(stream.aiter_lines())
        assert (await anext(coming))[2] == "isolane"
        rows = (event async for event in coming if event[1])
        for second in (1, 2, 3):
            await put(center, gateway, second, second)
            number, name, data = await anext(rows)
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
                if data["chargers"][0].get("power_w") == 42:
                    break


def fleet_of(events_: AsyncIterator[tuple[str, str, Any]]) -> AsyncIterator[Any]:
    return (data async for _, name, data in events_ if name == "fleet")


@pytest.mark.usefixtures("known")
async def test_after_the_first_event_only_what_has_changed_is_told(
    api: httpx.AsyncClient, center: OpenCenter, gateway: FakeGateway
) -> None:
    two = gateway.schema(power("CP-1"), power("CP-2")).schema
    await center.intake.receive("depot", "gw-1", Up.SCHEMA, two.json)
    second = gateway.block(two, [[1], [2]], t0_ms=T0_MS + 1000)
    await center.intake.receive("depot", "gw-1", Up.BLOCK, second.data)
    async with api.stream("GET", "/live") as stream:
        fleet = fleet_of(events(stream.aiter_lines()))
        first = await anext(fleet)
        assert (first["is_whole"], first["found"], first["gone"]) == (True, 2, [])
        assert {len(charger) for charger in first["chargers"]} == {13}
        assert (first["totals"]["chargers"], first["totals"]["power_w"], first["sites"]) == (2, 3, {"depot": 3})
        third = gateway.block(two, [[1], [40]], t0_ms=T0_MS + 2000)
        await center.intake.receive("depot", "gw-1", Up.BLOCK, third.data)
        async with asyncio.timeout(30):
            news = await anext(fleet)
        told = {charger["charger"]: charger for charger in news["chargers"]}
        assert (news["is_whole"], news["totals"]["power_w"], news["sites"]) == (False, 41, {"depot": 41})
        assert told["CP-2"]["power_w"] == 40
        assert set(told["CP-2"]) <= {"site", "charger", "power_w", "last_seen_ms", "power_recent_w"}
        assert "power_w" not in told.get("CP-1", {})


@pytest.mark.usefixtures("known")
async def test_only_what_is_looked_at_is_told(api: httpx.AsyncClient, center: OpenCenter, gateway: FakeGateway) -> None:
    many = gateway.schema(*(power(f"CP-{n:03}") for n in range(ROWS_MAX + 1))).schema
    await center.intake.receive("depot", "gw-1", Up.SCHEMA, many.json)
    await center.intake.receive("depot", "gw-1", Up.BLOCK, gateway.block(many, [[5]] * (ROWS_MAX + 1)).data)

    async def names(**query: str | int) -> list[str]:
        async with api.stream("GET", "/live", params=query) as stream:
            first = await anext(fleet_of(events(stream.aiter_lines())))
            assert first["totals"]["chargers"] == (0 if query.get("site") == "none" else ROWS_MAX + 2)
            return [charger["charger"] for charger in first["chargers"]]

    assert len(await names()) == ROWS_MAX + 2
    assert await names(q="cp-00 depot", page=1) == [f"CP-{n:03}" for n in range(10)]
    assert len(await names(page=1)) == ROWS_MAX
    assert len(await names(page=2)) == 2
    assert await names(page=99) == await names(page=2)
    assert await names(q="state:charging") == []
    assert await names(site="none") == []
    assert (await api.get("/live", params={"page": 0})).status_code == 422


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
    async with httpx.AsyncClient(base_url=api.base_url, limits=limits, timeout=PATIENCE_S) as many:
        opened = [many.stream("GET", "/live/depot/CP-1") for _ in range(LISTENERS_MAX)]
        streams = [await one.__aenter__() for one in opened]
        for stream in streams:
            await anext(stream.aiter_lines())
        refused = await many.get("/live/depot/CP-1")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        for one in opened:
            await one.__aexit__(None, None, None)


async def test_nobody_takes_all_places(tmp_path: Path) -> None:
    async with (
        Front(tmp_path / "center", AccessSettings(streams_max=2)).running() as front,
        AsyncExitStack() as closing,
    ):
        await front.fill()
        await front.add("busy", Role.VIEWER)
        await front.add("other", Role.VIEWER)
        busy, again, other = [await front.log_in(name, PASSWORD) for name in ("busy", "busy", "other")]
        for client in (busy, again, other):
            closing.push_async_callback(client.aclose)
        held = busy.stream("GET", "/api/v1/live")
        lines = (await held.__aenter__()).aiter_lines()
        assert await anext(lines) == ": isolane"
        second = await closing.enter_async_context(again.stream("GET", "/api/v1/alerts/live"))
        assert second.status_code == 200
        for path in ("/api/v1/live", "/api/v1/live/depot/CP-N", "/api/v1/alerts/live"):
            refused = await busy.get(path)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["detail"].startswith("you hold 2 live streams")
        async with other.stream("GET", "/api/v1/live") as stream:
            assert stream.status_code == 200
        await held.__aexit__(None, None, None)
        async with asyncio.timeout(30):
            while (await status(busy, "/api/v1/live")) != 200:
                await asyncio.sleep(0.05)


async def status(client: httpx.AsyncClient, path: str) -> int:
    async with client.stream("GET", path) as stream:
        return stream.status_code


def test_the_bound_of_a_person_is_said_once() -> None:
    assert AccessSettings().streams_max == STREAMS_MAX
