"""This file tests thinning over the wire; it guards that what was left out comes back within the bound, always."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.health.thinning.masks import I64, U8, Mask, Way, bounded, deadband
from isolane.wire.block import Block, BlockKey, Thinned, code, decode, encode, gateway_tag

TAG = gateway_tag("north", "gw-1")
CODES = [0, 0, 0, 0, 1, code(Quality.STALE, Reason.TIMEOUT), code(Quality.BAD, Reason.TIMEOUT)]
WAYS = [deadband, bounded]
NUMBERS = st.integers(-20, 20) | st.integers(-(2**63), 2**63 - 1)


def over_the_wire(values: I64, codes: U8, keep: Mask, *, is_held: bool) -> Block:
    thinned = np.where(keep, codes, codes | Reason.THINNED << 2).astype(np.uint8)
    way = Thinned(Rung.BOUNDED, 1, np.full(values.shape[0], is_held))
    block = Block(BlockKey(1, 0, 1), bytes(8), 0, 1000, np.where(keep, values, 0), thinned, way)
    return decode(encode(block, TAG), TAG)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=400)
@given(data=st.data())
def test_every_sample_comes_back_within_its_bound(way: Way, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 25)))
    values = data.draw(hnp.arrays(np.int64, shape, elements=NUMBERS, fill=st.integers(-2, 2)))
    codes = data.draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from(CODES), fill=st.just(0)))
    values = np.where((codes & 3) == Quality.BAD, 0, values)
    bounds = data.draw(hnp.arrays(np.int64, shape[0], elements=st.integers(0, 9)))
    keep = way(values, codes, bounds)
    read = over_the_wire(values, codes, keep, is_held=way is deadband)
    for column, bound in enumerate(bounds.tolist()):
        for mine, other in zip(values[column].tolist(), read.values[column].tolist(), strict=True):
            assert abs(mine - other) <= bound
    assert np.array_equal(read.codes & 3, codes & 3)
    assert np.array_equal(read.values[keep], values[keep])
    assert np.array_equal(read.codes[keep], codes[keep])
    assert read.samples == keep.sum()


def column(*values: int) -> tuple[I64, U8]:
    return np.array([values], np.int64), np.zeros((1, len(values)), np.uint8)


def test_a_deadband_keeps_what_leaves_it() -> None:
    values, codes = column(100, 101, 102, 103, 102, 100, 100)
    assert deadband(values, codes, np.array([2]))[0].tolist() == [True, False, False, True, False, True, False]


def test_before_a_step_the_old_value_comes_back() -> None:
    values, codes = column(0, 1, 0, 1, 100, 100)
    read = over_the_wire(values, codes, deadband(values, codes, np.array([1])), is_held=True)
    assert read.values[0].tolist() == [0, 0, 0, 0, 100, 100]


def test_a_straight_line_is_two_points_and_a_step_is_four() -> None:
    values, codes = column(*range(0, 600, 10))
    assert bounded(values, codes, np.array([0])).sum() == 2
    values, codes = column(*[0] * 30, *[500] * 30)
    assert np.flatnonzero(bounded(values, codes, np.array([3]))[0]).tolist() == [0, 29, 30, 59]


def test_a_reason_is_never_thinned_away() -> None:
    values, codes = column(5, 5, 5, 5)
    codes[0, 1:3] = code(Quality.STALE, Reason.TIMEOUT)
    assert deadband(values, codes, np.array([9]))[0].tolist() == [True, True, True, True]
    assert bounded(values, codes, np.array([9]))[0].all()
