"""This file holds the laws by which power modules tire; it guards that no single one of them is taken for the truth.

    LESIT    N = A dT^a exp(Ea / (k Tm))
    SKiM63   N = A dT^a ar^(b1 dT + b0) (C + ton^g) / (C + 1) exp(Ea / (k Tm)) f_d
    CIPS08   N = K dT^b1 exp(b2 / T) ton^b3 I^b4 V^b5 D^b6

dT in K, Tm (mean) and T (largest, or least: sources disagree) in K, ton in s, I in A per bond foot, V in 100 V, D in
um.

Source: docs/reference/models/modules.md.
"""

import math
from collections.abc import Sequence

_ZERO_K = 273.15
_BOLTZMANN_J, _BOLTZMANN_EV = 1.380649e-23, 8.617333e-5
CIPS08_STANDARD, CIPS08_ADVANCED = 2.03e14, 9.34e14
_TON_MAX_S = 15.0
_TON_SKIM_MIN_S, _TON_SKIM_MAX_S = 0.07, 63.0


def lesit(range_k: float, mean_c: float) -> float:
    """Give cycles to failure by LESIT."""
    return float(3.025e5 * range_k**-5.039 * math.exp(9.891e-20 / (_BOLTZMANN_J * (mean_c + _ZERO_K))))


def skim63(range_k: float, mean_c: float, ton_s: float, aspect: float = 0.31, diode: float = 1.0) -> float:
    """Give cycles to failure by Scheuermann's law of 2014; `diode` is 0.6204 for diodes."""
    ton = min(max(ton_s, _TON_SKIM_MIN_S), _TON_SKIM_MAX_S)
    shape = aspect ** (-9.012e-3 * range_k + 1.942)
    heat = (1.434 + ton**-1.208) / 2.434
    arrhenius = math.exp(0.06606 / (_BOLTZMANN_EV * (mean_c + _ZERO_K)))
    return float(3.4368e14 * range_k**-4.923 * shape * heat * arrhenius * diode)


def cips08(range_k: float, celsius: float, ton_s: float, factor: float = CIPS08_STANDARD) -> float:
    """Give cycles to failure by Bayerer's law of 2008, for 10 A a bond foot, 1200 V, 300 um.

    Args:
        range_k: K.
        celsius: Largest or least temperature of the cycle.
        ton_s: Heating time, s; 1 to 15 are used.
        factor: Of the chip's generation.
    """
    ton = min(max(ton_s, 1.0), _TON_MAX_S)
    return float(
        factor * range_k**-4.416 * math.exp(1285 / (celsius + 273)) * ton**-0.463
        * 10**-0.716 * 12**-0.761 * 300**-0.5
    )  # fmt: skip


def miner(lives: Sequence[float]) -> float:
    """Give how often a load of several parts can be repeated, from how often each part could."""
    return 1.0 / sum(1.0 / life for life in lives)


def heated_longer(cycles: float, ton_s: float, chart_s: float = 1.5) -> float:
    """Correct cycles of a chart for a heating time: N (ton / chart)^-0.3."""
    return float(cycles * (ton_s / chart_s) ** -0.3)
