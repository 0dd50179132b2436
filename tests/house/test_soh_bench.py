"""This file holds `make bench-soh` to its promise: only what may speak for a fault finds it, and equals are no luck."""

import json
import math
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from bench.soh.cases import ONSET_DAY, RAMP_DAYS, Case, Group, Rounds, healthy, sick
from bench.soh.curves import area_under, average_precision, quantile
from bench.soh.drawing import picture
from bench.soh.edge import Edge, ring_mb
from bench.soh.kept import Kept
from bench.soh.matching import PIECES_H, STEP_H, Outcome, charger_days, first, hours_left, judge, peace, severity
from bench.soh.real import windows_of
from bench.soh.report import Row, document, found_in, misses, page, table, text, verdict
from bench.soh.runs import Day, Heard, Run
from bench.soh.speakers import SPEAKERS, speaks_for
from bench.soh.truths import SCALES, true_value

from isolane.health.models.measure import Level
from isolane.sim.years.faults import DAY_S, KINDS, Fault

DAY = int(ONSET_DAY)
CLOG = Fault(kind="clog", level=0.66, onset_day=DAY, ramp_days=33)


def _run(*heard: Heard, fault: Fault = CLOG, name: str = "clog, dc150, ramp", scores: tuple[Day, ...] = ()) -> Run:
    ends = [DAY_S * day + hour * 3600 for day in range(60) for hour in (6, 12, 18)]
    return Run(Case(name, "dc150", (fault,)), 1, 60, list(heard), list(scores), ends, models=frozenset({"cooling"}))


def _heard(day: float, name: str, level: Level, before: Level = Level.NONE, model: str = "cooling") -> Heard:
    return Heard(int(day * DAY_S), model, name, before, level)


def test_every_fault_of_the_simulator_has_its_speakers_and_a_case() -> None:
    parts = {kind for kind in KINDS if not kind.startswith("sensor_")}
    cases = [case for group in sick(Rounds(1, 1, 1, 1)) for case in group.cases]
    assert set(SPEAKERS) == parts
    assert {case.fault.kind for case in cases if case.fault} == parts
    assert {", ".join(case.name.split(", ")[:2]) for case in cases if case.name.endswith("slow")} == set(SCALES)


def test_a_case_goes_beyond_its_limit_and_a_ramp_reaches_it_when_it_is_said_to() -> None:
    for case in (case for group in sick(Rounds(0, 1, 1, 1)) for case in group.cases):
        fault = case.faults[0]
        assert fault.limit_day == pytest.approx(DAY + (RAMP_DAYS if case.name.endswith("ramp") else 0)), case.name


def test_sensors_of_every_second_healthy_charger_fail_one_after_the_other() -> None:
    cases = [case for group in healthy(4, 2, 60) for case in group.cases]
    assert [bool(case.faults) for case in cases] == [False, True] * 3
    for case in cases:
        for before, after in zip(case.faults, case.faults[1:], strict=False):
            assert before.end_day is not None
            assert before.end_day < after.onset_day


@pytest.mark.parametrize(
    ("fault", "model", "name", "may"),
    [
        ("clog", "cooling", "airflow", True),
        ("clog", "cooling", "fan_speed[1]", False),
        ("clog", "connector", "airflow", False),
        ("conn_gain", "connector", "contact_heating[ContactDCplus]", True),
        ("conn_gain", "connector", "contact_sensor[ContactDCplus]", False),
        ("conn_gain", "connector", "matings", False),
        ("eff_drift", "cooling", "airflow", False),
        ("riso_scale", "insulation", "insulation_monitor", False),
    ],
)
def test_only_what_is_about_a_fault_may_speak_for_it(fault: str, model: str, name: str, may: bool) -> None:  # noqa: FBT001
    assert speaks_for(fault, model, name) is may


def test_a_fault_is_found_by_the_first_that_may_speak_after_its_onset() -> None:
    heard = [
        _heard(DAY - 1, "airflow", Level.PLAN),
        _heard(DAY + 1, "fan_speed[1]", Level.DISPATCH),
        _heard(DAY + 2, "heat_path", Level.WATCH),
        _heard(DAY + 6, "airflow", Level.DISPATCH, Level.PLAN),
        _heard(DAY + 4, "heat_path", Level.DISPATCH, Level.WATCH),
    ]
    assert first(heard, "clog", DAY * DAY_S, Level.PLAN) == 96
    assert first(heard, "clog", DAY * DAY_S, Level.WATCH) == 48
    assert first(heard[:2], "clog", DAY * DAY_S, Level.PLAN) == math.inf
    found = judge(_run(*heard))
    assert (found.hours, found.sessions, found.in_time) == (96, 12, True)
    assert found.severity == pytest.approx(4 / 30)
    assert found.astray == ("cooling `fan_speed`",)


