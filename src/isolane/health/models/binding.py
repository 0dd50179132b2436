"""This file says which signals belong to which place; it guards that a part is judged once, by its own signals.

A place is a charger, an EVSE of it or a connector of that. It has its own signals, and those of what it is part of:
connector 1.1 sees 1.1, 1.0 and 0.0, in this order. A station with one EVSE has one place more to look at than needed,
and a model that needs nothing of the EVSE would be made for both: of places that see the same required signals, the
outermost has the model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isolane.core.signals import Signal


@dataclass(frozen=True, slots=True)
class Place:
    """Where models run.

    Attributes:
        charger: Its identity; "" is the gateway.
        prefix: ``0.0``, ``1.0``, ``1.1``.
        columns: Column by key without its place.
    """

    charger: str
    prefix: str
    columns: Mapping[str, int]


def places(signals: Sequence[Signal]) -> list[Place]:
    """Give every place that has a signal of its own, outermost first.

    Args:
        signals: The columns, in their order.
    """
    own: dict[tuple[str, str], dict[str, int]] = {}
    for column, signal in enumerate(signals):
        prefix, _, key = signal.key.partition("/")
        own.setdefault((signal.charger, prefix), {})[key] = column
    found = []
    for charger, prefix in sorted(own, key=lambda each: (each[0], _depth(each[1]), each[1])):
        columns: dict[str, int] = {}
        for outer in ("0.0", prefix.partition(".")[0] + ".0", prefix):
            columns.update(own.get((charger, outer), {}))
        found.append(Place(charger, prefix, columns))
    return found


def wanted(columns: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...] | None:
    """Give the keys that patterns name; None if one names none. ``[*]`` stands for every instance there is.

    Args:
        columns: Keys that a place has.
        patterns: Keys without their place.
    """
    there = set(columns)
    found: list[str] = []
    for pattern in patterns:
        head, star, tail = pattern.partition("[*]")
        if star:
            named = sorted(key for key in there if key.startswith(head + "[") and key.endswith("]" + tail))
        else:
            named = [pattern] if pattern in there else []
        if not named:
            return None
        found += named
    return tuple(found)


def _depth(prefix: str) -> int:
    evse, _, connector = prefix.partition(".")
    return (evse != "0") + (connector != "0")
