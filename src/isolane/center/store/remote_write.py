"""This file turns blocks into Prometheus remote-write requests; it guards that no sample of a block is left out.

Layout (Prometheus remote write 1.0, protobuf, packed by snappy's block format): a request is a row of TimeSeries (field
1), each with labels (field 1: name, value) and samples (field 2: double, timestamp in ms). A sample's numbers are
written in a fixed width, seven bytes for the timestamp's varint, so that whole columns are laid out at once.

Each signal is two series with the same labels: its values, by the name of `wire.names` and in that name's unit, with a
stale marker where a sample is BAD; and ``isolane_sample_code`` where the code (reason << 2 | quality) is not 0. The
rows of a block that was thinned have a third, ``isolane_thinned_bound``, with the label ``rung`` besides: the greatest
error of a sample with reason 9, in the unit of the name.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from isolane.center.store.scaling import rounded, scaled
from isolane.core.samples import Quality
from isolane.core.signals import Signal
from isolane.wire.block import I64, U8, Block
from isolane.wire.floats import F64
from isolane.wire.names import labels, metric_name, unit
from isolane.wire.schema import Schema

CODE_METRIC = "isolane_sample_code"
BOUND_METRIC = "isolane_thinned_bound"
RUNG_LABEL = "rung"
HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}
_STALE = np.array([0x7FF0_0000_0000_0002], np.uint64).view(np.float64)[0]
_TIME_BYTES = 7
_SAMPLE_BYTES = 1 + 8 + 1 + _TIME_BYTES
_MORE = 0x80


class Sending(NamedTuple):
    """A block on its way to another store."""

    site: str
    gateway: str
    schema: Schema
    block: Block


class Line(NamedTuple):
    """One series of a block as it is sent: its signal and name, the rung of a bound or "", UTC ms and values."""

    signal: Signal
    name: str
    rung: str
    t_ms: I64
    values: F64


def lines(schema: Schema, block: Block) -> Iterator[Line]:
    """Give a block's series one after the other."""
    thinned = block.thinned
    t_ms = block.t0_ms + np.arange(block.values.shape[1], dtype=np.int64) * block.step_ms
    values, codes, factors = _in_named_units(schema, block)
    marked_rows = set(np.flatnonzero(codes.any(axis=1)).tolist())
    for at, signal in enumerate(schema.signals):
        yield Line(signal, metric_name(signal), "", t_ms, values[at])
        if at in marked_rows:
            marked = np.flatnonzero(codes[at])
            yield Line(signal, CODE_METRIC, "", t_ms[marked], codes[at][marked].astype(np.float64))
        if thinned is not None:
            # States and counts, which have no unit, come back exactly.
            bound = thinned.bound * signal.resolution * factors[at] if signal.unit else 0.0
            yield Line(signal, BOUND_METRIC, thinned.rung.name.lower(), t_ms, np.full(t_ms.size, bound))


def _in_named_units(schema: Schema, block: Block) -> tuple[F64, U8, list[float]]:
    """Give a block's values in the units of the metrics' names, its codes, and each signal's factor."""
    steps = [signal.resolution for signal in schema.signals]
    factors = [float(unit(signal.unit).factor) for signal in schema.signals]
    told, codes = scaled(block.values, block.codes, np.array(steps)[:, None])
    for step in set(steps):
        alike = np.flatnonzero(np.array(steps) == step)
        told[alike] = rounded(told[alike], step)
    return np.where((codes & 3) == Quality.BAD, _STALE, told * np.array(factors)[:, None]), codes, factors


def write_request(blocks: Iterable[Sending]) -> bytes:
    """Make the request that carries some blocks, compressed."""
    parts: list[bytes] = []
    for site, gateway, schema, block in blocks:
        for line in lines(schema, block):
            head = _labels(site, gateway, block.key.stream, block.step_ms, (line.signal, line.name, line.rung))
            parts.append(_series(head, line.t_ms, line.values))
    return bytes(pa.compress(b"".join(parts), codec="snappy", asbytes=True))


@lru_cache(maxsize=65_536)
def _labels(site: str, gateway: str, stream: int, step_ms: int, series: tuple[Signal, str, str]) -> bytes:
    """Give a series' labels, sorted by name, as they stand in its message."""
    signal, name, rung = series
    pairs = {
        "__name__": name,
        "site": site,
        "gateway": gateway,
        "stream": str(stream),
        "step_ms": str(step_ms),
        "signal": signal.key,
        **labels(signal),
    }
    if rung:
        pairs[RUNG_LABEL] = rung
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, pairs[name].encode(errors="replace"))) for name in sorted(pairs)
    )


def _series(head: bytes, t_ms: I64, values: F64) -> bytes:
    """Give one TimeSeries as it stands in a request."""
    out = np.empty((t_ms.size, 2 + _SAMPLE_BYTES), np.uint8)
    out[:, 0], out[:, 1] = 2 << 3 | 2, _SAMPLE_BYTES
    out[:, 2] = 1 << 3 | 1
    out[:, 3:11] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    out[:, 11] = 2 << 3 | 0
    groups = t_ms[:, None] >> (7 * np.arange(_TIME_BYTES))
    out[:, 12:] = groups & 0x7F
    out[:, 12:-1] |= _MORE
    return _field(1, head + out.tobytes())


def _field(number: int, data: bytes) -> bytes:
    """Give a field of bytes with its tag and length."""
    length, size = bytearray(), len(data)
    while size >= _MORE:
        length.append(size & 0x7F | _MORE)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + data
