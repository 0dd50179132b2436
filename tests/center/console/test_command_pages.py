"""This file proposes and follows commands on the console's pages; it guards that each state has its words and acts."""

import re
from collections.abc import AsyncIterator, Callable
from html import unescape
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

from isolane.center.console.command_pages import command_pages
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_read import found_command
from isolane.center.store.command_views import CommandQuery, CommandState, ProposedCommand
from isolane.center.store.people_views import Caller, Role
from support.asked import Asked
from support.proposals import SITE, asked
from support.stated_center import HOSTILE, StatedCenter

ANN = Caller("ann", Role.DISPATCHER, None, None, form_token="T")
VIC = Caller("vic", Role.VIEWER, None, None, form_token="T")
SOUTH = Caller("sue", Role.ADMIN, frozenset({"south"}), frozenset({"harbour"}), form_token="T")


@pytest.fixture
async def center(open_catalogue: Callable[[], SqlCatalogue], tmp_path: Path) -> StatedCenter:
    return await StatedCenter(open_catalogue(), tmp_path).begin()


@pytest.fixture
def seen(center: StatedCenter) -> Asked:
    app = FastAPI()
    app.include_router(command_pages(center.commands, SqlAlerts(center.catalogue)))
    return Asked(app, ANN)


@pytest.fixture
async def client(seen: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url="http://test", transport=httpx.ASGITransport(seen)) as one:
        yield one


async def _page(client: httpx.AsyncClient, path: str) -> str:
    return unescape((await client.get(path)).text.partition("<main")[2])


async def _proposed(client: httpx.AsyncClient, **form: str) -> str:
    answer = await client.post("/commands", data={"gateway": "gw-01", "reason": "it hangs", **form})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


async def test_a_command_is_proposed_from_its_form_in_the_name_of_who_is_logged_in(
    client: httpx.AsyncClient, center: StatedCenter
) -> None:
    form = await _page(client, "/commands/new?gateway=gw-01&verb=charger.reset&charger=CP1")
    assert 'name="arg-charger"' in form
    assert 'value="CP1"' in form
    assert "2 people sign, you among them and an approver" in form
    assert "refuses it while a transaction runs" in form
    jti = await _proposed(client, verb="charger.reset", **{"arg-charger": "CP1", "ticket": "T-7", "person": "bob"})
    made = await center.commands.one(jti)
    assert made is not None
    assert (made.command.person, made.command.proposed_by) == ("ann", "ann")
    assert made.command.args == {"charger": "CP1"}
    page = await _page(client, f"/commands/{jti}")
    assert "Waits for signatures" in page
    assert "CP1 has no transaction, known from messages that were just heard" in page
    assert "2 more to sign" in page
    assert f'href="http://127.0.0.1:8790/sign/{jti}"' in page
    assert "T-7" in page
    assert "Waits for signatures" in await _page(client, "/commands?gateway=gw-01&state=proposed")


async def test_what_does_not_fit_is_said_and_kept(client: httpx.AsyncClient) -> None:
    wrong = {"gateway": "gw-01", "verb": "charger.reset", "arg-charger": "../x", "arg-evse": "0", "reason": ""}
    answer = await client.post("/commands", data=wrong)
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert 'value="../x"' in page
    assert "Write a whole number from 1 to 99." in page
    assert "Say why: whoever signs reads it." in page
    for bad in ({"gateway": "gw-99"}, {"verb": "shell"}):
        assert (await client.post("/commands", data=wrong | bad)).status_code == 422


async def test_who_may_not_propose_is_told_so(client: httpx.AsyncClient, seen: Asked, center: StatedCenter) -> None:
    form = {"gateway": "gw-01", "verb": "status", "reason": "it hangs"}
    seen.who = VIC
    assert (await client.post("/commands", data=form)).status_code == 403
    assert "You may look, not propose" in await _page(client, "/commands/new")
    assert "Propose a command" not in await _page(client, "/commands")
    seen.who = Caller("ted", Role.TECHNICIAN, None, None)
    reset = form | {"verb": "charger.reset", "arg-charger": "CP1"}
    assert (await client.post("/commands", data=reset)).status_code == 403
    assert "You may look, not propose" in await _page(client, "/commands/new?gateway=gw-01&verb=charger.reset")
    no_key = await client.post("/commands", data=form)
    assert (no_key.status_code, "ted has no key in the manifest" in no_key.text) == (409, True)
    assert "has no key of ted" in await _page(client, "/commands/new")
    seen.who = Caller("", Role.ADMIN, None, None, open=True)
    assert (await client.post("/commands", data=form)).status_code == 403
    assert "Nobody is logged in" in await _page(client, "/commands/new")
    assert not (await center.commands.page(CommandQuery())).commands


