"""This file tests sums of chargers; it guards that they say the same as putting every signal into words would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.columns import Columns
from isolane.center.store.digest import Digests, Use
from isolane.center.store.glance import Glance
from isolane.center.store.latest import LastRow
from isolane.center.store.summary import session_active, state, temperature_max_c
from isolane.core.samples import Quality
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey
from isolane.wire.floats import pattern
from isolane.wire.schema import Schema

SITE = "depot"
NAMES = (
    ("1.0/EVSE/xState", "", 1.0),
    ("1.0/EVSE/Power", "W", 1.0),
    ("1.0/EVSE/xTransactionActive", "", 1.0),
    ("1.0/TemperatureSensor[ContactDCplus]/Temperature", "Celsius", 0.1),
    ("1.0/EVSE/DCVoltage", "V", 0.1),
    ("0.0/Controller/xShare", "", 0.0),
)
ROW = st.tuples(
    st.integers(0, 5),
    st.lists(st.integers(0, 9), min_size=12, max_size=12),
    st.lists(st.sampled_from([0, 1, 2, 2 | 3 << 2]), min_size=12, max_size=12),
)
INFINITE = pattern(1.0) | 0x7FF0_0000_0000_0000


def schema(*names: tuple[str, str, float]) -> Schema:
    """Two chargers with these signals."""
    return Schema.of(tuple(Signal(charger, *name) for charger in ("CP-1", "CP-2") for name in names))


@given(st.lists(st.tuples(st.integers(0, 2), ROW), max_size=6))
def test_a_sum_says_what_all_signals_say(rows: list[tuple[int, tuple[int, list[int], list[int]]]]) -> None:
    columns = Columns()
    glance = Glance(columns, 60)
    schemas = [schema(*NAMES), schema(*NAMES[1:4]), schema(*NAMES[3:])]
    for one in schemas:
        columns.add_schema(one)
        columns.add_use(1, SITE, "gw-1", 0, one.id)
    for number, (at, (t_s, values, codes)) in enumerate(rows, 1):
        count = len(schemas[at].columns)
        told = np.array(values[:count], np.int64)
        floats = schemas[at].floats
        if floats is not None:
            told[floats] = np.where(told[floats] > 5, INFINITE, [pattern(float(one)) for one in told[floats]])
        block = Block(
            BlockKey(1, 0, number),
            schemas[at].id,
            t_s * 1000,
            1000,
            told[:, None],
            np.array(codes[:count], np.uint8)[:, None],
        )
        glance.add(1, block, 1000)
        for summary in glance.fleet(None, 1000):
            signals = glance.signals(SITE, summary.charger)
            qualities = [signal.quality for signal in signals]
            (power,) = [signal.value for signal in signals if signal.key == "1.0/EVSE/Power"]
            assert (summary.signals, summary.bad_signals) == (len(signals), qualities.count("bad"))
            assert (summary.stale_signals, summary.power_w) == (qualities.count("stale"), power)
            assert (summary.state, summary.temperature_max_c) == (state(signals), temperature_max_c(signals))
            assert summary.session_active == session_active(signals, summary.state)


def test_a_sum_is_kept_until_a_row_comes() -> None:
    columns, one = Columns(), schema(*NAMES)
    columns.add_schema(one)
    columns.add_use(1, SITE, "gw-1", 0, one.id)
    use = (1, one.id)
    last: dict[Use, LastRow] = {}
    digests = Digests(columns, last)
    assert digests.of(SITE, "CP-1", [use]).bad_signals == len(NAMES)
    row = LastRow(1, np.full(12, 2, np.int64), np.full(12, Quality.GOOD, np.uint8))
    last[use] = row
    first = digests.of(SITE, "CP-1", [use])
    assert (first.state, first.power_w, first.bad_signals) == ("charging", 2.0, 0)
    assert digests.of(SITE, "CP-1", [use]) is first
    last[use] = LastRow(2, np.full(12, 4, np.int64), row.codes)
    assert digests.of(SITE, "CP-1", [use]).state == "faulted"
