"""This file tests line protocol; it guards that whatever a name or tag holds comes out of a strict reader unchanged."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.signals import Signal
from isolane.health.links.influx.encode import escaped, lines
from isolane.health.links.rows import Rows
from isolane.wire.block import BlockKey
from support.line_protocol import parse
from support.target_rows import BAD, SIGNALS

_IMPOSSIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def rows(signals: tuple[Signal, ...], values: list[list[int]], codes: list[list[int]] | None = None) -> Rows:
    table = np.array(values, np.int64)
    return Rows(
        BlockKey(1, 0, 1),
        signals,
        1_700_000_000_000 + 1000 * np.arange(table.shape[1]),
        1000,
        table,
        np.array(codes or np.zeros_like(table), np.uint8),
    )


def test_signals_of_one_place_share_a_line_and_what_is_missing_is_left_out() -> None:
    volts = (SIGNALS[1], Signal("CP-1", "1.0/ElectricalFeed/ACCurrent[L1]", "A", 0.001))
    told = lines(rows(volts, [[2301, 2302], [5, 6]], [[0, BAD], [0, 0]]), "isolane", {"site": "north"}, held=True)
    head = "isolane,charger=CP-1,component=ElectricalFeed,connector=0,evse=1,site=north,variable_instance=L1"
    assert told.decode().splitlines() == [
        f"{head} ac_voltage_volts=230.1,ac_current_amperes=0.005 1700000000000",
        f"{head} ac_current_amperes=0.006 1700000001000",
    ]
    assert lines(rows(volts, [[1], [1]], [[BAD], [BAD]]), "isolane", {}, held=True) == b""


@given(TEXT, TEXT, TEXT, st.integers(-(2**62), 2**62))
def test_a_strict_reader_gets_back_what_was_written(charger: str, name: str, value: str, number: int) -> None:
    signal = Signal(charger, "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1)
    common = {"site": "no,rth= ", f"extra {name}": value}
    (point,) = parse(lines(rows((signal,), [[number]]), "meas ure,ment", common, held=True).decode())
    assert point.measurement == "meas ure,ment"
    assert point.tags["charger"] == _IMPOSSIBLE.sub("_", charger)
    assert point.tags["site"] == "no,rth= "
    assert point.tags[_IMPOSSIBLE.sub("_", f"extra {name}")] == _IMPOSSIBLE.sub("_", value)
    assert point.fields == {"ac_voltage_volts": number / 10}
    assert point.t == 1_700_000_000_000


def test_a_backslash_never_swallows_what_follows() -> None:
    assert escaped("a\\") == "a_"
    assert escaped("a\nb") == "a_b"
    assert escaped("a, b=c") == r"a\,\ b\=c"
