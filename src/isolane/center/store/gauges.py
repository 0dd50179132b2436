"""This file shows the embedded store to Prometheus; it guards that a scrape reads memory only, never the disk."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.store.embedded import EmbeddedTelemetry


class StoreGauges(Collector):
    """Gauges of one store; register it with a registry.

    Args:
        telemetry: Open.
    """

    def __init__(self, telemetry: EmbeddedTelemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterator[Metric]:
        """Give all gauges to Prometheus."""
        counts = self._telemetry.counts()
        yield GaugeMetricFamily("isolane_center_cache_bytes", "Decoded blocks in memory", counts.cache_bytes)
        yield GaugeMetricFamily(
            "isolane_center_live_devices", "Devices that somebody watches live", counts.live_devices
        )
        yield CounterMetricFamily(
            "isolane_center_live_dropped", "Live listeners ended because they fell behind", counts.live_dropped
        )
        yield CounterMetricFamily("isolane_center_rolled_blocks", "Blocks moved to the lake", counts.rolled_blocks)
        yield CounterMetricFamily("isolane_center_roll_failures", "Moves to the lake that failed", counts.roll_failures)
