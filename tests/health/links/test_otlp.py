"""This file reads back what OTLP receivers were sent; it guards every value, and whose it is.

Metrics come back from the real VictoriaMetrics. Logs are decoded by protoc from the protocol owners' own files.
"""

import gzip
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isolane.core.signals import Signal
from isolane.health.links.otlp.settings import OtlpSettings
from isolane.health.outbox.records import Draft
from isolane.wire.schema import Schema
from support import otlp_decoder
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply
from support.metric_servers import NewerVictoriaMetrics
from support.outboxes import until
from support.shipping import ship
from support.target_rows import BAD

Fact = tuple[int, str, str, dict[str, str | int], dict[str, str | int]]
"""Time, kind, severity, resource, values."""
pytestmark = pytest.mark.metrics
STATION, STATE = "Säule/3", "1.2/Connector[Left]/AvailabilityState"
VOLTAGE = "1.0/ElectricalFeed/ACVoltage[L1]"
SCHEMA = Schema.of(
    (
        Signal("", "0.0/Controller/xCpu", "Percent", 0.1),
        Signal("CP-1", VOLTAGE, "V", 0.1),
        Signal("CP-2", VOLTAGE, "V", 0.1),
        Signal("CP-2", "1.0/FiscalMetering/EnergyImportRegister", "Wh", 1),
        Signal(STATION, STATE, "", 1),
    )
)
ROWS, LOST = 20, slice(5, 8)


@pytest.fixture(scope="module")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory, server_pki: Pki) -> Iterator[NewerVictoriaMetrics]:
    server = NewerVictoriaMetrics(tmp_path_factory.mktemp("victoria-metrics"), server_pki)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def drafts(start_ms: int) -> list[Draft]:
    """Make two blocks; CP-2's voltage is 100 V above CP-1's and is lost in rows 5 to 7."""
    n = np.arange(ROWS, dtype=np.int64)
    values = np.stack([np.full(ROWS, 125), 2300 + n, 3300 + n, 10**12 + n, n // 8])
    codes = np.zeros((5, ROWS), np.uint8)
    codes[2, LOST] = BAD
    half = ROWS // 2
    return [
        Draft(SCHEMA.id, start_ms + 1000 * at, 1000, values[:, at : at + half], codes[:, at : at + half])
        for at in (0, half)
    ]


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
    victoria_metrics: NewerVictoriaMetrics, server_pki: Pki, tmp_path: Path
) -> None:
    start_ms = time.time_ns() // 1_000_000_000 * 1000 - 600_000
    table = OtlpSettings(
        url=victoria_metrics.url + victoria_metrics.otlp, ca=server_pki.ca, logs=False, attributes={"site.floor": "B1"}
    )
    counts = await ship(table, drafts(start_ms), SCHEMA, tmp_path)
    assert counts.samples == 5 * ROWS - 3
    assert counts.failures == counts.refused == counts.rejected == 0

    def order(series: tuple[Mapping[str, object], dict[int, float]]) -> list[tuple[str, str]]:
        return sorted((name, str(value)) for name, value in series[0].items())

    match = '{__name__=~"isolane.*"}'
    wanted = sorted(expected(start_ms), key=order)
    await until(lambda: sorted(victoria_metrics.series(match), key=order) == wanted, "all values of all series")


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
    start_ns = start_ms * 1_000_000
    lost = {"signal": VOLTAGE, "from": "GOOD", "to": "BAD", "reason": "TIMEOUT"}
    back = {"signal": VOLTAGE, "from": "BAD", "to": "GOOD"}
    assert sorted(told, key=lambda fact: fact[:2]) == [
        (start_ns, "state", "INFO", resource(STATION), {"signal": STATE, "to": 0}),
        (start_ns + 5 * 10**9, "quality", "WARN", resource("CP-2"), lost),
        (start_ns + 8 * 10**9, "quality", "INFO", resource("CP-2"), back),
        (start_ns + 8 * 10**9, "state", "INFO", resource(STATION), {"signal": STATE, "from": 0, "to": 1}),
        (start_ns + 16 * 10**9, "state", "INFO", resource(STATION), {"signal": STATE, "from": 1, "to": 2}),
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
