"""This file reads what links send to other systems, strictly; it guards that a wrong byte is an error and not a value.

Each receiver is given requests, raises AssertionError for what its protocol forbids, and keeps the row numbers it has
read (see target_rows) in the order they came.
"""

import gzip
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cramjam
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from isolane.health.links.remote_write.encode import STALE_BITS, WriteRequest
from support import line_protocol
from support.http_target import Posted, Reply
from support.line_protocol import Point

_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


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


@dataclass
class InfluxReceiver(Receiver):
    """InfluxDB 2."""

    points: list[Point] = field(default_factory=list)

    def take(self, request: Posted) -> Reply:
        """Read lines."""
        address = urlsplit(request.path)
        assert address.path == "/api/v2/write"
        assert parse_qs(address.query) == {"org": ["o"], "bucket": ["b"], "precision": ["ms"]}
        points = line_protocol.parse(_unzipped(request).decode())
        assert [point.t for point in points] == sorted(point.t for point in points)
        self.points += points
        self.numbers += [
            round(point.fields["ac_voltage_volts"] * 10) for point in points if "ac_voltage_volts" in point.fields
        ]
        return Reply(204)


@dataclass
class LokiReceiver(Receiver):
    """Loki's push."""

    lines: list[tuple[dict[str, str], int, dict[str, Any]]] = field(default_factory=list)

    def take(self, request: Posted) -> Reply:
        """Read streams."""
        assert request.path == "/loki/api/v1/push"
        assert request.headers["content-type"] == "application/json"
        message = json.loads(_unzipped(request))
        assert list(message) == ["streams"]
        for stream in message["streams"]:
            assert set(stream) == {"stream", "values"}
            labels = stream["stream"]
            assert all(_LABEL.fullmatch(name) and isinstance(value, str) for name, value in labels.items())
            assert len(labels) <= 15
            times = [int(t_ns) for t_ns, _ in stream["values"]]
            assert times == sorted(times)
            for t_ns, line in stream["values"]:
                assert isinstance(t_ns, str)
                fields = json.loads(line)
                self.lines.append((labels, int(t_ns), fields))
                if labels["event"] == "state":
                    self.numbers.append(fields["to"])
        return Reply(204)


@dataclass
class OtlpReceiver(Receiver):
    """OTLP over HTTP, as the specification says it is answered."""

    metrics: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)

    def take(self, request: Posted) -> Reply:
        """Read metrics or logs."""
        assert request.headers["content-type"] == "application/x-protobuf"
        body = _unzipped(request)
        if request.path == "/v1/logs":
            logs = ExportLogsServiceRequest.FromString(body)
            for resource in logs.resource_logs:
                assert resource.resource.attributes
                for record in resource.scope_logs[0].log_records:
                    assert record.time_unix_nano
                    assert record.severity_number
                    assert record.body.string_value
                    self.logs.append((resource.resource, record))
            return Reply(200, b"", (("content-type", "application/x-protobuf"),))
        assert request.path == "/v1/metrics"
        metrics = ExportMetricsServiceRequest.FromString(body)
        for measured in metrics.resource_metrics:
            for metric in measured.scope_metrics[0].metrics:
                assert metric.name
                assert metric.WhichOneof("data") == "gauge"
                for point in metric.gauge.data_points:
                    assert point.WhichOneof("value") == "as_double"
                    assert point.time_unix_nano
                    self.metrics.append((measured.resource, metric.name, metric.unit, point))
                    if metric.name == "isolane.ac_voltage":
                        self.numbers.append(round(point.as_double * 10))
        answer = ExportMetricsServiceResponse()
        answer.partial_success.error_message = "for your information"
        return Reply(200, answer.SerializeToString(), (("content-type", "application/x-protobuf"),))


def _unzipped(request: Posted) -> bytes:
    assert request.headers["content-encoding"] == "gzip"
    return gzip.decompress(request.body)
