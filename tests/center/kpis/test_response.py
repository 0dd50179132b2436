"""This file computes figures of response from alarms and failures; it guards that no length is made up."""

import pytest

from isolane.center.kpis.facts import DayFacts, write
from isolane.center.kpis.outages import Outage
from isolane.center.kpis.response import Failure, ResponseTimes, failures_of, lines_of
from isolane.center.kpis.timeline import DAY_MS
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.alert_views import Alert
from isolane.center.store.kpi_book import DayEntry
from isolane.center.store.response_port import ResponseLine
from support.kpi_world import FIRST_DAY, World

BEGIN = (FIRST_DAY + 1) * DAY_MS
PERIOD = (BEGIN, BEGIN + 30 * DAY_MS)
LATER = PERIOD[1] + 30 * DAY_MS
MINUTE = 60_000


def _alert(
    number: int, opened: int, *, level: int = 3, acked: int | None = None, closed: int | None = None,
    device: str = "A", rule: str = "hot", assignee: str | None = None,
) -> Alert:  # fmt: skip
    """Make an alarm; times in minutes from the begin of the month."""
    at = [None if one is None else BEGIN + one * MINUTE for one in (opened, acked, closed)]
    return Alert(
        number, rule, f"charger/depot/{device}", "depot", device, "", level, "open", at[0] or 0, at[2], None, False,
        at[1], None, assignee, None, False, True, [], "t", "s", "w", "a", "",
    )  # fmt: skip


def _failure(begin: int, end: int, charger: str = "A") -> Failure:
    return Failure("depot", charger, BEGIN + begin * MINUTE, BEGIN + end * MINUTE)


def _total(alerts: list[Alert], failures: list[Failure] | None = None, now_ms: int = LATER) -> ResponseLine:
    return lines_of(PERIOD, alerts, failures or [], now_ms)[1]


def test_acknowledging_is_measured_where_somebody_did() -> None:
    line = _total(
        [_alert(1, 0, acked=10), _alert(2, 5, acked=25, level=2), _alert(3, 9), _alert(4, 9, acked=10, level=1)]
    )
    assert (line.alarms, line.acknowledged, line.mtta_min) == (3, 2, 15)
    assert "mtta_min" not in line.reasons
    early = _alert(5, -10, acked=10)
    assert _total([early]).alarms == 0
    assert "acknowledged" in _total([early]).reasons["mtta_min"]


def test_detecting_is_from_the_begin_of_a_failure_to_the_first_alarm_about_its_charger() -> None:
    alerts = [
        _alert(1, -1), _alert(2, 4, acked=30), _alert(3, 2, device="B"), _alert(4, 159, device="C"),
        _alert(5, 160, device="D"),
    ]  # fmt: skip
    failures = [_failure(0, 100), _failure(50, 100, "C"), _failure(50, 100, "D"), _failure(0, 5, "E")]
    line = _total(alerts, failures)
    assert (line.failures, line.detected) == (4, 2)
    assert line.mttd_min == (4 + 109) / 2
    assert line.onset_to_ack_min == 30


@pytest.mark.parametrize(
    ("alerts", "jobs", "judged", "fixed"),
    [
        ([_alert(1, 0, acked=5, closed=60)], 1, 1, 100),
        ([_alert(1, 0, assignee="jens", closed=60)], 1, 1, 100),
        ([_alert(1, 0, closed=60)], 0, 0, None),
        ([_alert(1, 0, acked=5)], 0, 0, None),
        ([_alert(1, 0, acked=5, closed=60, level=2)], 0, 0, None),
        ([_alert(1, -900, acked=-800, closed=60)], 1, 1, 100),
        ([_alert(1, 0, acked=5, closed=60), _alert(2, 60)], 1, 1, 0),
        ([_alert(1, 0, acked=5, closed=60), _alert(2, 60 + 14 * 1440)], 1, 1, 100),
        ([_alert(1, 0, acked=5, closed=60), _alert(2, 90, device="B")], 1, 1, 100),
        ([_alert(1, 0, acked=5, closed=60), _alert(2, 90, rule="other")], 1, 1, 100),
    ],
)
def test_a_job_is_mended_when_it_does_not_come_again(
    alerts: list[Alert], jobs: int, judged: int, fixed: float | None
) -> None:
    line = _total(alerts)
    assert (line.jobs, line.jobs_judged, line.first_time_fix_percent) == (jobs, judged, fixed)
    assert line.repeat_visit_percent == (None if fixed is None else 100 - fixed)
    assert ("first_time_fix_percent" in line.reasons) == (fixed is None)


def test_a_job_is_judged_when_its_days_are_over_or_it_came_again() -> None:
    job = _alert(1, 0, acked=5, closed=60)
    soon = BEGIN + 2 * DAY_MS
    line = _total([job], now_ms=soon)
    assert (line.jobs, line.jobs_judged, line.first_time_fix_percent) == (1, 0, None)
    assert "14 days are not over" in line.reasons["first_time_fix_percent"]
    assert _total([job, _alert(2, 90)], now_ms=soon).repeat_visit_percent == 100


def test_nothing_says_that_no_fault_was_found() -> None:
    line = _total([])
    assert line.no_fault_found_percent is None
    assert set(line.reasons) == {
        "mtta_min", "mttd_min", "onset_to_ack_min", "first_time_fix_percent", "repeat_visit_percent",
        "no_fault_found_percent",
    }  # fmt: skip


def _facts(*outages: Outage) -> bytes:
    return write(DayFacts((), (), (), list(outages), [], 0, 0))


def test_failures_are_joined_at_midnight_and_need_a_begin() -> None:
    day, port = BEGIN // DAY_MS, ("depot", "A", 1)
    night = BEGIN + DAY_MS
    short, late = Outage(BEGIN + 5, BEGIN + 6, False, True, True), Outage(night - 9, night, False, True, False)
    early, unseen = Outage(night, night + 9, True, False, True), Outage(night + 50, night + 60, True, False, True)
    texts = [(port, day + 1, _facts(early, unseen)), (port, day, _facts(short, late))]
    assert failures_of(texts, PERIOD) == [Failure("depot", "A", night - 9, night + 9)]
    assert failures_of(texts, (BEGIN, night - 9)) == []


async def test_a_month_is_read_from_both_records(world: World) -> None:
    alerts = SqlAlerts(world.catalogue)
    for site, at_ms in (("depot", BEGIN + 5 * MINUTE), ("harbour", BEGIN + 9 * MINUTE)):
        words = ("charger/depot/A", site, "A", "", 3, "t", "s", "w", "a", "")
        await alerts.decide(Decisions(openings=[Opening(f"hot-{site}", *words)]), (), at_ms)
    await alerts.acknowledge(1, "mona", "", BEGIN + 15 * MINUTE)
    outage = Outage(BEGIN + MINUTE, BEGIN + 20 * MINUTE, True, True, True)
    entry = DayEntry(("depot", "A", 1), BEGIN // DAY_MS, 0, 0, 0, b"", _facts(outage))
    await world.book.put("depot", BEGIN // DAY_MS, [entry], 1)
    report = await ResponseTimes(world.book, alerts).response("2026-09")
    assert (report.from_ms, report.to_ms) == PERIOD
    assert [line.site for line in report.lines] == ["depot", "harbour"]
    depot = report.lines[0]
    assert (depot.mtta_min, depot.mttd_min, depot.onset_to_ack_min) == (10, 4, 14)
    assert report.total.alarms == 2
    own = await ResponseTimes(world.book, alerts).response("2026-09", frozenset({"harbour"}))
    assert [line.site for line in own.lines] == ["harbour"]
    assert own.total.failures == 0
