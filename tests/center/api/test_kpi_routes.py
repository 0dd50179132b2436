"""This file asks the API for figures over real stores; it guards that docs/reference/kpis.md and its answers agree."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from isolane.center.api import description, problems
from isolane.center.api.kpi_routes import kpi_router
from isolane.center.api.response_routes import response_router
from isolane.center.kpis.reports import Reports
from isolane.center.kpis.response import ResponseTimes
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.kpi_views import ExclusionReason, KpiLine
from isolane.center.store.people_records import PeopleRecords
from isolane.center.store.people_views import Caller, Role
from isolane.center.store.port import Batch
from isolane.center.store.response_port import ResponseLine
from support.asked import Asked
from support.center_process import OpenCenter
from support.gateways import FakeGateway

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "kpis.md"
DAY_MS = 86_400_000
FIRST_DAY = 20_696
EVIDENCE = "/kpis/evidence?month=2026-09&site=depot&charger=CP-1&port=1"
NEW = {
    "site": "depot",
    "charger": "CP-1",
    "from_ms": (FIRST_DAY + 1) * DAY_MS,
    "to_ms": (FIRST_DAY + 2) * DAY_MS,
    "reason": "utility",
    "evidence": "letter of the grid",
}


@pytest.fixture
async def kpi_app(center: OpenCenter) -> FastAPI:
    app = FastAPI(openapi_url="/openapi.json")
    problems.install(app)
    book = KpiBook(center.catalogue)
    app.include_router(kpi_router(Reports(book, center.telemetry)))
    app.include_router(response_router(ResponseTimes(book, SqlAlerts(center.catalogue))))
    return app


@pytest.fixture
def asked(kpi_app: FastAPI) -> Asked:
    return Asked(kpi_app)


@pytest.fixture
async def api(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(asked)
    async with httpx.AsyncClient(base_url="http://test/api/v1", transport=transport) as client:
        yield client


@pytest.fixture
async def computed(center: OpenCenter, gateway: FakeGateway) -> None:
    """One day of one port in the book, all of it down."""
    from isolane.center.kpis.keeper import KpiKeeper  # noqa: PLC0415 - only here
    from isolane.core.signals import Signal  # noqa: PLC0415

    learnt = gateway.schema(
        Signal("CP-1", "0.0/DataLink/Active", "", 1),
        Signal("CP-1", "1.0/Connector/AvailabilityState", "", 1),
        received_ms=FIRST_DAY * DAY_MS,
    )
    values = np.array([np.ones(2880), np.full(2880, 4)])
    block = gateway.block(learnt.schema, values, t0_ms=FIRST_DAY * DAY_MS, step_ms=60_000)
    await center.catalogue.admit(learnt.origin)
    batch = Batch((block,), (learnt,))
    await center.telemetry.commit(batch)
    await center.catalogue.record(batch)
    keeper = KpiKeeper(center.catalogue, center.telemetry, KpiBook(center.catalogue))
    assert await keeper.compute((FIRST_DAY + 2) * DAY_MS + 3_600_000) == 1


@pytest.mark.usefixtures("computed")
async def test_a_report(api: httpx.AsyncClient) -> None:
    report = (await api.get("/kpis?month=2026-09")).json()
    assert (report["month"], report["by"], report["from_ms"]) == ("2026-09", "port", (FIRST_DAY + 1) * DAY_MS)
    (line,) = report["lines"]
    assert (line["name"], line["outage_min"], line["known_percent"]) == (
        "depot / CP-1 / 1",
        1440,
        pytest.approx(3.3333),
    )
    assert line["first_time_percent"] is None
    assert set(line) == {one.name for one in fields(KpiLine)}
    assert (await api.get("/kpis?month=2026-09&by=site&site=harbour")).json()["lines"] == []
    assert (await api.get("/kpis?month=2026-09&by=model")).json()["lines"][0]["name"] == "not entered"


@pytest.mark.usefixtures("computed")
async def test_a_report_as_csv(api: httpx.AsyncClient) -> None:
    answer = await api.get("/kpis?month=2026-09&by=site&format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="kpis-2026-09-site.csv"'
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["name"], row["outage_min"], row["mttr_h"]) == ("depot", "1440.0", "")


@pytest.mark.usefixtures("computed")
async def test_exclusions_have_a_name_and_stay(api: httpx.AsyncClient) -> None:
    answer = await api.post("/kpis/exclusions", json=NEW)
    assert answer.status_code == 201
    made = answer.json()
    assert {key: made[key] for key in NEW} == NEW
    assert (made["made_by"], made["port"], made["withdrawn_by"]) == ("local", 0, None)
    assert made["made_ms"] > 1_700_000_000_000
    line = (await api.get("/kpis?month=2026-09")).json()["lines"][0]
    assert (line["outage_min"], line["excluded_min"], line["uptime_percent_at_most"]) == (1440, 1440, 100)
    evidence = (await api.get(EVIDENCE)).json()
    assert evidence["stretches"][0] == {
        "from_ms": NEW["from_ms"], "to_ms": NEW["to_ms"], "kind": "faulted", "excluded": ["utility"]
    }  # fmt: skip
    assert evidence["exclusions"] == [made]
    gone = await api.delete(f"/kpis/exclusions/{made['number']}")
    assert gone.json()["withdrawn_by"] == "local"
    assert (await api.get("/kpis/exclusions")).json() == [gone.json()]
    assert (await api.get("/kpis?month=2026-09")).json()["lines"][0]["excluded_min"] == 0
    assert (await api.delete(f"/kpis/exclusions/{made['number']}")).status_code == 404


async def test_nameplates(api: httpx.AsyncClient) -> None:
    new = {"site": "depot", "charger": "CP-1", "model": "M", "firmware": "1.2", "rated_w": 50_000}
    made = (await api.post("/kpis/nameplates", json=new)).json()
    assert {key: made[key] for key in new} == new
    assert (await api.get("/kpis/nameplates")).json() == [made]


WRONG: list[tuple[str, dict[str, object]]] = [
    ("exclusions", {**NEW, "to_ms": NEW["from_ms"]}),
    ("exclusions", {**NEW, "reason": "bad luck"}),
    ("exclusions", {**NEW, "evidence": "  "}),
    ("exclusions", {**NEW, "port": 1, "charger": ""}),
    ("exclusions", {**NEW, "made_by": "somebody else"}),
    ("exclusions", {**NEW, "site": ""}),
    ("nameplates", {"site": "depot", "charger": "", "model": "M"}),
    ("nameplates", {"site": "depot", "charger": "CP-1", "model": "M", "rated_w": -1}),
]


@pytest.mark.parametrize(("path", "body"), WRONG)
async def test_what_cannot_be_is_refused(api: httpx.AsyncClient, path: str, body: dict[str, object]) -> None:
    answer = await api.post(f"/kpis/{path}", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == description.MEDIA_TYPE
    assert (await api.get(f"/kpis/{path}")).json() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/kpis", 422), ("/kpis?month=2026-13", 422), ("/kpis?month=2026-09&by=colour", 422),
        ("/kpis?month=2026-09&format=xml", 422), ("/kpis?month=2026-08", 200), (EVIDENCE, 404),
    ],
)  # fmt: skip
async def test_questions(api: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await api.get(path)).status_code == status


@pytest.mark.usefixtures("computed")
async def test_a_caller_sees_and_enters_for_his_sites_alone(api: httpx.AsyncClient, asked: Asked) -> None:
    mine = (await api.post("/kpis/exclusions", json=NEW)).json()
    asked.who = Caller("Ada", Role.ENGINEER, frozenset({"north"}), frozenset({"harbour"}))
    for path in ("/kpis?month=2026-09", "/kpis?month=2026-09&site=depot"):
        assert (await api.get(path)).json()["lines"] == []
    for path in ("exclusions", "nameplates"):
        assert (await api.get(f"/kpis/{path}")).json() == []
    assert (await api.get(EVIDENCE)).status_code == 404
    assert (await api.post("/kpis/exclusions", json=NEW)).status_code == 404
    assert (await api.delete(f"/kpis/exclusions/{mine['number']}")).status_code == 404
    named = {"site": "depot", "charger": "CP-1", "model": "M"}
    assert (await api.post("/kpis/nameplates", json=named)).status_code == 404
    made = (await api.post("/kpis/exclusions", json={**NEW, "site": "harbour"})).json()
    assert made["made_by"] == "Ada"


@pytest.mark.usefixtures("computed")
async def test_who_has_passed_no_gate_is_not_answered(kpi_app: FastAPI) -> None:
    bare = httpx.ASGITransport(kpi_app)
    async with httpx.AsyncClient(base_url="http://test/api/v1", transport=bare) as client:
        for path in ("/kpis?month=2026-09", EVIDENCE, "/kpis/exclusions", "/kpis/nameplates"):
            with pytest.raises(LookupError, match="passed no gate"):
                await client.get(path)
        with pytest.raises(LookupError, match="passed no gate"):
            await client.post("/kpis/exclusions", json=NEW)


async def test_response_is_of_the_callers_sites(api: httpx.AsyncClient, asked: Asked, center: OpenCenter) -> None:
    begin = (FIRST_DAY + 1) * DAY_MS
    words = ("charger/depot/CP-1", "depot", "CP-1", "", 3, "t", "s", "w", "a", "")
    await SqlAlerts(center.catalogue).decide(Decisions(openings=[Opening("hot", *words)]), (), begin)
    await SqlAlerts(center.catalogue).acknowledge(1, "mona", "", begin + 90_000)
    report = (await api.get("/kpis/response?month=2026-09")).json()
    assert [(line["site"], line["alarms"], line["mtta_min"]) for line in report["lines"]] == [("depot", 1, 1.5)]
    assert report["total"]["reasons"]["no_fault_found_percent"].startswith("Who closes an alarm")
    assert (await api.get("/kpis/response?month=2026-09&site=harbour")).json()["lines"] == []
    asked.who = Caller("Ada", Role.VIEWER, frozenset({"north"}), frozenset({"harbour"}))
    for path in ("/kpis/response?month=2026-09", "/kpis/response?month=2026-09&site=depot"):
        assert (await api.get(path)).json()["lines"] == []
    assert (await api.get("/kpis/response?month=soon")).status_code == 422


async def test_what_is_entered_stands_in_the_audit(api: httpx.AsyncClient, asked: Asked, center: OpenCenter) -> None:
    asked.who = Caller("Ada", Role.ENGINEER, None, None)
    number = (await api.post("/kpis/exclusions", json=NEW)).json()["number"]
    assert (await api.delete(f"/kpis/exclusions/{number}")).status_code == 200
    assert (await api.delete(f"/kpis/exclusions/{number}")).status_code == 404
    await api.post("/kpis/nameplates", json={"site": "depot", "charger": "CP-1", "model": "M"})
    lines = await PeopleRecords(center.catalogue).audit(None, 10)
    assert [(one.who, one.what, one.subject, one.address) for one in lines] == [
        ("Ada", "nameplate-entered", "depot/CP-1 M", "10.1.2.3"),
        ("Ada", "exclusion-withdrawn", f"{number} depot/CP-1", "10.1.2.3"),
        ("Ada", "exclusion-entered", f"{number} depot/CP-1 utility", "10.1.2.3"),
    ]


async def test_the_docs_name_every_path_field_and_reason(kpi_app: FastAPI) -> None:
    text = DOCS.read_text(encoding="utf-8")
    paths = {f"{method.upper()} {path}" for path, item in kpi_app.openapi()["paths"].items() for method in item}
    assert set(re.findall(r"`((?:GET|POST|DELETE) /api/v1/kpis[^`?]*)", text)) == paths
    assert {one.name for one in fields(ResponseLine)} <= set(re.findall(r"`(\w+)`", text))
    assert {one.name for one in fields(KpiLine)} <= set(re.findall(r"`(\w+)`", text))
    assert {str(reason) for reason in ExclusionReason} <= set(re.findall(r"`(\w+)`", text))
