"""This file tests OTLP requests; it guards units, attributes and that a missing sample is no value."""

import numpy as np

from isolane.health.links.facts import Fact
from isolane.health.links.otlp.encode import logs_request, metrics_request
from isolane.health.links.rows import Rows
from isolane.wire.block import BlockKey
from support.target_rows import BAD, SIGNALS

COMMON = {
    "service.name": "isolane",
    "service.instance.id": "north/gw-1",
    "isolane.site": "north",
    "isolane.gateway": "gw-1",
}


def test_gauges_have_unit_resource_and_attributes() -> None:
    values = np.array([[125, 125], [2301, 0], [5, 6], [1, 1]], np.int64)
    codes = np.array([[0, 0], [0, BAD], [BAD, BAD], [1, 1]], np.uint8)
    rows = Rows(BlockKey(1, 0, 1), SIGNALS, np.array([1000, 2000]), 1000, values, codes)
    gateway, charger = metrics_request(rows, COMMON, held=False).resource_metrics
    assert {each.key: each.value.string_value for each in gateway.resource.attributes} == COMMON
    assert {each.key: each.value.string_value for each in charger.resource.attributes} == {
        **COMMON,
        "service.instance.id": "north/gw-1/CP-1",
        "isolane.charger": "CP-1",
    }
    (cpu,) = gateway.scope_metrics[0].metrics
    assert (cpu.name, cpu.unit) == ("isolane.x_cpu", "%")
    assert [(point.time_unix_nano, point.as_double) for point in cpu.gauge.data_points] == [
        (10**9, 12.5),
        (2 * 10**9, 12.5),
    ]
    (volts,) = charger.scope_metrics[0].metrics
    assert (volts.name, volts.unit) == ("isolane.ac_voltage", "V")
    (point,) = volts.gauge.data_points
    assert point.as_double == 230.1
    assert {each.key: each.value.string_value for each in point.attributes} == {
        "isolane.component": "ElectricalFeed",
        "isolane.connector": "0",
        "isolane.evse": "1",
        "isolane.variable_instance": "L1",
    }


def test_facts_are_log_records() -> None:
    facts = [
        Fact(5, "gap", is_warning=True, fields={"samples": 7, "reason": "expired"}),
        Fact(6, "state", False, "CP-1"),
    ]
    gateway, charger = logs_request(facts, COMMON).resource_logs
    record = gateway.scope_logs[0].log_records[0]
    assert (record.time_unix_nano, record.severity_text, record.event_name) == (5_000_000, "WARN", "isolane.gap")
    assert record.body.string_value == "gap samples=7 reason=expired"
    assert record.attributes[0].value.int_value == 7
    assert charger.scope_logs[0].log_records[0].severity_text == "INFO"
