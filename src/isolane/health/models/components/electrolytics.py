"""This file is the law by which electrolytic capacitors age; it guards that hours at different warmth are added right.

    L(T) = L_0 2^((T_0 - T) / 10)                          hours at temperature T of the part
    D = sum dt / L(T)                                      share of life used (Miner)

Source: docs/reference/models/capacitors.md.
"""

import math


def life_h(celsius: float, known_h: float, known_c: float) -> float:
    """Give the life at a temperature, h.

    Args:
        celsius: Of the part.
        known_h: Life that the maker gives, h.
        known_c: Temperature for which he gives it.
    """
    return float(known_h * 2.0 ** ((known_c - celsius) / 10.0))


def equivalent_c(life: float, known_h: float, known_c: float) -> float:
    """Give the temperature at which a part that always has it lives so long, Celsius.

    Args:
        life: h, above 0.
        known_h: Life that the maker gives, h.
        known_c: Temperature for which he gives it.
    """
    return known_c - 10.0 * math.log2(life / known_h)
