"""This file reads what links send to other systems, strictly; it guards that a wrong byte is an error and not a value.

Each receiver is given requests, raises AssertionError for what its protocol forbids, and keeps the row numbers it has
read (see target_rows) in the order they came.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import cramjam

from isolane.health.links.remote_write.encode import STALE_BITS, WriteRequest
from support.http_target import Posted, Reply


@dataclass
class Receiver:
    """What was read."""

    numbers: list[int] = field(default_factory=list)

    def take(self, request: Posted) -> Reply:
        """Read one request; give the target's answer."""
        raise NotImplementedError


def bits(value: float) -> int:
    """Give the bits of a float."""
    return int.from_bytes(struct.pack("<d", value), "little")


@dataclass
class RemoteWriteReceiver(Receiver):
    """Remote write 1.0."""

    series: dict[tuple[tuple[str, str], ...], list[tuple[int, float]]] = field(default_factory=dict)

    def take(self, request: Posted) -> Reply:
        """Read a WriteRequest."""
        assert request.headers["content-encoding"] == "snappy"
        assert request.headers["content-type"] == "application/x-protobuf"
        assert request.headers["x-prometheus-remote-write-version"] == "0.1.0"
        message: Any = WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(request.body)))
        assert message.timeseries
        for series in message.timeseries:
            labels = tuple((label.name, label.value) for label in series.labels)
            assert labels == tuple(sorted(set(labels)))
            assert all(value for _, value in labels)
            assert series.samples
            times = [sample.timestamp for sample in series.samples]
            assert times == sorted(set(times))
            name = dict(labels)["__name__"]
            for sample in series.samples:
                self.series.setdefault(labels, []).append((sample.timestamp, sample.value))
                if name == "isolane_ac_voltage_volts" and bits(sample.value) != STALE_BITS:
                    self.numbers.append(round(sample.value * 10))
        return Reply(204)
