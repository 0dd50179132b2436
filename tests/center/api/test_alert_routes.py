"""This file tests the API's paths about alerts over a real socket; it guards that a person's word is kept as text."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from isolane.center.api.alert_routes import alert_router
from isolane.center.api.application import create_app, routes_of
from isolane.center.api.guard import Guard
from isolane.center.api.live import LiveStreams
from isolane.center.api.problems import problem
from isolane.center.console.people_pages import bounce_page, refused_page
from isolane.center.people.office import Office
from isolane.center.people.settings import AccessSettings
from isolane.center.serve import WebServer
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.config.values import Address
from support.center_process import OpenCenter
from support.patience import PATIENCE_S

HOSTILE = "<img src=x onerror=alert(1)>"
OPENING = Opening("hot", f"charger/depot/{HOSTILE}", "depot", HOSTILE, "", 3, HOSTILE, "91 °C", "w", "a", "p")


@pytest.fixture
def alerts(center: OpenCenter) -> SqlAlerts:
    return SqlAlerts(center.catalogue)


@pytest.fixture
async def api(center: OpenCenter, alerts: SqlAlerts) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a center without people; comments of streams come after 0.2 s of silence."""
    live = LiveStreams(center.telemetry, heartbeat_s=0.2)
    office = Office(center.catalogue, AccessSettings())
    app = create_app(center.catalogue, center.telemetry, live, (alert_router(alerts, live),))
    gate = office.gate(app, routes_of(app), problem=problem, page=refused_page, bounce=bounce_page)
    server = WebServer("test", Guard(gate), Address("127.0.0.1", 0))
    task = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://{server.address}/api/v1", timeout=PATIENCE_S) as client:
        yield client
        await live.close()
    server.stop()
    await task
    office.close()


async def opened(alerts: SqlAlerts, count: int = 1) -> list[int]:
    openings = [replace(OPENING, subject=f"{OPENING.subject}{number}", level=number % 5) for number in range(count)]
    await alerts.decide(Decisions(openings=openings), (), 1_700_000_000_000)
    return [alert.number for alert in await alerts.standing()]


async def test_pages_follow_each_other(api: httpx.AsyncClient, alerts: SqlAlerts) -> None:
    numbers = await opened(alerts, 5)
    first = (await api.get("/alerts", params={"limit": 3})).json()
    assert [one["number"] for one in first["alerts"]] == numbers[:1:-1]
    rest = (await api.get("/alerts", params={"limit": 3, "before": first["before"]})).json()
    assert ([one["number"] for one in rest["alerts"]], rest["before"]) == (numbers[1::-1], None)
    filters = httpx.QueryParams(
        {"level": 3, "state": ["open", "closed"], "site": "depot", "device": HOSTILE, "rule": "hot"}
    )
    assert len((await api.get("/alerts", params=filters)).json()["alerts"]) == 2
    assert (await api.get("/alerts", params={"site": "harbour"})).json()["alerts"] == []
    assert (await api.get("/alerts/counts")).json() == {"by_level": [1, 1, 1, 1, 1], "waiting": 5}
    for wrong in ({"limit": 201}, {"level": 5}, {"state": "gone"}, {"before": 0}):
        assert (await api.get("/alerts", params=wrong)).status_code == 422


async def test_people_act_and_the_history_tells(api: httpx.AsyncClient, alerts: SqlAlerts) -> None:
    (number,) = await opened(alerts)
    path = f"/alerts/{number}"
    assert (await api.post(f"{path}/ack", json={"text": "on it"})).json()["acknowledged_by"] == "local"
    assert (await api.post(f"{path}/comment", json={"text": HOSTILE})).status_code == 200
    assert (await api.post(f"{path}/assign", json={"assignee": "bob"})).json()["state"] == "assigned"
    assert (await api.post(f"{path}/close", json={})).json()["state"] == "closed"
    assert (await api.post(f"{path}/close", json={})).status_code == 409
    assert (await api.post(f"{path}/ack", json={})).headers["content-type"] == "application/problem+json"
    answer = await api.get(path)
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["alert"]["title"] == HOSTILE
    expected = [("opened", ""), ("acknowledged", "local"), ("comment", "local"), ("assigned", "local")]
    assert [(event["kind"], event["who"]) for event in told["events"]] == [*expected, ("closed", "local")]
    assert told["events"][2]["text"] == HOSTILE


async def test_what_is_not_there_or_not_right_is_told(api: httpx.AsyncClient, alerts: SqlAlerts) -> None:
    (number,) = await opened(alerts)
    for path in ("/alerts/999", "/alerts/999/none"):
        assert (await api.get(path)).status_code == 404
    for action in ("ack", "close"):
        assert (await api.post(f"/alerts/999/{action}", json={})).status_code == 404
    for body in ({}, {"text": ""}, {"text": "x", "who": "admin"}, {"text": "x" * 2001}, {"text": 3}):
        assert (await api.post(f"/alerts/{number}/comment", json=body)).status_code == 422
    assert (await api.post(f"/alerts/{number}/ack", content=b"text=1")).status_code in {415, 422}


async def test_silences_are_kept_listed_and_ended(api: httpx.AsyncClient, alerts: SqlAlerts) -> None:
    (number,) = await opened(alerts)
    assert (await api.post("/silences", json={"minutes": 5, "reason": "all"})).status_code == 422
    made = await api.post("/silences", json={"site": "depot", "minutes": 5, "reason": "works"})
    assert made.status_code == 201
    silence = made.json()
    assert (silence["who"], silence["until_ms"] - silence["from_ms"]) == ("local", 300_000)
    assert (await api.get(f"/alerts/{number}")).json()["alert"]["state"] == "silenced"
    assert [one["number"] for one in (await api.get("/silences")).json()] == [silence["number"]]
    assert (await api.delete(f"/silences/{silence['number']}")).status_code == 200
    assert (await api.get("/silences")).json() == []
    assert (await api.delete(f"/silences/{silence['number']}")).status_code == 404


async def test_a_change_is_told_live(api: httpx.AsyncClient, alerts: SqlAlerts) -> None:
    async with asyncio.timeout(30), api.stream("GET", "/alerts/live") as answer:
        text = ""
        async for part in answer.aiter_text():
            text += part
            if '"waiting":0' in text and '"waiting":1' not in text:
                await opened(alerts)
            if '"waiting":1' in text:
                break
    assert "event: alerts" in text
