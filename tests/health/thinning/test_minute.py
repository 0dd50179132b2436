"""This file tests the summaries of minutes against Python's own statistics."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.health.thinning.minute import NAMES, schemas, summarise
from isolane.wire.block import code
from isolane.wire.floats import number, to_bits

SIGNAL = Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1)
STATE = Signal("CP-1", "1.0/EVSE/xState", "", 1.0)
BAD = code(Quality.BAD, Reason.TIMEOUT)


def test_each_summary_is_a_signal_with_its_own_name_and_resolution() -> None:
    told = [schema.signals for schema in schemas((SIGNAL, STATE))]
    assert [signals[0].key for signals in told] == [f"1.0/ElectricalFeed/ACVoltage[L1.{name}]" for name in NAMES]
    assert [signals[1].key for signals in told] == [f"1.0/EVSE/xState[{name}]" for name in NAMES]
    assert [signals[0].resolution for signals in told] == [0.1, 0.01, 0.1, 0.01]


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.sampled_from([0, 0, 1, BAD])), min_size=1, max_size=60))
def test_summaries_are_those_of_the_samples_with_a_value(samples: list[tuple[int, int]]) -> None:
    values = np.array([[value if told != BAD else 0 for value, told in samples]], np.int64)
    codes = np.array([[told for _, told in samples]], np.uint8)
    found = summarise(values, codes, schemas((SIGNAL,)))
    present = [value for value, told in samples if told != BAD]
    got = [int(summary.values[0, 0]) for summary in found]
    assert all(summary.values.shape == summary.codes.shape == (1, 1) for summary in found)
    if not present:
        assert got == [0, 0, 0, 0]
        assert found[0].codes[0, 0] == BAD
        return
    assert (got[0], got[2]) == (min(present), max(present))
    assert got[1] == pytest.approx(10 * statistics.fmean(present), abs=0.51)
    assert got[3] == pytest.approx(10 * statistics.pstdev(present), abs=0.51)
    good = all(told == 0 for _, told in samples)
    assert {int(summary.codes[0, 0]) for summary in found} == {0 if good else 1}


FLOATS = st.floats(-1e300, 1e300)


@given(st.lists(st.tuples(FLOATS, st.sampled_from([0, 0, 1, BAD])), min_size=1, max_size=60))
def test_summaries_of_floats_are_floats_of_the_samples_with_a_value(samples: list[tuple[float, int]]) -> None:
    bare = Signal("CP-1", "1.0/EVSE/xDistortion", "Percent", 0)
    real = np.array([[0.0 if told == BAD else value for value, told in samples]])
    values = np.concatenate([np.full((1, len(samples)), 7), to_bits(real)])
    codes = np.array([[0] * len(samples), [told for _, told in samples]], np.uint8)
    told = schemas((STATE, bare))
    assert [schema.floats is not None and schema.floats.tolist() for schema in told] == [[False, True]] * 4
    found = summarise(values, codes, told, told[0].floats)
    assert [int(summary.values[0, 0]) for summary in found] == [7, 70, 7, 0]
    low, mean, high, deviation = (number(int(summary.values[1, 0])) for summary in found)
    present = [value for value, told in samples if told != BAD]
    if not present:
        assert (low, mean, high, deviation) == (0, 0, 0, 0)
        return
    largest = max(abs(value) for value in present) or 1.0
    assert (low, high) == (min(present), max(present))
    shares = [value / largest for value in present]
    near = max(1e-7 * largest, 1e-320)
    assert mean == pytest.approx(statistics.fmean(shares) * largest, abs=near)
    assert deviation == pytest.approx(statistics.pstdev(shares) * largest, abs=near)