async def test_another_tenants_command_is_not_there(
    client: httpx.AsyncClient, seen: Asked, center: StatedCenter
) -> None:
    made = await center.commands.propose(asked())
    seen.who = SOUTH
    for path in (f"/commands/{made.jti}", f"/fragments/commands/{made.jti}", f"/commands/new?again={made.jti}"):
        assert (await client.get(path)).status_code == 404, path
    assert (await client.post(f"/commands/{made.jti}")).status_code == 404
    assert (await client.get(f"/audits/{SITE}/gw-01")).status_code == 404
    assert made.jti not in (await client.get("/commands")).text
    assert "gw-01" not in (await client.get("/commands/new")).text
    assert (await client.post("/commands", data={"gateway": "gw-01", "verb": "status"})).status_code == 422
    assert "takes no commands" in (await client.get(f"/fragments/gateways/{SITE}/gw-01")).text


async def _in_state(center: StatedCenter, state: CommandState) -> ProposedCommand:
    """Bring a command to a state as it gets there."""
    made = await center.commands.propose(asked("freeze.clear"))
    if state is CommandState.WITHDRAWN:
        return await center.commands.withdraw(made.jti, "ann")
    if state is CommandState.EXPIRED:
        center.later_s = 301
        return made
    if state is not CommandState.PROPOSED:
        await center.sign(made, center.people.ann, center.people.bob)
    if state is CommandState.SENT:
        await center.catalogue.write(lambda session: _send(session, made.jti))
    elif state not in {CommandState.PROPOSED, CommandState.READY}:
        await center.answer(made, state.value, reason="interlock", detail="it is busy", told=HOSTILE)  # type: ignore[arg-type]
    return made


WORDS = {
    CommandState.PROPOSED: ("Look at it in your signer", "Withdraw"),
    CommandState.READY: ("it goes out as soon as its gateway is there", "Withdraw"),
    CommandState.SENT: ("the gateway has not answered yet",),
    CommandState.WITHDRAWN: ("taken back", "by ann", "Propose it again"),
    CommandState.EXPIRED: ("not begun in time", "Propose it again"),
    CommandState.ACCEPTED: ("Under way", "receipt of gw-01"),
    CommandState.REFUSED: ("Refused", "interlock: it is busy", "Propose it again"),
    CommandState.DONE: ("Done", "Download the proof", "Signed by gw-01 for these very bytes", "in its tree of 1 lines"),
    CommandState.FAILED: ("Failed", "Propose it again"),
    CommandState.UNKNOWN: ("never done a second time by itself", "Propose it again"),
}


@pytest.mark.parametrize("state", [*CommandState])
async def test_each_state_has_its_words_and_its_acts(
    client: httpx.AsyncClient, center: StatedCenter, state: CommandState
) -> None:
    made = await _in_state(center, state)
    raw = (await client.get(f"/commands/{made.jti}")).text
    page = unescape(raw)
    assert f'data-state="{state}"' in page
    for words in WORDS[state]:
        assert words in page, words
    assert (">Withdraw<" in page) == (state in {CommandState.PROPOSED, CommandState.READY})
    assert ("in your signer" in page) == (state is CommandState.PROPOSED)
    assert HOSTILE not in raw
    listed = (await client.get(f"/fragments/commands?state={state}")).text
    assert made.jti in listed
    for other in CommandState:
        if other is not state:
            assert made.jti not in (await client.get(f"/fragments/commands?state={other}")).text


async def test_the_receipt_is_witnessed_once_the_center_has_cosigned_its_tree(
    client: httpx.AsyncClient, center: StatedCenter
) -> None:
    made = await _in_state(center, CommandState.DONE)
    assert "found to go on from all before" not in await _page(client, f"/commands/{made.jti}")
    await center.state()
    assert "found to go on from all before" in await _page(client, f"/commands/{made.jti}")
    audit = await _page(client, f"/audits/{SITE}/gw-01")
    assert "gw-01, center" in audit
    assert "Every checkpoint that came goes on" in audit


