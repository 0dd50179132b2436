"""This file checks that several pages become one that a scraper understands."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from isolane.value.workers.messages import Family
from isolane.value.workers.page import Totals, families


def page(count: int, seconds: float, up: int) -> list[Family]:
    registry = CollectorRegistry()
    handshakes = Counter("isolane_value_handshakes", "Text", ["result"], registry=registry)
    handshakes.labels("accepted").inc(count)
    Gauge("isolane_value_connections", "Text", registry=registry).set(count)
    Gauge("isolane_value_csms_endpoint_up", "Text", ["endpoint"], registry=registry).labels("a").set(up)
    Histogram("isolane_value_added_seconds", "Text", buckets=(0.1, 1.0), registry=registry).observe(seconds)
    return [
        Family(each.name, each.kind, each.text, [s for s in each.samples if not s[0].endswith("_created")])
        for each in families(registry)
    ]


def shown(totals: Totals) -> dict[str, float]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(totals)
    text = generate_latest(registry).decode()
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_amounts_are_summed_and_states_are_the_lowest() -> None:
    totals = Totals(lambda: 2)
    totals.update(1, page(3, 0.05, 1))
    totals.update(2, page(4, 0.5, 0))
    assert shown(totals) == {
        "isolane_value_handshakes_total{accepted}": 7,
        "isolane_value_connections": 7,
        "isolane_value_csms_endpoint_up{a}": 0,
        "isolane_value_added_seconds_bucket{0.1}": 1,
        "isolane_value_added_seconds_bucket{1.0}": 2,
        "isolane_value_added_seconds_bucket{+Inf}": 2,
        "isolane_value_added_seconds_count": 2,
        "isolane_value_added_seconds_sum": 0.55,
        "isolane_value_workers": 2,
        "isolane_value_worker_restarts_total": 0,
    }


def test_a_worker_that_is_gone_takes_its_gauges_along_and_leaves_its_counters() -> None:
    totals = Totals(lambda: 1)
    totals.update(1, page(3, 0.05, 1))
    totals.update(2, page(4, 0.05, 0))
    totals.retire(2)
    totals.retire(2)
    totals.update(2, page(1, 0.05, 1))
    totals.retire(2)
    after = shown(totals)
    assert after["isolane_value_handshakes_total{accepted}"] == 8
    assert after["isolane_value_added_seconds_count"] == 3
    assert after["isolane_value_connections"] == 3
    assert after["isolane_value_csms_endpoint_up{a}"] == 1


def test_a_page_before_any_worker_has_its_own_metrics_only() -> None:
    assert shown(Totals(lambda: 0)) == {"isolane_value_workers": 0, "isolane_value_worker_restarts_total": 0}
