"""This file asks how fast may be sent on links of many rates, with and without calls of the business."""

import asyncio

import pytest

from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.turnstile import Turnstile
from isolane.health.budget.yielding import Stance

_PACKET_BYTES = 500 + 40
_LARGE_PACKET_BYTES = 1024 + 52


@pytest.mark.parametrize(
    ("settings", "is_held"),
    [
        (BudgetSettings(), True),
        (BudgetSettings(link_kbit_s=64), True),
        (BudgetSettings(link_kbit_s=256), True),
        (BudgetSettings(link_kbit_s=900), True),
        (BudgetSettings(link_kbit_s=1000), False),
        (BudgetSettings(link_kbit_s=2000), False),
        (BudgetSettings(link_kbit_s=10_000), False),
        (BudgetSettings(rate_kbit_s=300), True),
        (BudgetSettings(rate_kbit_s=500), False),
        (BudgetSettings(link_kbit_s=10_000, hold_ms_max=60_000), False),
        (BudgetSettings(link_kbit_s=256, hold_ms_max=0), False),
        (BudgetSettings(link_kbit_s=1000, segment_bytes=1460), True),
        (BudgetSettings(link_kbit_s=256, segment_bytes=88), False),
    ],
)
async def test_only_where_a_segment_takes_noticeable_time_calls_stop_it(
    settings: BudgetSettings, *, is_held: bool
) -> None:
    turnstile = Turnstile(settings, lambda: 0)
    assert turnstile.rate_bytes_s() == settings.ceiling_bytes_s
    turnstile.yielding.called("CP1", "charger", 0)
    assert turnstile.yielding.stance(1) is (Stance.HOLD if is_held else Stance.SHARE)
    assert (turnstile.rate_bytes_s() == 0) is is_held


@pytest.mark.parametrize(("kbps", "packet_bytes"), [(1000, _PACKET_BYTES), (2000, _LARGE_PACKET_BYTES)])
def test_a_segment_that_is_not_held_back_takes_less_than_a_twentieth_of_a_mobile_round_trip(
    kbps: int, packet_bytes: int
) -> None:
    slow = BudgetSettings(link_kbit_s=kbps).segment_bytes_max
    assert (slow == 500) is (packet_bytes == _PACKET_BYTES)
    assert packet_bytes * 8 / kbps <= 0.05 * 90


async def test_beside_calls_in_flight_a_part_is_left_that_falls_to_the_trickle() -> None:
    rates: dict[int, list[float]] = {256: [], 10_000: []}
    for kbps, seen in rates.items():
        settings = BudgetSettings(link_kbit_s=kbps, hold_ms_max=0)
        turnstile = Turnstile(settings, lambda: 0)
        for n in range(100):
            turnstile.yielding.called(f"CP{n}", "charger", 0)
            seen.append(turnstile.rate_bytes_s() / settings.ceiling_bytes_s)
        assert seen == sorted(seen, reverse=True)
        assert seen[-1] == 0.1
    assert rates[256][0] == 0.5
    assert rates[10_000][0] > 0.8
    assert rates[10_000][9] > 0.3


async def test_a_delay_counts_beside_calls_too() -> None:
    turnstile = Turnstile(BudgetSettings(link_kbit_s=10_000), lambda: 0)
    turnstile.yielding.called("CP1", "charger", 0)
    before = turnstile.rate_bytes_s()
    turnstile.ease.note(0.2, 1_000_000_000)
    assert turnstile.rate_bytes_s() == before / 2


async def _served(turnstile: Turnstile, passed_ns: list[int], seconds: int, *, is_first: bool = False) -> int:
    """Ask for segments as fast as they are given, for so long on a clock moved by hand; give the bytes that went."""
    before, end_ns = turnstile.passed_bytes, passed_ns[0] + seconds * 1_000_000_000
    turn = asyncio.ensure_future(turnstile.turn(540, is_first=is_first))
    while passed_ns[0] < end_ns:
        await asyncio.sleep(0)
        if turn.done():
            turn = asyncio.ensure_future(turnstile.turn(540, is_first=is_first))
            continue
        passed_ns[0] += 20_000_000
        turnstile.serve()
    turn.cancel()
    await asyncio.wait({turn})
    return turnstile.passed_bytes - before


async def test_once_the_month_is_spent_some_kilobytes_go_at_once_and_a_kilobit_a_second_after_them() -> None:
    passed_ns = [0]
    turnstile = Turnstile(BudgetSettings(link_kbit_s=256, first=("f",)), lambda: passed_ns[0])
    turnstile.is_spent = lambda: True
    assert turnstile.rate_bytes_s() == 16_000
    assert 15_000 <= await _served(turnstile, passed_ns, 2) <= 17_000
    assert turnstile.rate_bytes_s() == 125
    assert 60 * 125 - 540 <= await _served(turnstile, passed_ns, 60) <= 60 * 125 + 540
    assert await _served(turnstile, passed_ns, 10, is_first=True) >= 0.8 * 10 * 16_000
    turnstile.is_spent = lambda: False
    assert await _served(turnstile, passed_ns, 10) >= 0.8 * 10 * 16_000


async def test_what_may_be_under_way_follows_the_rate_and_the_way_s_own_length() -> None:
    turnstile = Turnstile(BudgetSettings(link_kbit_s=10_000), lambda: 0)
    assert turnstile.under_way_bytes(0.08) == pytest.approx(625_000 * 0.145)
    turnstile.ease.note(0.2, 1_000_000_000)
    assert turnstile.under_way_bytes(0.08) == pytest.approx(625_000 * 0.145 / 2)
    turnstile.yielding.called("CP1", "charger", 0)
    assert turnstile.under_way_bytes(0.08) < 625_000 * 0.145 / 2
    slow = Turnstile(BudgetSettings(link_kbit_s=32), lambda: 0)
    assert slow.under_way_bytes(0.08) >= 2 * 540, "two segments, however slow"
