"""This file tests how alerts are kept; it guards that a decision and its messages are one step, whatever repeats."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import ClosedAlertError, Decisions, NoSuchAlertError, Opening, WayOut
from isolane.center.store.alert_views import AlertQuery, AlertState, Silence, state_of
from isolane.center.store.catalogue import SqlCatalogue

BOOL = st.booleans()
NOW = 1_700_000_000_000
OPENING = Opening(
    "hot", "charger/depot/A", "depot", "A", "", 3, "Contact hot", "91 °C", "It melts", "Clean the pins", "Cable"
)
WAYS = (
    WayOut("hook", 2, frozenset({"opened", "escalated"})),
    WayOut("mail", 4, frozenset({"opened", "escalated"})),
)


@pytest.fixture
def catalogue(open_catalogue: Callable[[], SqlCatalogue]) -> SqlCatalogue:
    return open_catalogue()


@pytest.fixture
def alerts(catalogue: SqlCatalogue) -> SqlAlerts:
    return SqlAlerts(catalogue)


async def opened(alerts: SqlAlerts, *openings: Opening) -> int:
    await alerts.decide(Decisions(openings=list(openings or [OPENING])), WAYS, NOW)
    return (await alerts.standing())[-1].number


async def kinds(alerts: SqlAlerts, number: int) -> list[str]:
    return [event.kind for event in (await alerts.history(number)).events]


async def told(alerts: SqlAlerts, way: str, now_ms: int = NOW) -> list[str]:
    """Take everything a way has to tell."""
    out = []
    while (message := await alerts.due(way, now_ms)) is not None:
        out.append(message.event)
        await alerts.settle(message.number, "taken", delivered=True, now_ms=now_ms)
    return out


async def test_an_opening_that_is_decided_again_opens_and_tells_nothing(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.decide(Decisions(openings=[OPENING, OPENING]), WAYS, NOW + 1)
    assert [alert.number for alert in await alerts.standing()] == [number]
    assert await alerts.waiting() == {"hook": 1}
    assert await told(alerts, "hook") == ["opened"]
    assert await told(alerts, "mail") == []
    assert await kinds(alerts, number) == ["opened", "delivered"]


async def test_all_is_there_after_a_restart(
    open_catalogue: Callable[[], SqlCatalogue], catalogue: SqlCatalogue, alerts: SqlAlerts
) -> None:
    number = await opened(alerts)
    await alerts.decide(Decisions(memories={("drift", "s"): {"sum": 1.5}, ("gone", "s"): {}}), WAYS, NOW)
    await alerts.decide(Decisions(memories={("gone", "s"): None}), WAYS, NOW)
    await catalogue.close()
    again = SqlAlerts(open_catalogue())
    assert [(alert.number, alert.state) for alert in await again.standing()] == [(number, AlertState.OPEN)]
    assert await again.memories() == {("drift", "s"): {"sum": 1.5}}
    assert await told(again, "hook") == ["opened"]


async def test_who_was_told_the_beginning_is_told_the_end(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.decide(Decisions(closings={number: "back to 60 °C"}), WAYS, NOW + 1)
    assert await told(alerts, "hook", NOW + 1) == ["opened", "resolved"]
    assert await told(alerts, "mail", NOW + 1) == []
    assert await alerts.standing() == []
    alert = (await alerts.history(number)).alert
    assert (alert.state, alert.closed_by, alert.closed_ms, alert.held) == ("closed", "", NOW + 1, False)
    assert await opened(alerts) > number


async def test_a_message_that_is_put_off_holds_back_its_way_and_no_other(alerts: SqlAlerts) -> None:
    number = await opened(alerts, replace(OPENING, level=4))
    await alerts.decide(Decisions(closings={number: "over"}), WAYS, NOW + 1)
    message = await alerts.due("hook", NOW + 1)
    assert message is not None
    await alerts.put_off(message.number, NOW + 500, "refused")
    assert await alerts.due("hook", NOW + 499) is None
    assert await told(alerts, "mail", NOW + 1) == ["opened", "resolved"]
    again = await alerts.due("hook", NOW + 500)
    assert again is not None
    assert (again.number, again.event, again.attempts) == (message.number, "opened", 1)
    await alerts.settle(again.number, "HTTP 410", delivered=False, now_ms=NOW + 500)
    await alerts.settle(again.number, "HTTP 410", delivered=False, now_ms=NOW + 500)
    assert (await kinds(alerts, number)).count("undeliverable") == 1
    assert await told(alerts, "hook", NOW + 500) == ["resolved"]


async def test_a_message_says_how_it_was_when_it_was_decided(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.assign(number, "eve", "bob", NOW + 1)
    message = await alerts.due("hook", NOW + 1)
    assert message is not None
    assert (message.alert.state, message.alert.assignee, message.alert.seen) == ("open", None, "91 °C")


async def test_people_work_on_an_alert(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    assert (await alerts.acknowledge(number, "eve", "on it", NOW + 1)).state == "acknowledged"
    assert (await alerts.acknowledge(number, "bob", "me too", NOW + 2)).acknowledged_by == "eve"
    assert (await alerts.assign(number, "eve", "bob", NOW + 3)).state == "assigned"
    assert (await alerts.assign(number, "eve", "", NOW + 4)).state == "acknowledged"
    await alerts.comment(number, "bob", "<b>hot</b>", NOW + 5)
    closed = await alerts.close_by_hand(number, "bob", "cable changed", NOW + 6)
    assert (closed.state, closed.closed_by, closed.held) == ("closed", "bob", True)
    await alerts.comment(number, "bob", "paid", NOW + 7)
    for act in (alerts.acknowledge, alerts.assign, alerts.close_by_hand):
        with pytest.raises(ClosedAlertError):
            await act(number, "eve", "late", NOW + 8)
    expected = ["opened", "acknowledged", "assigned", "assigned", "comment", "closed", "comment"]
    assert await kinds(alerts, number) == expected
    with pytest.raises(NoSuchAlertError):
        await alerts.comment(99, "eve", "", NOW)
    with pytest.raises(NoSuchAlertError):
        await alerts.history(99)


async def test_what_a_person_closed_stands_held_until_it_is_released(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.close_by_hand(number, "eve", "known", NOW + 1)
    assert [alert.held for alert in await alerts.standing()] == [True]
    await alerts.decide(Decisions(released=[number]), WAYS, NOW + 2)
    assert await alerts.standing() == []


async def test_a_silenced_alert_is_told_when_the_silence_ends_and_it_still_stands(alerts: SqlAlerts) -> None:
    silence = Silence(0, "", "depot", "A", "", "works until noon", "eve", NOW, NOW + 1000)
    kept = await alerts.silence(silence)
    number = await opened(alerts)
    other = await opened(alerts, replace(OPENING, subject="charger/depot/B", device="B"))
    assert [alert.state for alert in await alerts.standing()] == ["silenced", "open"]
    assert [message.alert.number for message in [await alerts.due("hook", NOW)] if message] == [other]
    await told(alerts, "hook")
    assert await alerts.silences(NOW + 999) == [kept]
    await alerts.decide(Decisions(), WAYS, NOW + 999)
    assert await alerts.waiting() == {}
    await alerts.decide(Decisions(), WAYS, NOW + 1000)
    assert await told(alerts, "hook", NOW + 1000) == ["opened"]
    assert (await kinds(alerts, number))[:3] == ["opened", "silenced", "woken"]
    assert await alerts.silences(NOW + 1000) == []


async def test_a_silence_takes_what_is_open_and_can_be_ended(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.acknowledge(number, "eve", "", NOW)
    kept = await alerts.silence(Silence(0, "hot", "", "", "", "known", "eve", NOW + 1, NOW + 10**9))
    assert (await alerts.history(number)).alert.state == "silenced"
    ended = await alerts.end_silence(kept.number, "bob", NOW + 2)
    assert (ended.until_ms, ended.reason) == (NOW + 2, "known (ended by bob)")
    await alerts.decide(Decisions(), WAYS, NOW + 2)
    assert (await alerts.history(number)).alert.state == "acknowledged"
    assert await told(alerts, "hook", NOW + 2) == ["opened"]
    with pytest.raises(NoSuchAlertError):
        await alerts.end_silence(99, "bob", NOW)


async def test_a_silenced_alert_that_ends_is_never_told(alerts: SqlAlerts) -> None:
    await alerts.silence(Silence(0, "", "", "", "", "all", "eve", NOW, NOW + 1000))
    number = await opened(alerts)
    await alerts.decide(Decisions(closings={number: "over"}), WAYS, NOW + 1)
    await alerts.decide(Decisions(), WAYS, NOW + 2000)
    assert await alerts.waiting() == {}


async def test_only_an_alert_that_nobody_has_is_told_again(alerts: SqlAlerts) -> None:
    first = await opened(alerts)
    second = await opened(alerts, replace(OPENING, subject="charger/depot/B"))
    await alerts.acknowledge(second, "eve", "", NOW)
    for later in (1, 2):
        await alerts.decide(Decisions(escalations=[first, second, 99]), WAYS, NOW + later)
    assert await told(alerts, "hook", NOW + 2) == ["opened", "opened", "escalated"]


async def test_marks_of_the_engine(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.decide(Decisions(flapping=[number], grouped={number: ["charger/depot/B"]}), WAYS, NOW + 1)
    (alert,) = await alerts.standing()
    assert (alert.flapping, alert.grouped) == (True, ["charger/depot/B"])
    assert await alerts.openings(NOW) == {("hot", "charger/depot/A"): 1}
    assert await alerts.openings(NOW + 1) == {}


async def test_pages_lead_from_the_newest_to_the_oldest(alerts: SqlAlerts) -> None:
    openings = [replace(OPENING, subject=f"charger/depot/{n}", device=str(n), level=n % 5) for n in range(7)]
    await alerts.decide(Decisions(openings=openings), WAYS, NOW)
    seen, before = [], None
    while True:
        page = await alerts.page(AlertQuery(before=before, limit=3))
        seen += [alert.device for alert in page.alerts]
        if (before := page.before) is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]
    assert [alert.level for alert in (await alerts.page(AlertQuery(level_min=3))).alerts] == [4, 3]
    await alerts.close_by_hand((await alerts.standing())[0].number, "eve", "", NOW)
    assert len((await alerts.page(AlertQuery(states=("open",)))).alerts) == 6
    assert len((await alerts.page(AlertQuery(device="3", site="depot", rule="hot"))).alerts) == 1
    assert (await alerts.page(AlertQuery(site="harbour"))).alerts == []
    assert (await alerts.page(AlertQuery(sites=frozenset({"harbour"})))).alerts == []
    assert (await alerts.counts(frozenset({"harbour"}))).waiting == 0
    counts = await alerts.counts(frozenset({"depot"}))
    assert (counts.by_level, counts.waiting) == ([1, 2, 1, 1, 1], 6)


async def test_old_alerts_are_forgotten_with_their_history(alerts: SqlAlerts) -> None:
    number = await opened(alerts)
    await alerts.decide(Decisions(closings={number: "over"}), WAYS, NOW + 1)
    assert await alerts.forget(NOW + 1, 10) == 0
    assert await alerts.forget(NOW + 2, 10) == 1
    with pytest.raises(NoSuchAlertError):
        await alerts.history(number)
    assert await alerts.waiting() == {}


async def test_who_waits_is_told_of_a_change(alerts: SqlAlerts) -> None:
    version = await alerts.changed(0)
    waiting = asyncio.create_task(alerts.changed(version))
    await alerts.decide(Decisions(), WAYS, NOW)
    assert await alerts.changed(0) == version
    await opened(alerts)
    async with asyncio.timeout(10):
        assert await waiting > version


@given(closed=BOOL, silenced=BOOL, assigned=BOOL, acknowledged=BOOL)
def test_a_state_follows_from_the_facts(*, closed: bool, silenced: bool, assigned: bool, acknowledged: bool) -> None:
    state = state_of(closed=closed, silenced=silenced, assigned=assigned, acknowledged=acknowledged)
    assert (state == AlertState.CLOSED) == closed
    assert (state == AlertState.OPEN) == (not (closed or silenced or assigned or acknowledged))


async def test_texts_of_anybody_are_kept_in_every_database(alerts: SqlAlerts) -> None:
    hostile = "<img src=x>\0\ud800\u202e" + "x" * 5000
    number = await opened(alerts, replace(OPENING, title=hostile, seen=hostile, device=hostile))
    await alerts.comment(number, hostile, hostile, NOW)
    await alerts.assign(number, "eve", hostile, NOW)
    await alerts.silence(Silence(0, hostile, hostile, hostile, hostile, hostile, "eve", NOW, NOW + 1))
    told = await alerts.history(number)
    assert told.alert.title.startswith("<img src=x>\ufffd?\u202e")
    assert len(told.events[1].text) == 4000
    message = await alerts.due("hook", NOW)
    assert message is not None
    assert message.alert.title == told.alert.title
