"""This file lets a queue grow and shrink and watches the rate follow, and stay where delay is only usual."""

import random

from isolane.health.budget.ease import Ease

_MS = 1_000_000


def _run(ease: Ease, from_ms: int, delays_ms: list[float], kind: str = "Heartbeat") -> int:
    at = from_ms
    for delay_ms in delays_ms:
        ease.take(kind, delay_ms / 1000, at * _MS)
        at += 250
    return at


def test_a_queue_halves_the_rate_down_to_the_floor_and_it_comes_back() -> None:
    ease = Ease(0.025, 0.1)
    at = _run(ease, 0, [100] * 8)
    assert ease.share == 1.0
    at = _run(ease, at, [140] * 12)
    assert ease.share == 0.1
    assert ease.queue_s > 0.025
    at = _run(ease, at, [101] * 10)
    assert 0.4 < ease.share < 0.7
    _run(ease, at, [101] * 20)
    assert ease.share == 1.0


def test_one_slow_answer_is_no_queue() -> None:
    ease, rng = Ease(0.025, 0.1), random.Random(1)
    _run(ease, 0, [100 + (400 if n % 5 == 0 else rng.uniform(0, 10)) for n in range(100)])
    assert ease.share == 1.0


def test_actions_are_not_compared_with_each_other() -> None:
    ease = Ease(0.025, 0.1)
    for n in range(40):
        ease.take("Heartbeat", 0.1, n * 500 * _MS)
        ease.take("Authorize", 0.9, n * 500 * _MS + 250 * _MS)
    assert ease.share == 1.0


def test_a_way_that_has_become_longer_is_the_usual_one_after_minutes() -> None:
    ease = Ease(0.025, 0.1)
    at = _run(ease, 0, [100] * 8)
    _run(ease, at, [200] * 3000)
    assert ease.share == 1.0


def test_our_own_delay_counts_where_it_is_too_much_or_nothing_else_is_heard() -> None:
    ease = Ease(0.025, 0.1)
    ease.note_own(0.2, 1_000 * _MS)
    assert ease.share == 0.5
    ease.note_own(0.0, 2_000 * _MS)
    assert ease.share == 0.55
    at = _run(ease, 3_000, [100] * 3)
    share = ease.share
    ease.note_own(0.0, (at + 1000) * _MS)
    assert ease.share == share
    ease.note_own(0.1, (at + 2000) * _MS)
    assert ease.share == share / 2
