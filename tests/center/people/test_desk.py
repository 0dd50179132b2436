"""This file keeps users and tokens over a real socket; it guards that nobody gives more than he has."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from isolane.center.store.people_views import Role, Scope
from support.front import PASSWORD, Front


@pytest.fixture
async def admin(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of all tenants."""
    await front.add("first-admin")
    async with await front.log_in("first-admin") as client:
        yield client


@pytest.fixture
async def of_north(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of one tenant, beside people and tokens of others."""
    await front.add("admin-north", Role.ADMIN, "north")
    await front.add("night-south", Role.VIEWER, "south")
    await front.add("of-both", Role.VIEWER, "north south")
    await front.token("iso_" + "s" * 43, [Scope.TELEMETRY_READ], "south")
    async with await front.log_in("admin-north") as client:
        yield client


def user(name: str, *tenants: str, role: str = "viewer") -> dict[str, object]:
    return {"name": name, "role": role, "tenants": list(tenants), "password": PASSWORD}


async def test_users_come_and_change(front: Front, admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/v1/users", json=user("night", "north"))
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["has_password"], made.json()["tenants"]) == ("night", True, ["north"])
    assert "argon2" not in made.text
    assert (await admin.post("/api/v1/users", json=user("night", "north"))).status_code == 409
    async with await front.log_in("night") as night:
        assert [site["site"] for site in (await night.get("/api/v1/sites")).json()] == ["depot"]
    changed = await admin.patch("/api/v1/users/night", json={"role": "engineer", "password": "a different sentence"})
    assert (changed.status_code, changed.json()["role"]) == (200, "engineer")
    async with await front.log_in("night", "a different sentence"):
        pass
    assert (await admin.patch("/api/v1/users/nobody", json={"role": "engineer"})).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        user("Night", "north"),
        user("../x", "north"),
        user("night", "nowhere"),
        user("night"),
        user("night", "north", role="root"),
        {**user("night", "north"), "password": "short"},
        {**user("night", "north"), "tenants": "north"},
    ],
)
async def test_what_cannot_be_is_refused(admin: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await admin.post("/api/v1/users", json=body)).status_code == 422


async def test_nobody_changes_himself(admin: httpx.AsyncClient) -> None:
    for change in ({"role": "viewer"}, {"disabled": True}, {"password": "a different sentence"}):
        assert (await admin.patch("/api/v1/users/first-admin", json=change)).status_code == 403


async def test_an_administrator_of_a_tenant_knows_of_that_tenant_only(of_north: httpx.AsyncClient) -> None:
    assert [one["name"] for one in (await of_north.get("/api/v1/users")).json()] == ["admin-north"]
    assert (await of_north.get("/api/v1/tokens")).json() == []
    for name in ("night-south", "of-both", "nobody"):
        assert (await of_north.patch(f"/api/v1/users/{name}", json={"disabled": True})).status_code == 404
        assert (await of_north.get(f"/api/v1/sessions?user={name}")).status_code == 404
    assert (await of_north.delete("/api/v1/tokens/1")).status_code == 404
    for tenants in (["*"], ["south"], ["north", "south"]):
        assert (await of_north.post("/api/v1/users", json=user("new", *tenants))).status_code == 403
        token = {"name": "robot", "scopes": ["telemetry:read"], "tenants": tenants, "days": 1}
        assert (await of_north.post("/api/v1/tokens", json=token)).status_code == 403
    assert (await of_north.post("/api/v1/users", json=user("new", "north"))).status_code == 201
    assert (await of_north.patch("/api/v1/users/new", json={"tenants": ["*"]})).status_code == 403


async def test_sessions_are_listed_and_ended(
    front: Front, admin: httpx.AsyncClient, of_north: httpx.AsyncClient
) -> None:
    async with await front.log_in("night-south") as night, await front.log_in("night-south") as phone:
        (newest, _) = (await night.get("/api/v1/sessions")).json()
        assert (newest["person"], newest["address"]) == ("night-south", "127.0.0.1")
        assert phone.cookies["isolane-session"] not in str(newest)
        # Somebody else's session does not exist for who may not change him.
        assert (await of_north.delete(f"/api/v1/sessions/{newest['id']}")).status_code == 404
        listed = (await admin.get("/api/v1/sessions?user=night-south")).json()
        assert len(listed) == 2
        assert (await admin.delete(f"/api/v1/sessions/{newest['id']}")).status_code == 204
        codes = [(await one.get("/api/v1/session")).status_code for one in (night, phone)]
        assert sorted(codes) == [200, 401]


async def test_a_token_does_what_its_scopes_say_until_it_is_revoked(front: Front, admin: httpx.AsyncClient) -> None:
    body = {"name": "grafana", "scopes": ["telemetry:read"], "tenants": ["north"], "days": 30}
    made = (await admin.post("/api/v1/tokens", json=body)).json()
    assert made["secret"].startswith("iso_")
    listed = await admin.get("/api/v1/tokens")
    assert made["secret"] not in listed.text
    assert [(one["name"], one["state"], one["created_by"]) for one in listed.json()] == [
        ("grafana", "valid", "first-admin")
    ]
    async with front.client(authorization=f"bearer {made['secret']}") as program:
        assert [site["site"] for site in (await program.get("/api/v1/sites")).json()] == ["depot"]
        assert (await program.get("/api/v1/ledger")).status_code == 403
        assert (await program.get("/api/v1/session")).status_code == 403
        assert (await program.get("/")).status_code == 403
        assert (await admin.delete(f"/api/v1/tokens/{made['token']['number']}")).status_code == 204
        assert (await program.get("/api/v1/sites")).status_code == 401
    assert [one["state"] for one in (await admin.get("/api/v1/tokens")).json()] == ["revoked"]


async def test_a_token_works_while_its_maker_may_log_in(front: Front, admin: httpx.AsyncClient) -> None:
    await front.add("leaver")
    body = {"name": "grafana", "scopes": ["telemetry:read"], "tenants": ["*"], "days": 30}
    async with await front.log_in("leaver") as leaver:
        made = (await leaver.post("/api/v1/tokens", json=body)).json()
    async with front.client(authorization=f"Bearer {made['secret']}") as program:
        states = []
        for disabled in (False, True, False):
            assert (await admin.patch("/api/v1/users/leaver", json={"disabled": disabled})).status_code == 200
            (listed,) = (await admin.get("/api/v1/tokens")).json()
            states.append((listed["state"], (await program.get("/api/v1/sites")).status_code))
        assert states == [("valid", 200), ("stopped", 401), ("valid", 200)]
        async with program.stream("GET", "/api/v1/live") as fleet:
            lines = fleet.aiter_lines()
            assert await anext(lines) == ": isolane"
            assert (await admin.patch("/api/v1/users/leaver", json={"disabled": True})).status_code == 200
            async with asyncio.timeout(20):
                assert "event: samples" not in [line async for line in lines]
        assert (await admin.delete(f"/api/v1/tokens/{listed['number']}")).status_code == 204
    assert [one["state"] for one in (await admin.get("/api/v1/tokens")).json()] == ["revoked"]


async def test_a_token_that_is_none_or_over_opens_nothing(front: Front, admin: httpx.AsyncClient) -> None:
    await front.token("iso_" + "o" * 43, [Scope.TELEMETRY_READ], expires_ms=1)
    for shown in ("Bearer iso_" + "o" * 43, "Bearer iso_" + "x" * 43, "Bearer x", "Basic eDp4", "Bearer"):
        # A good session beside it does not help.
        answer = await admin.get("/api/v1/sites", headers={"authorization": shown})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for days in (0, 731, 1.5, "9"):
        body = {"name": "robot", "scopes": ["telemetry:read"], "tenants": ["*"], "days": days}
        assert (await admin.post("/api/v1/tokens", json=body)).status_code == 422
    for scopes in ([], ["everything"], ["telemetry:read", "root"]):
        body = {"name": "robot", "scopes": scopes, "tenants": ["*"], "days": 1}
        assert (await admin.post("/api/v1/tokens", json=body)).status_code == 422


async def test_tenants(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/api/v1/tenants", json={"name": "east"})).status_code == 201
    assert (await admin.post("/api/v1/tenants", json={"name": "east"})).status_code == 409
    assert (await admin.post("/api/v1/tenants", json={"name": "*"})).status_code == 422
    assert (await admin.put("/api/v1/tenants/east/sites/new-site")).status_code == 204
    assert (await admin.put("/api/v1/tenants/west/sites/depot")).status_code == 404
    assert {one["name"]: one["sites"] for one in (await admin.get("/api/v1/tenants")).json()} == {
        "east": ["new-site"],
        "north": ["depot"],
        "south": ["harbour"],
    }
