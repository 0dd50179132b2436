r"""This file writes line protocol; it guards that no name or tag can become syntax.

A line is ``measurement,tag=value field=value,field=value time``. In names and tags a comma, a space and an equals sign
are written with a backslash before them. A backslash itself cannot be written before one of these, and a control
character not at all: both become ``_``. Every value is a float, so that no field ever changes its type.

Source: InfluxDB 2, "Line protocol".
"""

import re
from collections import defaultdict

from isolane.health.links.rows import Rows
from isolane.wire.names import labels, metric_name, unit

_SPECIAL = re.compile(r"([,= ])")
_IMPOSSIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_PREFIX = "isolane_"


def escaped(text: str) -> str:
    """Write a name or a tag's value."""
    return _SPECIAL.sub(r"\\\1", _IMPOSSIBLE.sub("_", text))


def lines(rows: Rows, measurement: str, common: dict[str, str], *, held: bool) -> bytes:
    """Write rows as lines, in time order; nothing where there is no value.

    Args:
        rows: What is sent.
        measurement: Its name.
        common: Tags of every line.
        held: Whether STALE samples count as values.
    """
    present = rows.present(held=held)
    places: dict[str, list[int]] = defaultdict(list)
    for index, signal in enumerate(rows.signals):
        if present[index].any():
            places[_head(measurement, {**common, **labels(signal)})].append(index)
    fields = [f"{escaped(metric_name(signal).removeprefix(_PREFIX))}=" for signal in rows.signals]
    columns = {
        index: rows.column(index, unit(rows.signals[index].unit).factor).tolist()
        for indexes in places.values()
        for index in indexes
    }
    out = []
    for row, t_ms in enumerate(rows.t_ms.tolist()):
        here = present[:, row]
        for head, indexes in places.items():
            pairs = [f"{fields[index]}{columns[index][row]!r}" for index in indexes if here[index]]
            if pairs:
                out.append(f"{head} {','.join(pairs)} {t_ms}\n")
    return "".join(out).encode()


def _head(measurement: str, tags: dict[str, str]) -> str:
    pairs = [f"{escaped(name)}={escaped(tags[name])}" for name in sorted(tags) if name and tags[name]]
    return ",".join([escaped(measurement), *pairs])
