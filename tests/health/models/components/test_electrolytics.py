"""This file holds the law of capacitors' life against a maker's worked example."""

import pytest

from isolane.health.models.components.electrolytics import equivalent_c, life_h


def test_cosels_day_of_three_temperatures() -> None:
    """Cosel: 105 Celsius, 1000 h; eight hours each at 45, 55 and 65 Celsius make 27,429 h, as 57.2 Celsius does."""
    lives = [life_h(celsius, 1000.0, 105.0) for celsius in (45, 55, 65)]
    assert lives == [64_000.0, 32_000.0, 16_000.0]
    life = 24 / sum(8 / each for each in lives)
    assert round(life) == 27_429
    assert round(equivalent_c(life, 1000.0, 105.0), 1) == 57.2


def test_the_equivalent_temperature_is_the_laws_inverse() -> None:
    assert equivalent_c(life_h(63.0, 5000.0, 105.0), 5000.0, 105.0) == pytest.approx(63.0)
