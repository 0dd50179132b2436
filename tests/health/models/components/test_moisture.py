"""This file holds the laws of moist air against their known values."""

import pytest

from isolane.health.models.components.moisture import corrosion_rate, dew_point_c


@pytest.mark.parametrize(("celsius", "humidity", "dew"), [(25, 50, 13.86), (20, 60, 12.0), (30, 80, 26.17)])
def test_dew_points(celsius: float, humidity: float, dew: float) -> None:
    assert dew_point_c(celsius, humidity) == pytest.approx(dew, abs=0.006)


def test_saturated_air_is_at_its_dew_point() -> None:
    assert dew_point_c(7.3, 100.0) == pytest.approx(7.3)


def test_corrosion_goes_on_as_in_the_test_and_slower_when_cool_or_dry() -> None:
    assert corrosion_rate(85.0, 85.0) == pytest.approx(1.0)
    assert corrosion_rate(85.0, 42.5) == pytest.approx(2**-2.7)
    assert corrosion_rate(25.0, 60.0) < corrosion_rate(35.0, 60.0) < corrosion_rate(35.0, 90.0) < 0.02
