"""This file tests that models see every row once and in order, whatever batches they come in."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.core.signals import Signal
from isolane.health.models.binding import places, wanted
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.place import Bay
from isolane.health.models.plausible import Plausible
from isolane.health.models.window import Stretch, Window

START_S = 1_700_000_400
RATING = Rating(direct=True, power_w=150e3, current_a=200.0, voltage_v=1000.0)
SIGNALS = (
    Signal("CP1", "1.0/EVSE/DCCurrent", "A", 0.1),
    Signal("CP1", "1.0/FiscalMetering/EnergyImportRegister", "Wh", 1.0),
    Signal("CP1", "0.0/ExternalTemperatureSensor/Temperature", "Celsius", 0.1),
)


class Witness:
    """A model that writes down what it is shown."""

    id: ClassVar[str] = "witness/1"
    required: ClassVar[tuple[str, ...]] = ("EVSE/DCCurrent",)
    used: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.rows: list[tuple[int, float]] = []
        self.intervals: list[tuple[int, int]] = []
        self.stretches: list[tuple[int, int, float]] = []

    @property
    def measures(self) -> Sequence[Measure]:
        return [Measure("peak", "Connector", "A", Per.SESSION, Basis.MEASURED, Remedy("look"), limit=300.0, start=0.0)]

    def watch(self, window: Window) -> Iterable[Finding]:
        current = window["EVSE/DCCurrent"]
        self.rows += [(window.start_s + at, float(value)) for at, value in enumerate(current)]
        if np.nanmax(current, initial=0.0) > 250:
            yield Finding("over", "Connector", window.end_s, Level.SAFETY, Remedy("stop"))

    def interval(self, window: Window) -> Iterable[Feature]:
        self.intervals.append((window.start_s, window.rows))
        return ()

    def stretch(self, stretch: Stretch) -> Iterable[Feature]:
        window = stretch.window
        energy = window["FiscalMetering/EnergyImportRegister"]
        self.stretches.append((window.start_s, window.rows, float(energy[-1] - energy[0])))
        yield Feature("peak", window.end_s, float(np.nanmax(window["EVSE/DCCurrent"])))

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass

    def renew(self) -> None:
        pass


def _bay() -> tuple[Bay, Witness]:
    witness = Witness()
    return Bay(places(SIGNALS)[1], RATING, [witness]), witness


def _rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = np.zeros((count, len(SIGNALS)))
    rows[300:900, 0] = 100.0
    rows[:, 1] = 987_654_321 + np.cumsum(rows[:, 0] * 400 / 3600).round()
    rows[:, 2] = 20.0
    return rows


def test_a_place_sees_its_own_signals_and_those_around_it() -> None:
    station, evse = places(SIGNALS)
    assert (station.prefix, evse.prefix) == ("0.0", "1.0")
    assert set(station.columns) == {"ExternalTemperatureSensor/Temperature"}
    assert set(evse.columns) == {signal.key.partition("/")[2] for signal in SIGNALS}


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["A/x"], ("A/x",)),
        (["M[*]/Power"], ("M[1]/Power", "M[2]/Power")),
        (["A/x", "B/y"], None),
        (["N[*]/Power"], None),
    ],
)
def test_patterns_name_instances(patterns: list[str], found: tuple[str, ...] | None) -> None:
    assert wanted(["M[2]/Power", "A/x", "M[1]/Power"], patterns) == found


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=30))
def test_the_cut_of_the_rows_does_not_matter(cuts: list[int]) -> None:
    rows = _rows(1800)
    whole, first = _bay()
    parted, second = _bay()
    whole.feed(START_S, rows)
    at = turn = 0
    while at < len(rows):
        step = cuts[turn % len(cuts)]
        parted.feed(START_S + at, rows[at : at + step])
        at, turn = at + step, turn + 1
    assert second.rows == first.rows
    assert second.intervals == first.intervals == [(START_S, 600), (START_S + 600, 600), (START_S + 1200, 600)]
    assert second.stretches == first.stretches
    assert first.stretches[0][:2] == (START_S + 300, 600 + 120)
    assert first.stretches[0][2] == pytest.approx(rows[1019, 1] - rows[300, 1])


def test_a_short_gap_is_filled_and_a_long_one_ends_the_session() -> None:
    bay, witness = _bay()
    rows = _rows(1800)
    bay.feed(START_S, rows[:400])
    bay.feed(START_S + 460, rows[460:500])
    assert len(witness.rows) == 500
    assert np.isnan(witness.rows[430][1])
    bay.feed(START_S + 800, rows[800:1000])
    assert [stretch[0] for stretch in witness.stretches] == [START_S + 300]
    assert witness.intervals == [(START_S, 500)]


def test_rows_that_were_seen_are_left_out() -> None:
    bay, witness = _bay()
    rows = _rows(100)
    bay.feed(START_S, rows)
    bay.feed(START_S + 50, rows[50:])
    assert len(witness.rows) == 100


def test_a_finding_is_a_change_once_and_its_end_another() -> None:
    bay, _ = _bay()
    rows = _rows(20)
    rows[:, 0] = 260.0
    (change,) = bay.feed(START_S, rows[:10])
    assert (change.name, change.before, change.level) == ("over", Level.NONE, Level.SAFETY)
    assert bay.feed(START_S + 10, rows[10:]) == []


def test_idle_rows_are_forgotten() -> None:
    bay, _ = _bay()
    for at in range(0, 7200, 10):
        bay.feed(START_S + at, np.zeros((10, len(SIGNALS))))
    assert bay.bytes <= 600 * len(SIGNALS) * 4


def test_what_cannot_be_is_taken_out() -> None:
    plausible = Plausible(["TemperatureSensor[Heatsink]/Temperature", "EVSE/xState"])
    rows = np.array([[20.0, 1], [20.5, 999], [180.0, 1], [20.5, 1], [500.0, 1], [21.0, 1], [60.0, 1], [60.0, 1]])
    plausible.clean(rows[:3])
    plausible.clean(rows[3:])
    assert np.isnan(rows[:, 0]).tolist() == [False, False, True, False, True, False, True, False]
    assert rows[1, 1] == 999
    assert plausible.taken_out == 3
