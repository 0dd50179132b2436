"""This file words what was seen; it guards that a template names known facts only, and that a value has its unit.

Names in braces: {value} {limit} {sd} {theta} {duration} with units; {site} {device} {signal} {gateway} {count} {rule},
and of parts {place} {component} {measure} {basis} {codes} {evidence}, plain.
``{{`` and ``}}`` are braces. Nothing else may stand in braces: no attribute, no index, no format.
"""

import string
import unicodedata
from collections.abc import Mapping

NAMES = (
    *("value", "limit", "sd", "duration", "site", "device", "signal", "gateway", "count", "rule"),
    *("theta", "place", "component", "measure", "basis", "codes", "evidence"),
)

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_SHOWN = {"Celsius": "°C", "Percent": "%", "RPM": "rpm", "Ohm": "Ω", "RH": "% RH", "Deg": "°"}
_PREFIXED = {"W", "Wh", "Ohm"}
_PER_S = "/s"
_THOUSAND = 1000.0


def check_template(template: str) -> str:
    """Say what is wrong with a template; "" if nothing is."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        return str(error)
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in NAMES or form or conversion:
            return f"{{{name}}} is not a fact; facts are {', '.join(f'{{{each}}}' for each in NAMES)}"
    return ""


def words(template: str, facts: Mapping[str, str]) -> str:
    """Fill a template that `check_template` has passed; a fact that is not known is "unknown"."""
    out = []
    for literal, name, _, _ in string.Formatter().parse(template):
        out.append(literal)
        if name is not None:
            out.append(printable(facts.get(name) or "unknown"))
    return "".join(out)


def printable(text: str) -> str:
    """Give a text on one line: what a device chose may hold control characters and marks that turn its order around."""
    return "".join(" " if unicodedata.category(char)[0] in {"C", "Z"} else char for char in text)


def quantity(value: float | None, unit: str) -> str:
    """Write a value with its unit, four significant digits, for example "21.5 kW"; seconds of days as days."""
    if value is None:
        return "no value"
    if unit == "s" and abs(value) >= _DAY_S:
        return f"{'-' if value < 0 else ''}{duration(abs(value))}"
    plain = unit.removesuffix(_PER_S)
    shown = _SHOWN.get(plain, plain) + unit[len(plain) :]
    if unit in _PREFIXED:
        for factor, prefix in ((1e6, "M"), (1e3, "k")):
            if abs(value) >= factor:
                value, shown = value / factor, prefix + shown
                break
    number = f"{value:.4g}" if abs(value) < _THOUSAND else f"{value:.0f}"
    return f"{number} {shown}".strip()


def duration(seconds: float) -> str:
    """Write a length of time with one or two units, for example "2 h 5 min"."""
    whole = max(0, round(seconds))
    for size, unit, below, below_unit in ((_DAY_S, "d", _HOUR_S, "h"), (_HOUR_S, "h", _MINUTE_S, "min")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {below_unit}" if rest else "")
    return f"{whole // _MINUTE_S} min" if whole >= _MINUTE_S and whole % _MINUTE_S == 0 else f"{whole} s"
