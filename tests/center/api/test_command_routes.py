"""This file proposes, signs and exports by the API; it guards that no body says who acts, and no other tenant looks."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from isolane.center.api import problems
from isolane.center.api.command_routes import command_router
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_views import Caller, Role, Scope
from isolane.security.envelope import STATEMENT, parse
from isolane.wire.command import Command, read
from isolane.wire.command_proof import decode
from support.asked import Asked
from support.proposals import SITE, asked, signature
from support.stated_center import StatedCenter

ANN = Caller("ann", Role.ENGINEER, frozenset({"north"}), frozenset({SITE}))
VIC = Caller("vic", Role.VIEWER, None, None)
SOUTH = Caller("sue", Role.ADMIN, frozenset({"south"}), frozenset({"harbour"}))
SIGNER = Caller("ann-signer", None, None, None, frozenset({Scope.COMMANDS_READ, Scope.COMMANDS_SIGN}))
WANTED = {"gateway": "gw-01", "verb": "freeze.clear", "args": {}, "ticket": "T-1", "reason": "smoke is gone"}


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
async def center(open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path) -> StatedCenter:
    return await StatedCenter(open_catalogue(), tmp_path).begin()


@pytest.fixture
def seen(center: StatedCenter) -> Asked:
    app = FastAPI()
    problems.install(app)
    app.include_router(command_router(center.commands))
    return Asked(app, ANN)


@pytest.fixture
async def client(seen: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url="http://test/api/v1", transport=httpx.ASGITransport(seen)) as one:
        yield one


async def test_a_command_is_proposed_signed_and_followed(
    client: httpx.AsyncClient, seen: Asked, center: StatedCenter
) -> None:
    answer = await client.post("/commands", json=WANTED)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["person"], made["proposed_by"], made["state"], made["need"]) == ("ann", "ann", "proposed", 2)
    command = read(_bytes(made["payload"]), Command)
    assert (command.jti, command.aud, command.req.reason) == (made["jti"], "gw-01", "smoke is gone")
    seen.who = SIGNER
    told = (await client.get(f"/commands/{made['jti']}")).json()
    assert told["payload"] == made["payload"]
    parse(_bytes(told["statement"]), STATEMENT)
    assert [each["jti"] for each in (await client.get("/commands?state=proposed")).json()["commands"]] == [made["jti"]]
    for person, state in ((center.people.ann, "proposed"), (center.people.bob, "ready")):
        body = {"kid": person.signer.key_id, "signature": signature(_bytes(told["payload"]), person)}
        assert (await client.post(f"/commands/{made['jti']}/signatures", json=body)).json()["state"] == state
    assert (await client.post(f"/commands/{made['jti']}/signatures", json=body)).status_code == 409
    history = (await client.get(f"/commands/{made['jti']}")).json()
    assert [each["person"] for each in history["signatures"]] == ["ann", "bob"]


async def test_who_acts_is_in_no_body(client: httpx.AsyncClient) -> None:
    for more in ({"person": "bob"}, {"proposed_by": "bob"}, {"tenant": "south"}, {"life_s": 9999}):
        assert (await client.post("/commands", json=WANTED | more)).status_code == 422, more


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({"gateway": "gw-99"}, 404, "no gateway"),
        ({"verb": "shell"}, 422, "no verb"),
        ({"args": {"x": 1}}, 422, "verb:"),
        ({"reason": ""}, 422, "reason"),
        ({"reason": "a\u202eb"}, 422, "verb:"),
    ],
)
async def test_what_cannot_be_proposed(
    client: httpx.AsyncClient, changed: dict[str, object], status: int, word: str
) -> None:
    answer = await client.post("/commands", json=WANTED | changed)
    assert (answer.status_code, word in answer.text) == (status, True), answer.text


async def test_an_old_statement_and_a_missing_key_are_told(
    client: httpx.AsyncClient, seen: Asked, center: StatedCenter
) -> None:
    seen.who = Caller("ted", Role.ENGINEER, None, None)
    answer = await client.post("/commands", json=WANTED)
    assert (answer.status_code, "ted has no key" in answer.text) == (422, True)
    seen.who, center.later_s = ANN, 16 * 60
    answer = await client.post("/commands", json=WANTED)
    assert (answer.status_code, "older than a quarter" in answer.text) == (409, True)


async def test_signatures_that_do_not_hold_are_refused(client: httpx.AsyncClient, center: StatedCenter) -> None:
    made = await center.commands.propose(asked("freeze.clear"))
    other = await center.commands.propose(asked("freeze.clear"))
    path, kid = f"/commands/{made.jti}/signatures", center.people.ann.signer.key_id
    for body in (
        {"kid": kid, "signature": signature(other.payload, center.people.ann)},
        {"kid": kid, "signature": "AAAA"},
        {"kid": "0" * 64, "signature": "A" * 86},
        {"kid": center.people.vic.signer.key_id, "signature": signature(made.payload, center.people.vic)},
        {"kid": kid},
        {"kid": kid, "signature": signature(made.payload, center.people.ann), "person": "bob"},
    ):
        assert (await client.post(path, json=body)).status_code == 422, body
    assert (
        await client.post(f"/commands/{'A' * 22}/signatures", json={"kid": kid, "signature": "A"})
    ).status_code == 404


async def test_roles_bound_what_is_proposed(client: httpx.AsyncClient, seen: Asked, center: StatedCenter) -> None:
    made = await center.commands.propose(asked("freeze.clear"))
    for who in (VIC, SIGNER, Caller("", Role.ADMIN, None, None, open=True)):
        seen.who = who
        assert (await client.post("/commands", json=WANTED)).status_code == 403
        assert (await client.post(f"/commands/{made.jti}/withdraw")).status_code == 403
    seen.who = Caller("ted", Role.TECHNICIAN, None, None)
    reset = WANTED | {"verb": "charger.reset", "args": {"charger": "CP1"}}
    assert (await client.post("/commands", json=reset)).status_code == 403
    seen.who = ANN
    assert (await client.post(f"/commands/{made.jti}/withdraw")).json()["state"] == "withdrawn"
    assert (await client.post(f"/commands/{made.jti}/withdraw")).status_code == 409


async def test_another_tenant_sees_and_touches_nothing(
    client: httpx.AsyncClient, seen: Asked, center: StatedCenter
) -> None:
    made = await center.commands.propose(asked())
    seen.who = SOUTH
    for path in (f"/commands/{made.jti}", f"/commands/{made.jti}/proof", "/audits/gw-01"):
        assert (await client.get(path)).status_code == 404, path
    assert (await client.post(f"/commands/{made.jti}/withdraw")).status_code == 404
    assert (await client.post("/commands", json=WANTED)).status_code == 404
    assert (await client.get("/commands")).json() == {"commands": [], "before": None}
    assert (await client.get("/statements")).json() == []


async def test_the_proof_has_all_that_was_signed(client: httpx.AsyncClient, center: StatedCenter) -> None:
    made = await center.commands.propose(asked("freeze.clear"))
    await center.sign(made, center.people.ann, center.people.bob)
    await center.answer(made, "done")
    await center.state()
    center.gateway.grow(2)
    await center.state(old=1)
    answer = await client.get(f"/commands/{made.jti}/proof")
    assert f'filename="isolane-proof-{made.jti}.json"' in answer.headers["content-disposition"]
    proof = decode(answer.content)
    assert (proof.gateway, proof.jti, len(proof.receipts)) == ("gw-01", made.jti, 1)
    assert json.loads(proof.command)["payload"] == proof.payload
    assert [each.old for each in proof.checkpoints] == [0, 1]
    assert json.loads(proof.keys)["signatures"]


async def test_gateways_keys_and_verbs_are_told(client: httpx.AsyncClient, center: StatedCenter) -> None:
    center.gateway.grow(3)
    await center.state()
    [statement] = (await client.get(f"/statements?site={SITE}")).json()
    assert (statement["gateway"], statement["is_frozen"], statement["keys_ver"]) == ("gw-01", False, 1)
    audit = (await client.get("/audits/gw-01")).json()
    assert [each["size"] for each in audit["checkpoints"]] == [3]
    assert audit["suspicions"] == []
    [keys] = (await client.get("/keys")).json()
    assert keys["version"] == 1
    assert (await client.get("/keys?after=1")).json() == []
    verbs = {each["name"]: each for each in (await client.get("/verbs")).json()}
    assert verbs["charger.reset"]["need"] == 2
    assert "charger" in json.dumps(verbs["charger.reset"]["arguments"])
