"""This file reads days out of a real store; it guards that each second is what its GOOD sample says, and no other."""

from itertools import pairwise

import numpy as np
import pytest

from isolane.center.kpis.day import read_day
from isolane.center.kpis.timeline import DAY_S, Run
from support.kpi_world import DAY_MS, LINK, POWER, REQUESTED, STALE, STATE, TRANSACTION, World

DAY = 20_697
BEGIN_MS = DAY * DAY_MS


def constant(value: float, seconds: int = DAY_S) -> np.ndarray:
    return np.full(seconds, value, float)


def shown(runs: list[Run]) -> list[tuple[int, int, str, int, int, int]]:
    """Shorten runs to (begin s, end s, condition, state, transaction, flow)."""
    return [
        ((r.from_ms - BEGIN_MS) // 1000, (r.to_ms - BEGIN_MS) // 1000, r.condition, r.state, r.transaction, r.flow)
        for r in runs
    ]


@pytest.mark.parametrize("rolled", [False, True])
async def test_every_second_of_a_day(world: World, *, rolled: bool) -> None:
    link, state, transaction, power = constant(1), constant(0), constant(0), constant(0)
    state[30_001:33_661], transaction[30_011:33_630] = 2, 1
    power[30_020:33_600] = 50_000
    state[50_000:50_007] = 4
    link[60_000:61_000] = 0
    state[60_000:61_000] = np.nan
    tracks = {LINK: link, STATE: state, TRANSACTION: transaction, POWER: power, REQUESTED: power * 2}
    await world.lay("CP-1", BEGIN_MS, tracks)
    if rolled:
        assert await world.telemetry.roll(BEGIN_MS + 3 * DAY_MS) > 0
    (one,) = await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS, 80_000.0)
    assert shown(one.runs) == [
        (0, 30_001, "up", 0, 0, 0),
        (30_001, 30_011, "up", 2, 0, 0),
        (30_011, 30_020, "up", 2, 1, 0),
        (30_020, 33_600, "up", 2, 1, 1),
        (33_600, 33_630, "up", 2, 1, 0),
        (33_630, 33_661, "up", 2, 0, 0),
        (33_661, 50_000, "up", 0, 0, 0),
        (50_000, 50_007, "down", 4, 0, 0),
        (50_007, 60_000, "up", 0, 0, 0),
        (60_000, 61_000, "offline", -1, 0, 0),
        (61_000, DAY_S, "up", 0, 0, 0),
    ]
    energy_wh = 50_000 * 3580 / 3600
    assert sum(run.energy_wh for run in one.runs) == pytest.approx(energy_wh, rel=1e-6)
    assert one.delivered_wh == pytest.approx(energy_wh, rel=1e-6)
    assert one.requested_wh == pytest.approx(energy_wh * 80 / 100 * 2, rel=1e-6)


async def test_what_is_held_missing_or_unread_is_unknown(world: World) -> None:
    state = constant(0)
    state[7000:7005] = np.nan
    codes = np.zeros(DAY_S, np.uint8)
    codes[7000:7005] = 2 << 2 | 2
    codes[9000:9100] = STALE
    first, after = 40_030, 40_090
    for begin, end in ((0, first), (after, DAY_S)):
        part = {LINK: constant(1, end - begin), STATE: state[begin:end]}
        await world.lay("CP-1", BEGIN_MS + begin * 1000, part, codes={STATE: codes[begin:end]})
    (one,) = await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS)
    unknown = [run[:2] for run in shown(one.runs) if run[2] == "unknown"]
    assert unknown == [(7000, 7005), (9000, 9100), (first, after)]
    assert one.requested_wh == 0


async def test_a_day_that_was_begun_and_ended_in_the_middle_of_a_minute(world: World) -> None:
    await world.lay("CP-1", BEGIN_MS + 30_000, {LINK: constant(1, 1000), STATE: constant(0, 1000)})
    (one,) = await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS)
    assert [run[:3] for run in shown(one.runs)] == [
        (0, 30, "unknown"), (30, 1030, "up"), (1030, DAY_S, "unknown")
    ]  # fmt: skip


@pytest.mark.parametrize("step_s", [10, 60])
async def test_thinned_samples_hold_until_the_next(world: World, step_s: int) -> None:
    rows = DAY_S // step_s
    state = constant(0, rows)
    state[100:110] = 4
    await world.lay("CP-1", BEGIN_MS, {LINK: constant(1, rows), STATE: state}, step_ms=step_s * 1000)
    (one,) = await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS)
    assert [run[:3] for run in shown(one.runs)] == [
        (0, 100 * step_s, "up"), (100 * step_s, 110 * step_s, "down"), (110 * step_s, DAY_S, "up")
    ]  # fmt: skip


async def test_without_a_link_signal_nobody_knows_that_it_was_up(world: World) -> None:
    state = constant(0)
    state[:60] = 4
    await world.lay("CP-1", BEGIN_MS, {STATE: state})
    (one,) = await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS)
    assert [run[:3] for run in shown(one.runs)] == [(0, 60, "down"), (60, DAY_S, "unknown")]


async def test_what_has_no_port_has_no_day(world: World) -> None:
    await world.lay("CP-1", BEGIN_MS, {LINK: constant(1, 10)})
    assert await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS) == []
    assert await read_day(world.telemetry, "depot", "CP-9", BEGIN_MS) == []


async def test_runs_follow_each_other_whatever_the_samples_are(world: World) -> None:
    rng = np.random.default_rng(5)
    state = np.repeat(rng.choice([0.0, 1.0, 2.0, 3.0, 4.0, np.nan], DAY_S // 40), 40)
    link = np.repeat(rng.choice([0.0, 1.0, np.nan], DAY_S // 300, p=[0.1, 0.8, 0.1]), 300)
    await world.lay("CP-1", BEGIN_MS, {LINK: link, STATE: state})
    (one,) = await read_day(world.telemetry, "depot", "CP-1", BEGIN_MS)
    assert (one.runs[0].from_ms, one.runs[-1].to_ms) == (BEGIN_MS, BEGIN_MS + DAY_MS)
    assert all(before.to_ms == after.from_ms for before, after in pairwise(one.runs))
    states = np.repeat([run.state for run in one.runs], [(r.to_ms - r.from_ms) // 1000 for r in one.runs])
    links = np.repeat([run.link for run in one.runs], [(r.to_ms - r.from_ms) // 1000 for r in one.runs])
    assert (states == np.nan_to_num(state, nan=-1)).all()
    assert (links == np.nan_to_num(link, nan=-1)).all()
