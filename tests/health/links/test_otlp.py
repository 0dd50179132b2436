"""This file reads back what OTLP receivers were sent; it guards every value, and whose it is.

Metrics come back from the real VictoriaMetrics, logs from the real VictoriaLogs. Logs are decoded by protoc, too, from
the protocol owners' own files.
"""

import gzip
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from isolane.health.links.otlp.settings import OtlpSettings
from support import otlp_decoder
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply
from support.log_server import VictoriaLogs, t_ms
from support.metric_servers import NewerVictoriaMetrics
from support.outboxes import until
from support.shipping import ship
from support.site_rows import ROWS, SCHEMA, STATION, Told, apart, drafts, facts

Fact = tuple[int, str, str, dict[str, str | int], dict[str, str | int]]
"""Time, kind, severity, resource, values."""
pytestmark = pytest.mark.metrics


def resource(charger: str) -> dict[str, str | int]:
    """Give the attributes of a charger's resource, of the gateway's if ""."""
    own = {"isolane.charger": charger} if charger else {}
    instance = f"north/gw-1/{charger}" if charger else "north/gw-1"
    return {
        "service.name": "isolane",
        "service.instance.id": instance,
        "isolane.site": "north",
        "isolane.gateway": "gw-1",
        "site.floor": "B1",
        **own,
    }


