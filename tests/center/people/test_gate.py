"""This file knocks at the gate; it guards that no foreign page changes anything and that streams end with sessions."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme

from isolane.center.people.rights import RIGHTS, Right
from isolane.center.people.settings import AccessSettings
from isolane.center.store.people_views import Role, Scope
from support.front import NORTH, PASSWORD, Front
from support.patience import PATIENCE_S

MUTATING = [right for right in RIGHTS if right.method not in {"GET", "HEAD"}]
FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "same-origin", "origin": "http://sub.127.0.0.1"},
]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def admin(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator who has logged in."""
    await front.add("first-admin")
    async with await front.log_in("first-admin") as client:
        yield client


def path_of(right: Right) -> str:
    values = {"number": "1", "site": NORTH, "charger": "CP-N", "user": "night", "tenant": "south", "session": "none"}
    values |= {"id": "0" * 32, "jti": "0" * 32}
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], right.path)


async def test_no_foreign_page_changes_anything(front: Front, admin: httpx.AsyncClient) -> None:
    await front.add("night", Role.VIEWER)
    await front.token("iso_" + "t" * 43, [Scope.TELEMETRY_READ])
    before = (await admin.get("/api/v1/audit")).json()
    for right in MUTATING:
        for headers in FOREIGN:
            answer = await admin.request(right.method, path_of(right), headers={**headers, "content-type": FORM})
            assert answer.status_code == 403, (right, headers, answer.text)
        for kind in ("text/plain", "multipart/form-data; boundary=x", FORM):
            sent = await admin.request(right.method, path_of(right), content=b"{}", headers={"content-type": kind})
            assert sent.status_code in {403, 415}, (right, kind)
        if right.is_form and right.path != "/login":
            own = {"sec-fetch-site": "same-origin", "origin": front.url}
            for token in ("", "x", "x" * 32):
                form = {"form_token": token, "name": "x", "role": "admin", "tenants": "*", "new": "x", "again": "x"}
                assert (await admin.post(path_of(right), data=form, headers=own)).status_code == 403, right
    assert (await admin.get("/api/v1/audit")).json() == before
    assert len(MUTATING) > 12


async def test_no_header_or_field_makes_another_method(front: Front, admin: httpx.AsyncClient) -> None:
    await front.add("night", Role.VIEWER)
    for headers in ({"x-http-method-override": "DELETE"}, {"x-method-override": "PATCH"}):
        await admin.get("/api/v1/session?_method=DELETE", headers=headers)
        await admin.post("/api/v1/users?_method=PATCH", json={"_method": "PATCH"}, headers=headers)
    assert (await admin.get("/api/v1/session")).status_code == 200


async def test_a_public_path_says_which_methods_it_knows_and_another_says_nothing(front: Front) -> None:
    await front.add("first-admin")
    async with front.client() as stranger:
        for path, known in (("/api/v1/healthz", "GET"), ("/api/v1/session", "DELETE, GET, POST")):
            for method in ("TRACE", "PUT", "PATCH"):
                answer = await stranger.request(method, path)
                assert (answer.status_code, answer.headers["allow"]) == (405, known), (method, path)
        for path in ("/api/v1/sites", "/api/v1/nothing", "/api/v1/users/night"):
            assert (await stranger.request("TRACE", path)).status_code == 401, path


async def test_nobody_slips_in_a_field(front: Front, admin: httpx.AsyncClient) -> None:
    await front.add("night", Role.VIEWER, "north")
    described = (await admin.get("/api/v1/openapi.json")).json()
    bodies = 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            bodies += 1
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert described["components"]["schemas"][name]["additionalProperties"] is False, (method, path)
    assert bodies >= 6
    users = (await admin.get("/api/v1/users")).json()
    for extra in ("role_", "tenant_id", "approved", "subject", "created_ms", "from_provider", "has_password"):
        assert (await admin.patch("/api/v1/users/night", json={extra: "admin"})).status_code == 422
    async with await front.log_in("night") as night:
        for body in ({"old": PASSWORD, "new": "a long new password", "role": "admin"}, {"role": "admin"}):
            assert (await night.put("/api/v1/password", json=body)).status_code == 422
        more = {"name": "night", "password": PASSWORD, "tenants": ["*"]}
        assert (await night.post("/api/v1/session", json=more)).status_code == 422
    assert (await admin.get("/api/v1/users")).json() == users


async def test_no_foreign_page_listens(front: Front, admin: httpx.AsyncClient) -> None:
    streams = [right for right in RIGHTS if right.is_stream]
    assert len(streams) >= 3
    for right in streams:
        path = path_of(right)
        foreign = [headers for headers in FOREIGN if headers != {"sec-fetch-site": "none"}]
        for headers in foreign:
            answer = await admin.get(path, headers=headers)
            assert (answer.status_code, "may not listen" in answer.text) == (403, True), (right, headers)
        for headers in ({"sec-fetch-site": "same-origin"}, {"origin": front.url}, {"sec-fetch-site": "none"}, {}):
            async with admin.stream("GET", path, headers=headers) as stream:
                assert await anext(stream.aiter_lines()) == ": isolane"


