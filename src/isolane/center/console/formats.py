"""This file turns numbers into what a person reads; it guards that server and browser write a number the same way.

static/js/format.js is its twin; tests/center/console/formats.json holds the sentences both must agree on. Rules: SI
prefixes by magnitude, a fixed number of decimals a unit so that columns do not jump, a narrow space between
thousands, a true minus.
"""

import math
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

NOTHING = "\u2013"
"""En dash: there is no value."""
MINUS = "\u2212"
THIN = "\u202f"
"""Narrow no-break space: between a number and its unit, and between thousands."""

_STEPS: dict[str, tuple[tuple[float, str, int], ...]] = {
    "W": ((1e6, "MW", 2), (1e3, "kW", 1), (1, "W", 0)),
    "Wh": ((1e6, "MWh", 2), (1e3, "kWh", 1), (1, "Wh", 0)),
    "V": ((1, "V", 1),),
    "A": ((1, "A", 1),),
    "Hz": ((1, "Hz", 2),),
    "Celsius": ((1, "°C", 1),),
    "Percent": ((1, "%", 1),),
    "RH": ((1, "% RH", 1),),
    "RPM": ((1, "rpm", 0),),
    "Ohm": ((1e6, "MΩ", 2), (1e3, "kΩ", 0), (1, "Ω", 0)),
    "s": ((1, "s", 1), (1e-3, "ms", 0)),
    "dBm": ((1, "dBm", 0),),
    "Deg": ((1, "°", 1),),
    "N": ((1, "N", 1),),
    "B": ((1e9, "GB", 2), (1e6, "MB", 1), (1e3, "kB", 1), (1, "B", 0)),
}
_FINE_STEPS: dict[str, tuple[float, tuple[tuple[float, str, int], ...]]] = {
    "A": (0.01, ((1, "A", 1), (1e-3, "mA", 1))),
    "V": (0.05, ((1, "V", 2),)),
    "s": (1e-4, ((1, "s", 2), (1e-3, "ms", 2), (1e-6, "µs", 0))),
}
"""The same for signals whose resolution is finer than the first number: residual currents, pilots, clocks."""
"""For each OCPP unit, largest first: from which magnitude on, the unit shown, decimals."""

_PLAIN_MAX = 1e15
"""From here on a float no longer tells units apart: three digits and a power of ten."""
_THREE_DIGITS = Context(prec=3, rounding=ROUND_HALF_UP)

_SECOND_MS = 1000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def quantity(value: float | None, unit: str, resolution: float = 1.0) -> tuple[str, str]:
    """Write a measured value.

    Args:
        value: In `unit`; None where there is none.
        unit: OCPP unit, as in `core.signals`.
        resolution: The signal's smallest step; it decides the decimals of small voltages, currents and plain numbers.

    Returns:
        The number and the unit as shown, for example ``("21.5", "kW")``.
    """
    if value is None or not math.isfinite(value):
        return NOTHING, ""
    divisor, shown, decimals = _step(value, unit, resolution)
    return number(value / divisor, decimals), shown


def _step(value: float, unit: str, resolution: float) -> tuple[float, str, int]:
    finer_than, fine = _FINE_STEPS.get(unit, (0.0, ()))
    steps = fine if resolution < finer_than else _STEPS.get(unit, ())
    if not steps:
        return 1, unit, 0 if resolution >= 1 else 2
    if not value:
        return next((step for step in steps if step[0] == 1), steps[-1])
    return next((step for step in steps if abs(value) >= step[0]), steps[-1])


def number(value: float, decimals: int = 0) -> str:
    """Write a plain number with that many decimals, thousands apart, halves away from zero."""
    if not math.isfinite(value):
        return NOTHING
    if abs(value) >= _PLAIN_MAX:
        return (MINUS if value < 0 else "") + f"{_THREE_DIGITS.create_decimal(Decimal(abs(value))):.2e}"
    rounded = Decimal(abs(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    sign = MINUS if value < 0 and rounded else ""
    return sign + f"{rounded:,f}".replace(",", THIN)


def text(value: float | None, unit: str, resolution: float = 1.0) -> str:
    """Write a measured value and its unit in one string."""
    shown, unit_shown = quantity(value, unit, resolution)
    if unit_shown == "°":
        return shown + unit_shown
    return f"{shown}{THIN}{unit_shown}" if unit_shown else shown


def share(part: int, whole: int, decimals: int = 2) -> str:
    """Write a share in percent, rounded down: "100 %" is only said when nothing at all is missing."""
    if whole <= 0:
        return NOTHING
    percent = (Decimal(100 * part) / Decimal(whole)).quantize(Decimal(1).scaleb(-decimals), ROUND_FLOOR)
    return f"{int(percent) if percent == int(percent) else percent}{THIN}%"


def duration(age_s: float | None) -> str:
    """Write an age or a length of time with at most two units, for example "2 h 05 min"."""
    if age_s is None:
        return NOTHING
    seconds = max(0, int(age_s))
    if seconds < _MINUTE_S:
        return f"{seconds}{THIN}s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S}{THIN}min"
    if seconds < _DAY_S:
        hours, rest = seconds // _HOUR_S, seconds % _HOUR_S // _MINUTE_S
        return f"{hours}{THIN}h {rest:02d}{THIN}min" if rest else f"{hours}{THIN}h"
    days, rest = seconds // _DAY_S, seconds % _DAY_S // _HOUR_S
    return f"{days}{THIN}d {rest}{THIN}h" if rest else f"{days}{THIN}d"


def size(size_bytes: float | None) -> str:
    """Write a number of bytes with decimal prefixes, for example "1.2 MB"."""
    if size_bytes is None:
        return NOTHING
    for divisor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= divisor:
            return f"{number(size_bytes / divisor, 1)}{THIN}{unit}"
    return f"{number(size_bytes)}{THIN}B"
