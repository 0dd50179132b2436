"""This file asks for snapshots; it guards that nothing of a request becomes a path, a header or a page."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from isolane.center.api.guard import Guard
from isolane.center.api.problems import install
from isolane.center.api.snapshot_routes import snapshot_router
from isolane.center.people.gate import App
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_views import Caller, Role
from support.asked import Asked
from support.outboxes import SITE
from support.sent_snapshots import identity
from support.snapshot_world import SnapshotWorld

API = "/api/v1/snapshots"


class World(SnapshotWorld):
    """The same behind the API's routes."""

    def __init__(self, catalogue: SqlCatalogue, folder: Path) -> None:
        super().__init__(catalogue, folder)
        app = FastAPI(redirect_slashes=False)  # as where another route ends every path
        install(app)
        app.include_router(snapshot_router(self.book, self.films))
        self.asked = Asked(app)


@pytest.fixture
async def world(open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path) -> World:
    made = World(open_catalogue(), tmp_path)
    await made.fill()
    return made


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    guarded: App = Guard(world.asked, frozenset({"test"}))
    async with httpx.AsyncClient(base_url="http://test", transport=httpx.ASGITransport(guarded)) as one:
        yield one


async def test_what_is_kept_is_told_and_checked(client: httpx.AsyncClient, world: World) -> None:
    asked: dict[str, str | int] = {"level": 4, "charger": "CP-1", "site": SITE, "state": "whole", "file": "whole"}
    page = (await client.get(API, params={**asked, "trigger": "contactor-under-load"})).json()
    assert [one["id"] for one in page["snapshots"]] == [world.told.id]
    assert page["snapshots"][0]["card"]["triggers"][0]["kind"] == "contactor-under-load"
    one = (await client.get(f"{API}/{world.told.id}")).json()
    chunks = one["verification"].pop("chunks")
    assert one["verification"] == {"signature": "unsigned", "end": "whole", "faults": []}
    assert chunks == len(one["manifest"]["chunks"]) > 1
    assert one["manifest"]["id"] == world.told.id
    assert one["signals"] > 3
    told = (await client.get(f"{API}/{world.told.id}/series", params={"signal": [0, 1, 9999]})).json()
    assert [each["number"] for each in told] == [0, 1]
    assert len(told[0]["t_ms"]) == len(told[0]["values"]) == told[0]["samples"] > 60
    thin = (await client.get(f"{API}/{world.told.id}/series", params={"signal": 0, "points": 10})).json()
    assert len(thin[0]["t_ms"]) <= 10
    first = (await client.get(API, params={"limit": 1})).json()
    assert (await client.get(API, params={"before": first["before"]})).json()["snapshots"][0]["id"] == world.told.id
    waits = (await client.get(f"{API}/{identity(7)}")).json()
    assert (waits["verification"]["signature"], waits["snapshot"]["file"]) == ("not-checked", "awaited")


async def test_a_file_leaves_as_bytes_with_one_range(client: httpx.AsyncClient, world: World) -> None:
    target, data = f"{API}/{world.told.id}/file", world.data
    answer = await client.get(target)
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{world.told.id}.mcap"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("content-security-policy") == ["sandbox; default-src 'none'; frame-ancestors 'none'"]
    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=100-", 100, len(data) - 1),
        ("bytes=-5", len(data) - 5, len(data) - 1),
        ("bytes=9-99999999", 9, len(data) - 1),
    ):
        part = await client.get(target, headers={"Range": asked})
        assert (part.status_code, part.headers["content-range"]) == (206, f"bytes {first}-{last}/{len(data)}")
        assert part.content == data[first : last + 1]
    for asked in (",".join(["bytes=0-0"] + ["1-1"] * 1000), "bytes=-", "bytes=x", "lines=1-2", "bytes=2-" + "9" * 40):
        assert (await client.get(target, headers={"Range": asked})).status_code == 400
    for asked in (f"bytes={len(data)}-", "bytes=9-3", "bytes=-0"):
        gone = await client.get(target, headers={"Range": asked})
        assert (gone.status_code, gone.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert (await client.get(f"{API}/{identity(7)}/file")).status_code == 404


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..%2f", "%00", "/abs", "name%0d%0aX: y", "..%2f..%2fetc%2fpasswd", "A" * 32]
)
async def test_what_is_no_id_does_not_exist(client: httpx.AsyncClient, name: str) -> None:
    for what in ("", "/file", "/report", "/series?signal=0"):
        answer = await client.get(f"{API}/{name}{what}")
        assert answer.status_code == 404
        assert "x" not in answer.headers


async def test_another_tenants_snapshot_does_not_exist(client: httpx.AsyncClient, world: World) -> None:
    world.asked.who = Caller("Ada", Role.VIEWER, frozenset({"south"}), frozenset({"harbour"}))
    assert (await client.get(API)).json()["snapshots"] == []
    for what in ("", "/file", "/report", "/series?signal=0"):
        assert (await client.get(f"{API}/{world.told.id}{what}")).status_code == 404


async def test_a_report_may_have_its_own_style_and_nothing_else(client: httpx.AsyncClient, world: World) -> None:
    answer = await client.get(f"{API}/{world.told.id}/report")
    (policy,) = answer.headers.get_list("content-security-policy")
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("sandbox; default-src 'none'")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "contactor-under-load" in answer.text
    assert "<script" not in answer.text
    assert (await client.get(f"{API}/{identity(7)}/report")).status_code == 404


async def test_a_snapshot_is_held_let_go_and_deleted(client: httpx.AsyncClient, world: World) -> None:
    target = f"{API}/{world.told.id}"
    world.asked.who = Caller("ada", Role.ADMIN, None, None)
    held = (await client.put(f"{target}/hold", json={"why": "insurer asks"})).json()
    assert (held["hold"]["who"], held["hold"]["why"]) == ("ada", "insurer asks")
    assert (await client.delete(target)).status_code == 409
    assert (await client.delete(f"{target}/hold")).json()["hold"] is None
    assert (await client.delete(target)).status_code == 204
    assert (await client.delete(target)).status_code == 404
    for what in ("", "/file", "/report", "/series?signal=0"):
        assert (await client.get(f"{target}{what}")).status_code == 404
    assert (await client.put(f"{target}/hold", json={"why": "x"})).status_code == 404
    assert not list(world.folder.rglob("*.mcap"))


async def test_an_erasure_reaches_own_sites_alone(client: httpx.AsyncClient, world: World) -> None:
    assert (await client.post(f"{API}/erase", json={})).status_code == 422
    assert (await client.post(f"{API}/erase", json={"pseudonym": "x' OR 1"})).status_code == 422
    world.asked.who = Caller("Ada", Role.ADMIN, frozenset({"south"}), frozenset({"harbour"}))
    foreign = (await client.post(f"{API}/erase", json={"site": SITE})).json()
    assert foreign == {"erased": 0, "held": 0, "unread": 0}
    world.asked.who = Caller("Ada", Role.ADMIN, None, None)
    assert (await client.post(f"{API}/erase", json={"site": SITE})).json()["erased"] == 2
    assert (await client.get(API)).json()["snapshots"] == []


async def test_a_file_that_went_meanwhile_is_not_here(client: httpx.AsyncClient, world: World) -> None:
    found = await world.book.one(world.told.id)
    assert found is not None
    path = world.book.path_of(found)
    assert path is not None
    path.unlink()
    assert (await client.get(f"{API}/{world.told.id}/file")).status_code == 404
