"""This file knows a minute's sums by their names; it guards that they are read as the signal that they are of.

A gateway on the rung MINUTE sends four rows about each minute, of four schemas: minimum, mean, maximum and standard
deviation of every signal, as signals whose variable has the instance ``min``, ``mean``, ``max`` or ``sd``
(docs/reference/block.md, Thinned samples). For whoever asks for ``1.0/EVSE/Power`` the minute is one step of it: its
least value, its mean, its greatest. What is asked by its own name, ``1.0/EVSE/Power[sd]``, is that and nothing else.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from isolane.center.store.partials import Partials
from isolane.core.rungs import Rung
from isolane.wire.schema import Schema

LEAST, MEAN, MOST, DEVIATION = "min", "mean", "max", "sd"
_TOLD: Final = (LEAST, MEAN, MOST)
_SUM: Final = re.compile(r"(.*?)(?:\[(min|mean|max|sd)\]|\.(min|mean|max|sd)\])")


def signal_of(key: str) -> tuple[str, str]:
    """Give the signal that a key may be a sum of, and which: "min", "mean", "max" or "sd"; the key and "" if none."""
    match = _SUM.fullmatch(key)
    if match is None or "/" not in match[1]:
        return key, ""
    return (match[1], match[2]) if match[2] else (f"{match[1]}]", match[3])


def sum_of(schema: Schema) -> str:
    """Tell which sum all columns of a schema are; "" for a schema of samples."""
    kinds = {signal_of(column.key)[1] for column in schema.columns}
    return kinds.pop() if len(kinds) == 1 else ""


def with_sums(signals: Iterable[str]) -> list[str]:
    """Give keys, each with the keys of its sums that tell about it."""
    found = []
    for key in signals:
        inner = f"{key[:-1]}." if key.endswith("]") else f"{key}["
        found += [key, *(f"{inner}{kind}]" for kind in _TOLD)]
    return list(dict.fromkeys(found))


def as_signal(part: Partials, kind: str) -> Partials:
    """Read steps of a sum as steps of its signal: the mean counts, the extremes only widen."""
    minutes = replace(part, rungs=np.full(len(part), 1 << Rung.MINUTE, np.int64))
    if kind == MEAN:
        return minutes
    nothing = np.zeros(len(part), np.int64)
    return replace(
        minutes,
        low=part.low if kind == LEAST else np.full(len(part), np.inf),
        high=part.high if kind == MOST else np.full(len(part), -np.inf),
        total=np.zeros(len(part)),
        good=nothing,
        stale=nothing,
        bad=nothing,
        reasons=nothing,
    )
