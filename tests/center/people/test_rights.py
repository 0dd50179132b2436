"""This file asks for every route as everybody; it guards that the table of rights is what the center does.

The cases are made from the table: each route with no log-in, each role, each kind of tenant and each scope of a
token, at an own site and at a foreign one. Of the foreign tenant's facts not a byte may come.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from isolane.center.api.application import routes_of
from isolane.center.people.rights import _ROLES, RIGHTS, Right, Who
from isolane.center.store.people_views import Role, Scope
from support.front import NORTH, SOUTH, Front
from support.gateways import T0_MS
from support.rights_page import render, written

ROLES = [*Role]
FOREIGN = ("harbour", "CP-SOUTH", "gw-south")
QUERY = f"charger=CP-N&signal=1.0/EVSE/Power&from_ms={T0_MS}&to_ms={T0_MS + 4000}"
REFUSED = {401, 403}


@pytest.fixture
async def callers(front: Front) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """One client for each kind of caller, by name."""
    async with AsyncExitStack() as closing:
        made: dict[str, httpx.AsyncClient] = {}
        for role in ROLES:
            for tenant, tenants in (("north", "north"), ("all", "*")):
                name = await front.add(f"{role}.{tenant}", role, tenants)
                made[name] = await front.log_in(name)
        for number, scope in enumerate(Scope):
            for tenant, tenants in (("north", "north"), ("all", "*")):
                secret = f"iso_{number}{tenant:-<42}"
                await front.token(secret, [scope], tenants)
                made[f"{scope}.{tenant}"] = front.client(authorization=f"Bearer {secret}")
        made["nobody"] = front.client()
        for client in made.values():
            closing.push_async_callback(client.aclose)
        yield made


def path_of(right: Right, site: str) -> str:
    """Fill a route's path; other names than sites are of nothing that exists."""
    values = {"site": site, "charger": "CP-N", "device": "CP-N", "number": "999", "id": "0" * 32, "path": "nothing"}
    if right.path == "/static":
        return "/static/css/tokens.css"
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: values.get(found[1], "nobody"), right.path)


async def status(client: httpx.AsyncClient, right: Right, path: str) -> tuple[int, bytes]:
    """Ask; of a stream that is answered, the first bytes are enough."""
    headers = {"sec-fetch-site": "same-origin"}
    if right.is_form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    async with client.stream(right.method, path, headers=headers) as answer:
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if right.is_stream and (b"event: " in body or "{site}" in right.path):
                break
        return answer.status_code, body


def allowed(right: Right, name: str) -> bool:
    """Tell, apart from the code under test, whether somebody may."""
    kind, _, tenant = name.partition(".")
    if right.who is Who.ANYBODY:
        return True
    if kind == "nobody" or (right.everywhere and tenant != "all"):
        return False
    return kind in _ROLES[right.who] if kind in set(Role) else kind == right.scope


def is_let_in(right: Right, code: int, body: bytes) -> bool:
    """Tell whether an answer is what somebody gets who may: a form of his without its token is refused later."""
    if right.is_form and code == 403:
        return b"of another session" in body
    return code not in REFUSED and not (code == 303 and right.method == "GET" and right.path != "/login/provider")


ENDING = {("DELETE", "/api/v1/session"), ("POST", "/login")}
"""To ask for these as somebody who may would end his session, or be refused for want of a password."""


async def test_everybody_may_what_the_table_says_and_nothing_else(callers: dict[str, httpx.AsyncClient]) -> None:
    wrong = []
    asked = 0
    for right in RIGHTS:
        for name, client in callers.items():
            if (right.method, right.path) in ENDING and allowed(right, name):
                continue
            code, body = await status(client, right, path_of(right, NORTH))
            asked += 1
            if is_let_in(right, code, body) != allowed(right, name) or code == 500:
                wrong.append((right.method, right.path, name, code, body[:100]))
    assert wrong == []
    assert asked > 500
    assert {f"{role}.{tenant}" for role in ROLES for tenant in ("north", "all")} < set(callers)


