"""This file computes days out of a real store; it guards that a late day is computed again, midnight included."""

import numpy as np
import pytest

from isolane.center.kpis.facts import read_facts
from isolane.center.kpis.outages import Outage
from isolane.center.store.port import Batch
from support.kpi_world import DAY_MS, FIRST_DAY, LINK, STATE, TRANSACTION, World

DAY_S = 86_400


def day_of(**spans: list[tuple[int, int, float]]) -> dict[str, np.ndarray]:
    """Make a day's tracks, in steps of 10 s: up and free, but for what is said."""
    tracks = {LINK: np.ones(DAY_S // 10), STATE: np.zeros(DAY_S // 10)}
    for name, own in spans.items():
        track = tracks.setdefault({"STATE": STATE, "TRANSACTION": TRANSACTION}[name], np.zeros(DAY_S // 10))
        for begin, end, value in own:
            track[begin // 10 : end // 10] = value
    return tracks


async def lay(world: World, day: int, received_ms: int | None = None, **spans: list[tuple[int, int, float]]) -> None:
    await world.lay("CP-1", day * DAY_MS, day_of(**spans), step_ms=10_000, received_ms=received_ms)


def after(day: int, minutes: int = 30) -> int:
    """Give a moment after a day's end."""
    return (day + 1) * DAY_MS + minutes * 60_000


async def test_whole_days_are_computed_once_and_when_they_are_over(world: World) -> None:
    for day in range(FIRST_DAY, FIRST_DAY + 3):
        await lay(world, day)
    assert await world.keeper.compute(after(FIRST_DAY + 1, 10)) == 0
    assert await world.keeper.compute(after(FIRST_DAY + 1)) == 1
    assert await world.keeper.compute(after(FIRST_DAY + 2)) == 1
    assert await world.keeper.compute(after(FIRST_DAY + 2)) == 0
    days = await world.book.days(0, 99_999)
    assert [(one.port, one.day, one.down_ms, one.offline_ms, one.unknown_ms) for one in days] == [
        (("depot", "CP-1", 1), FIRST_DAY + 1, 0, 0, 0),
        (("depot", "CP-1", 1), FIRST_DAY + 2, 0, 0, 0),
    ]


async def test_a_day_without_samples_is_unknown(world: World) -> None:
    await lay(world, FIRST_DAY)
    await world.keeper.compute(after(FIRST_DAY + 2))
    assert [one.unknown_ms for one in await world.book.days(0, 99_999)] == [DAY_MS, DAY_MS]


async def test_late_samples_have_their_day_computed_again(world: World) -> None:
    first, second = FIRST_DAY + 1, FIRST_DAY + 2
    await lay(world, FIRST_DAY)
    await lay(world, second)
    await world.keeper.compute(after(second))
    assert (await world.book.days(first, first))[0].unknown_ms == DAY_MS
    await lay(world, first, received_ms=after(second, 40), STATE=[(DAY_S - 600, DAY_S, 4)])
    assert await world.keeper.compute(after(second, 50)) == 1
    (one,) = await world.book.days(first, first)
    assert (one.unknown_ms, one.down_ms) == (0, 600_000)
    assert await world.keeper.compute(after(second, 60)) == 0


async def test_an_outage_over_midnight_is_one_whichever_day_comes_last(world: World) -> None:
    first, second = FIRST_DAY + 1, FIRST_DAY + 2
    midnight = second * DAY_MS
    await lay(world, FIRST_DAY)
    await lay(world, second, STATE=[(0, 1200, 4)])
    await world.keeper.compute(after(second))
    await lay(world, first, received_ms=after(second, 40), STATE=[(DAY_S - 600, DAY_S, 4)])
    await world.keeper.compute(after(second, 50))
    found = [read_facts(one.facts).outages for one in await world.book.days(first, second)]
    assert found == [
        [Outage(midnight - 600_000, midnight, fault=True, begun=True, ended=False)],
        [Outage(midnight, midnight + 1_200_000, fault=True, begun=False, ended=True)],
    ]


async def test_a_session_over_midnight_belongs_to_the_day_it_began(world: World) -> None:
    first, second = FIRST_DAY + 1, FIRST_DAY + 2
    days: list[tuple[int, dict[str, list[tuple[int, int, float]]]]] = [
        (FIRST_DAY, {}),
        (first, {"STATE": [(DAY_S - 1200, DAY_S, 2)], "TRANSACTION": [(DAY_S - 1100, DAY_S, 1)]}),
        (second, {"STATE": [(0, 600, 2), (600, 700, 3)], "TRANSACTION": [(0, 600, 1)]}),
    ]
    for day, spans in days:
        await lay(world, day, None, **spans)
        await world.keeper.compute(after(day))
    yesterday, today = (read_facts(one.facts).attempts for one in await world.book.days(first, second))
    assert today == []
    (attempt,) = yesterday
    begin = first * DAY_MS + (DAY_S - 1200) * 1000
    assert (attempt.from_ms, attempt.to_ms, attempt.seen) == (begin, second * DAY_MS + 700_000, True)


async def test_a_site_whose_chargers_have_no_port_is_computed_too(world: World) -> None:
    await world.lay("CP-1", FIRST_DAY * DAY_MS, {LINK: np.ones(10)})
    assert await world.keeper.compute(after(FIRST_DAY + 1)) == 1
    assert await world.book.days(0, 99_999) == []


async def test_it_tells_what_it_does(world: World) -> None:
    await lay(world, FIRST_DAY)
    await world.keeper.compute(after(FIRST_DAY + 3))
    values = {sample.name: sample.value for family in world.keeper.collect() for sample in family.samples}
    assert values == {
        "isolane_center_kpi_site_days_computed_total": 3,
        "isolane_center_kpi_failures_total": 0,
        "isolane_center_kpi_site_days_due": 0,
    }
    assert (await world.marked.commit(Batch())).blocks == 0


@pytest.mark.parametrize("days", [1, 500])
async def test_it_looks_back_a_bounded_time(world: World, days: int) -> None:
    await world.lay("CP-1", FIRST_DAY * DAY_MS, {LINK: np.ones(10)})
    assert await world.keeper.compute(after(FIRST_DAY + days)) == min(days, 400)