async def test_a_stream_ends_with_its_session(front: Front, admin: httpx.AsyncClient) -> None:
    await front.add("night", Role.VIEWER, "north")
    async with (
        await front.log_in("night") as night,
        night.stream("GET", f"/api/v1/live/{NORTH}/CP-N") as one,
        night.stream("GET", "/api/v1/live") as fleet,
    ):
        lines, others = one.aiter_lines(), fleet.aiter_lines()
        assert await anext(lines) == ": isolane"
        assert await anext(others) == ": isolane"
        assert (await admin.patch("/api/v1/users/night", json={"disabled": True})).status_code == 200
        async with asyncio.timeout(20):
            assert "event: samples" not in [line async for line in lines]
            assert "event: samples" not in [line async for line in others]


async def test_a_stream_ends_with_its_token(front: Front) -> None:
    await front.add("first-admin")
    secret = "iso_" + "t" * 43
    await front.token(secret, [Scope.TELEMETRY_READ], expires_ms=int(time.time() * 1000) + 3000)
    async with (
        front.client(authorization=f"Bearer {secret}") as program,
        program.stream("GET", "/api/v1/live") as fleet,
    ):
        async with asyncio.timeout(20):
            assert ": isolane" in [line async for line in fleet.aiter_lines()]
        assert (await program.get("/api/v1/sites")).status_code == 401


async def test_pages_lead_to_the_log_in_and_on(front: Front, admin: httpx.AsyncClient) -> None:
    async with front.client() as stranger:
        answer = await stranger.get("/chargers/depot/CP-N?x=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fchargers%2Fdepot%2FCP-N%3Fx%3D1"
        # A link in a mail comes without the Strict cookie: the page asks again from here.
        bounced = await stranger.get(f"{front.url}//evil.example/x", headers={"sec-fetch-site": "cross-site"})
        assert 'content="0;url=/evil.example/x"' in bounced.text
        assert (await stranger.get("/fragments/fleet")).status_code == 401
    assert (await admin.get("/chargers/none/CP-N")).status_code == 404
    assert "no such site" not in (await admin.get("/chargers/none/CP-N")).text


@pytest.mark.parametrize(
    "after", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "x", ""]
)
async def test_the_log_in_leads_to_our_pages_only(front: Front, after: str) -> None:
    await front.add("night", Role.VIEWER)
    async with front.client() as client:
        form = {"name": "night", "password": PASSWORD, "next": after}
        answer = await client.post("/login", data=form, headers={"origin": front.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_one_who_asks_without_end_is_slowed_down(tmp_path: Path) -> None:
    settings = AccessSettings(requests_per_s=1, burst_requests=10)
    async with Front(tmp_path / "center", settings).running() as front:
        await front.add("greedy", Role.VIEWER)
        await front.add("modest", Role.VIEWER)
        async with await front.log_in("greedy") as greedy, await front.log_in("modest") as modest:
            codes = {(await greedy.get("/api/v1/sites")).status_code for _ in range(40)}
            assert codes == {200, 429}
            assert (await modest.get("/api/v1/sites")).status_code == 200


async def test_what_a_proxy_says_counts_only_if_it_is_ours(tmp_path: Path) -> None:
    origin = "https://center.example.org"
    for proxies, seen in ((("127.0.0.1",), "192.0.2.9"), (("10.0.0.5",), "127.0.0.1")):
        settings = AccessSettings(origin=origin, proxies=proxies)
        async with Front(tmp_path / proxies[0], settings).running() as front:
            await front.add("first-admin")
            headers = {"host": "center.example.org", "x-forwarded-for": "1.1.1.1, 192.0.2.9", "origin": origin}
            async with front.client(**headers) as client:
                body = {"name": "first-admin", "password": PASSWORD}
                answer = await client.post("/api/v1/session", json=body)
                (cookie,) = [line for line in answer.headers.get_list("set-cookie") if "session" in line]
                assert cookie.startswith("__Host-isolane-session=")
                assert "; Secure" in cookie
                assert answer.headers["strict-transport-security"]
                shown = await client.get("/api/v1/audit", headers={"cookie": cookie.partition(";")[0]})
                assert shown.json()[0]["address"] == seen
                assert (await client.get("/", headers={"host": "127.0.0.1"})).status_code == 421


async def test_over_tls_of_its_own(tmp_path: Path) -> None:
    ca = trustme.CA()
    chain = ca.issue_cert("127.0.0.1")
    chain.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in chain.cert_chain_pems:
        blob.write_to_path(tmp_path / "chain.pem", append=True)
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    settings = AccessSettings(
        origin="https://127.0.0.1:8443", certificate=tmp_path / "chain.pem", key=tmp_path / "key.pem"
    )
    async with Front(tmp_path / "center", settings).running() as front:
        await front.add("first-admin")
        assert front.url.startswith("https://")
        async with httpx.AsyncClient(base_url=front.url, verify=trust, timeout=PATIENCE_S) as client:
            assert (await client.get("/api/v1/sites")).status_code == 401
            body = {"name": "first-admin", "password": PASSWORD}
            assert (await client.post("/api/v1/session", json=body)).status_code == 200
            assert (await client.get("/api/v1/sites")).status_code == 200
            hostile = {"origin": front.url}
            assert (await client.post("/api/v1/tenants", json={"name": "x"}, headers=hostile)).status_code == 403
            own = {"origin": "https://127.0.0.1:8443"}
            assert (await client.post("/api/v1/tenants", json={"name": "x"}, headers=own)).status_code == 201


async def test_a_large_or_cut_form_is_refused(front: Front) -> None:
    async with front.client(origin=front.url) as client:
        form = {"name": "x", "password": "x" * 70_000}
        assert (await client.post("/login", data=form)).status_code == 413
        assert (await client.post("/api/v1/session", json=form)).status_code == 413
