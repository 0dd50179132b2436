"""This file logs people in and out over a real socket; it guards that every refusal is the same."""

import json
import time
from urllib.parse import quote

import httpx
import pytest

from isolane.center.people.attempts import OF_ACCOUNT_MAX
from isolane.center.store.people_views import Role
from support.front import PASSWORD, Front

SESSION = "isolane-session"


async def who(client: httpx.AsyncClient) -> int:
    """Ask who the center takes one for; the status tells whether the session holds."""
    return (await client.get("/api/v1/session")).status_code


async def test_a_center_without_users_is_open_until_the_first(front: Front) -> None:
    async with front.client() as anybody:
        me = (await anybody.get("/api/v1/session")).json()
        assert me == {"name": "", "role": "dispatcher", "tenants": ["*"], "open": True}
        assert "isolane center user add" in (await anybody.get("/")).text
        assert (await anybody.get("/api/v1/users")).status_code == 403
        assert (await anybody.get("/account")).status_code == 403
        await front.add("first-admin")
        deadline = time.monotonic() + 10
        while (await anybody.get("/api/v1/sites")).status_code != 401:
            assert time.monotonic() < deadline


async def test_log_in_and_out(front: Front) -> None:
    await front.add("night", Role.DISPATCHER, "north")
    client = await front.log_in("night")
    async with client, await front.log_in("night") as phone:
        assert (await client.get("/api/v1/session")).json() == {
            "name": "night",
            "role": "dispatcher",
            "tenants": ["north"],
            "open": False,
        }
        cookie = client.cookies[SESSION]
        assert (await client.delete("/api/v1/session")).status_code == 204
        async with front.client(cookie=f"{SESSION}={cookie}") as thief:
            assert [await who(one) for one in (client, phone, thief)] == [401] * 3


async def test_every_refusal_is_the_same_and_costs_the_same(front: Front) -> None:
    await front.add("night", Role.VIEWER)
    await front.add("gone", Role.VIEWER)
    await front.records.change_person("gone", front.center.office.desk._audit.line("x"), disabled=True)
    answers = set()
    async with front.client() as client:
        for name, password in (("night", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("night ", "x" * 256)):
            answer = await client.post("/api/v1/session", json={"name": name, "password": password})
            answers.add((answer.status_code, answer.text, tuple(sorted(answer.headers))))
            assert "set-cookie" not in answer.headers
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


@pytest.mark.parametrize("text", ["\x00", "\ud800", "night\x00", "\n", "\u202e", "*", "' OR 1=1 --"])
async def test_no_text_breaks_the_door(front: Front, text: str) -> None:
    await front.add("first-admin")
    async with await front.log_in("first-admin") as client:
        for body in ({"name": text, "password": PASSWORD}, {"name": "first-admin", "password": text}):
            sent = json.dumps(body).encode()
            answer = await client.post("/api/v1/session", content=sent, headers={"content-type": "application/json"})
            assert answer.status_code in {401, 422}
        sent = json.dumps({"old": PASSWORD, "new": text * 20 + "abcdefgh\x00"}).encode()
        answer = await client.put("/api/v1/password", content=sent, headers={"content-type": "application/json"})
        assert answer.status_code == 422
        step = quote(text.encode("utf-8", "replace"), safe="")
        assert (await client.get(f"/api/v1/sessions?user={step}")).status_code == 404
        assert (await client.patch(f"/api/v1/users/{step}", json={})).status_code == 404
        assert (await client.put(f"/api/v1/tenants/{step}/sites/depot")).status_code == 404


async def test_guessing_ends_and_the_owner_gets_in(front: Front) -> None:
    await front.add("night", Role.VIEWER)
    async with await front.log_in("night") as owner, front.client() as guesser:
        codes = []
        for _ in range(OF_ACCOUNT_MAX + 3):
            answer = await guesser.post("/api/v1/session", json={"name": "night", "password": "guess"})
            codes.append(answer.status_code)
        assert codes == [401] * OF_ACCOUNT_MAX + [429] * 3
        assert answer.headers["retry-after"]
        right = {"name": "night", "password": PASSWORD}
        assert (await guesser.post("/api/v1/session", json=right)).status_code == 429
        await owner.delete("/api/v1/session")
        assert (await owner.post("/api/v1/session", json=right)).status_code == 200


async def test_a_planted_cookie_is_not_taken_over(front: Front) -> None:
    await front.add("night", Role.VIEWER)
    planted = "p" * 43
    async with front.client(cookie=f"{SESSION}={planted}") as victim:
        answer = await victim.post("/api/v1/session", json={"name": "night", "password": PASSWORD})
        assert answer.cookies[SESSION] != planted
    async with front.client(cookie=f"{SESSION}={planted}") as attacker:
        assert await who(attacker) == 401


async def test_a_new_password_ends_all_sessions_but_a_new_one(front: Front) -> None:
    await front.add("night", Role.VIEWER)
    async with await front.log_in("night") as one, await front.log_in("night") as other:
        before = one.cookies[SESSION]
        wrong = await one.put("/api/v1/password", json={"old": "wrong", "new": "another long sentence"})
        assert wrong.status_code == 401
        weak = await one.put("/api/v1/password", json={"old": PASSWORD, "new": "short"})
        assert weak.status_code == 422
        done = await one.put("/api/v1/password", json={"old": PASSWORD, "new": "another long sentence"})
        assert done.status_code == 200
        assert one.cookies[SESSION] != before
        assert await who(one) == 200
        assert await who(other) == 401
        async with front.client(cookie=f"{SESSION}={before}") as old:
            assert await who(old) == 401
    async with await front.log_in("night", "another long sentence") as again:
        assert await who(again) == 200


@pytest.mark.parametrize("change", [{"role": "dispatcher"}, {"tenants": ["north"]}, {"disabled": True}])
async def test_a_change_of_rights_ends_all_sessions(front: Front, change: dict[str, object]) -> None:
    await front.add("first-admin")
    await front.add("night", Role.ENGINEER)
    async with await front.log_in("first-admin") as admin, await front.log_in("night") as night:
        assert await who(night) == 200
        assert (await admin.patch("/api/v1/users/night", json=change)).status_code == 200
        assert await who(night) == 401


async def test_what_has_happened_is_in_the_audit_and_no_secret(front: Front) -> None:
    await front.add("first-admin")
    async with front.client() as client:
        await client.post("/api/v1/session", json={"name": PASSWORD[:20], "password": "x"})
        await client.post("/api/v1/session", json={"name": "first-admin", "password": "wrong"})
    async with await front.log_in("first-admin") as admin:
        lines = (await admin.get("/api/v1/audit")).json()
        told = [(line["who"], line["what"], line["subject"], line["address"]) for line in lines[:3]]
        assert told == [
            ("first-admin", "log-in", "", "127.0.0.1"),
            ("", "log-in-refused", "first-admin", "127.0.0.1"),
            ("", "log-in-refused", "", "127.0.0.1"),
        ]
        older = (await admin.get(f"/api/v1/audit?before={lines[1]['number']}&limit=1")).json()
        assert older == [lines[2]]
        assert admin.cookies[SESSION] not in str(lines)