async def test_a_second_history_of_an_audit_is_an_alarm(client: httpx.AsyncClient, center: StatedCenter) -> None:
    assert "None yet" in await _page(client, f"/audits/{SITE}/gw-01")
    center.gateway.grow(5)
    await center.state()
    center.gateway.tree = type(center.gateway.tree)()
    center.gateway.grow(5, "other")
    await center.state()
    page = await _page(client, f"/audits/{SITE}/gw-01")
    assert 'role="alert"' in page
    assert "The audit has a second history" in page
    assert "Every checkpoint that came goes on" not in page
    assert (await client.get("/audits/elsewhere/gw-01")).status_code == 404


async def test_withdrawing_is_for_who_may_propose_and_only_in_time(
    client: httpx.AsyncClient, seen: Asked, center: StatedCenter
) -> None:
    made = await center.commands.propose(asked("freeze.clear"))
    seen.who = VIC
    assert "no right to withdraw" in (await client.post(f"/commands/{made.jti}")).text
    seen.who = ANN
    assert (await client.post(f"/commands/{made.jti}")).status_code == 303
    again = await client.post(f"/commands/{made.jti}")
    assert (again.status_code, "It was not withdrawn" in again.text) == (409, True)


async def test_an_expired_command_is_proposed_again_with_what_it_had(
    client: httpx.AsyncClient, center: StatedCenter
) -> None:
    made = await center.commands.propose(asked("charger.reset", charger="CP7"))
    page = await _page(client, f"/commands/new?again={made.jti}")
    for value in ("CP7", "T-1", "it hangs"):
        assert f'value="{value}"' in page


async def test_the_gateways_page_freezes_and_two_end_it(client: httpx.AsyncClient, center: StatedCenter) -> None:
    page = (await client.get(f"/fragments/gateways/{SITE}/gw-01")).text
    assert "Freeze this gateway" in page
    jti = await _proposed(client, verb="freeze.set", reason="smoke")
    assert f'href="/commands/{jti}"' in (await client.get(f"/fragments/gateways/{SITE}/gw-01")).text
    await center.state(frozen=True)
    page = (await client.get(f"/fragments/gateways/{SITE}/gw-01")).text
    assert "Frozen: it refuses" in page
    assert "Propose to end the freeze" in page
    assert "This gateway is frozen" in await _page(client, "/commands/new?gateway=gw-01&verb=status")
    assert "takes no commands" in (await client.get("/fragments/gateways/elsewhere/gw-01")).text


async def test_hostile_texts_are_shown_as_they_are(client: httpx.AsyncClient, center: StatedCenter) -> None:
    jti = await _proposed(client, verb="freeze.clear", reason=HOSTILE, ticket="</p>")
    made = await center.commands.one(jti)
    assert made is not None
    await center.sign(made.command, center.people.ann, center.people.bob)
    await center.answer(made.command, "failed", reason="verb", detail=HOSTILE, told=HOSTILE)
    for path in ("/commands", f"/commands/{jti}", f"/commands/new?again={jti}", f"/audits/{SITE}/gw-01"):
        assert "<img" not in (await client.get(path)).text, path


async def test_without_gateways_and_commands_the_pages_say_what_is_missing(
    client: httpx.AsyncClient, seen: Asked
) -> None:
    assert "No command yet" in await _page(client, "/commands")
    assert "No alarm of level L2 or above stands" in await _page(client, "/commands")
    assert "None of these" in await _page(client, "/commands?state=done")
    seen.who = SOUTH
    assert "No gateway takes commands yet" in await _page(client, "/commands")
    assert "No gateway takes commands yet" in await _page(client, "/commands/new")
    for nothing in ("x", "%00", "A" * 22):
        assert (await client.get(f"/commands/{nothing}")).status_code == 404


async def test_many_commands_come_by_pages(client: httpx.AsyncClient, center: StatedCenter) -> None:
    for _ in range(51):
        await center.commands.propose(asked())
    page = await _page(client, "/commands")
    older = re.search(r'href="(/commands\?[^"]*before=[1-9][^"]*)"', page)
    assert older
    assert (await _page(client, older[1])).count('class="command-row"') == 1


async def test_what_alarms_ask_for_stands_beneath(client: httpx.AsyncClient, center: StatedCenter) -> None:
    opening = Opening("r", f"charger/{SITE}/A", SITE, "A", "", 3, "Level 3", "seen", "why", "Clean it", "Filter mat")
    await SqlAlerts(center.catalogue).decide(Decisions(openings=[opening]), (), 1_700_000_000_000)
    page = await _page(client, "/commands")
    assert "Clean it" in page
    assert "bring Filter mat" in page


def _send(session: Session, jti: str) -> None:
    row = found_command(session, jti)
    row.state, row.sent_ms = CommandState.SENT, row.proposed_ms
