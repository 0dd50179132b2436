"""This file tests what is sent of a block on each rung; it guards that nothing is left out uncounted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from isolane.core.clock import SystemClock
from isolane.core.rungs import Rung
from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.health.thinner import Thinner
from isolane.health.thinning.ring import Ring
from isolane.health.thinning.segment import read
from isolane.health.thinning.settings import KeptSettings, ThinningSettings
from isolane.wire.block import BlockKey, decode, encode, gateway_tag
from isolane.wire.floats import to_bits, to_floats
from isolane.wire.schema import Schema

VOLTAGE = Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1)
STATE = Signal("CP-1", "1.0/EVSE/xState", "", 1.0)
SCHEMA = Schema.of((VOLTAGE, STATE))
SETTINGS = ThinningSettings(deadband_steps=1, bound_steps=3, steps_by_unit={"W": 9})
TAG = gateway_tag("north", "gw-1")
MINUTE_MS = 1_700_000_040_000


def draft(rows: int = 60, t0_ms: int = MINUTE_MS) -> Draft:
    noise = np.random.default_rng(5).integers(-1, 2, rows)
    state = np.repeat([1, 2], [rows - rows // 2, rows // 2])
    values = np.array([2300 + np.arange(rows) + noise, state], np.int64)
    return Draft(SCHEMA.id, t0_ms, 1000, values, np.zeros(values.shape, np.uint8))


def thinner(rung: Rung) -> Thinner:
    return Thinner(SCHEMA, SETTINGS, lambda: rung)


def test_on_the_first_rung_blocks_pass_as_they_are() -> None:
    whole = draft()
    assert thinner(Rung.FULL).thin(whole) == [whole]
    assert whole.whole is None
    assert thinner(Rung.FULL).rows(10) == 10
    assert not thinner(Rung.FULL).ends_at(MINUTE_MS)


@pytest.mark.parametrize(("rung", "bound"), [(Rung.DEADBAND, 1), (Rung.BOUNDED, 3)])
def test_on_a_further_rung_less_is_sent_and_the_rest_is_counted_and_bounded(rung: Rung, bound: int) -> None:
    whole = draft()
    (sent,) = thinner(rung).thin(whole)
    assert thinner(rung).rows(10) == 60
    assert sent.whole is whole
    assert 0 < sent.samples < whole.samples
    assert sent.produced == whole.samples
    read = decode(encode(sent.block(BlockKey(1, 0, 1)), TAG), TAG)
    assert read.thinned is not None
    assert (read.thinned.rung, read.thinned.bound) == (rung, bound)
    assert read.samples == sent.samples
    assert np.array_equal(read.values, sent.values)
    assert np.abs(read.values[0] - whole.values[0]).max() <= bound
    assert np.array_equal(read.values[1], whole.values[1])


def test_a_whole_minute_becomes_four_rows_about_it() -> None:
    whole = draft()
    made = thinner(Rung.MINUTE)
    sent = made.thin(whole)
    assert [each.schema for each in sent] == [schema.id for schema in made.minutes]
    assert {each.values.shape for each in sent} == {(2, 1)}
    assert {(each.t0_ms, each.step_ms) for each in sent} == {(MINUTE_MS, 60_000)}
    assert sum(each.thinned for each in sent) == whole.samples
    assert [each.whole for each in sent] == [whole, None, None, None]
    assert sent[0].values[0, 0] == whole.values[0].min()
    assert made.ends_at(MINUTE_MS)
    assert not made.ends_at(MINUTE_MS + 1000)


@pytest.mark.parametrize("part", [draft(59), draft(60, MINUTE_MS + 1000)])
def test_what_is_no_whole_minute_is_thinned_within_the_bound(part: Draft) -> None:
    (sent,) = thinner(Rung.MINUTE).thin(part)
    assert sent.way is not None
    assert sent.way.rung is Rung.BOUNDED


def test_what_cannot_be_thinned_passes() -> None:
    short = draft(2)
    assert thinner(Rung.BOUNDED).thin(short) == [short]
    wild = dataclasses.replace(draft(8), values=np.array([np.arange(8) ** 3 * 50, np.arange(8)], np.int64))
    assert thinner(Rung.DEADBAND).thin(wild) == [wild]


@pytest.mark.parametrize("rung", [Rung.DEADBAND, Rung.BOUNDED, Rung.MINUTE])
def test_floats_come_back_exactly_on_every_rung(rung: Rung) -> None:
    bare = Signal("CP-1", "1.0/EVSE/xDistortion", "Percent", 0)
    schema = Schema.of((VOLTAGE, STATE, bare))
    whole = draft(60, MINUTE_MS + 1000)
    real = np.repeat(np.random.default_rng(3).normal(size=20), 3)[None, :]
    values = np.concatenate([whole.values, to_bits(real)])
    codes = np.zeros(values.shape, np.uint8)
    whole = dataclasses.replace(whole, schema=schema.id, values=values, codes=codes, floats=schema.floats)
    (sent,) = Thinner(schema, SETTINGS, lambda: rung).thin(whole)
    read = decode(encode(sent.block(BlockKey(1, 0, 1)), TAG), TAG)
    assert np.array_equal(read.values[1:], values[1:])
    assert np.count_nonzero(read.codes[2]) == 40
    assert sent.produced == whole.samples


def test_a_whole_minute_of_floats_becomes_four_rows_of_floats() -> None:
    schema = Schema.of((dataclasses.replace(VOLTAGE, resolution=0),))
    real = np.linspace(229.5, 230.5, 60)[None, :]
    codes = np.zeros((1, 60), np.uint8)
    whole = Draft(schema.id, MINUTE_MS, 1000, to_bits(real), codes, floats=schema.floats)
    sent = Thinner(schema, SETTINGS, lambda: Rung.MINUTE).thin(whole)
    read = [decode(encode(each.block(BlockKey(1, 0, 1)), TAG), TAG) for each in sent]
    told = [to_floats(block.values)[0, 0] for block in read]
    assert told == pytest.approx([229.5, 230.0, 230.5, real.std()])


def test_what_is_kept_is_every_thinned_stretch_value_for_value_and_nothing_else(tmp_path: Path) -> None:
    """The rung changes between blocks, there and back; what was sent and what was kept are the whole."""
    rungs = [Rung.FULL, Rung.DEADBAND, Rung.FULL, Rung.BOUNDED, Rung.MINUTE, Rung.MINUTE, Rung.BOUNDED, Rung.FULL]
    ring = Ring(KeptSettings(), tmp_path, TAG, SystemClock())
    made = [draft(60, MINUTE_MS + 60_000 * place) for place in range(len(rungs))]
    for number, (rung, taken) in enumerate(zip(rungs, made, strict=True), 1):
        for each in thinner(rung).thin(taken):
            if each.whole is not None:
                ring.keep(SCHEMA, each.whole.block(BlockKey(1, 0, number)))
    ring.flush()
    found = [block for _, block in read(tmp_path)]
    kept = [place for place, rung in enumerate(rungs) if rung is not Rung.FULL]
    assert [block.key.sequence - 1 for block in found] == kept
    for block in found:
        whole = made[block.key.sequence - 1]
        assert block.thinned is None
        assert (block.t0_ms, block.step_ms) == (whole.t0_ms, 1000)
        assert np.array_equal(block.values, whole.values)
        assert np.array_equal(block.codes, whole.codes)
