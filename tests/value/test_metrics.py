"""This file checks the metrics page with Prometheus's own parser."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from isolane.value.metrics import RelayCollector
from isolane.value.registry import Registry
from isolane.value.security_events import SecurityEvents
from isolane.value.tap_port import TapPort
from isolane.wire.tap_copy import Direction


class Living:
    """A connection that has carried something."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.charger = f"CP{number}"
        self.peer = "10.0.0.7"
        self.silent = False

    def traffic(self, direction: Direction) -> tuple[int, int]:
        return (3, 300) if direction else (2, 20)

    async def is_answered(self, wait_s: float) -> bool:
        return wait_s > 0

    def give_way(self) -> None: ...
    def go_away(self) -> None: ...
    def look(self, now_s: float) -> None: ...

    def end_now(self) -> None: ...


def samples(registry: Registry) -> dict[str, float]:
    page = CollectorRegistry(auto_describe=False)
    page.register(RelayCollector(registry, TapPort(Path("nowhere"), 65_536), SecurityEvents(), lambda: {"a.pem": 60.0}))
    text = generate_latest(page).decode()
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_ended_and_living_connections_are_one_count() -> None:
    registry = Registry()
    ended, living = Living(registry.next_number()), Living(registry.next_number())
    registry.add(ended)
    registry.add(living)
    registry.forget(ended)
    registry.forget(ended)
    shown = samples(registry)
    assert shown["isolane_value_connections"] == 1
    assert shown["isolane_value_frames_total|from-charger"] == 4
    assert shown["isolane_value_bytes_total|from-csms"] == 600
    assert not registry.empty.is_set()
    registry.forget(living)
    assert registry.empty.is_set()


def test_labels_are_ours() -> None:
    registry = Registry()
    registry.handshakes["accepted"] += 2
    registry.closes["charger", "1000"] += 1
    registry.closes["charger", "4711"] += 1
    registry.closes["charger", "31337"] += 1
    registry.limit_closes["message-bytes"] += 1
    shown = samples(registry)
    assert shown["isolane_value_handshakes_total|accepted"] == 2
    assert shown["isolane_value_closes_total|1000|charger"] == 1
    assert shown["isolane_value_closes_total|other|charger"] == 2
    assert shown["isolane_value_limit_closes_total|message-bytes"] == 1
    assert shown["isolane_value_certificate_expiry_seconds|a.pem"] == 60


def test_the_histogram_is_cumulative() -> None:
    registry = Registry()
    for ns in (1_000, 9_000, 9_000, 2_000_000_000):
        registry.added.add_ns(ns)
    shown = samples(registry)
    assert shown["isolane_value_added_seconds_bucket|5e-06"] == 1
    assert shown["isolane_value_added_seconds_bucket|1e-05"] == 3
    assert shown["isolane_value_added_seconds_bucket|+Inf"] == shown["isolane_value_added_seconds_count"] == 4
    assert shown["isolane_value_added_seconds_sum"] > 2