def test_what_is_never_found_is_infinitely_late() -> None:
    found = judge(_run())
    assert (found.hours, found.sessions, found.in_time) == (math.inf, math.inf, False)
    assert math.isnan(found.severity)
    assert Row("clog, dc150, ramp", [found]).found == 0


def test_a_ramp_has_time_until_its_limit_or_until_the_charger_derates() -> None:
    assert hours_left(CLOG, None) == pytest.approx(RAMP_DAYS * 24)
    assert hours_left(CLOG, (DAY + 3) * DAY_S) == 72
    assert hours_left(CLOG, (DAY - 3) * DAY_S) == pytest.approx(RAMP_DAYS * 24), "derated before it began"
    assert hours_left(Fault(kind="tilt", level=4, shape="step", onset_day=3), None) == STEP_H
    assert hours_left(Fault(kind="weld", level=1, shape="intermittent", onset_day=3), None) == PIECES_H


def test_severity_is_the_share_of_the_way_also_of_what_falls_by_equal_factors() -> None:
    dry = Fault(kind="riso_scale", level=0.0125, onset_day=0, ramp_days=30)
    assert severity(dry, 15 * DAY_S) == pytest.approx(0.5)
    assert severity(CLOG, (DAY + 33) * DAY_S) == pytest.approx(1.1)


def test_a_score_is_held_against_the_truth_from_the_onset_on() -> None:
    days = (Day(DAY - 1, 0, 0, 100), Day(DAY, 0, 90, 100), Day(DAY + 1, 0, 94, 100), Day(DAY + 2, 0, math.nan, 90))
    assert judge(_run(scores=days)).error == pytest.approx(8)
    scale = SCALES["clog, dc150"]
    assert true_value(scale, 0.2, 2.0, 1.2) == pytest.approx(50)
    assert math.isnan(true_value(scale, 0.2, math.nan, math.nan))


def test_false_alarms_are_counted_and_sensors_that_are_named_are_not_among_them() -> None:
    stuck = Fault(
        kind="sensor_stuck", level=1, shape="step", onset_day=30, end_day=31,
        place="1.0/TemperatureSensor[ContactDCplus]/Temperature",
    )  # fmt: skip
    run = _run(
        _heard(30.5, "contact_sensor[ContactDCplus]", Level.WATCH, model="connector"),
        _heard(30.6, "contact_heating[ContactDCplus]", Level.DISPATCH, model="connector"),
        _heard(40, "airflow", Level.PLAN, Level.WATCH),
        _heard(41, "airflow", Level.WATCH, Level.PLAN),
        _heard(42, "door_open", Level.PLAN, model="environment"),
        fault=stuck,
        name="",
    )
    found = peace([run])
    assert (found.months, found.plan, found.dispatch, found.caused) == (2, 2, 1, 1)
    assert (found.sensors, found.named, found.by_way) == (1, 1, (("sensor_stuck", 1, 1),))
    assert dict(found.sources) == {"connector `contact_heating`": 1, "cooling `airflow`": 1}


def test_a_finding_about_another_sensor_names_none() -> None:
    stuck = Fault(
        kind="sensor_stuck", level=1, shape="step", onset_day=30, end_day=31, place="0.0/HumiditySensor/Humidity"
    )
    run = _run(_heard(30.5, "contact_sensor[ContactDCplus]", Level.WATCH, model="connector"), fault=stuck, name="")
    assert peace([run]).named == 0


def test_the_model_of_sensors_says_which_signal_and_a_wrong_one_is_counted() -> None:
    key = "TemperatureSensor[Heatsink]/Temperature"
    spikes = Fault(kind="sensor_spikes", level=60, shape="step", onset_day=30, end_day=31, place=f"1.0/{key}")
    heard = [
        _heard(30.5, f"sensor_spikes[{key}]", Level.WATCH, model="sensors"),
        _heard(30.5, "sensor_spikes[TemperatureSensor[AirOut]/Temperature]", Level.WATCH, model="sensors"),
        _heard(33, f"sensor_spikes[{key}]", Level.WATCH, model="sensors"),
        _heard(34, f"sensor_spikes[{key}]", Level.NONE, Level.WATCH, model="sensors"),
    ]
    found = peace([_run(*heard, fault=spikes, name="")])
    assert (found.named, found.misnamed, found.plan) == (1, 2, 0)
    assert peace([_run(*heard[1:], fault=spikes, name="")]).named == 0


