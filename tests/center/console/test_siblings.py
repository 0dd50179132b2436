"""This file compares chargers; it guards that of fewer than three siblings nothing is said."""

from isolane.center.console.siblings import comparable, drawing, first_choice, model_of, moments
from isolane.center.store.kpi_views import NameplateEntry
from isolane.center.store.views import SignalNow, SignalSeries


def _series(*means: float | None) -> SignalSeries:
    return SignalSeries("s", "W", 1, [at * 1000 for at in range(len(means))], list(means))


def _plate(number: int, charger: str, from_ms: int, model: str) -> NameplateEntry:
    return NameplateEntry(number, "depot", charger, from_ms, model, "", 0, "Ada", 0)


def _signal(key: str, unit: str = "W") -> SignalNow:
    return SignalNow(key, unit, 1, 0, 1, "good", "")


def test_median_and_band_of_three() -> None:
    rows = moments(_series(9, 5, 0, None), [_series(1, 4, 4, 4), _series(2, 5, 5, 5), _series(6, 6, 6, 6)])
    assert [(row.own, row.median, row.least, row.most, row.count) for row in rows] == [
        (9, 2, 1, 6, 3), (5, 5, 4, 6, 3), (0, 5, 4, 6, 3), (None, 5, 4, 6, 3)
    ]  # fmt: skip
    assert [row.place for row in rows] == ["above", "within", "below", ""]


def test_of_two_that_have_a_value_nothing_is_said() -> None:
    (row,) = moments(_series(9), [_series(1), _series(2), _series(None)])
    assert (row.own, row.median, row.least, row.most, row.count, row.place) == (9, None, None, None, 2, "")


def test_what_is_missing_stays_open_in_the_drawing() -> None:
    three = [_series(1, None, 3, 4) for _ in range(3)]
    drawn = drawing(moments(_series(2, None, 2, 2), three))
    assert drawn.own.count("M") == drawn.median.count("M") == 2
    assert drawn.band.count("Z") == 2
    assert drawn.low < 1
    assert drawn.high > 4


def test_a_flat_line_is_drawn_in_the_middle() -> None:
    drawn = drawing(moments(_series(0, 0), [_series(0, 0)] * 3))
    assert (drawn.low, drawn.high) == (-0.06, 0.06)
    assert drawn.own == "M0.0,108.0L960.0,108.0"


def test_the_model_is_what_the_nameplate_of_now_says() -> None:
    plates = [
        _plate(1, "A", 0, "old"),
        _plate(2, "A", 50, "new"),
        _plate(3, "A", 500, "next"),
        _plate(4, "B", 0, "other"),
    ]
    assert [model_of(plates, "depot", "A", now_ms) for now_ms in (10, 100, 500)] == ["old", "new", "next"]
    assert model_of(plates, "depot", "C", 100) == model_of(plates, "harbour", "A", 100) == ""


def test_states_are_not_compared_and_contacts_come_first() -> None:
    signals = [
        _signal("1.0/EVSE/xState", ""),
        _signal("1.0/EVSE/Power"),
        _signal("1.0/TemperatureSensor[Contact]/T", "C"),
    ]
    assert [one.key for one in comparable(signals)] == ["1.0/EVSE/Power", "1.0/TemperatureSensor[Contact]/T"]
    assert first_choice(signals) == "1.0/TemperatureSensor[Contact]/T"
    assert first_choice(signals[:2]) == "1.0/EVSE/Power"
    assert first_choice([_signal("0.0/X/Y")]) == "0.0/X/Y"
    assert first_choice([]) == ""
