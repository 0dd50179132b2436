"""This file holds the laws of life against their published and worked numbers."""

from collections.abc import Callable

import pytest

from isolane.health.models.components.life_laws import cips08, heated_longer, lesit, miner, skim63


@pytest.mark.parametrize(("mean_c", "cycles"), [(60, 1.81e6), (80, 5.37e5), (100, 1.81e5)])
def test_lesit(mean_c: float, cycles: float) -> None:
    assert lesit(50, mean_c) == pytest.approx(cycles, rel=0.005)


@pytest.mark.parametrize(("ton_s", "cycles"), [(1, 1.029e6), (60, 6.09e5)])
def test_skim63(ton_s: float, cycles: float) -> None:
    assert skim63(60, 80, ton_s) == pytest.approx(cycles, rel=0.005)


def test_infineons_load_of_three_cycles() -> None:
    chart = [(0.8e6, 11.0), (2.3e6, 10.0), (0.3e6, 2.0)]
    assert miner([heated_longer(cycles, ton) for cycles, ton in chart]) == pytest.approx(0.150e6, rel=0.005)
    assert round(miner([0.44e6, 1.31e6, 0.28e6]), -3) == 151_000


@pytest.mark.parametrize("law", [lambda k: lesit(k, 80), lambda k: skim63(k, 80, 60), lambda k: cips08(k, 110, 15)])
def test_wider_cycles_tire_more(law: Callable[[float], float]) -> None:
    lives = [law(span) for span in (10, 20, 40, 60, 80)]
    assert lives == sorted(lives, reverse=True)
