"""This file shows the telemetry store to Prometheus; it guards that a scrape reads memory only, never the disk."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.victoria_telemetry import VictoriaTelemetry


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
        if isinstance(self._telemetry, VictoriaTelemetry):
            yield from _far(self._telemetry)


def _far(telemetry: VictoriaTelemetry) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "isolane_center_far_waiting_blocks", "Blocks that VictoriaMetrics has not taken", telemetry.waiting_blocks
    )
    yield CounterMetricFamily(
        "isolane_center_far_send_failures", "Attempts to send to VictoriaMetrics that failed", telemetry.send_failures
    )
    yield CounterMetricFamily(
        "isolane_center_far_lost_blocks",
        "Blocks that VictoriaMetrics took and did not give back; each was sent again",
        telemetry.lost_blocks,
    )
