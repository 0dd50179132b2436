"""This file tests that the API keeps to its own OpenAPI description; it guards what programs are generated from it.

A center is asked over a real socket with what its description allows and with what it forbids, always the same.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isolane.center.people.settings import AccessSettings
from isolane.center.store.people_views import Role, Scope
from support.front import Front

API = "/api/v1"
TOKEN = "iso_" + "t" * 43
STREAMS = (f"{API}/live", f"{API}/alerts/live", f"{API}/live/depot/CP-N")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
RUN_S = 300
pytestmark = pytest.mark.timeout(RUN_S + 60)

# Where valid data may be answered with 422: no JSON Schema says that one field must be greater than another, what is
# too easy to guess in a password, or which tenants there are.
CONFIG = """
seed = 1

[generation]
database = "none"

[[operations]]
include-path = ["/api/v1/series", "/api/v1/kpis/exclusions", "/api/v1/users", "/api/v1/users/{user}", "/api/v1/tokens"]
checks.positive_data_acceptance.enabled = false
"""
# They never end; `test_streams` looks at how they begin.
NO_STREAMS = ("--exclude-path-regex", "/live")
# Each may end the session that the run asks with: `/sessions` tells its id.
KEEPS_SESSION = (
    "--exclude-operation-id",
    "log_out_api_v1_session_delete",
    "--exclude-path",
    f"{API}/password",
    "--exclude-path",
    f"{API}/sessions/{{session}}",
)


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with Front(tmp_path, AccessSettings(burst_requests=1_000_000)).running() as running:
        await running.fill()
        await running.token(TOKEN, list(Scope))
        await running.add("viewer", Role.VIEWER)
        await running.add("first-admin", Role.ADMIN)
        yield running


async def judge(front: Front, folder: Path, auth: str, *options: str) -> None:
    """Have schemathesis ask a center with all its checks; it must find nothing."""
    config = folder / "schemathesis.toml"
    config.write_text(f"{CONFIG}\n{auth}\n")
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS,
        *("--config-file", config, "run", f"{front.url}{API}/openapi.json", "--no-shrink", "--continue-on-failure"),
        *NO_STREAMS,
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(RUN_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
    assert b"Tested: 0" not in said


async def test_as_a_program(front: Front, tmp_path: Path) -> None:
    auth = f'[auth.openapi.token]\nbearer = "{TOKEN}"'
    await judge(front, tmp_path, auth, "--phases", "fuzzing", "-n", "3")


@pytest.mark.parametrize("name", ["viewer", "first-admin"])
async def test_as_a_person(front: Front, tmp_path: Path, name: str) -> None:
    async with await front.log_in(name) as client:
        cookie = client.cookies["isolane-session"]
        auth = f'[auth.openapi.session]\napi_key = "{cookie}"'
        await judge(front, tmp_path, auth, "--phases", "fuzzing", "-n", "2", *KEEPS_SESSION)
        assert (await client.get(f"{API}/session")).json()["name"] == name


async def test_as_nobody(front: Front, tmp_path: Path) -> None:
    await judge(front, tmp_path, "", "--phases", "fuzzing", "-n", "2")


async def test_streams(front: Front) -> None:
    async with front.client(authorization=f"Bearer {TOKEN}") as program, front.client() as nobody:
        described = (await program.get(f"{API}/openapi.json")).json()["paths"]
        for path in STREAMS:
            async with program.stream("GET", path) as answer:
                assert answer.status_code == 200
                assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
            assert (await nobody.get(path)).status_code == 401
        for path in (*STREAMS[:2], f"{API}/live/{{site}}/{{charger}}"):
            assert list(described[path]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
        assert {path for path in described if "/live" in path} == {*STREAMS[:2], f"{API}/live/{{site}}/{{charger}}"}


async def test_every_error_is_described_as_a_problem(front: Front) -> None:
    async with front.client() as client:
        described = (await client.get(f"{API}/openapi.json")).json()
    assert set(described["components"]["securitySchemes"]) == {"session", "token"}
    assert described["components"]["securitySchemes"]["session"]["name"] == "isolane-session"
    public = set()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "429", "503"} <= operation["responses"].keys(), path
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
            if operation.get("security") == []:
                public.add((method, path))
    assert public == {("get", f"{API}/healthz"), ("post", f"{API}/session")}


async def test_a_method_that_a_path_does_not_know(front: Front) -> None:
    async with await front.log_in("first-admin") as client:
        for method, path, allowed in (
            ("GET", "/alerts/1/ack", "POST"),
            ("PUT", "/users", "GET, POST"),
            ("PATCH", "/session", "DELETE, GET, POST"),
        ):
            answer = await client.request(method, f"{API}{path}")
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
            assert answer.headers["content-type"] == "application/problem+json"


TEXTS = ("\x00", "depot\x00")


@pytest.mark.parametrize("text", TEXTS)
async def test_texts_that_no_database_takes(front: Front, text: str) -> None:
    async with front.client(authorization=f"Bearer {TOKEN}") as client:
        for path in ("/chargers", "/ledger", "/alerts", "/kpis?month=2026-10"):
            answer = await client.get(f"{API}{path}", params={"month": "2026-10", "site": text})
            assert answer.status_code == 422, path
        assert (await client.get(f"{API}/chargers/depot/%00/signals")).status_code == 422


@pytest.mark.parametrize("text", [*TEXTS, "\ud800"])
async def test_bodies_with_texts_that_no_database_takes(front: Front, text: str) -> None:
    async with await front.log_in("first-admin") as client:
        for path, body in (
            ("/silences", {"site": text, "minutes": 1, "reason": "x"}),
            ("/silences", {"site": "depot", "minutes": 1, "reason": text}),
            ("/kpis/nameplates", {"site": "depot", "charger": "CP-N", "model": text}),
        ):
            answer = await client.post(
                f"{API}{path}", content=json.dumps(body), headers={"content-type": "application/json"}
            )
            assert answer.status_code == 422, body
