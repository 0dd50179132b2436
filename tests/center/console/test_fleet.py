"""This file tests the fleet page's rows; it guards that what needs a person first stands first."""

from dataclasses import replace

import pytest

from isolane.center.console.fleet import TONES, heat_tone, missing, part, totals
from isolane.center.store.views import ChargerSummary, GapLine, GatewayEntry, SiteEntry
from isolane.center.store.worst_first import ROWS_MAX, STATES, fitting, ranked, state_of
from support.balanced_line import LINE

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
    power_recent_w=[],
)


def test_the_worst_charger_of_the_worst_site_stands_first() -> None:
    rows = part(
        [
            replace(CALM, charger="calm", site="a"),
            replace(CALM, charger="busy", site="a", state="charging"),
            replace(CALM, charger="silent", site="b", online=False, state="charging"),
            replace(CALM, charger="broken", site="b", state="faulted"),
            replace(CALM, charger="hot", site="c", state="charging", temperature_max_c=85.0),
            replace(CALM, charger="half-blind", site="c", bad_signals=5),
        ],
        [SiteEntry("d", [GatewayEntry("gw-d", 0, 0)], 0)],
    ).rows
    assert [(row.site, [one.charger for one in row.chargers]) for row in rows] == [
        ("b", ["broken", "silent"]),
        ("c", ["hot", "half-blind"]),
        ("a", ["busy", "calm"]),
        ("d", []),
    ]
    assert rows[3].gateways == ["gw-d"]


def test_pages_go_from_the_worst_of_all_sites_to_the_best_and_leave_out_nobody() -> None:
    chargers = [replace(CALM, site=f"s{n % 7}", charger=f"c{n:03}", gateway=f"gw-{n % 14}") for n in range(250)]
    chargers += [replace(CALM, site=f"s{n}", charger="bad", state="faulted", power_w=5.0) for n in range(7)]
    sites = [SiteEntry(f"s{n}", [GatewayEntry(f"gw-{n}", 0, 0)], 1) for n in range(8)]
    pages = [part(chargers, sites, number=number) for number in (1, 2, 3, 99)]
    assert [(one.number, one.pages, one.first, one.last) for one in pages] == [
        (1, 3, 1, ROWS_MAX),
        (2, 3, ROWS_MAX + 1, 2 * ROWS_MAX),
        (3, 3, 2 * ROWS_MAX + 1, 257),
        (3, 3, 2 * ROWS_MAX + 1, 257),
    ]
    shown = [(row.site, one.charger) for page in pages[:3] for row in page.rows for one in row.chargers]
    assert sorted(shown) == sorted((one.site, one.charger) for one in chargers)
    assert {row.chargers[0].charger for row in pages[0].rows if row.chargers} == {"bad"}
    first = pages[0].rows[0]
    assert (first.site, first.count, first.power_w, len(first.chargers)) == ("s0", 37, 5.0, 37)
    partly = next(row for row in pages[0].rows if len(row.chargers) < row.count)
    assert set(partly.gateways) == {one.gateway for one in partly.chargers}
    assert [row.site for row in pages[1].rows if not row.chargers] == []
    assert [row.site for row in pages[2].rows if not row.chargers] == ["s7"]
    assert pages[0].address(2) == "/?page=2"
    assert part(chargers, sites, "s1 c", 2).address(1) == "/?q=s1+c&page=1"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["avail", "b", "DC-01"]),
        ("dc-0", ["DC-01"]),
        ("park dc", ["DC-01"]),
        ("avail", ["avail", "b"]),
        ("state:available", ["b"]),
        ("state:avail", []),
        ("elsewhere", []),
    ],
)
def test_a_filter_is_words_of_name_site_or_state(text: str, found: list[str]) -> None:
    chargers = [
        replace(CALM, charger="b"),
        replace(CALM, charger="DC-01", site="Car Park", state="unavailable"),
        replace(CALM, charger="avail", state="charging"),
    ]
    assert sorted((one.charger for one in fitting(ranked(chargers), text)), key=str.lower) == found
    shown = part(chargers, [SiteEntry("empty", [], 0)], text)
    assert shown.found == len(found)
    assert (shown.rows[-1].site == "empty" if shown.rows else bool(text)) is (not text or not found)


def test_every_state_has_its_tone() -> None:
    assert tuple(TONES) == STATES


def test_a_silent_charger_is_offline_whatever_it_said_last() -> None:
    assert state_of(replace(CALM, charger="x", online=False, state="charging")) == "offline"
    assert state_of(replace(CALM, charger="x", state="dancing")) == "unknown"


def test_totals_leave_out_what_is_not_known() -> None:
    sums = totals(
        [
            replace(CALM, charger="a", state="charging", power_w=11_000.0),
            replace(CALM, charger="b", power_w=None, temperature_max_c=None),
            replace(CALM, charger="c", online=False, state="charging", power_w=50_000.0, temperature_max_c=90.0),
        ],
        [LINE, replace(LINE, samples=900)],
    )
    assert (sums.chargers, sums.online, sums.charging, sums.faulted) == (3, 2, 1, 0)
    assert (sums.power_w, sums.hottest_c) == (11_000.0, 20.0)
    assert (sums.produced, sums.missing) == (2000, 100)
    assert totals([replace(CALM, charger="b", power_w=None)], []).power_w is None


def test_a_gap_record_explains_and_newer_blocks_do_not_overpay() -> None:
    gap = GapLine(3, 4, 100, "outbox-full", 0, 0)
    assert missing(replace(LINE, samples=900, gaps=[gap])) == 0
    assert missing(replace(LINE, samples=800, gaps=[gap], queued=40)) == 60
    assert missing(replace(LINE, samples=1200)) == 0


@pytest.mark.parametrize(("celsius", "tone"), [(None, ""), (64.9, ""), (65.0, "warn"), (80.0, "fault")])
def test_heat_has_three_tones(celsius: float | None, tone: str) -> None:
    assert heat_tone(celsius) == tone