async def test_no_byte_of_another_tenant_comes(callers: dict[str, httpx.AsyncClient]) -> None:
    kinds = {"admin", *Scope}
    north = {name: client for name, client in callers.items() if name in {f"{kind}.north" for kind in kinds}}
    for right in RIGHTS:
        if right.who is Who.ANYBODY or right.is_form or (right.method, right.path) in ENDING:
            continue
        for name, client in north.items():
            if not allowed(right, name):
                continue  # refused whatever he asks for, as the test above has seen
            for path in (path_of(right, SOUTH), f"{path_of(right, NORTH)}?site={SOUTH}&{QUERY}"):
                code, body = await status(client, right, path)
                assert not [word for word in FOREIGN if word.encode() in body], (right, name, path, code)
                names_it = f"site={SOUTH}" in path if right.scope else "{site}" in right.path and "?" not in path
                if names_it:
                    assert code == 404, (right, name)
            code, body = await status(client, right, f"{path_of(right, NORTH)}?site={NORTH}&site={SOUTH}&{QUERY}")
            assert not [word for word in FOREIGN if word.encode() in body], (right, name, code)


async def test_a_foreign_site_in_a_body_is_not_there(callers: dict[str, httpx.AsyncClient]) -> None:
    for path, body in (
        ("/api/v1/kpis/nameplates", {"charger": "CP", "from_ms": 1, "model": "m"}),
        ("/api/v1/silences", {"minutes": 5, "reason": "work at the site"}),
    ):
        own = await callers["engineer.north"].post(path, json={**body, "site": NORTH})
        assert own.status_code in {200, 201}, own.text
        foreign = await callers["engineer.north"].post(path, json={**body, "site": SOUTH})
        assert foreign.status_code in {403, 404}, foreign.text
        assert SOUTH not in (await callers["engineer.all"].get(path)).text


async def test_who_sees_all_sees_both(callers: dict[str, httpx.AsyncClient]) -> None:
    both = callers["viewer.all"]
    for path in ("/api/v1/sites", "/api/v1/chargers", "/api/v1/ledger", "/api/v1/quarantine", "/", "/ledger"):
        text = (await both.get(path)).text
        assert NORTH in text, path
        assert SOUTH in text, path
        own = (await callers["viewer.north"].get(path)).text
        assert NORTH in own, path


async def test_a_site_that_nobody_has_is_seen_by_those_who_see_all(callers: dict[str, httpx.AsyncClient]) -> None:
    assert (await callers["admin.all"].put("/api/v1/tenants/south/sites/depot")).status_code == 204
    assert (await callers["viewer.north"].get("/api/v1/sites")).json() == []
    assert (await callers["viewer.north"].get("/api/v1/chargers/depot/CP-N/signals")).status_code == 404
    assert len((await callers["viewer.all"].get("/api/v1/sites")).json()) == 2


def test_the_table_has_each_route_once() -> None:
    lines = [(right.method, right.path) for right in RIGHTS]
    assert len(lines) == len(set(lines))


async def test_the_table_has_the_routes_of_the_center_and_no_others(front: Front) -> None:
    lines = {(right.method, right.path) for right in RIGHTS}
    assert lines == set(routes_of(front.center.app))


def test_the_page_tells_the_table() -> None:
    assert written() == render(), "run `PYTHONPATH=tests python -m support.rights_page`"


async def test_other_methods_and_paths_are_nobodys(callers: dict[str, httpx.AsyncClient]) -> None:
    assert (await callers["nobody"].post("/api/v1/sites")).status_code == 401
    assert (await callers["admin.all"].post("/api/v1/sites")).status_code == 405
    assert (await callers["admin.all"].request("TRACE", "/")).status_code == 405
    assert (await callers["admin.all"].post("/nothing", json={})).status_code == 405
