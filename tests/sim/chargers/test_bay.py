"""This file steps a bay by hand; it guards that each start has its stop and its energy."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.sim.chargers.bay import Bay, BayEvent, Phase
from isolane.sim.physics.dc_readings import dc_readings
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.visits import draw_visit


def make(seed: int = 1, gap_s: float = 20.0) -> Bay:
    station, rng = DcStation(seed, Weather()), random.Random(seed)
    return Bay(
        station,
        read=lambda: dc_readings(station),
        draw=lambda: draw_visit(rng, 0.05),
        tokens=("T1",),
        gap_s=gap_s,
        meter_interval_s=5.0,
        rng=rng,
    )


def advance_until(bay: Bay, kind: str) -> BayEvent:
    for _ in range(10_000):
        for event in bay.advance(1.0, 0.1):
            if event.kind == kind:
                return event
    raise AssertionError(f"no {kind}")


def test_a_visit_in_order() -> None:
    bay, kinds = make(), []
    for _ in range(3000):
        for event in bay.advance(1.0, 1.0):
            kinds.append(event.kind)
            if event.kind == "plugged":
                bay.authorise(accepted=True)
    visits = " ".join(kind for kind in kinds if kind != "metered").split("unplugged")
    assert len(visits) > 3
    assert all(visit.split() == ["plugged", "started", "stopped"] for visit in visits[:-1])
    assert "metered" in kinds


def test_a_refused_token_does_not_charge() -> None:
    bay = make()
    advance_until(bay, "plugged")
    bay.authorise(accepted=False)
    assert advance_until(bay, "unplugged").token == "T1"
    assert bay.station.register.wh == 0


def test_a_bay_that_hears_nothing_charges_all_the_same() -> None:
    bay = make()
    advance_until(bay, "plugged")
    assert advance_until(bay, "started").wh == 0


def test_remote_start_and_stop() -> None:
    bay = make(gap_s=1e9)
    assert not bay.request_stop("Remote")
    assert bay.request_start("REMOTE")
    assert advance_until(bay, "plugged").token == "REMOTE"
    assert not bay.request_start("OTHER")
    bay.authorise(accepted=True)
    advance_until(bay, "started")
    bay.advance(30.0, 1.0)
    assert bay.request_stop("Remote")
    assert advance_until(bay, "stopped").reason == "Remote"


def test_closing_ends_what_runs_and_lets_nobody_in() -> None:
    bay = make()
    advance_until(bay, "plugged")
    bay.authorise(accepted=True)
    advance_until(bay, "started")
    (ended,) = bay.close()
    assert (ended.kind, ended.reason) == ("stopped", "Local")
    assert bay.close() == []
    advance_until(bay, "unplugged")
    assert not [event for _ in range(500) for event in bay.advance(1.0, 0.1)]
    assert bay.phase is Phase.AVAILABLE
    assert not bay.request_start("LATE")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.1, 30), min_size=20, max_size=60))
def test_the_register_moves_only_between_start_and_stop(seed: int, steps: list[float]) -> None:
    bay, shown, charging = make(seed), 0, False
    for step in steps:
        for event in bay.advance(step, step):
            if event.kind == "plugged":
                bay.authorise(accepted=True)
            if event.kind == "started":
                assert event.wh == shown
                charging = True
            if event.kind == "stopped":
                assert charging
                assert event.wh >= shown
                shown, charging = event.wh, False
