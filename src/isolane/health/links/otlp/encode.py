"""This file makes OTLP requests; it guards that a value stands beside its unit and its resource.

Each charger is one resource, the gateway itself another. A signal is a gauge named ``isolane.<variable>`` in the unit
the device has, as UCUM code; what tells signals of one name apart are attributes of the data point. Samples without a
value are not sent.

``service.instance.id`` tells each resource from all others, as its convention demands: a receiver such as Prometheus
makes labels of it and of ``service.name`` alone, and two chargers' series would be one.

Source: opentelemetry-proto 1, metrics.proto and logs.proto; OTLP specification 1; semantic conventions, "service".
"""

from collections.abc import Mapping

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from isolane.core.clock import NS_PER_MS
from isolane.core.signals import Signal
from isolane.health.links.facts import Fact
from isolane.health.links.rows import Rows
from isolane.wire.names import labels, place, unit, words

_SCOPE = "isolane.health"
_INSTANCE = "service.instance.id"


def gauge_name(signal: Signal) -> str:
    """Give a signal's OpenTelemetry name."""
    return "isolane." + "_".join(words(place(signal.key).variable))


def attributes(pairs: Mapping[str, str | int | float]) -> list[KeyValue]:
    """Write attributes."""
    return [KeyValue(key=key, value=_any(value)) for key, value in pairs.items()]


def metrics_request(rows: Rows, common: dict[str, str], *, held: bool) -> ExportMetricsServiceRequest:
    """Make a request of rows.

    Args:
        rows: What is sent.
        common: Attributes of every resource.
        held: Whether STALE samples count as values.
    """
    request = ExportMetricsServiceRequest()
    scopes: dict[str, ScopeMetrics] = {}
    metrics: dict[tuple[str, str, str], Metric] = {}
    times = (rows.t_ms * NS_PER_MS).tolist()
    for index, (signal, here) in enumerate(zip(rows.signals, rows.present(held=held), strict=True)):
        if not here.any():
            continue
        scope = scopes.get(signal.charger)
        if scope is None:
            resource = request.resource_metrics.add(resource=_resource(common, signal.charger))
            scope = scopes[signal.charger] = resource.scope_metrics.add(scope=InstrumentationScope(name=_SCOPE))
        name, code = gauge_name(signal), unit(signal.unit).ucum
        metric = metrics.get((signal.charger, name, code))
        if metric is None:
            metric = metrics[signal.charger, name, code] = scope.metrics.add(name=name, unit=code)
        told = attributes({f"isolane.{key}": value for key, value in labels(signal).items() if key != "charger"})
        metric.gauge.data_points.extend(
            NumberDataPoint(time_unix_nano=time, as_double=value, attributes=told)
            for time, value, wanted in zip(times, rows.column(index).tolist(), here.tolist(), strict=True)
            if wanted
        )
    return request


def logs_request(facts: list[Fact], common: dict[str, str]) -> ExportLogsServiceRequest:
    """Make a request of facts."""
    request = ExportLogsServiceRequest()
    scopes: dict[str, ScopeLogs] = {}
    for fact in facts:
        scope = scopes.get(fact.charger)
        if scope is None:
            resource = request.resource_logs.add(resource=_resource(common, fact.charger))
            scope = scopes[fact.charger] = resource.scope_logs.add(scope=InstrumentationScope(name=_SCOPE))
        scope.log_records.append(_record(fact))
    return request


def _record(fact: Fact) -> LogRecord:
    number = SeverityNumber.SEVERITY_NUMBER_WARN if fact.is_warning else SeverityNumber.SEVERITY_NUMBER_INFO
    return LogRecord(
        time_unix_nano=fact.t_ms * NS_PER_MS,
        observed_time_unix_nano=fact.t_ms * NS_PER_MS,
        severity_number=number,
        severity_text="WARN" if fact.is_warning else "INFO",
        event_name=f"isolane.{fact.name}",
        body=AnyValue(string_value=" ".join([fact.name, *(f"{key}={value}" for key, value in fact.fields.items())])),
        attributes=attributes({f"isolane.{key}": value for key, value in fact.fields.items()}),
    )


def _resource(common: dict[str, str], charger: str) -> Resource:
    if not charger:
        return Resource(attributes=attributes(common))
    instance = {_INSTANCE: f"{common[_INSTANCE]}/{charger}"} if _INSTANCE in common else {}
    return Resource(attributes=attributes({**common, **instance, "isolane.charger": charger}))


def _any(value: str | float) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)
