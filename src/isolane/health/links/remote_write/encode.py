"""This file turns rows into a remote-write request; it guards that each series goes forward in time and ends marked.

Where a series had a value and has none in the next row, a stale marker stands at that row, so that nobody draws a line
across the hole. A hole between two blocks is marked one step behind the last row before it.

Source: Prometheus remote write 1.0, "Protocol" and "Stale markers".
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.health.links.protocol_buffers import messages
from isolane.health.links.rows import Rows
from isolane.wire.names import labels, metric_name, unit

STALE_BITS = 0x7FF0000000000002
"""The NaN that says "this series has ended for now"."""
_STALE: float = struct.unpack("<d", STALE_BITS.to_bytes(8, "little"))[0]

_MESSAGES = messages(
    "prometheus",
    "proto3",
    {
        "WriteRequest": "repeated TimeSeries timeseries = 1",
        "TimeSeries": "repeated Label labels = 1\nrepeated Sample samples = 2",
        "Label": "string name = 1\nstring value = 2",
        "Sample": "double value = 1\nint64 timestamp = 2",
    },
)
WriteRequest: type[Any] = _MESSAGES["WriteRequest"]

Series = tuple[str, str]
"""(charger, key) of a signal."""


@dataclass(slots=True)
class Ends:
    """Where the series stand after what the target has taken.

    Attributes:
        t_ms: UTC of the newest row, ms.
        step_ms: From row to row there, ms.
        alive: The signals whose newest sample is a value.
    """

    t_ms: int = 0
    step_ms: int = 0
    alive: dict[Series, Signal] = field(default_factory=dict)


def write_request(rows: Rows, ends: Ends, common: dict[str, str], *, held: bool) -> tuple[bytes, Ends]:
    """Make one request.

    Args:
        rows: What is sent.
        ends: Where the series stood before it.
        common: Labels of every series.
        held: Whether STALE samples count as values.

    Returns:
        The request, before snappy, and where the series stand once it is taken.
    """
    request = WriteRequest()
    first = int(rows.t_ms[0])
    is_behind = first <= ends.t_ms
    # Rows that are older than what the target has end nothing: what follows them is there already.
    before = {} if is_behind else ends.alive
    hole_ms = ends.t_ms + ends.step_ms if first > ends.t_ms + ends.step_ms else None
    alive: dict[Series, Signal] = {}
    present = rows.present(held=held)
    for index, signal in enumerate(rows.signals):
        here = present[index]
        was_alive = (signal.charger, signal.key) in before
        values = rows.column(index, unit(signal.unit).factor)
        samples = _samples(rows, here, values, was_alive=was_alive and hole_ms is None)
        if was_alive and hole_ms is not None:
            samples.insert(0, (_STALE, hole_ms))
        if here[-1]:
            alive[signal.charger, signal.key] = signal
        _add(request, signal, common, samples)
    if is_behind:
        return request.SerializeToString(), ends
    now = {(signal.charger, signal.key) for signal in rows.signals}
    for series, signal in before.items():
        if series not in now:
            _add(request, signal, common, [(_STALE, first if hole_ms is None else hole_ms)])
    return request.SerializeToString(), Ends(int(rows.t_ms[-1]), rows.step_ms, alive)


def packed(request: bytes) -> bytes:
    """Compress a request; snappy's block format, without frames."""
    return bytes(cramjam.snappy.compress_raw(request))


def _samples(
    rows: Rows, here: NDArray[np.bool_], values: NDArray[np.float64], *, was_alive: bool
) -> list[tuple[float, int]]:
    """Give one series' values, and a stale marker wherever they stop."""
    stops = np.concatenate([[was_alive], here[:-1]]) & ~here
    return [
        (_STALE if stop else float(value), int(t_ms))
        for stop, value, t_ms, wanted in zip(stops, values, rows.t_ms, here | stops, strict=True)
        if wanted
    ]


def _add(
    request: Any,  # noqa: ANN401 - a class of the protobuf runtime
    signal: Signal,
    common: dict[str, str],
    samples: list[tuple[float, int]],
) -> None:
    """Add a series, its labels sorted by name."""
    if not samples:
        return
    series = request.timeseries.add()
    pairs = {"__name__": metric_name(signal), **common, **labels(signal)}
    for name in sorted(pairs):
        series.labels.add(name=name, value=pairs[name])
    for value, t_ms in samples:
        series.samples.add(value=value, timestamp=t_ms)
