"""This file shows what is kept at full rate to Prometheus; it guards that what was given up is seen, and why."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.health.thinning.kept import Kept


class KeptCollector(Collector):
    """Reads the counts when it is scraped; no file is touched.

    Args:
        kept: Whose counts are shown.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def collect(self) -> Iterator[Metric]:
        """Give the families as they stand now."""
        counts = self._kept.counts
        yield GaugeMetricFamily(
            "isolane_health_kept_bytes", "Bytes kept at full rate of what was sent thinned.", value=counts.bytes_now
        )
        yield GaugeMetricFamily(
            "isolane_health_kept_oldest_seconds",
            "UTC of the oldest row kept at full rate; 0 if there is none.",
            value=(counts.oldest_ms or 0) / 1000,
        )
        yield CounterMetricFamily(
            "isolane_health_kept_written_bytes", "Bytes written to keep full rate.", value=counts.written_bytes
        )
        blocks = CounterMetricFamily(
            "isolane_health_kept_blocks", "Blocks at full rate, by outcome.", labels=["outcome"]
        )
        blocks.add_metric(["written"], counts.blocks)
        blocks.add_metric(["behind"], counts.blocks_behind)
        blocks.add_metric(["refused"], counts.blocks_refused)
        yield blocks
        lost = CounterMetricFamily(
            "isolane_health_kept_lost_bytes",
            "Bytes at full rate that are no longer kept, by reason.",
            labels=["reason"],
        )
        lost.add_metric(["full"], counts.full_bytes)
        lost.add_metric(["expired"], counts.expired_bytes)
        lost.add_metric(["disk-full"], counts.yielded_bytes)
        lost.add_metric(["damaged"], counts.damaged_bytes)
        yield lost
