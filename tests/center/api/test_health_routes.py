"""This file asks the API about parts; it guards that pages go on where they ended, foreign parts away."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from isolane.center.people.settings import AccessSettings
from isolane.center.store.people_views import Role
from isolane.center.store.port import Origin
from support.front import Front
from support.gateways import T0_MS
from support.health_papers import CONTACT, WELD, Teller, change, features, score

T0_S = T0_MS // 1000


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with Front(tmp_path, AccessSettings(burst_requests=100_000)).running() as running:
        await running.fill()
        north = Teller(running.catalogue, Origin("depot", "gw-n", T0_MS))
        south = Teller(running.catalogue, Origin("harbour", "gw-south", T0_MS))
        await north.tell(
            change(WELD, T0_S, -1, 4), score(CONTACT, T0_S + 9, 40.0, 2), *features(CONTACT, 3, t0_s=T0_S - 86_400)
        )
        await south.tell(change(WELD, T0_S, -1, 3))
        await running.add("all", Role.VIEWER)
        await running.add("north", Role.VIEWER, "north")
        yield running


@pytest.fixture
async def viewer(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    async with await front.log_in("all") as client:
        yield client


async def test_parts_come_page_by_page_with_filters(viewer: httpx.AsyncClient) -> None:
    first = (await viewer.get("/api/v1/health/parts", params={"limit": 2})).json()
    assert [part["measure"] for part in first["parts"]] == ["weld", "weld"] or len(first["parts"]) == 2
    rest = (await viewer.get("/api/v1/health/parts", params={"limit": 2, "before": first["before"]})).json()
    assert (len(rest["parts"]), rest["before"]) == (1, None)
    numbers = [part["number"] for part in first["parts"] + rest["parts"]]
    assert numbers == sorted(numbers, reverse=True)
    for query, count in (
        ({"level_min": 3}, 2),
        ({"site": "depot"}, 2),
        ({"charger": "none"}, 0),
        ({"level_min": 2}, 3),
    ):
        assert len((await viewer.get("/api/v1/health/parts", params=query)).json()["parts"]) == count, query


async def test_a_part_has_the_features_that_its_score_rests_on(viewer: httpx.AsyncClient) -> None:
    (part,) = [
        one
        for one in (await viewer.get("/api/v1/health/parts")).json()["parts"]
        if one["component"] == CONTACT.component
    ]
    found = (await viewer.get(f"/api/v1/health/parts/{part['number']}")).json()
    assert found["part"]["score"]["value"] == 40.0
    assert [point["n"] for point in found["features"]] == [900] * 3
    assert (await viewer.get("/api/v1/health/parts/999")).status_code == 404


async def test_changes_come_newest_first(viewer: httpx.AsyncClient) -> None:
    first = (await viewer.get("/api/v1/health/changes", params={"limit": 1})).json()
    assert [(one["site"], one["level"]) for one in first["changes"]] == [("harbour", 3)]
    rest = (await viewer.get("/api/v1/health/changes", params={"before": first["before"]})).json()
    assert [(one["site"], one["note"]["remedy"]["mrec"]) for one in rest["changes"]] == [("depot", "CX017")]


async def test_the_worst_as_a_table(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get("/api/v1/health/worst", params={"site": "depot"})).json()
    assert [one["part"]["level"] for one in found] == [4, 2]
    answer = await viewer.get("/api/v1/health/worst", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0].startswith("site,charger,model,place,component,measure,level,value,sd")
    assert len(lines) == 4


async def test_who_has_one_tenant_is_told_of_his_own_parts_alone(front: Front) -> None:
    async with await front.log_in("all") as client:
        parts = (await client.get("/api/v1/health/parts")).json()["parts"]
    foreign = next(one["number"] for one in parts if one["site"] == "harbour")
    async with await front.log_in("north") as client:
        for path, key in (("parts", "parts"), ("changes", "changes")):
            found = (await client.get(f"/api/v1/health/{path}")).json()[key]
            assert {one["site"] for one in found} == {"depot"}
        assert {one["part"]["site"] for one in (await client.get("/api/v1/health/worst")).json()} == {"depot"}
        assert (await client.get(f"/api/v1/health/parts/{foreign}")).status_code == 404
        for path in ("/health", "/health/fleet"):
            page = (await client.get(path)).text
            assert "harbour" not in page
            assert "Not here" not in page