def expected(start_ms: int) -> list[tuple[dict[str, str | int], dict[int, float]]]:
    """Give labels and values by UTC ms of each signal."""
    n = range(ROWS)
    feed = {"evse": "1", "connector": "0", "component": "ElectricalFeed", "variable_instance": "L1"}
    told: list[tuple[str, str, dict[str, str], dict[int, float]]] = [
        ("x_cpu", "", {"evse": "0", "connector": "0", "component": "Controller"}, dict.fromkeys(n, 12.5)),
        ("ac_voltage", "CP-1", feed, {row: (2300 + row) / 10 for row in n}),
        ("ac_voltage", "CP-2", feed, {row: (3300 + row) / 10 for row in n if row not in range(5, 8)}),
        (
            "energy_import_register",
            "CP-2",
            {"evse": "1", "connector": "0", "component": "FiscalMetering"},
            {row: 1e12 + row for row in n},
        ),
        (
            "availability_state",
            STATION,
            {"evse": "1", "connector": "2", "component": "Connector", "component_instance": "Left"},
            {row: float(row // 8) for row in n},
        ),
    ]
    return [
        (
            {
                "__name__": f"isolane.{name}",
                **resource(charger),
                **{f"isolane.{key}": value for key, value in at.items()},
            },
            {start_ms + 1000 * row: value for row, value in values.items()},
        )
        for name, charger, at, values in told
    ]


async def test_victoria_metrics_has_value_for_value_of_each_charger(
    newer_victoria_metrics: NewerVictoriaMetrics, server_pki: Pki, tmp_path: Path
) -> None:
    server = newer_victoria_metrics
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    table = OtlpSettings(url=server.url + server.otlp, ca=server_pki.ca, logs=False, attributes={"site.floor": "B1"})
    counts = await ship(table, drafts(start_ms), SCHEMA, tmp_path)
    assert counts.samples == 5 * ROWS - 3
    assert counts.failures == counts.refused == counts.rejected == 0

    def order(series: tuple[Mapping[str, object], dict[int, float]]) -> list[tuple[str, str]]:
        return sorted((name, str(value)) for name, value in series[0].items())

    match = '{__name__=~"isolane.*"}'
    wanted = sorted(expected(start_ms), key=order)
    await until(lambda: sorted(server.series(match), key=order) == wanted, "all values of all series")


async def sent(pki: Pki, folder: Path, start_ms: int) -> dict[str, list[Any]]:
    """Deliver all to a receiver that keeps the bytes; give the decoded requests by path."""
    kept: dict[str, list[Any]] = {"/v1/metrics": [], "/v1/logs": []}

    def take(request: Posted) -> Reply:
        assert request.headers["content-encoding"] == "gzip"
        kept[request.path].append(otlp_decoder.decode(request.path, gzip.decompress(request.body)))
        return Reply(200, b"", (("content-type", "application/x-protobuf"),))

    target = HttpTarget(pki, take)
    await target.start()
    table = OtlpSettings(
        url=f"https://localhost:{target.port}",
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        attributes={"site.floor": "B1"},
    )
    try:
        await ship(table, drafts(start_ms), SCHEMA, folder)
    finally:
        await target.stop()
    return kept


def plain(value: Any) -> str | int:  # noqa: ANN401 - a class of the protobuf runtime
    """Give what an AnyValue holds; exactly one of its kinds is set."""
    kind = value.WhichOneof("value")
    assert kind in {"string_value", "int_value"}
    told: str | int = getattr(value, kind)
    return told


def pairs(attributes: Any) -> dict[str, str | int]:  # noqa: ANN401
    """Give attributes; each key is there once and not empty."""
    keys = [each.key for each in attributes]
    assert len(set(keys)) == len(keys)
    assert all(keys)
    return {each.key: plain(each.value) for each in attributes}


async def test_logs_come_back_from_the_owners_schema_value_for_value(pki: Pki, tmp_path: Path) -> None:
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    told: list[Fact] = []
    books: list[Fact] = []
    for request in (await sent(pki, tmp_path, start_ms))["/v1/logs"]:
        for each in request.resource_logs:
            (scope,) = each.scope_logs
            assert scope.scope.name == "isolane.health"
            for record in scope.log_records:
                severity = type(record).DESCRIPTOR.fields_by_name["severity_number"].enum_type
                number = severity.values_by_number[record.severity_number].name
                assert number == f"SEVERITY_NUMBER_{record.severity_text}"
                assert record.observed_time_unix_nano == record.time_unix_nano
                assert not record.trace_id
                assert not record.span_id
                assert not record.dropped_attributes_count
                values = {key.removeprefix("isolane."): value for key, value in pairs(record.attributes).items()}
                kind = record.event_name.removeprefix("isolane.")
                assert plain(record.body) == " ".join([kind, *(f"{key}={value}" for key, value in values.items())])
                fact = (record.time_unix_nano, kind, record.severity_text, pairs(each.resource.attributes), values)
                (books if kind == "ledger" else told).append(fact)
    assert sorted(told, key=lambda fact: fact[:2]) == [
        (t_ms * 1_000_000, kind, severity, resource(charger), values)
        for t_ms, kind, severity, charger, values in facts(start_ms)
    ]
    assert books[0][3] == resource("")
    assert (books[0][4]["produced"], books[0][4]["dropped"]) == (5 * ROWS, 0)


async def test_metrics_keep_the_rules_of_the_protocol(pki: Pki, tmp_path: Path) -> None:
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    requests = (await sent(pki, tmp_path, start_ms))["/v1/metrics"]
    units = {}
    points: dict[tuple[tuple[str, str | int], ...], dict[int, float]] = {}
    for request in requests:
        identities = [
            tuple(pairs(each.resource.attributes)[key] for key in ("service.name", "service.instance.id"))
            for each in request.resource_metrics
        ]
        assert len(set(identities)) == len(identities), "two resources in one request with one identity"
        for each in request.resource_metrics:
            (scope,) = each.scope_metrics
            assert len({metric.name for metric in scope.metrics}) == len(scope.metrics)
            for metric in scope.metrics:
                assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]{0,254}", metric.name)
                # A gauge: the newest value counts, so there is neither temporality nor monotony nor a start.
                assert metric.WhichOneof("data") == "gauge"
                units[metric.name] = metric.unit
                for point in metric.gauge.data_points:
                    assert point.WhichOneof("value") == "as_double"
                    assert not point.start_time_unix_nano
                    assert not point.flags
                    labels = {"__name__": metric.name, **pairs(each.resource.attributes), **pairs(point.attributes)}
                    series = points.setdefault(tuple(sorted(labels.items())), {})
                    assert point.time_unix_nano // 1_000_000 not in series
                    series[point.time_unix_nano // 1_000_000] = point.as_double
    assert points == {tuple(sorted(labels.items())): values for labels, values in expected(start_ms)}
    assert units == {
        "isolane.x_cpu": "%",
        "isolane.ac_voltage": "V",
        "isolane.energy_import_register": "W.h",
        "isolane.availability_state": "1",
    }


def of_otlp(record: dict[str, Any]) -> Told:
    """Read a record of OTLP; its attributes are text there."""
    assert (record["isolane.site"], record["isolane.gateway"], record["site.floor"]) == ("north", "gw-1", "B1")
    charger = record.get("isolane.charger", "")
    assert record["service.instance.id"] == "/".join(["north", "gw-1", *filter(None, [charger])])
    kind, *told = record["_msg"].split(" ")
    values = {name: record[f"isolane.{name}"] for name in (pair.partition("=")[0] for pair in told)}
    assert told == [f"{name}={value}" for name, value in values.items()]
    own = {name for name in record if name.startswith("isolane.")}
    assert own - {"isolane.site", "isolane.gateway", "isolane.charger"} == {f"isolane.{name}" for name in values}
    return t_ms(record), kind, record["severity"], charger, dict(values)


def as_text(told: list[Told]) -> list[Told]:
    return [(*head, {name: str(value) for name, value in values.items()}) for *head, values in told]  # type: ignore[misc]


@pytest.mark.timeout(1200)  # the server is compiled first where it has not been
async def test_logs_come_back_from_a_server_value_for_value(
    victoria_logs: VictoriaLogs, server_pki: Pki, tmp_path: Path
) -> None:
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    table = OtlpSettings(
        url=victoria_logs.url + victoria_logs.otlp,
        ca=server_pki.ca,
        metrics=False,
        attributes={"site.floor": "B1"},
        ledger_s=3600,
    )
    counts = await ship(table, drafts(start_ms), SCHEMA, tmp_path)
    assert (counts.failures, counts.refused, counts.facts) == (0, 0, 6)
    query = 'service.name:="isolane"'
    await until(lambda: len(victoria_logs.records(query)) == counts.facts, "all records")
    rows, ((_, _, level, charger, books),) = apart([of_otlp(record) for record in victoria_logs.records(query)])
    assert rows == as_text(facts(start_ms))
    assert (level, charger, books["produced"], books["dropped"]) == ("INFO", "", str(5 * ROWS), "0")
