"""This file tests the fleet page's rows; it guards that what needs a person first stands first."""

from dataclasses import replace

import pytest

from isolane.center.console.fleet import by_site, heat_tone, missing, state_of, totals
from isolane.center.store.views import ChargerSummary, GapLine, GatewayEntry, SiteEntry
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
    rows = by_site(
        [
            replace(CALM, charger="calm", site="a"),
            replace(CALM, charger="busy", site="a", state="charging"),
            replace(CALM, charger="silent", site="b", online=False, state="charging"),
            replace(CALM, charger="broken", site="b", state="faulted"),
            replace(CALM, charger="hot", site="c", state="charging", temperature_max_c=85.0),
            replace(CALM, charger="half-blind", site="c", bad_signals=5),
        ],
        [SiteEntry("d", [GatewayEntry("gw-d", 0, 0)], 0)],
    )
    assert [(row.site, [one.charger for one in row.chargers]) for row in rows] == [
        ("b", ["broken", "silent"]),
        ("c", ["hot", "half-blind"]),
        ("a", ["busy", "calm"]),
        ("d", []),
    ]
    assert rows[3].gateways == ["gw-d"]


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
