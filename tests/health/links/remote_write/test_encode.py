"""This file tests remote-write requests; it guards where stale markers stand."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.links.remote_write.encode import STALE_BITS, Ends, WriteRequest, write_request
from isolane.health.links.rows import Rows
from isolane.wire.block import BlockKey
from support.receivers import bits
from support.target_rows import BAD, SIGNALS

COMMON = {"site": "north", "gateway": "gw-1"}


def rows(codes: list[int], t0_ms: int = 10_000, columns: int = 1) -> Rows:
    count = len(codes)
    all_codes = np.array([codes] * columns, np.uint8)
    values = np.zeros((columns, count), np.int64)
    return Rows(BlockKey(1, 0, 1), SIGNALS[1 : 1 + columns], t0_ms + 1000 * np.arange(count), 1000, values, all_codes)


def told(request: bytes) -> list[list[tuple[int, bool]]]:
    """Give (t, whether it is a stale marker) of each series."""
    message: Any = WriteRequest.FromString(request)
    return [
        [(sample.timestamp, bits(sample.value) == STALE_BITS) for sample in series.samples]
        for series in message.timeseries
    ]


def test_values_that_stop_are_marked_once() -> None:
    request, ends = write_request(rows([0, BAD, BAD, 0]), Ends(), COMMON, held=True)
    assert told(request) == [[(10_000, False), (11_000, True), (13_000, False)]]
    assert len(ends.alive) == 1
    request, ends = write_request(rows([BAD, BAD], 14_000), ends, COMMON, held=True)
    assert told(request) == [[(14_000, True)]]
    assert write_request(rows([BAD], 16_000), ends, COMMON, held=True)[0] == b""


def test_a_hole_between_blocks_is_marked_behind_the_last_row() -> None:
    _, ends = write_request(rows([0, 0]), Ends(), COMMON, held=True)
    request, _ = write_request(rows([0], 20_000), ends, COMMON, held=True)
    assert told(request) == [[(12_000, True), (20_000, False)]]


def test_a_signal_that_is_no_longer_read_is_marked() -> None:
    _, ends = write_request(rows([0], columns=2), Ends(), COMMON, held=True)
    request, ends = write_request(rows([0], 11_000), ends, COMMON, held=True)
    assert told(request) == [[(11_000, False)], [(11_000, True)]]
    assert len(ends.alive) == 1


def test_rows_that_come_late_or_again_end_nothing() -> None:
    _, ends = write_request(rows([0, 0]), Ends(), COMMON, held=True)
    for late in (rows([0, 0]), rows([BAD, 0], 5000)):
        request, after = write_request(late, ends, COMMON, held=True)
        assert after is ends
        assert not any(stale for series in told(request) for _, stale in series)


def test_held_samples_are_missing_ones_where_the_settings_say_so() -> None:
    assert told(write_request(rows([0, 1]), Ends(), COMMON, held=False)[0]) == [[(10_000, False), (11_000, True)]]
    assert told(write_request(rows([0, 1]), Ends(), COMMON, held=True)[0]) == [[(10_000, False), (11_000, False)]]


@given(st.lists(st.lists(st.sampled_from([0, 1, BAD]), min_size=1, max_size=6), min_size=1, max_size=6))
def test_a_series_goes_forward_and_each_end_is_marked_once(blocks: list[list[int]]) -> None:
    ends, samples = Ends(), []
    at = 10_000
    for codes in blocks:
        request, ends = write_request(rows(codes, at), ends, COMMON, held=True)
        samples += [sample for series in told(request) for sample in series]
        at += 1000 * len(codes)
    times = [t_ms for t_ms, _ in samples]
    assert times == sorted(set(times))
    flat = [code != BAD for codes in blocks for code in codes]
    ups = {10_000 + 1000 * index for index, here in enumerate(flat) if here}
    downs = {10_000 + 1000 * i for i, here in enumerate(flat) if not here and i and flat[i - 1]}
    assert {t_ms for t_ms, stale in samples if not stale} == ups
    assert {t_ms for t_ms, stale in samples if stale} == downs
