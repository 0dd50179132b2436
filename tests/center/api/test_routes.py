"""This file tests the API over a real socket; it guards that docs/reference and OpenAPI say what it does."""

import csv
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from isolane.center.store.port import Batch
from support.center_process import OpenCenter
from support.front import Front
from support.gateways import GOOD, T0_MS, TIMEOUT, FakeGateway

DOCS = Path(__file__).parents[3] / "docs" / "reference"
SERIES = f"/series?site=depot&charger=CP-1&signal=1.0/EVSE/Power&from_ms={T0_MS}&to_ms={T0_MS + 4000}"


@pytest.fixture
async def filled(center: OpenCenter, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    await center.catalogue.admit(gateway.origin())
    codes = [[GOOD, GOOD, TIMEOUT, GOOD], [GOOD] * 4]
    batch = Batch(schemas=(schema,), blocks=(gateway.block(schema.schema, [[1, 2, 0, 4], [10, 20, 30, 40]], codes),))
    await center.telemetry.commit(batch)
    await center.catalogue.record(batch)


LISTS: list[tuple[str, dict[str, Any]]] = [
    ("/sites", {"site": "depot", "chargers": 1}),
    ("/chargers", {"charger": "CP-1", "online": False, "power_w": 4, "state": "unknown"}),
    ("/chargers?site=depot", {"charger": "CP-1"}),
    ("/chargers/depot/CP-1/signals", {"key": "1.0/EVSE/DCVoltage", "value": 4.0, "quality": "good"}),
    ("/ledger", {"gateway": "gw-1", "verdict": "unstated", "blocks": 1, "samples": 8}),
]


@pytest.mark.usefixtures("filled")
async def test_lists(api: httpx.AsyncClient) -> None:
    for path, fields in LISTS:
        answer = await api.get(path)
        assert answer.status_code == 200, path
        entry = answer.json()[0]
        assert {key: entry[key] for key in fields} == fields
    for path in ("/chargers?site=harbour", "/ledger?site=harbour", "/quarantine"):
        assert (await api.get(path)).json() == [], path


@pytest.mark.usefixtures("filled")
async def test_a_series(api: httpx.AsyncClient) -> None:
    answer = (await api.get(SERIES)).json()
    assert (answer["step_ms"], answer["from_ms"], answer["to_ms"]) == (1000, T0_MS, T0_MS + 4000)
    (signal,) = answer["signals"]
    assert signal["mean"] == [1, 2, None, 4]
    assert signal["gaps"] == [{"from_ms": T0_MS + 2000, "to_ms": T0_MS + 3000, "reasons": ["timeout"]}]


@pytest.mark.usefixtures("filled")
async def test_a_series_as_csv(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{SERIES}&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["mean"] for row in rows] == ["1.0", "2.0", "", "4.0"]
    assert rows[0] == {
        **dict.fromkeys(("mean", "min", "max"), "1.0"),
        "signal": "1.0/EVSE/Power",
        "unit": "W",
        "t_ms": str(T0_MS),
        "good": "1",
        "stale": "0",
        "bad": "0",
    }


PROBLEMS = [
    ("/nothing", 404, "does not exist"),
    ("/chargers/depot/CP-9/signals", 404, "no such charger"),
    ("/live/depot/CP-9", 404, "no such charger"),
    (f"/series?site=depot&charger=CP-9&signal=x&from_ms=0&to_ms={T0_MS}", 404, "no such charger"),
    ("/series?site=depot&charger=CP-1&signal=x&from_ms=5&to_ms=5", 422, "greater"),
    ("/series?site=depot&charger=CP-1&signal=x&from_ms=-1&to_ms=5", 422, "from_ms"),
    ("/series?site=depot&charger=CP-1&from_ms=1&to_ms=5", 422, "signal"),
    ("/series?site=depot&charger=CP-1&signal=x&from_ms=1&to_ms=5&points=1", 422, "points"),
    ("/series?site=depot&charger=CP-1&signal=x&from_ms=1&to_ms=5&points=5001", 422, "points"),
    (f"/series?site=depot&charger=CP-1&from_ms=1&to_ms=5{'&signal=x' * 51}", 422, "signal"),
    ("/quarantine?limit=0", 422, "limit"),
]


@pytest.mark.usefixtures("filled")
async def test_errors_are_problems(api: httpx.AsyncClient) -> None:
    for path, status, word in PROBLEMS:
        answer = await api.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        problem = answer.json()
        assert (problem["status"], set(problem)) == (status, {"type", "title", "status", "detail"})
        assert word in problem["detail"]


async def test_other_methods_are_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/sites")
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")


async def test_it_says_that_it_is_well(api: httpx.AsyncClient) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}


async def test_the_docs_list_every_path(tmp_path: Path) -> None:
    async with Front(tmp_path / "center").running() as front, front.client() as client:
        described = (await client.get("/api/v1/openapi.json")).json()["paths"]
    paths = {f"{method.upper()} {path.removeprefix('/api/v1')}" for path in described for method in described[path]}
    text = "".join((DOCS / page).read_text("utf-8").replace("/api/v1", "") for page in ("api.md", "kpis.md"))
    lines = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", text, re.MULTILINE)
    assert paths == {line.partition("?")[0] for line in lines}


async def test_openapi_describes_what_comes(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
    fields = described["components"]["schemas"]["SignalSeries"]["properties"]
    assert {"signal", "t_ms", "mean", "min", "max", "good", "stale", "bad", "gaps"} <= set(fields)
