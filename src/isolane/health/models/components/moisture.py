"""This file knows moist air; it guards that warmth is not taken for dryness.

    g = ln(RH / 100) + a T / (b + T);  T_d = b g / (a - g)             a = 17.625, b = 243.04 Celsius (Magnus)
    rate = (RH / RH_0)^2.7 exp(0.79 eV / k (1 / T_0 - 1 / T))          Peck: corrosion, against a test at T_0, RH_0

Source: docs/reference/models/environment.md.
"""

import math

_A, _B = 17.625, 243.04
_PECK, _EA_EV, _K_EV = 2.7, 0.79, 8.617e-5
_ZERO_K = 273.15
_TEST_C, _TEST_RH = 85.0, 85.0


def dew_point_c(celsius: float, humidity_rh: float) -> float:
    """Give the dew point, Celsius.

    Args:
        celsius: Of the air, -40 to 50.
        humidity_rh: Relative to it, above 0 to 100.
    """
    g = math.log(humidity_rh / 100) + _A * celsius / (_B + celsius)
    return _B * g / (_A - g)


def corrosion_rate(celsius: float, humidity_rh: float) -> float:
    """Give how fast corrosion goes on, 1 being that of the test at 85 Celsius and 85 % relative humidity.

    Args:
        celsius: Of the air.
        humidity_rh: Relative to it, 0 to 100.
    """
    test_k, here_k = _TEST_C + _ZERO_K, celsius + _ZERO_K
    return float((humidity_rh / _TEST_RH) ** _PECK * math.exp(_EA_EV / _K_EV * (1 / test_k - 1 / here_k)))
