"""This file holds faults against their shapes; it guards that the time of the limit is when the level gets there."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from isolane.core.failures import IsolaneError
from isolane.sim.years.faults import DAY_S, KINDS, Fault, level

_DAYS = np.arange(0, 41) * DAY_S


def test_ramp_and_step_and_repair() -> None:
    ramp = Fault(kind="clog", level=0.6, onset_day=10, ramp_days=20, end_day=35)
    assert ramp.level_at(_DAYS)[[0, 10, 20, 30, 34, 35]] == pytest.approx([0, 0, 0.3, 0.6, 0.6, 0])
    step = Fault(kind="clog", level=0.6, shape="step", onset_day=10, ramp_days=20)
    assert step.level_at(_DAYS)[[9, 10]] == pytest.approx([0, 0.6])


def test_insulation_falls_by_equal_factors() -> None:
    rot = Fault(kind="riso_scale", level=0.0001, ramp_days=40)
    assert rot.level_at(_DAYS)[[0, 10, 20, 40]] == pytest.approx([1, 0.1, 0.01, 0.0001])
    assert rot.limit_day == pytest.approx(40 * math.log(0.0125) / math.log(0.0001))


def test_intermittent_is_there_for_its_share_in_pieces() -> None:
    loose = Fault(kind="conn_gain", level=2.0, shape="intermittent", duty=0.25, dwell_s=600)
    levels = loose.level_at(np.arange(8 * DAY_S))
    assert set(np.unique(levels)) == {1.0, 2.0}
    assert (levels > 1).mean() == pytest.approx(0.25, abs=0.04)
    assert not (np.flatnonzero(np.diff(levels)) + 1).astype(int).__mod__(600).any()
    assert set(loose.envelope_at(_DAYS)) == {2.0}


@pytest.mark.parametrize("far", [0.9, 1.0, 1.4])
@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not math.isnan(kind.limit)])
def test_limit_day_is_when_the_level_gets_there(kind: str, far: float) -> None:
    healthy, limit, places = KINDS[kind].healthy, KINDS[kind].limit, KINDS[kind].places
    end = limit**far if KINDS[kind].log else healthy + far * (limit - healthy)
    place = {"phase": "1", "signal": "1.0/EVSE/Power"}.get(places, "")
    fault = Fault(kind=kind, level=end, onset_day=20, ramp_days=60, place=place)
    assert (fault.limit_day is not None) == (far >= 1)
    if fault.limit_day is not None and not KINDS[kind].flag:
        assert float(fault.level_at(np.array(fault.limit_day * DAY_S))) == pytest.approx(limit, rel=1e-6)


def test_limit_of_a_meter_that_counts_too_little_and_of_no_fault() -> None:
    slow = Fault(kind="meter_gain", level=0.98, ramp_days=10)
    assert (slow.limit_level, slow.limit_day) == pytest.approx((0.99, 5))
    assert Fault(kind="clog", level=0.9, ramp_days=10, end_day=2).limit_day is None
    assert Fault(kind="clog", level=0.0).limit_day is None
    assert Fault(kind="sensor_stuck", level=1, place="1.0/EVSE/Power").limit_day is None


def test_a_flag_has_no_ramp() -> None:
    assert Fault(kind="phase_loss", level=3, onset_day=2, ramp_days=10).level_at(_DAYS)[[1, 2]].tolist() == [0, 3]
    assert Fault(kind="phase_loss", level=3, onset_day=2, ramp_days=10).limit_day == 2


def test_the_page_lists_every_fault_with_its_figures() -> None:
    page = Path(__file__).parents[3] / "docs/reference/fault-simulator.md"
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \| (\S+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {row[0]: row[1:] for row in rows} == {
        name: (f"{kind.healthy:g}", "-" if math.isnan(kind.limit) else f"{kind.limit:.4g}", kind.places or "-")
        for name, kind in KINDS.items()
    }


def test_place_and_last_one_count() -> None:
    faults = (Fault(kind="eff_drift", level=1.2), Fault(kind="eff_drift", level=1.4, place="2", onset_day=5))
    assert level(faults, "eff_drift", _DAYS, "1")[[0, 10]] == pytest.approx([1.2, 1.2])
    assert level(faults, "eff_drift", _DAYS, "2")[[0, 10]] == pytest.approx([1.2, 1.4])
    assert level(faults, "clog", _DAYS)[0] == 0


@pytest.mark.parametrize(
    ("kind", "place"),
    [("clogg", ""), ("clog", "1"), ("eff_drift", "6"), ("terminal_z", ""), ("sensor_stuck", "DCVoltage")],
)
def test_what_is_no_fault(kind: str, place: str) -> None:
    with pytest.raises(IsolaneError, match=kind):
        Fault(kind=kind, level=1.0, place=place)
