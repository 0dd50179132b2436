"""This file finds what changed since yesterday; it guards that nothing is called a change that nobody recorded."""

from isolane.center.console.changes import DAY_MS, SHOWN_MAX, back, fallen, firmware, holes, new, silent
from isolane.center.store.alert_port import Opening
from isolane.center.store.alert_views import Alert
from isolane.center.store.day_port import DayLength
from isolane.center.store.kpi_views import NameplateEntry
from isolane.center.store.views import ChargerEntry, ChargerSummary, LedgerLine, SequenceRange

SINCE_MS, NOW_MS, TODAY = 20_000 * DAY_MS, 20_001 * DAY_MS, 20_001
HOUR_MS = 3_600_000


def _charger(name: str, *, online: bool, seen_ms: int = NOW_MS) -> ChargerSummary:
    return ChargerSummary("depot", "gw-1", name, seen_ms, online, "available", None, None, 1, 0, 0, None, [])


def _closed(rule: str, subject: str, *grouped: str) -> Alert:
    words = Opening(rule, subject, "depot", "", "", 2, "t", "s", "w", "a", "")
    return Alert(
        1, words.rule, words.subject, words.site, words.device, words.signal, words.level, "closed", SINCE_MS,
        SINCE_MS + 5, "", False, None, None, None, None, False, True, list(grouped), "t", "s", "w", "a", "",
    )  # fmt: skip


def _day(day: int, down_ms: int, *, charger: str = "A", offline_ms: int = 0) -> DayLength:
    return DayLength("depot", charger, 1, day, down_ms, offline_ms, 0)


def _plate(number: int, firmware_: str, from_ms: int, made_ms: int) -> NameplateEntry:
    return NameplateEntry(number, "depot", "A", from_ms, "M", firmware_, 0, "Ada", made_ms)


def test_silent_is_who_sent_since_yesterday_and_does_not_now() -> None:
    fleet = [
        _charger("long ago", online=False, seen_ms=SINCE_MS - 1),
        _charger("A", online=False, seen_ms=SINCE_MS + 1),
        _charger("C/1", online=False, seen_ms=SINCE_MS + 2),
        _charger("B", online=True),
        _charger("never", online=False, seen_ms=0),
    ]
    kind = silent(fleet, SINCE_MS)
    assert [(one.subject, one.href) for one in kind.changes] == [
        ("depot / C/1", "/chargers/depot/C%2F1"),
        ("depot / A", "/chargers/depot/A"),
    ]


def test_back_is_whose_silence_has_ended_and_who_sends() -> None:
    fleet = [_charger("A", online=True), _charger("B", online=True), _charger("C", online=False)]
    subjects = [f"charger/depot/{name}" for name in "ABC"]
    kind = back(
        [_closed("site-silent", "site/depot", subjects[1], subjects[2]), _closed("charger-silent", subjects[0])], fleet
    )
    assert [one.subject for one in kind.changes] == ["depot / A", "depot / B"]
    assert {one.at_ms for one in kind.changes} == {SINCE_MS + 5}
    assert back([_closed("contact-hot", subjects[0])], fleet).count == 0


def test_new_chargers_are_counted_all_and_listed_up_to_a_bound() -> None:
    entries = [ChargerEntry("depot", "gw-1", f"C-{at}", SINCE_MS + at - 1) for at in range(SHOWN_MAX + 11)]
    kind = new(entries, SINCE_MS)
    assert kind.count == SHOWN_MAX + 10
    assert len(kind.changes) == SHOWN_MAX
    assert kind.changes[0].subject == f"depot / C-{SHOWN_MAX + 10}"


def test_uptime_fell_only_where_both_days_are_computed() -> None:
    days = [
        _day(TODAY - 2, 0), _day(TODAY - 1, HOUR_MS),
        _day(TODAY - 2, 0, charger="B"), _day(TODAY - 1, 0, charger="B", offline_ms=2 * HOUR_MS),
        _day(TODAY - 2, HOUR_MS, charger="C"), _day(TODAY - 1, HOUR_MS + 60_000, charger="C"),
        _day(TODAY - 1, 9 * HOUR_MS, charger="D"),
    ]  # fmt: skip
    kind = fallen(days, TODAY - 1)
    assert [one.subject for one in kind.changes] == ["depot / B / 1", "depot / A / 1"]
    assert kind.changes[0].href == "/kpis/port?month=2024-10&site=depot&charger=B&port=1"
    assert "2024-10-04" in kind.title
    assert fallen([], TODAY - 1).count == 0


def test_firmware_is_a_change_when_an_older_nameplate_said_another() -> None:
    old, same, other = (
        _plate(1, "1.0", 0, 0),
        _plate(2, "1.0", 5, SINCE_MS + 5),
        _plate(3, "1.1", SINCE_MS, SINCE_MS + 9),
    )
    later = _plate(4, "2.0", NOW_MS + 1, SINCE_MS + 9)
    kind = firmware([later, other, same, old], SINCE_MS, NOW_MS)
    assert [one.note for one in kind.changes] == ["M 1.0 became M 1.1, entered by Ada"]
    assert firmware([other], SINCE_MS, NOW_MS).count == 0


def test_a_hole_that_stands_is_told_with_its_blocks() -> None:
    def line(verdict: str, *ranges: SequenceRange) -> LedgerLine:
        return LedgerLine(
            "depot", "gw-1", 1, 1, verdict, NOW_MS, 9, 9, 9, 0, 0, {}, 6, 6, 0, 1, 1.0, [], list(ranges)
        )  # fmt: skip

    kind = holes([line("hole", SequenceRange(2, 3), SequenceRange(7, 7)), line("balanced")])
    assert [(one.subject, one.note, one.at_ms) for one in kind.changes] == [
        ("depot / gw-1", "3 blocks of stream 1 missing; books of", NOW_MS)
    ]
