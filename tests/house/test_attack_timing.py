"""This file holds the judges of answer times to their promise: a busy machine makes no difference and hides none."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bench.attack.expect import Court
from bench.attack.judges.timing import median_difference, welch

_BEAT_S = 0.15
_CALM, _BUSY = (1.0,), (0.4, 0.3, 0.2, 0.1)
"""How often an answer is late by so many beats."""


def _court(
    value: float, late: tuple[float, ...], *, slower_us: float = 0, late_more: float = 0, n: int = 2000
) -> Court:
    """Give times of two classes, of which one is slower, or late by a beat more often."""
    seeded = random.Random(7)
    times: dict[str, list[float]] = {"unknown": [], "wrong": []}
    for _ in range(n):
        for name, found in times.items():
            beats = 1 + seeded.choices(range(len(late)), late)[0]
            beats += name == "unknown" and seeded.random() < late_more
            noise_s = seeded.uniform(0, 1e-3) + seeded.expovariate(3000)
            found.append(beats * _BEAT_S + noise_s + (slower_us * 1e-6 if name == "unknown" else 0))
    proof: Any = SimpleNamespace(measures={"timings": times}, notes=[])
    return cast("Court", SimpleNamespace(value=value, proof=proof))


@pytest.mark.parametrize("late", [_CALM, _BUSY])
def test_equal_classes_are_told_apart_on_no_machine(late: tuple[float, ...]) -> None:
    assert not welch(_court(4.5, late))
    assert not median_difference(_court(200, late))


@pytest.mark.parametrize("late", [_CALM, _BUSY])
def test_a_slower_class_is_seen_on_any_machine(late: tuple[float, ...]) -> None:
    assert "unknown and wrong: " in median_difference(_court(200, late, slower_us=400))


def test_a_class_that_misses_its_beat_more_often_is_seen() -> None:
    assert "unknown and wrong: t = " in welch(_court(4.5, _CALM, late_more=0.05))


def test_what_could_not_have_been_seen_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="too busy"):
        median_difference(_court(200, _BUSY, n=50))
