"""This file tests what the fleet's listeners are told; it guards that a change is told once and nothing is missed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from isolane.center.api.live_fleet import FleetNews, View
from isolane.center.store.views import ChargerSummary
from support.center_process import OpenCenter

CALM = ChargerSummary(
    site="depot",
    gateway="gw",
    charger="calm",
    last_seen_ms=1,
    online=True,
    state="available",
    power_w=0.0,
    temperature_max_c=20.0,
    signals=10,
    bad_signals=0,
    stale_signals=0,
    session_active=False,
    power_recent_w=[1.0, 2.0, 3.0],
)
BUSY = replace(CALM, charger="busy", power_w=7.0)
FAR = replace(CALM, site="far", charger="far", power_w=None)


@pytest.fixture
def news(center: OpenCenter) -> FleetNews:
    """Nobody listens yet."""
    return FleetNews(center.telemetry)


def told(news: FleetNews, view: View, *chargers: ChargerSummary) -> dict[str, Any]:
    """Let a question find some chargers; gives the news of a view, or all of it at first."""
    news._take(list(chargers))
    shown = news._look(view)
    found: dict[str, Any] = json.loads(shown.news or shown.whole())
    return found


def test_a_charger_that_no_longer_fits_is_gone_and_a_new_one_comes_whole(news: FleetNews) -> None:
    view = View(text="state:available")
    first = told(news, view, CALM, BUSY, FAR)
    assert [one["charger"] for one in first["chargers"]] == ["busy", "calm", "far"]
    assert (first["is_whole"], first["found"], first["sites"]) == (True, 3, {"depot": 7.0, "far": None})
    second = told(news, view, CALM, replace(BUSY, state="charging"), replace(FAR, charger="new"))
    assert (second["is_whole"], second["found"], second["totals"]["charging"]) == (False, 2, 1)
    assert sorted(second["gone"]) == [["depot", "busy"], ["far", "far"]]
    assert [(one["charger"], len(one)) for one in second["chargers"]] == [("new", 13)]
    assert second["sites"] == {}


def test_fields_are_told_when_they_change_and_an_hour_when_its_minute_is_over(news: FleetNews) -> None:
    told(news, View(), CALM, BUSY)
    second = told(news, View(), replace(CALM, power_w=None, power_recent_w=[1.0, 2.0, 4.0]), BUSY)
    assert second["chargers"] == [{"site": "depot", "charger": "calm", "power_w": None}]
    third = told(news, View(), replace(CALM, power_w=None, power_recent_w=[2.0, 4.0, 0.0]), BUSY)
    assert third["chargers"] == [{"site": "depot", "charger": "calm", "power_recent_w": [2.0, 4.0, 0.0]}]


def test_each_sees_his_sites_and_their_sums(news: FleetNews) -> None:
    own = told(news, View(frozenset({"far"})), CALM, BUSY, FAR)
    assert [one["charger"] for one in own["chargers"]] == ["far"]
    assert (own["totals"]["chargers"], own["totals"]["power_w"], own["sites"]) == (1, None, {"far": None})


async def test_who_has_missed_an_event_gets_all_again(news: FleetNews) -> None:
    view, far = View(), View(frozenset({"far"}))
    with news.listening(view) as quick, news.listening(view) as slow, news.listening(far) as calm:
        news.close()
        for power_w in (1.0, 2.0, 3.0):
            news._take([replace(BUSY, power_w=power_w), FAR])
            number, data = await quick()
            assert json.loads(data)["is_whole"] is (power_w == 1.0)
            if power_w < 2:
                assert json.loads((await calm())[1])["found"] == 1
            if power_w != 2:
                assert await slow() == (number, news._look(view).whole())
        assert news._look(far).number == 1
    assert (news._shown, dict(news._listeners)) == ({}, {})