def test_a_day_is_ill_beyond_half_of_the_way() -> None:
    scores = tuple(Day(day, 1.0, math.nan, math.nan) for day in range(60))
    ill = [is_ill for _, is_ill in charger_days([_run(scores=scores)], 30)]
    assert ill == [day + 1 >= DAY + 15 for day in range(30, 60)]


def test_average_precision_counts_equals_together() -> None:
    assert average_precision([3, 2, 1], [True, True, False]) == 1
    assert average_precision([1, 1, 1, 1], [False, True, False, False]) == pytest.approx(0.25)
    assert average_precision([3, 2, 1, 0], [False, True, False, True]) == pytest.approx(0.5)
    assert math.isnan(average_precision([1.0], [False]))


def test_the_area_under_the_curve_is_the_share_of_pairs() -> None:
    rng = np.random.default_rng(2)
    low, high = rng.integers(0, 9, 40), rng.integers(3, 12, 30)
    pairs = [(b > a) + 0.5 * (b == a) for a in low for b in high]
    assert area_under(low, high) == pytest.approx(np.mean(pairs))


def test_quantiles_take_what_never_came_as_the_worst() -> None:
    assert quantile([1.0, math.inf, 2.0], 0.5) == 2
    assert quantile([1.0, math.inf, 2.0], 0.9) == math.inf
    assert math.isnan(quantile([], 0.5))


def test_alarms_in_a_window_find_it_once_and_others_are_false() -> None:
    assert windows_of([5, 12, 14, 30], [(10, 20), (40, 50)]) == ([2], 2)


def test_a_case_is_in_time_by_share_of_its_runs() -> None:
    late = Outcome(
        is_modelled=True, hours=9, watch_hours=1, sessions=3, severity=1.1, in_time=False, astray=(), error=math.nan,
        late_h=8,
    )  # fmt: skip
    assert Row("x", [late, late]).in_time == 0
    assert math.isnan(Row("x", [late]).error)


def test_verdict_tables_picture_and_page_show_what_falls_short() -> None:
    scores = tuple(Day(day, 30.0 * (day > DAY + 20), 80.0, 100.0) for day in range(60))
    found_run = _run(_heard(DAY + 9, "airflow", Level.PLAN), scores=scores, name="clog, dc150, slow")
    missed = _run(name="clog, dc150, step", fault=Fault(kind="clog", level=0.66, shape="step", onset_day=DAY))
    healthy_run = Run(Case("", "dc150"), 1, 60, scores=list(scores))
    edge = Edge(signals=3550, cpu_ms=2.5, worst_ms=60, models_mb=9, ring_mb=5, span_s=600)
    found = found_in([found_run, missed, healthy_run], edge, None, 0)
    assert misses(found) == [
        "1 of 2 cases in time too seldom (clog, dc150, step)",
        "scores off by more than 5 points (clog, dc150, slow)",
        "2.50 ms per second",
        "no measured data",
    ]
    assert verdict(found).startswith("soh: falls short: 1 of 2")
    assert table(found)[0][:2] == ("clog, dc150, slow", "1 of 1")
    assert [cells[2] for cells in table(found)] == ["216.0", "-"]
    written = page(found, "make bench-soh", "bench-soh.svg")
    assert verdict(found) in written
    assert "`clog, dc150, step`: found in 0 of 1 runs" in written
    assert "clog, dc150, slow" in text(found)
    assert picture(found.rows).count(">x</text>") == 1
    assert json.loads(json.dumps(document(found, "x"), allow_nan=False))["verdict"] == verdict(found)


def test_the_ring_is_what_its_page_says(tmp_path: Path) -> None:
    page_of_ring = tmp_path / "blackbox.md"
    assert ring_mb(page_of_ring) is None
    page_of_ring.write_text("3 % of a core, under 5 MB of memory; 1.2 kB/s", encoding="utf-8")
    assert ring_mb(page_of_ring) == 5


def test_runs_that_were_kept_are_taken_only_when_asked_for_and_only_of_the_same_group(tmp_path: Path) -> None:
    group = Group(77, 1_767_587_400, 1, (Case("", "ac22"),))
    (fresh,) = Kept(tmp_path, is_used=True).run(group)
    assert (fresh.days, len(fresh.scores), fresh.failed) == (1, 1, 0)
    (file,) = tmp_path.iterdir()
    file.write_bytes(msgspec.msgpack.encode([replace(fresh, failed=7)]))
    (again,) = Kept(tmp_path, is_used=True).run(group)
    assert (again.failed, again.heard, again.session_ends_s) == (7, fresh.heard, fresh.session_ends_s)
    assert math.isnan(again.scores[0].value)
    assert Kept(tmp_path, is_used=True).run(replace(group, seed=78))[0].failed == 0
    assert Kept(tmp_path, is_used=False).run(group)[0].failed == 0
